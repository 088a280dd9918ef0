"""TLS: with which certificates the broker, the results and the database are reached. Pure.

An address says that TLS is used (`rediss://`, `amqps://`, PostgreSQL's `?sslmode=verify-full`,
MySQL's `?ssl_verify_identity=true`);
the section `tls` says whom to believe and who we are. A server that can't prove who it is is never
talked to.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.settings.document import Document
    from pipeline.settings.errors import ConfigurationError
    from pipeline.settings.pipeline import PipelineSettings, Tls

#: What libpq calls the files (PostgreSQL, "Parameter Key Words").
_LIBPQ = {"sslrootcert": "ca", "sslcert": "certificate", "sslkey": "key"}
#: What PyMySQL calls them, and what of it asks for TLS.
_PYMYSQL = {"ssl_ca": "ca", "ssl_cert": "certificate", "ssl_key": "key"}
_ASKING = frozenset({"ssl_verify_identity", "ssl_verify_cert", *_PYMYSQL})
#: Modes of libpq in which TLS may be used without the server proving who it is.
_TRUSTING = frozenset({"disable", "allow", "prefer"})


def redis_tls(address: str, tls: Tls) -> dict[str, Any] | None:
    """Give what redis-py is told for an address; None where no TLS is used, or it says all itself.

    Without this, kombu would reach `rediss://` without asking the server for proof.
    """
    if not address.startswith("rediss://") or "ssl_cert_reqs=" in address:
        return None
    told = {
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_check_hostname": True,
        "ssl_ca_certs": _text(tls.ca),
        "ssl_certfile": _text(tls.certificate),
        "ssl_keyfile": _text(tls.key),
    }
    return {key: value for key, value in told.items() if value is not None}


def broker_tls(address: str, tls: Tls) -> dict[str, Any] | None:
    """Give what kombu is told for the broker's address; None where no TLS is used."""
    if not address.startswith("amqps://"):
        return redis_tls(address, tls)
    told = {
        "cert_reqs": ssl.CERT_REQUIRED,
        "ca_certs": _text(tls.ca),
        "certfile": _text(tls.certificate),
        "keyfile": _text(tls.key),
    }
    # None has kombu put in the host of the address, so that the certificate is compared with it.
    return {key: value for key, value in told.items() if value is not None} | {
        "server_hostname": None
    }


def with_certificates(address: str, tls: Tls) -> str:
    """Name our files in the address of a database that asks for TLS and does not name its own."""
    said = parse_qs(urlsplit(address).query)
    if address.startswith("mysql"):
        asked, names = not _ASKING.isdisjoint(said), _PYMYSQL
    else:
        asked, names = said.get("sslmode", ["prefer"])[-1] not in _TRUSTING, _LIBPQ
    if not asked:
        return address
    ours = {key: getattr(tls, name) for key, name in names.items()}
    added = [f"{key}={quote(str(path))}" for key, path in ours.items() if path and key not in said]
    return "&".join([address, *added])


def check_tls(pipeline: PipelineSettings, document: Document) -> Iterator[ConfigurationError]:
    """List what is wrong in the section `tls`: files not there, a certificate without key."""
    tls = pipeline.tls
    for name in ("ca", "certificate", "key"):
        path: Path | None = getattr(tls, name)
        if path is not None and not path.is_file():
            hint = "Name a PEM file that this user may read."
            yield document.error(("tls", name), "is not a file", str(path), hint)
    for name, other in (("certificate", "key"), ("key", "certificate")):
        if getattr(tls, name) is not None and getattr(tls, other) is None:
            problem, hint = (
                f"is of no use without tls.{other}",
                f"Add `{other}: …`, or leave it out.",
            )
            yield document.error(("tls", name), problem, None, hint)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
