"""The stacks of fault runs: which servers a system on each is told of."""

from __future__ import annotations

from contextlib import closing

import yaml

from tests.faults.proxy import Proxy
from tests.faults.registry import possible
from tests.faults.servers import Postgres, Rabbit, Redis
from tests.faults.stacks import COMPOSE, RABBIT, REDIS, STACKS, Stack
from tests.system import CONFIG


def addresses(stack: Stack) -> dict[str, str]:
    return {name: address.partition(":")[0] for name, address in stack.environment.items()}


def test_the_combination_that_compose_ships_meets_faults() -> None:
    compose = yaml.safe_load((CONFIG.parent / "docker-compose.yml").read_text())
    shipped = compose["x-reelworks"]["environment"]
    wanted = {name: address.partition(":")[0] for name, address in shipped.items()}
    wanted.pop("REELWORKS_CONFIG")
    broker, database, results = Rabbit(), Postgres(), Redis()
    with closing(broker), closing(database), closing(results):
        servers = {"broker": broker, "database": database, "results": results}
        proxies = {name: Proxy(server.port) for name, server in servers.items()}
        stack = Stack(COMPOSE, broker, database, results, proxies)
        assert addresses(stack) == wanted
        assert f":{proxies['results'].port}/" in stack.environment["REELWORKS_RESULTS"]
        assert stack.servers == [database, broker, results]
        for proxy in proxies.values():
            proxy.close()


def test_the_shipped_combination_meets_what_its_servers_meet_elsewhere() -> None:
    names = {
        stack: {one.name for one in possible(stack, disks=True, own_hosts=True)} for stack in STACKS
    }
    assert names[RABBIT] < names[COMPOSE]
    of_results = {name for name in names[COMPOSE] if name.startswith("results-")}
    assert {"results-emptied", "results-away", "results-refused", "results-cut"} <= of_results
    assert {name for name in names[REDIS] if name.startswith("results-")} <= of_results
