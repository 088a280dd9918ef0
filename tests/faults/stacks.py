"""The stacks that are tested: each with servers of its own, reached through a proxy."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.faults.proxy import Proxy
from tests.faults.servers import MariaDb, Postgres, Rabbit, Redis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.servers import Server

EMBEDDED, REDIS, RABBIT = "embedded", "redis-postgres", "rabbitmq-postgres"
MARIADB = "redis-mariadb"
#: What `docker-compose.yml` ships: RabbitMQ carries work, Redis keeps results.
COMPOSE = "rabbitmq-redis-postgres"
#: Those with servers of their own.
SERVERS = (REDIS, RABBIT, COMPOSE, MARIADB)
STACKS = (EMBEDDED, *SERVERS)


@dataclass(frozen=True)
class Stack:
    """The servers a system runs on; both are None where Reelworks keeps its own."""

    name: str
    broker: Redis | Rabbit | None = None
    database: Postgres | MariaDb | None = None
    #: What keeps results, where the broker does not.
    results: Redis | None = None
    #: Between the system and its servers, by what they are for.
    proxies: dict[str, Proxy] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The addresses of the servers, as Reelworks is told them."""
        if self.broker is None or self.database is None:
            # Said, not left out: the tests around may run on servers.
            return dict.fromkeys(
                ("REELWORKS_BROKER", "REELWORKS_RESULTS", "REELWORKS_DATABASE"), EMBEDDED
            )
        way = self.proxies["database"]
        found = {"REELWORKS_DATABASE": self.database.address_at(way.host, way.port)}
        broker = self._place("broker")
        if isinstance(self.broker, Redis):
            found["REELWORKS_BROKER"] = f"redis://{broker}/0"
            found["REELWORKS_RESULTS"] = f"redis://{broker}/1"
        else:
            found["REELWORKS_BROKER"] = f"amqp://guest:guest@{broker}//"
            rpc = self.results is None
            found["REELWORKS_RESULTS"] = "rpc://" if rpc else f"redis://{self._place('results')}/1"
        return found

    def _place(self, server: str) -> str:
        return f"{self.proxies[server].host}:{self.proxies[server].port}"

    @property
    def direct_database(self) -> str | None:
        """The database's address past the proxy, for those who look; None when it is SQLite."""
        return None if self.database is None else self.database.address

    @property
    def servers(self) -> list[Server]:
        return [one for one in (self.database, self.broker, self.results) if one is not None]

    def mend(self) -> None:
        """See that everything runs and is connected again, whatever a fault left."""
        for proxy in self.proxies.values():
            proxy.turn(proxy.mode.PASS)
        for server in self.servers:
            if not server.answers():
                server.kill()
                server.start()


@contextmanager
def running_stack(name: str) -> Iterator[Stack]:
    """Start the servers of a stack; they and their files are gone at the end."""
    if name == EMBEDDED:
        yield Stack(name)
        return
    database = MariaDb() if name == MARIADB else Postgres()
    broker = Rabbit() if name in (RABBIT, COMPOSE) else Redis()
    results = Redis() if name == COMPOSE else None
    proxies = {"broker": Proxy(broker.port), "database": Proxy(database.port)}
    if results is not None:
        proxies["results"] = Proxy(results.port)
    stack = Stack(name, broker, database, results, proxies)
    try:
        for server in stack.servers:
            server.start()
        yield stack
    finally:
        for proxy in proxies.values():
            proxy.close()
        for server in stack.servers:
            server.close()
