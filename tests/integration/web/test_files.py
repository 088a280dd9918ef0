"""The results of a job, as players want them, and nothing else of this machine."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from pipeline.history.views import OutputsView
from pipeline.models import JobState

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.web.site import Site

TYPES = {
    "stream/master.m3u8": "application/vnd.apple.mpegurl",
    "stream/manifest.mpd": "application/dash+xml",
    "stream/180p/1.m4s": "video/mp4",
    "mp4/180p.mp4": "video/mp4",
    "subtitles/en.vtt": "text/vtt; charset=utf-8",
    "poster.jpg": "image/jpeg",
    "job.json": "application/json",
}


@pytest.fixture
def results(site: Site) -> str:
    """The address of a job's results."""
    folder = site.folder / "library" / "clip-1"
    for path in TYPES:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"0123456789")
    (site.folder / "library" / "secret.json").write_text("secret")
    job = site.job()
    outputs = OutputsView(
        directory=str(folder), poster="poster.jpg", hls=None, dash=None, renditions=[]
    )
    site.succeed(job.id, outputs)
    return f"/files/{job.id}"


@pytest.mark.parametrize("path", TYPES)
def test_each_kind_of_result_has_the_type_players_expect(
    client: httpx.Client, results: str, path: str
) -> None:
    answer = client.get(f"{results}/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == TYPES[path]
    assert answer.content == b"0123456789"
    assert "no-cache" in answer.headers["cache-control"]


def test_a_result_is_sent_again_only_when_it_was_made_again(
    client: httpx.Client, results: str, site: Site
) -> None:
    address = f"{results}/stream/180p/1.m4s"
    known = {"If-None-Match": client.get(address).headers["etag"]}
    same = client.get(address, headers=known)
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["etag"] == known["If-None-Match"]
    segment = site.folder / "library" / "clip-1" / "stream" / "180p" / "1.m4s"
    segment.write_bytes(b"of another run")
    other = client.get(address, headers=known)
    assert (other.status_code, other.content) == (200, b"of another run")


def test_a_part_of_a_result_can_be_asked_for(client: httpx.Client, results: str) -> None:
    answer = client.get(f"{results}/mp4/180p.mp4", headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.content) == (206, b"234")
    assert answer.headers["content-range"] == "bytes 2-4/10"
    beyond = client.get(f"{results}/mp4/180p.mp4", headers={"Range": "bytes=20-"})
    assert beyond.status_code == 416


def test_a_result_can_be_asked_about_without_its_content(
    client: httpx.Client, results: str
) -> None:
    answer = client.head(f"{results}/mp4/180p.mp4")
    assert (answer.status_code, answer.headers["content-length"]) == (200, "10")
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.json",
        "%2e%2e/secret.json",
        "..%2fsecret.json",
        "stream/..%2f..%2fsecret.json",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "absent.mp4",
        "stream",
        "%00.mp4",
    ],
)
def test_what_is_not_a_result_is_not_served(client: httpx.Client, results: str, path: str) -> None:
    place = urlsplit(str(client.base_url))
    wire = http.client.HTTPConnection("127.0.0.1", place.port or 0)
    wire.putrequest("GET", f"{results}/{path}")  # httpx would tidy the path
    wire.endheaders()
    answer = wire.getresponse()
    assert answer.status == 404
    assert b"no_such_file" in answer.read()
    wire.close()


def test_a_job_without_results_says_so(site: Site, client: httpx.Client) -> None:
    job = site.job("other.mp4")
    error = client.get(f"/files/{job.id}/poster.jpg").json()["error"]
    assert error["code"] == "no_such_file"
    assert "it is queued" in error["message"]
    site.end(job.id, JobState.CANCELLED)
    assert client.get(f"/files/{job.id}/job.json").status_code == 404


def test_a_link_out_of_the_folder_is_not_followed(
    site: Site, client: httpx.Client, results: str, tmp_path: Path
) -> None:
    (site.folder / "library/clip-1/out.mp4").symlink_to(site.folder / "config/pipeline.yml")
    assert client.get(f"{results}/out.mp4").status_code == 404


def test_the_poster_of_a_job_is_there_before_its_results(site: Site, client: httpx.Client) -> None:
    job = site.job()
    address = f"/files/{job.id}/poster.jpg"
    site.plan(job.id, "rendition:180p")
    assert client.get(address).status_code == 404
    made = site.folder / "work" / job.id / "thumbnail.jpg"
    made.parent.mkdir(parents=True)
    made.write_bytes(b"picture")
    assert client.get(address).status_code == 404
    site.take(job.id, "thumbnail")
    site.done(job.id, "thumbnail")
    answer = client.get(address)
    assert (answer.content, answer.headers["content-type"]) == (b"picture", "image/jpeg")
    assert "no-cache" in answer.headers["cache-control"]
    assert client.get(f"/files/{job.id}/thumbnail.jpg").status_code == 404
    for page in ("/", f"/jobs/{job.id}"):
        assert f'src="{address}"' in client.get(page).text
