"""An upload becomes a job, whole and under its own name, or leaves nothing."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest

from pipeline.errors import ReelworksError
from pipeline.ingest.survey import survey
from pipeline.models import Job, JobState
from pipeline.tasks.finalise import finalise
from pipeline.tasks.ingest import scan
from pipeline.web.receiving import Unfinished, sweep
from tests.integration.web.site import until

if TYPE_CHECKING:
    from tests.integration.web.site import Site

UPLOADS = "/api/v1/uploads"


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def inbox(site: Site) -> list[str]:
    return sorted(path.name for path in site.inbox.iterdir()) if site.inbox.exists() else []


def test_the_body_of_a_request_becomes_a_job(site: Site, client: httpx.Client) -> None:
    answer = client.post(UPLOADS, params={"name": "Été 1.mp4"}, content=b"film")
    assert answer.status_code == 201
    said = answer.json()
    assert said["job"]["id"] == said["id"]
    assert said["job"]["state"] == "queued"
    assert answer.headers["location"] == f"/api/v1/jobs/{said['id']}"
    assert client.get(answer.headers["location"]).json()["id"] == said["id"]
    assert inbox(site) == ["Été 1.mp4"]
    assert (site.inbox / "Été 1.mp4").read_bytes() == b"film"
    assert site.published == [said["id"]]


def test_a_body_of_unknown_length_is_taken(site: Site, client: httpx.Client) -> None:
    pieces = (b"x" * 100_000 for _ in range(30))
    answer = client.post(UPLOADS, params={"name": "a.mp4"}, content=pieces)
    assert answer.status_code == 201
    assert (site.inbox / "a.mp4").stat().st_size == 3_000_000


def test_a_form_becomes_a_job(site: Site, client: httpx.Client) -> None:
    content = os.urandom(2_500_000)
    answer = client.post(UPLOADS, files={"file": ("form.mkv", content, "video/x-matroska")})
    assert answer.status_code == 201
    assert (site.inbox / "form.mkv").read_bytes() == content


def test_a_form_of_a_page_without_scripts_leads_to_the_job(
    site: Site, client: httpx.Client
) -> None:
    page = {"Accept": "text/html,application/xhtml+xml"}
    answer = client.post(UPLOADS, files={"file": ("form.mp4", b"film")}, headers=page)
    assert answer.status_code == 303
    assert "form.mp4" in client.get(answer.headers["location"]).text


def asking(client: httpx.Client, way: str, asked: dict[str, str]) -> httpx.Response:
    """Upload `a.mp4`, and ask for something in a form or in the address."""
    if way == "form":
        return client.post(UPLOADS, data=asked, files={"file": ("a.mp4", b"film")})
    return client.post(UPLOADS, params={"name": "a.mp4", **asked}, content=b"film")


@pytest.mark.parametrize("way", ["address", "form"])
def test_a_profile_can_be_chosen_and_no_watcher_makes_the_folders_own(
    site: Site, client: httpx.Client, way: str
) -> None:
    entry = site.ready.settings.pipeline.watch[0]
    answer = asking(client, way, {"profile": "small"})
    assert answer.status_code == 201
    job = answer.json()["job"]
    assert job["profile"] == "small"
    assert job["source"]["path"] == str(site.inbox / ".uploads" / "small" / "a.mp4")
    assert list(survey(entry)) == []
    with site.ready.db.read() as session:
        row = session.get(Job, job["id"])
        assert row is not None
        assert (row.library_subfolder, row.archive_to) == ("", str(entry.archive))


def test_an_upload_into_a_folder_with_a_marker_lies_apart_for_nobody_marks_it(
    site: Site, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = site.ready.settings.pipeline.watch[0]
    monkeypatch.setitem(vars(entry), "marker", ".ready")
    answer = asking(client, "address", {})
    assert answer.status_code == 201
    path = answer.json()["job"]["source"]["path"]
    assert path == str(site.inbox / ".uploads" / "web" / "a.mp4")
    assert site.ready.settings.folder_for(Path(path)) == entry.apart("web")
    assert entry.apart("web").marker is None


def test_what_lies_apart_is_looked_after_by_scans_as_its_own_profile_says(
    site: Site, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = site.inbox / ".uploads" / "small"
    apart.mkdir(parents=True)
    # As if the web part was killed before it made the job.
    (apart / "a.mp4").write_bytes(b"film")
    entry = site.ready.settings.pipeline.watch[0]
    assert site.ready.settings.folder_for(apart / "a.mp4") == entry.apart("small")
    monkeypatch.setitem(vars(entry), "settle_seconds", 0.1)
    monkeypatch.setitem(vars(entry), "on_success", "delete")
    assert scan().facts == {"made": 1, "silent": []}
    (job,) = client.get("/api/v1/jobs").json()
    assert (job["profile"], job["source"]["path"]) == ("small", str(apart / "a.mp4"))
    again = asking(client, "address", {"profile": "small"})
    assert again.status_code == 200
    assert (apart / "a (2).mp4").exists(), "its job may still need it"
    finalise(site.ready, job["id"], JobState.SUCCEEDED)
    scan()
    assert list(apart.iterdir()) == []


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([("file", "a.mp4"), ("profile", None)], "'profile' comes after the file"),
        ([("file", "a.mp4"), ("folder", None)], "'folder' comes after the file"),
        ([("prfile", None), ("file", "a.mp4")], "no field 'prfile'. Did you mean 'profile'?"),
        ([("file", "a.mp4"), ("prfile", None)], "no field 'prfile'. Did you mean 'profile'?"),
        ([("file", "a.mp4"), ("file", "b.mp4")], "second file, 'b.mp4'"),
    ],
)
def test_a_field_that_would_not_be_heeded_is_refused_and_nothing_is_kept(
    site: Site, client: httpx.Client, parts: list[tuple[str, str | None]], said: str
) -> None:
    content = b"film" * 600_000
    sent = [
        (field, (name, content)) if name else (field, (None, b"small")) for field, name in parts
    ]
    answer = client.post(UPLOADS, files=sent)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "bad_request")
    assert said in f"{error['message']} {error['hint']}"
    assert inbox(site) == []
    assert site.published == []
    assert client.get("/api/v1/jobs").json() == []


@pytest.mark.parametrize("way", ["address", "form"])
def test_a_folder_may_be_named_as_the_configuration_names_it(
    site: Site, client: httpx.Client, way: str
) -> None:
    answer = asking(client, way, {"folder": "./inbox"})
    assert answer.status_code == 201
    assert inbox(site) == ["a.mp4"]
    asked = {"name": "b.mp4", "folder": "elsewhere"}
    answer = client.post(UPLOADS, params=asked, content=b"film")
    assert answer.status_code == 404
    assert f"Valid: {site.inbox}." in answer.json()["error"]["hint"]


@pytest.mark.parametrize(("folder", "status"), [("~/inbox", 201), ("~nobody-has-it/inbox", 404)])
def test_a_folder_may_be_named_from_the_home_folder_as_in_pipeline_yml(
    site: Site,
    client: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    folder: str,
    status: int,
) -> None:
    monkeypatch.setenv("HOME", str(site.inbox.parent))
    assert asking(client, "address", {"folder": folder}).status_code == status


def test_the_folders_own_profile_lies_where_every_other_file_does(
    site: Site, client: httpx.Client
) -> None:
    asked = {"name": "a.mp4", "profile": "web"}
    assert client.post(UPLOADS, params=asked, content=b"film").status_code == 201
    assert inbox(site) == ["a.mp4"]


def test_the_same_content_twice_is_one_job(site: Site, client: httpx.Client) -> None:
    first = client.post(UPLOADS, params={"name": "a.mp4"}, content=b"same").json()
    again = client.post(UPLOADS, params={"name": "b.mp4"}, content=b"same")
    assert again.status_code == 200
    assert again.json()["id"] == first["id"]
    assert site.published == [first["id"]]


def test_a_taken_name_is_never_overwritten(site: Site, client: httpx.Client) -> None:
    for content in (b"one", b"two", b"three"):
        assert client.post(UPLOADS, params={"name": "a.mp4"}, content=content).status_code == 201
    assert inbox(site) == ["a (2).mp4", "a (3).mp4", "a.mp4"]
    assert (site.inbox / "a.mp4").read_bytes() == b"one"
    assert (site.inbox / "a (3).mp4").read_bytes() == b"three"


def test_uploads_of_one_name_at_once_all_arrive(site: Site, client: httpx.Client) -> None:
    def send(content: bytes) -> int:
        address = client.base_url.join(UPLOADS)
        return httpx.post(address, params={"name": "a.mp4"}, content=content).status_code

    contents = [bytes([number]) * 200_000 for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(send, contents)) == [201] * 6
    assert sorted(path.read_bytes() for path in site.inbox.iterdir()) == contents


def test_no_name_leads_out_of_the_folder(site: Site, client: httpx.Client) -> None:
    answer = client.post(UPLOADS, params={"name": "../../../out.mp4"}, content=b"film")
    assert answer.status_code == 201
    assert inbox(site) == ["out.mp4"]


@pytest.mark.parametrize(
    ("params", "content", "status", "code"),
    [
        ({"name": "notes.txt"}, b"text", 415, "refused_format"),
        ({"name": "a.mp4", "folder": "/etc"}, b"film", 404, "not_watched"),
        ({"name": "a.mp4"}, b"", 422, "empty"),
        ({}, b"film", 400, "bad_request"),
        ({"name": "a.mp4", "profil": "web"}, b"film", 400, "bad_request"),
        ({"name": "a.mp4", "profile": "wbe"}, b"film", 404, "no_such_profile"),
    ],
)
def test_what_can_not_be_taken_is_refused_with_a_sentence(
    site: Site,
    client: httpx.Client,
    params: dict[str, str],
    content: bytes,
    status: int,
    code: str,
) -> None:
    answer = client.post(UPLOADS, params=params, content=content)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error["message"].endswith(".")
    assert error["hint"].endswith(".")
    assert inbox(site) == []


def test_a_file_of_a_wrong_kind_is_refused_before_it_is_sent(client: httpx.Client) -> None:
    with connect(client) as wire:
        wire.sendall(head(client, "/api/v1/uploads?name=a.txt", 10_000_000_000))
        assert b" 415 " in wire.recv(4096)


def connect(client: httpx.Client) -> socket.socket:
    place = urlsplit(str(client.base_url))
    assert place.port is not None
    wire = socket.create_connection(("127.0.0.1", place.port))
    wire.settimeout(10)
    return wire


def head(client: httpx.Client, target: str, length: int, kind: str = "video/mp4") -> bytes:
    lines = (
        f"POST {target} HTTP/1.1",
        f"Host: {urlsplit(str(client.base_url)).netloc}",
        f"Content-Length: {length}",
        f"Content-Type: {kind}",
    )
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize("kind", ["video/mp4", "multipart/form-data; boundary=b"])
def test_an_upload_cut_short_leaves_nothing(site: Site, client: httpx.Client, kind: str) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.mp4"\r\n\r\n'
    with connect(client) as wire:
        wire.sendall(head(client, "/api/v1/uploads?name=a.mp4", 5_000_000, kind))
        wire.sendall(part + b"x" * 2_000_000)
        until(lambda: any(name.startswith(".upload-") for name in inbox(site)))
    until(lambda: inbox(site) == [])
    assert site.published == []


def test_while_it_arrives_a_file_is_hidden_from_the_watcher(
    site: Site, client: httpx.Client
) -> None:
    with connect(client) as wire:
        wire.sendall(head(client, "/api/v1/uploads?name=a.mp4", 3_000_000))
        wire.sendall(b"x" * 2_900_000)
        until(lambda: inbox(site))
        assert list(survey(site.ready.settings.pipeline.watch[0])) == []
        wire.sendall(b"x" * 100_000)
        assert b" 201 " in wire.recv(4096)
    (found,) = survey(site.ready.settings.pipeline.watch[0])
    assert found.path.endswith("/a.mp4")


def test_a_file_larger_than_the_disk_is_refused_at_once(
    site: Site, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(100, 90, 10))
    answer = client.post(UPLOADS, params={"name": "a.mp4"}, content=b"x" * 11)
    assert answer.status_code == 507
    assert answer.json()["error"]["code"] == "no_space"
    assert inbox(site) == []


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(tmp_path: Path) -> None:
    unfinished = Unfinished(tmp_path, None)
    unfinished.write(b"begun")
    kept = unfinished._file
    with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123 - a FileIO is wanted
        unfinished._file = full
        with pytest.raises(ReelworksError) as refused:
            unfinished.write(b"more")
    assert refused.value.code == "no_space"
    unfinished._file = kept
    unfinished.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_made_is_an_error_with_a_hint(
    site: Site, client: httpx.Client
) -> None:
    site.inbox.write_text("a file where the folder should be")
    answer = client.post(UPLOADS, params={"name": "a.mp4"}, content=b"film")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "unwritable"


def test_where_links_can_not_be_made_nothing_is_overwritten_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    (tmp_path / "a.mp4").write_bytes(b"there before")
    names = []
    for content in (b"one", b"two"):
        unfinished = Unfinished(tmp_path, None)
        unfinished.write(content)
        names.append(unfinished.publish("a.mp4").name)
        unfinished.discard()
    assert names == ["a (2).mp4", "a (3).mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"there before"
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [
        b"one",
        b"there before",
        b"two",
    ]


def test_what_a_killed_server_left_is_swept_and_what_is_being_written_is_not(
    tmp_path: Path,
) -> None:
    long_ago = time.time() - 3600
    left = tmp_path / ".upload-left"
    left.write_bytes(b"half")
    fresh = tmp_path / ".upload-fresh"
    fresh.write_bytes(b"begun a moment ago")
    held = Unfinished(tmp_path, None)
    beside = tmp_path / ".uploads" / "small" / ".upload-left"
    beside.parent.mkdir(parents=True)
    beside.write_bytes(b"half")
    for path in (left, beside, held._path):
        os.utime(path, (long_ago, long_ago))
    assert sweep(tmp_path) == 2
    assert not left.exists()
    assert fresh.exists()
    held.write(b"whole")
    assert held.publish("a.mp4").read_bytes() == b"whole"
    held.discard()
    assert sweep(tmp_path / "absent") == 0


def test_a_failed_file_that_is_sent_again_runs_again(site: Site, client: httpx.Client) -> None:
    first = client.post(UPLOADS, params={"name": "a.mp4"}, content=b"film").json()
    site.end(first["id"], JobState.FAILED, ReelworksError("timeout", "It took too long."))
    again = client.post(UPLOADS, params={"name": "b.mp4"}, content=b"film").json()
    assert again["id"] == first["id"]
    assert (again["job"]["state"], again["job"]["run"]) == ("queued", 2)
