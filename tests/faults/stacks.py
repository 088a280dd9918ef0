"""The three stacks that are tested: each with servers of its own, reached through a proxy."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.faults.proxy import Proxy
from tests.faults.servers import Postgres, Rabbit, Redis

if TYPE_CHECKING:
    from collections.abc import Iterator

EMBEDDED, REDIS, RABBIT = "embedded", "redis-postgres", "rabbitmq-postgres"
STACKS = (EMBEDDED, REDIS, RABBIT)


@dataclass(frozen=True)
class Stack:
    """The servers a system runs on; both are None where Reelworks keeps its own."""

    name: str
    broker: Redis | Rabbit | None = None
    database: Postgres | None = None
    #: Between the system and its servers, by what they are for.
    proxies: dict[str, Proxy] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The addresses of the servers, as Reelworks is told them."""
        if self.broker is None:
            # Said, not left out: the tests around may run on servers.
            return dict.fromkeys(
                ("REELWORKS_BROKER", "REELWORKS_RESULTS", "REELWORKS_DATABASE"), EMBEDDED
            )
        broker, database = (
            f"{proxy.host}:{proxy.port}"
            for proxy in (self.proxies["broker"], self.proxies["database"])
        )
        found = {"REELWORKS_DATABASE": f"postgresql+psycopg://reelworks@{database}/postgres"}
        if isinstance(self.broker, Redis):
            found["REELWORKS_BROKER"] = f"redis://{broker}/0"
            found["REELWORKS_RESULTS"] = f"redis://{broker}/1"
        else:
            found["REELWORKS_BROKER"] = f"amqp://guest:guest@{broker}//"
            found["REELWORKS_RESULTS"] = "rpc://"
        return found

    @property
    def direct_database(self) -> str | None:
        """The database's address past the proxy, for those who look; None when it is SQLite."""
        if self.database is None:
            return None
        return f"postgresql+psycopg://reelworks@127.0.0.1:{self.database.port}/postgres"

    def mend(self) -> None:
        """See that everything runs and is connected again, whatever a fault left."""
        for proxy in self.proxies.values():
            proxy.turn(proxy.mode.PASS)
        for server in (self.broker, self.database):
            if server is not None and not server.answers():
                server.kill()
                server.start()


@contextmanager
def running_stack(name: str) -> Iterator[Stack]:
    """Start the servers of a stack; they and their files are gone at the end."""
    if name == EMBEDDED:
        yield Stack(name)
        return
    database = Postgres()
    broker = Redis() if name == REDIS else Rabbit()
    proxies = {"broker": Proxy(broker.port), "database": Proxy(database.port)}
    try:
        database.start()
        broker.start()
        yield Stack(name, broker, database, proxies)
    finally:
        for proxy in proxies.values():
            proxy.close()
        broker.close()
        database.close()
