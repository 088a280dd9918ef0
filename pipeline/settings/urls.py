"""Addresses of broker, results and database: `scheme://user:password@host:port/name`."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import BeforeValidator

from pipeline.settings.errors import BadValue, nearest

EMBEDDED = "embedded"
BROKERS = ("redis", "rediss", "redis+socket", "amqp", "amqps")
RESULTS = (
    *("redis", "rediss", "redis+socket", "rpc"),
    *("db+postgresql", "db+postgresql+psycopg", "db+sqlite"),
)
MYSQL = ("mysql", "mysql+pymysql", "mariadb", "mariadb+pymysql")
DATABASES = ("postgresql", "postgresql+psycopg", *MYSQL, "sqlite")
#: Schemes of files, which need a path instead of a host.
_FILES = frozenset({"redis+socket", "sqlite", "db+sqlite"})
#: What may follow the `?` of a MySQL address: the driver would not even name what it doesn't know.
_MYSQL_OPTIONS = (
    *("ssl_ca", "ssl_cert", "ssl_key", "ssl_verify_identity", "ssl_verify_cert", "ssl_disabled"),
    *("unix_socket", "charset", "connect_timeout", "read_timeout", "write_timeout"),
)
_ENCODE = "In a name or password write %2F for /, %40 for @, %3A for : and %23 for #."


def broker(value: Any) -> str:
    """Read where the broker is. Raises `BadValue`."""
    return _address(value, BROKERS)


def results(value: Any) -> str:
    """Read where results of tasks are kept. Raises `BadValue`."""
    return _address(value, RESULTS)


def database(value: Any) -> str:
    """Read where the database is. Raises `BadValue`."""
    return _address(value, DATABASES)


def _address(value: Any, schemes: tuple[str, ...]) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if text == EMBEDDED:
        return text
    known = [EMBEDDED, *(f"{scheme}://…" for scheme in schemes)]
    scheme, slashes, _ = text.partition("://")
    if not slashes:
        raise BadValue("is not an address", nearest(text or EMBEDDED, known))
    if scheme not in schemes:
        raise BadValue(f"is of a kind that can't be used here: {scheme}", _like(scheme, schemes))
    _check_rest(_split(text), scheme)
    return text


def _like(scheme: str, schemes: tuple[str, ...]) -> str:
    hint = nearest(scheme, schemes)
    return f"{hint} Or `{EMBEDDED}`."


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port  # it is read, and refused, only when asked for
    except ValueError as error:
        # What urllib says may quote a piece of a password.
        raise BadValue("has no possible host and port", _ENCODE) from error
    return parts


def _check_rest(parts: SplitResult, scheme: str) -> None:
    if parts.fragment:
        raise BadValue("has a # in it", _ENCODE)
    if scheme in _FILES:
        if parts.netloc:
            hint = f"Write {scheme}:///, and then the file's path."
            raise BadValue("has two slashes where a file needs three", hint)
        if parts.path.strip("/") in ("", ":memory:"):
            hint = "Name a file: the parts of Reelworks are processes of their own and share it."
            raise BadValue("names no file", hint)
    elif scheme.removeprefix("db+").startswith("postgresql"):
        _check_name(parts, scheme, 5432)
    elif scheme in MYSQL:
        _check_name(parts, scheme, 3306)
        for option, _ in parse_qsl(parts.query, keep_blank_values=True):
            if option not in _MYSQL_OPTIONS:
                hint = nearest(option, _MYSQL_OPTIONS)
                raise BadValue(f"has an option that is not known: {option}", hint)
    elif not parts.hostname and scheme != "rpc":
        raise BadValue("names no host", f"Write {scheme}://host, like {scheme}://127.0.0.1.")


def _check_name(parts: SplitResult, scheme: str, port: int) -> None:
    if not parts.path.strip("/"):
        hint = f"Write {scheme}://user:password@host:{port}/name."
        raise BadValue("names no database", hint)


Broker = Annotated[str, BeforeValidator(broker, json_schema_input_type=str)]
Results = Annotated[str, BeforeValidator(results, json_schema_input_type=str)]
Database = Annotated[str, BeforeValidator(database, json_schema_input_type=str)]
