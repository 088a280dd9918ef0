"""What MySQL and MariaDB are told, which versions are refused, and what their errors mean."""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from pymysql.err import OperationalError
from sqlalchemy import Index, PrimaryKeyConstraint, UniqueConstraint, make_url
from sqlalchemy.dialects.mysql import dialect

from pipeline.errors import ReelworksError
from pipeline.history import mysql
from pipeline.history.database import Database, ping
from pipeline.models import Base
from tests.tls import certificates

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MYSQL: Any = dialect()
#: The longest entry of an index of InnoDB, bytes.
LONGEST_KEY = 3072


@pytest.mark.parametrize(
    "said",
    [
        "10.6.0-MariaDB",
        "10.11.19-MariaDB-0+deb12u1",
        "5.5.5-10.6.18-MariaDB-log",
        "11.4.2-MariaDB",
        "8.0.17",
        "8.0.36-28",
        "9.1.0",
    ],
)
def test_versions_that_have_all_we_need_are_taken(said: str) -> None:
    mysql.check_version(said)


@pytest.mark.parametrize(
    ("said", "told", "wanted"),
    [
        ("5.5.5-10.5.26-MariaDB", "MariaDB 10.5.26", "MariaDB 10.6 or newer"),
        ("10.3.39-MariaDB", "MariaDB 10.3.39", "MariaDB 10.6 or newer"),
        ("5.7.44-log", "MySQL 5.7.44", "MySQL 8.0.17 or newer"),
        ("8.0.16", "MySQL 8.0.16", "MySQL 8.0.17 or newer"),
        ("unheard of", "MySQL unheard of", "MySQL 8.0.17 or newer"),
    ],
)
def test_an_older_server_is_refused_with_what_to_use(said: str, told: str, wanted: str) -> None:
    with pytest.raises(ReelworksError, match="too old") as caught:
        mysql.check_version(said)
    assert caught.value.code == "configuration"
    assert told in caught.value.message
    assert wanted in caught.value.hint


def test_an_address_without_tls_asks_for_none_and_one_that_forbids_it_neither() -> None:
    _, told = mysql.connecting(make_url("mysql+pymysql://host/name"))
    assert "ssl" not in told
    plain, told = mysql.connecting(make_url("mysql+pymysql://host/name?ssl_disabled=true"))
    assert (dict(plain.query), told["ssl_disabled"]) == ({}, True)


@pytest.mark.parametrize(
    ("asked", "host"),
    [
        ("ssl_verify_identity=true", True),
        ("ssl_ca={ca}", True),
        ("ssl_verify_cert=true", False),
        ("ssl_verify_cert=1&ssl_verify_identity=1&ssl_ca={ca}", True),
        ("ssl_verify_identity=false&ssl_ca={ca}", False),
        ("ssl_verify_identity=true&ssl_ca={ca}&ssl_cert={own}&ssl_key={key}", True),
    ],
)
def test_where_tls_is_asked_for_the_server_always_has_to_prove_who_it_is(
    tmp_path: Path, asked: str, host: bool
) -> None:
    made = certificates(tmp_path / "made")
    query = asked.format(ca=made.ca, own=made.certificate, key=made.key)
    url = make_url(f"mariadb+pymysql://host/name?{query}&connect_timeout=3")
    plain, told = mysql.connecting(url)
    assert str(plain) == "mysql+pymysql://host/name?connect_timeout=3"
    context = told["ssl"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is host
    assert bool(context.get_ca_certs()) or "ssl_ca" not in query
    assert mysql.connecting(url)[1] == told  # Django is set up once, and asked again


@pytest.mark.parametrize("query", ["ssl_ca={}", "ssl_verify_identity=true&ssl_cert={}"])
def test_a_file_for_tls_that_can_not_be_used_is_named(tmp_path: Path, query: str) -> None:
    (tmp_path / "no.pem").write_text("this is none")
    for name in ("nowhere.pem", "no.pem"):
        file = str(tmp_path / name)
        with pytest.raises(ReelworksError, match=re.escape(file)) as caught:
            Database(f"mysql://host/name?{query.format(file)}")
        assert caught.value.code == "configuration"
        assert "ssl_ca" in caught.value.hint


def test_the_address_says_how_long_a_server_may_take_to_answer() -> None:
    assert mysql.connecting(make_url("mysql://host/name"))[1]["connect_timeout"] == 10
    assert (
        mysql.connecting(make_url("mysql://host/name?connect_timeout=3"))[1]["connect_timeout"] == 3
    )


def test_a_password_is_sent_as_other_clients_send_it() -> None:
    _, told = mysql.connecting(make_url("mysql://me:p%C3%A4ss@host/name"))
    assert told["password"] == "päss".encode()


def test_a_user_who_can_not_be_proved_without_tls_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("'cryptography' package is required for caching_sha2_password")

    monkeypatch.setattr("pymysql.connect", refuse)
    with pytest.raises(ReelworksError, match="cryptography") as caught:
        ping(Database("mysql://me:secret@host/name"))
    assert "TLS" in caught.value.hint


def test_no_column_is_of_a_kind_that_mysql_would_cut_or_round() -> None:
    kinds = {
        f"{table.name}.{column.name}": column.type.compile(MYSQL)
        for table in Base.metadata.tables.values()
        for column in table.columns
    }
    wrong = re.compile("TEXT|JSON|DATETIME|TIMESTAMP|FLOAT|BLOB")
    assert {name: kind for name, kind in kinds.items() if wrong.fullmatch(kind)} == {}


def test_every_index_is_short_enough_for_mysql() -> None:
    found = {
        str(key.name): _bytes(key.columns)
        for table in Base.metadata.tables.values()
        for key in (*table.indexes, *table.constraints)
        if isinstance(key, (Index, PrimaryKeyConstraint, UniqueConstraint))
    }
    assert len(found) > 20
    assert {name: size for name, size in found.items() if size > LONGEST_KEY} == {}


def _bytes(columns: Iterable[Any]) -> int:
    """Count the bytes of an index's entry: a letter takes up to four."""
    return sum(4 * (getattr(column.type, "length", None) or 2) for column in columns)


@pytest.mark.parametrize("number", [1040, 1044, 1045, 1049, 1053, 1927, 2003, 2006, 2013])
def test_who_may_not_or_can_not_connect_is_known_by_the_number(number: int) -> None:
    assert mysql.is_unreachable(OperationalError(number, "…"))


def test_who_waits_for_another_or_asks_wrongly_is_connected() -> None:
    for error in (OperationalError(1213, "Deadlock"), OperationalError(1054, "x"), ValueError()):
        assert not mysql.is_unreachable(error)


def test_a_number_is_left_out_of_what_the_server_says() -> None:
    assert mysql.reason(OperationalError(1049, "Unknown database 'x'")) == "Unknown database 'x'"
    assert mysql.reason(ValueError("connection refused\n")) == "connection refused"
