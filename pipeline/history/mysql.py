"""What MySQL and MariaDB are told so that they keep the history as PostgreSQL does.

Moments in UTC, names compared byte by byte, no value cut to fit, and each statement sees what
others have committed.
"""

from __future__ import annotations

import re
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from pipeline.errors import ReelworksError
from pipeline.history.waits import CONNECT_S, LOCK_WAIT_S, SILENT_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import URL, Connection, Dialect, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

#: MySQL's default of a connection that says nothing, seconds, whatever its administrator says.
IDLE_S = 28_800
#: The oldest versions that have all we need: SKIP LOCKED and `_COLLATIONS`.
OLDEST = {"MariaDB": (10, 6), "MySQL": (8, 0, 17)}
#: Those that compare the bytes of two names, spaces at their ends too.
_COLLATIONS = {"MariaDB": "utf8mb4_nopad_bin", "MySQL": "utf8mb4_0900_bin"}
#: What the server, or the driver, says when we may not or can't connect: no such user or database,
#: too many connections, host blocked, shutting down, lost.
_NO_CONNECTION = frozenset({1040, 1044, 1045, 1049, 1053, 1129, 1130, 1203, 1698, 1927})
_NO_SERVER = range(2000, 2100)
#: And when there is no room: on the disk, or in a table's file.
_FULL = frozenset({1021, 1114})
#: And when it undid a transaction over others at the same rows: a deadlock, a row that others
#: changed since it was read (MariaDB), or a lock that had to be waited for for too long.
_UNDONE = frozenset({1213, 1020, 1205})
#: What it says of a procedure, a function or a savepoint that is not there.
_NOT_THERE = 1305


def is_mysql(url: URL) -> bool:
    """Whether the address is of MySQL or MariaDB: both are spoken to alike."""
    return url.get_backend_name() in ("mysql", "mariadb")


def connecting(url: URL, *, idle_s: int = IDLE_S) -> tuple[URL, dict[str, Any]]:
    """Give the address without what it says of TLS, and all that the driver is told besides.

    `idle_s` is how long a connection may say nothing before the server ends it.
    """
    plain = url.set(drivername="mysql+pymysql").difference_update_query(
        [name for name in url.query if name.startswith("ssl_")]
    )
    session = {
        "sql_mode": "'TRADITIONAL'",
        "time_zone": "'+00:00'",
        "innodb_lock_wait_timeout": str(LOCK_WAIT_S),
        "wait_timeout": str(idle_s),
    }
    said = ", ".join(f"SESSION {name} = {value}" for name, value in session.items())
    told: dict[str, Any] = {
        "charset": "utf8mb4",
        "connect_timeout": int(str(url.query.get("connect_timeout", CONNECT_S))),
        "init_command": f"SET {said}",
        **_tls(url.query),
    }
    if url.password:
        # The driver would write it in Latin-1; other clients write it as they write all else.
        told["password"] = url.password.encode()
    return plain, told


def _tls(query: Mapping[str, Any]) -> dict[str, Any]:
    """Give the driver a context of its own where the address asks for TLS.

    It would not compare the host with the certificate where no authority's file is named.
    """
    said = {name: str(value) for name, value in query.items() if name.startswith("ssl_")}
    if _is_true(said.pop("ssl_disabled", "")):
        return {"ssl_disabled": True}
    if not said:
        return {}
    identity, chain = (said.get(f"ssl_verify_{name}") for name in ("identity", "cert"))
    files = [said.get(f"ssl_{name}") for name in ("ca", "cert", "key")]
    host = _is_true(identity or ("" if _is_true(chain or "") else "true"))
    try:
        return {"ssl": _context(*files, host=host)}
    except OSError as error:  # what is wrong with a certificate is one, too
        named = ", ".join(filter(None, files))
        raise ReelworksError(
            "configuration",
            f"The database's files for TLS can't be used ({named}): {error}",
            "Name PEM files that this user may read: ssl_ca, ssl_cert, ssl_key; or in `tls`.",
        ) from error


def _is_true(said: str) -> bool:
    return said.lower() in ("true", "1", "yes", "on")


@lru_cache(maxsize=8)
def _context(ca: str | None, certificate: str | None, key: str | None, host: bool) -> Any:  # noqa: FBT001
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = host
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def prepare(engine: Engine) -> None:
    """Look at the version of every server that is connected to."""
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "connect", _look)


def _connect(dialect: Dialect, _entry: object, arguments: Any, named: Any) -> DBAPIConnection:
    try:
        return dialect.connect(*arguments, **named)
    except RuntimeError as error:  # the driver can't do what the user's way of proof needs
        raise ReelworksError(
            "configuration",
            f"The database's user can't be proved without TLS: {error}",
            "Let the server speak TLS, or identify the user by mysql_native_password.",
        ) from error


def _look(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    said = str(connection.get_server_info())
    check_version(said)
    if "mariadb" in said.lower():
        # As PostgreSQL; MySQL has nothing of the kind, and frees the locks of one that is gone
        # when its system finds that out.
        cursor = connection.cursor()
        cursor.execute(f"SET SESSION idle_transaction_timeout = {SILENT_S}")
        cursor.close()


def check_version(said: str) -> None:
    """Refuse a server that is too old, by what it says of itself. Raises `ReelworksError`."""
    kind = "MariaDB" if "mariadb" in said.lower() else "MySQL"
    # MariaDB says 5.5.5 before its own version, for clients that would not believe in a ten.
    found = re.match(r"(?:5\.5\.5-)?(\d+(?:\.\d+)*)", said)
    version = tuple(int(part) for part in found[1].split(".")) if found else ()
    if version < OLDEST[kind]:
        wanted = ".".join(map(str, OLDEST[kind]))
        raise ReelworksError(
            "configuration",
            f"The database is {kind} {found[1] if found else said}, which is too old.",
            f"Use {kind} {wanted} or newer, or another kind of database.",
        )


def collate(connection: Connection) -> None:
    """Let tables that are made from now on compare names byte by byte. Raises `ReelworksError`."""
    kind = "MariaDB" if getattr(connection.dialect, "is_mariadb", False) else "MySQL"
    wanted = _COLLATIONS[kind]
    if connection.execute(text("SELECT @@collation_database")).scalar() == wanted:
        return
    name = connection.dialect.identifier_preparer.quote(str(connection.engine.url.database))
    change = f"ALTER DATABASE {name} CHARACTER SET utf8mb4 COLLATE {wanted}"
    try:
        connection.exec_driver_sql(change)
    except DBAPIError as error:
        raise ReelworksError(
            "configuration",
            f"The database {name} compares names otherwise than byte by byte, and its user may "
            f"not change that: {reason(error.orig or error)}",
            f"Let an administrator run: {change}",
        ) from error


def is_unreachable(error: BaseException) -> bool:
    """Whether the driver says that the server can't be connected to, or no longer answers."""
    code = error.args[0] if error.args else None
    return code in _NO_CONNECTION or code in _NO_SERVER


def is_full(error: BaseException) -> bool:
    """Whether the driver says that the server has no room for more."""
    return bool(error.args) and error.args[0] in _FULL


def is_undone(error: BaseException) -> bool:
    """Whether the driver says that the server undid the transaction so that others can go on.

    With it go its savepoints: within one, that they are gone is what is seen of it.
    """
    code, said = (*error.args, None, None)[:2]
    return code in _UNDONE or (code == _NOT_THERE and str(said).startswith("SAVEPOINT"))


def reason(error: BaseException) -> str:
    """Give the sentence of what a driver says, without the number that MySQL's has before it."""
    numbered = len(error.args) > 1 and isinstance(error.args[0], int)
    return str(error.args[1] if numbered else error).strip()
