"""TLS by configuration: broker, results and database must prove who they are."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from celery import Celery
from sqlalchemy import make_url

from pipeline.app import celery_settings
from pipeline.history.database import Database, ping
from pipeline.history.errors import DatabaseUnreachable
from pipeline.settings import addresses
from pipeline.settings.pipeline import Tls
from tests import tls
from tests.tls import Certificates, certificates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.app import Runtime
    from pipeline.settings.load import Settings

pytestmark = [
    pytest.mark.service,
    # Celery's backend still calls it.
    pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning"),
]
PASSWORD = "pa55-of-the-broker"
AMQP = os.environ.get("REELWORKS_BROKER", "")
POSTGRESQL = os.environ.get("REELWORKS_DATABASE", "")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls") / "own")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates of an authority that nobody knows."""
    return certificates(tmp_path_factory.mktemp("tls") / "stranger")


def settings_of(ready: Runtime, **wishes: Any) -> Settings:
    pipeline = ready.settings.pipeline.model_copy(update=wishes)
    return replace(ready.settings, pipeline=pipeline)


def reach(settings: Settings) -> None:
    """Talk to the broker and the results as every part does. Raises what they raise."""
    app = Celery(set_as_current=False)
    app.conf.update(celery_settings(settings))
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, timeout=3)
    if not settings.pipeline.results.startswith("rpc"):
        app.backend.store_result("task", "kept", "SUCCESS")
        assert app.AsyncResult("task").get(timeout=3) == "kept"
    app.close()


@contextmanager
def refused(words: str) -> Iterator[None]:
    with pytest.raises(Exception, match=words):
        yield


def on_redis(ready: Runtime, port: int, host: str = "127.0.0.1", **files: Path) -> Settings:
    address = f"rediss://:{PASSWORD}@{host}:{port}"
    return settings_of(ready, broker=f"{address}/0", results=f"{address}/1", tls=Tls(**files))


def test_redis_is_reached_by_tls_and_must_prove_who_it_is(
    ready: Runtime, own: Certificates, stranger: Certificates, tmp_path: Path
) -> None:
    with (
        tls.valkey(tmp_path / "valkey", PASSWORD) as plain,
        tls.in_front_of(("127.0.0.1", plain), own) as port,
    ):
        reach(on_redis(ready, port, ca=own.ca))
        with refused("certificate verify failed"):
            reach(on_redis(ready, port))
        with refused("certificate verify failed"):
            reach(on_redis(ready, port, ca=stranger.ca))
        with refused("certificate verify failed"):
            reach(on_redis(ready, port, host="localhost", ca=own.ca))


def test_redis_that_asks_who_we_are_is_told(
    ready: Runtime, own: Certificates, tmp_path: Path
) -> None:
    with (
        tls.valkey(tmp_path / "valkey", PASSWORD) as plain,
        tls.in_front_of(("127.0.0.1", plain), own, mutual=True) as port,
    ):
        reach(on_redis(ready, port, ca=own.ca, certificate=own.certificate, key=own.key))
        with refused("required|reset|closed|Broken pipe|EOF occurred"):
            reach(on_redis(ready, port, ca=own.ca))


@pytest.mark.skipif(
    not AMQP.startswith("amqp://"), reason="no RabbitMQ was given (REELWORKS_BROKER)"
)
def test_rabbitmq_is_reached_by_tls_and_must_prove_who_it_is(
    ready: Runtime, own: Certificates, stranger: Certificates, tmp_path: Path
) -> None:
    plain = make_url(AMQP)
    server = (plain.host or "127.0.0.1", plain.port or 5672)
    user = f"{plain.username or 'guest'}:{plain.password or 'guest'}"

    def at(port: int, **files: Path) -> Settings:
        address = f"amqps://{user}@127.0.0.1:{port}/{plain.database or '/'}"
        return settings_of(ready, broker=address, results="rpc://", tls=Tls(**files))

    other = certificates(tmp_path / "other", "DNS:other.example.org")
    with tls.in_front_of(server, own) as port, tls.in_front_of(server, other) as others:
        reach(at(port, ca=own.ca))
        for wrong in (at(port), at(port, ca=stranger.ca), at(others, ca=other.ca)):
            with refused("certificate verify failed"):
                reach(wrong)


@pytest.mark.skipif(
    not POSTGRESQL.startswith("postgresql"),
    reason="no PostgreSQL was given (REELWORKS_DATABASE=postgresql)",
)
def test_postgresql_is_reached_by_tls_and_must_prove_who_it_is(
    ready: Runtime, own: Certificates, stranger: Certificates
) -> None:
    plain = make_url(POSTGRESQL)
    with tls.in_front_of((plain.host or "127.0.0.1", plain.port or 5432), own, asked=True) as port:

        def look(host: str, ca: Path) -> None:
            address = plain.set(host=host, port=port, query={"sslmode": "verify-full"})
            text = address.render_as_string(hide_password=False)
            settings = settings_of(ready, database=text, tls=Tls(ca=ca))
            database = Database(addresses.database_url(settings))
            try:
                ping(database)
            finally:
                database.dispose()

        look("127.0.0.1", own.ca)
        for host, ca in (("127.0.0.1", stranger.ca), ("localhost", own.ca)):
            with pytest.raises(DatabaseUnreachable, match="certificate"):
                look(host, ca)
