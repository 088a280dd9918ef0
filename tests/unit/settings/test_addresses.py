"""Where broker, results and database are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.settings import addresses

if TYPE_CHECKING:
    from tests.unit.settings.conftest import Configuration


def test_embedded_parts_live_in_the_state_folder(config: Configuration) -> None:
    settings = config.load(REELWORKS_STATE="/var/lib/reelworks")
    assert addresses.broker_is_embedded(settings)
    assert addresses.results_is_embedded(settings)
    assert addresses.database_is_embedded(settings)
    socket = "/var/lib/reelworks/valkey.sock"
    assert addresses.socket_path(settings) == Path(socket)
    assert addresses.broker_url(settings) == f"redis+socket://{socket}?virtual_host=0"
    assert addresses.results_url(settings) == f"redis+socket://{socket}?virtual_host=1"
    assert addresses.database_url(settings) == "sqlite:////var/lib/reelworks/reelworks.db"


def test_a_socket_whose_path_would_be_too_long_lies_in_a_short_folder_of_ours(
    config: Configuration,
) -> None:
    long, longer = f"/{'x' * 100}", f"/{'x' * 101}"
    path = addresses.socket_path(config.load(REELWORKS_STATE=long))
    assert len(os.fsencode(path)) <= addresses.LONGEST_SOCKET_PATH
    assert path == addresses.socket_path(config.load(REELWORKS_STATE=long))
    assert path != addresses.socket_path(config.load(REELWORKS_STATE=longer))
    assert path.parent.name.startswith(f"reelworks-{os.getuid()}-")


def test_the_length_of_a_socket_path_is_counted_in_bytes(config: Configuration) -> None:
    path = addresses.socket_path(config.load(REELWORKS_STATE=f"/{'ü' * 60}"))
    assert path.parent.parent == Path("/tmp")


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("sqlite:////var/r.db", "sqlite:////var/r.db"),
    ],
)
def test_a_database_elsewhere_is_reached_by_the_driver_that_is_installed(
    config: Configuration, written: str, url: str
) -> None:
    settings = config.load(REELWORKS_DATABASE=written, REELWORKS_RESULTS=f"db+{written}")
    assert not addresses.database_is_embedded(settings)
    assert addresses.database_url(settings) == url
    assert addresses.results_url(settings) == f"db+{url}"


@pytest.mark.parametrize("scheme", ["mysql", "mysql+pymysql", "mariadb", "mariadb+pymysql"])
def test_mysql_and_mariadb_are_spoken_to_alike(config: Configuration, scheme: str) -> None:
    settings = config.load(REELWORKS_DATABASE=f"{scheme}://u:p@h/d?connect_timeout=3")
    assert not addresses.database_is_embedded(settings)
    assert addresses.database_url(settings) == "mysql+pymysql://u:p@h/d?connect_timeout=3"


def test_a_relative_sqlite_file_is_the_same_one_for_every_part(config: Configuration) -> None:
    settings = config.load(REELWORKS_DATABASE="sqlite:///data/r.db?timeout=9")
    assert addresses.database_url(settings) == f"sqlite:///{config.root}/data/r.db?timeout=9"


def test_a_broker_elsewhere_is_taken_as_it_is(config: Configuration) -> None:
    settings = config.load(REELWORKS_BROKER="amqp://u:p@h//", REELWORKS_RESULTS="rpc://")
    assert not addresses.broker_is_embedded(settings)
    assert not addresses.results_is_embedded(settings)
    assert addresses.broker_url(settings) == "amqp://u:p@h//"
    assert addresses.results_url(settings) == "rpc://"
