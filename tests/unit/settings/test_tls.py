"""TLS: what each client is told, and mistakes in the section."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.settings import addresses
from pipeline.settings.errors import ConfigurationError
from pipeline.settings.pipeline import Tls
from pipeline.settings.tls import broker_tls, redis_tls, with_certificates

if TYPE_CHECKING:
    from tests.unit.settings.conftest import Configuration

ALL = Tls(ca=Path("/c/ca.pem"), certificate=Path("/c/own.pem"), key=Path("/c/own.key"))


def test_plain_addresses_use_no_tls() -> None:
    assert redis_tls("redis://host", ALL) is None
    assert broker_tls("amqp://host", ALL) is None
    assert broker_tls("redis+socket:///x", ALL) is None
    plain = "postgresql+psycopg://host/name"
    assert with_certificates(plain, ALL) == plain
    assert with_certificates(f"{plain}?sslmode=prefer", ALL) == f"{plain}?sslmode=prefer"
    plain = "mysql+pymysql://host/name?connect_timeout=3"
    assert with_certificates(plain, ALL) == plain
    assert with_certificates(f"{plain}&ssl_disabled=1", ALL) == f"{plain}&ssl_disabled=1"


def test_a_server_always_has_to_prove_who_it_is() -> None:
    told = redis_tls("rediss://host", Tls())
    assert told == {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    assert broker_tls("rediss://host", Tls()) == told
    rabbit = broker_tls("amqps://host", Tls())
    assert rabbit == {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}


def test_an_address_that_says_how_far_it_trusts_is_left_alone() -> None:
    assert redis_tls("rediss://host?ssl_cert_reqs=required&ssl_ca_certs=/x", ALL) is None


def test_every_client_is_told_the_files() -> None:
    assert redis_tls("rediss://host", ALL) == {
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_check_hostname": True,
        "ssl_ca_certs": "/c/ca.pem",
        "ssl_certfile": "/c/own.pem",
        "ssl_keyfile": "/c/own.key",
    }
    rabbit = broker_tls("amqps://host", ALL)
    assert rabbit is not None
    assert (rabbit["ca_certs"], rabbit["certfile"]) == ("/c/ca.pem", "/c/own.pem")
    assert with_certificates("postgresql+psycopg://host/name?sslmode=verify-full", ALL) == (
        "postgresql+psycopg://host/name?sslmode=verify-full"
        "&sslrootcert=/c/ca.pem&sslcert=/c/own.pem&sslkey=/c/own.key"
    )
    assert with_certificates("mysql+pymysql://host/name?ssl_verify_identity=true", ALL) == (
        "mysql+pymysql://host/name?ssl_verify_identity=true"
        "&ssl_ca=/c/ca.pem&ssl_cert=/c/own.pem&ssl_key=/c/own.key"
    )


def test_a_file_that_a_database_address_names_goes_before_ours() -> None:
    given = "postgresql+psycopg://host/name?sslmode=verify-ca&sslrootcert=/other.pem"
    assert with_certificates(given, Tls(ca=ALL.ca)) == given
    given = "mysql+pymysql://host/name?ssl_ca=/other.pem"
    assert with_certificates(given, Tls(ca=ALL.ca)) == given


def test_database_and_results_have_the_files(config: Configuration) -> None:
    (config.root / "ca.pem").touch()
    config.write("pipeline.yml", "tls: {ca: ./ca.pem}\n")
    address = "postgresql://user@host/name?sslmode=verify-full"
    settings = config.load(REELWORKS_DATABASE=address, REELWORKS_RESULTS=f"db+{address}")
    ours = (
        f"postgresql+psycopg://user@host/name?sslmode=verify-full&sslrootcert={config.root}/ca.pem"
    )
    assert addresses.database_url(settings) == ours
    assert addresses.results_url(settings) == f"db+{ours}"


@pytest.mark.parametrize(
    ("section", "key", "words"),
    [
        ("{ca: ./nowhere.pem}", "tls.ca", "is not a file"),
        ("{certificate: ./ca.pem}", "tls.certificate", "of no use without tls.key"),
        ("{key: ./ca.pem}", "tls.key", "of no use without tls.certificate"),
        ("{verify: false}", "tls.verify", "not a key|unknown"),
    ],
)
def test_mistakes_are_told(config: Configuration, section: str, key: str, words: str) -> None:
    (config.root / "ca.pem").touch()
    config.write("pipeline.yml", f"tls: {section}\n")
    with pytest.raises(ConfigurationError, match=words) as told:
        config.load()
    assert told.value.key == key
