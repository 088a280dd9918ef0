"""Addresses of broker, results and database."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.settings.errors import BadValue
from pipeline.settings.urls import broker, database, results


@pytest.mark.parametrize(
    "address",
    [
        "embedded",
        "redis://127.0.0.1:6379/0",
        "rediss://:secret@cache.example.org/1",
        "redis+socket:///run/valkey.sock?virtual_host=0",
        "amqp://guest:guest@127.0.0.1:5672//",
        "amqps://user:p%2Fss@mq.example.org",
        "redis://[::1]:6379",
    ],
)
def test_brokers_are_embedded_redis_or_rabbitmq(address: str) -> None:
    assert broker(address) == address


@pytest.mark.parametrize(
    "address",
    ["embedded", "rpc://", "redis://h/1", "db+postgresql+psycopg://u@h/d", "db+sqlite:////r.db"],
)
def test_results_are_kept_by_redis_a_database_or_rpc(address: str) -> None:
    assert results(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "embedded",
        "postgresql+psycopg://user:secret@db:5432/reelworks",
        "postgresql:///reelworks?host=/var/run/postgresql",
        "sqlite:////var/lib/reelworks.db",
        "mysql+pymysql://user:secret@db/reelworks",
        "mariadb+pymysql://user:secret@db:3306/reelworks?ssl_verify_identity=true",
        "mariadb:///reelworks?unix_socket=/run/mysqld/mysqld.sock",
    ],
)
def test_databases_are_sqlite_postgresql_or_mysql(address: str) -> None:
    assert database(address) == address


@pytest.mark.parametrize(
    ("read", "address", "problem", "hint"),
    [
        (broker, "embeded", "is not an address", "Did you mean 'embedded'?"),
        (broker, "", "is not an address", "embedded"),
        (broker, 6379, "is not an address", "redis://"),
        (broker, "reddis://h", "a kind that can't be used here: reddis", "Did you mean 'redis'?"),
        (database, "postgres://h/d", "can't be used here: postgres", "'postgresql'"),
        (database, "oracle://h/d", "can't be used here: oracle", "embedded"),
        (database, "mysql://host", "names no database", "mysql://user:password@host:3306/name"),
        (database, "mysql://h/d?ssl_verify=1", "not known: ssl_verify", "'ssl_verify_cert'"),
        (database, "mariadb://h/d?sslmode=require", "not known: sslmode", "ssl_verify_identity"),
        (results, "db+mysql://h/d", "can't be used here: db+mysql", "embedded"),
        (results, "postgresql://h/d", "can't be used here: postgresql", "'db+postgresql'"),
        (broker, "redis://", "names no host", "redis://127.0.0.1"),
        (broker, "amqp:///vhost", "names no host", "amqp://127.0.0.1"),
        (broker, "redis://host:port", "has no possible host and port", "%2F"),
        (broker, "redis://host:99999", "has no possible host and port", "%2F"),
        (broker, "redis://[::1", "has no possible host and port", "%2F"),
        (broker, "redis://host/0#x", "has a # in it", "%23"),
        (broker, "redis+socket://run/x", "two slashes", "redis+socket:///"),
        (database, "sqlite://reelworks.db", "two slashes", "sqlite:///"),
        (database, "sqlite:///", "names no file", "share it"),
        (database, "sqlite:///:memory:", "names no file", "share it"),
        (database, "postgresql://host", "names no database", "/name"),
        (results, "db+postgresql://host/", "names no database", "/name"),
    ],
)
def test_an_address_that_can_not_work_is_refused(
    read: Any, address: Any, problem: str, hint: str
) -> None:
    with pytest.raises(BadValue) as caught:
        read(address)
    assert problem in str(caught.value)
    assert hint in caught.value.hint


def test_a_refused_address_does_not_tell_its_password() -> None:
    with pytest.raises(BadValue) as caught:
        broker("redis://:hunter2/x@host")
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"
