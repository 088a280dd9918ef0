"""What PostgreSQL is told so that nobody waits long for one that is gone.

A machine that lost its power, or its network, says nothing: its session would live on with the
locks it held, for the two hours that systems give a silent connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.history.waits import CONNECT_S, LOCK_WAIT_S, SILENT_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import URL

#: What the server says when a lock was not given in time ("lock_not_available").
SQLSTATE_LOCKED = "55P03"
#: Either side takes the other one for gone after about twenty seconds without a sign of life;
#: seconds and counts (PostgreSQL, "Connections and Authentication" and "Parameter Key Words").
KEEPALIVE = {"idle": 10, "interval": 3, "count": 4}

#: How long the server may leave open whether it got what it was told, seconds.
UNHEARD_S = 30
#: How long we may leave that open to the server: it sends no keepalives while an answer is on its
#: way (tcp(7), `TCP_USER_TIMEOUT`), so the locks of one that died just then would stay.
UNANSWERED_S = KEEPALIVE["idle"] + KEEPALIVE["interval"] * KEEPALIVE["count"]


def told(url: URL, named: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give what the driver is told besides the address: `named`, then what the address says.

    A server behind PgBouncer needs `ignore_startup_parameters = options` there.
    """
    server = {
        **{f"tcp_keepalives_{name}": number for name, number in KEEPALIVE.items()},
        "tcp_user_timeout": f"{UNANSWERED_S}s",
        # One that was paused, or sits behind a proxy, is not gone as far as keepalives tell.
        "idle_in_transaction_session_timeout": f"{SILENT_S}s",
        "lock_timeout": f"{LOCK_WAIT_S}s",
    }
    options = [f"-c {name}={value}" for name, value in server.items()]
    ours = {
        "connect_timeout": str(CONNECT_S),
        "keepalives": "1",
        **{f"keepalives_{name}": str(number) for name, number in KEEPALIVE.items()},
        # Of what was asked and never arrived, keepalives tell nothing; milliseconds.
        "tcp_user_timeout": str(UNHEARD_S * 1000),
        **url.query,
    }
    # Of two that name the same, the last one counts: what the address says.
    options.append(str(url.query.get("options", "")))
    return {**ours, "options": " ".join(options).strip(), **(named or {})}
