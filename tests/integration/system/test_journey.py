"""The main job, through a whole running system: from a dropped file to its results and alerts."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import m3u8
import pytest
from mpegdash.parser import MPEGDASHParser

from tests.media import make_clip, streams
from tests.system import System, eventually

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture(scope="module")
def done(system: System, clip: Path) -> dict[str, Any]:
    """One dropped clip, when its job has ended."""
    system.drop(clip, "dropped.mp4")
    return system.ended("dropped.mp4")


def test_a_dropped_clip_succeeds_with_the_promised_json(done: dict[str, Any]) -> None:
    assert (done["state"], done["progress"], done["error"]) == ("succeeded", 1.0, None)
    source = done["source"]
    assert (source["duration"], source["width"], source["height"]) == (2.0, 320, 240)
    assert [step["name"] for step in done["steps"]] == [
        "probe",
        "thumbnail",
        "rendition:240p",
        "rendition:144p",
        "rendition:audio",
        "manifest",
    ]
    assert {(step["state"], step["attempts"]) for step in done["steps"]} == {("done", 1)}
    assert [(one["name"], one["frames"]) for one in done["outputs"]["renditions"]] == [
        ("240p", 50),
        ("144p", 50),
    ]


def test_every_output_is_there_and_has_every_frame(system: System, done: dict[str, Any]) -> None:
    folder = Path(done["outputs"]["directory"])
    assert (folder / done["outputs"]["poster"]).read_bytes()[:2] == b"\xff\xd8"
    posters = done["outputs"]["posters"]
    assert [poster["path"] for poster in posters] == ["poster.jpg", "poster.webp"]
    for path in (done["outputs"]["storyboard"], "storyboard.jpg", "poster.webp"):
        assert (folder / path).stat().st_size
    for one in done["outputs"]["renditions"]:
        video, audio = streams(folder / one["path"])
        assert (video["width"], video["height"]) == (one["width"], one["height"])
        assert video["nb_read_packets"] == "50"
        assert audio["codec_name"] == "aac"
    on_disk = json.loads((folder / "job.json").read_text())
    assert (on_disk["id"], on_disk["state"]) == (done["id"], "succeeded")
    assert on_disk["outputs"] == done["outputs"]
    # It tells where the source was when the folder appeared; only then is the source moved.
    found = str(system.inbox / "dropped.mp4")
    assert on_disk["source"]["path"] == on_disk["source"]["original_path"] == found


def test_independent_libraries_read_both_manifests(done: dict[str, Any]) -> None:
    folder = Path(done["outputs"]["directory"])
    master = m3u8.load(str(folder / done["outputs"]["hls"]))
    sizes = [variant.stream_info.resolution for variant in master.playlists]
    assert sorted(sizes) == [(192, 144), (320, 240)]
    assert all("avc1" in variant.stream_info.codecs for variant in master.playlists)
    assert len(master.iframe_playlists) == 2
    mpd = MPEGDASHParser.parse(str(folder / done["outputs"]["dash"]))
    kinds = {part.content_type: part for part in mpd.periods[0].adaptation_sets}
    assert set(kinds) == {"video", "audio"}
    assert len(kinds["video"].representations) == 2


def test_the_source_is_archived_and_nothing_unfinished_is_left(
    system: System, done: dict[str, Any]
) -> None:
    media = system.root / "media"
    eventually((media / "archive" / "dropped.mp4").exists, "the source to be archived")
    eventually(lambda: not (media / "inbox" / "dropped.mp4").exists(), "the inbox to be empty")
    (now,) = system.jobs_of("dropped.mp4")
    assert now["source"]["path"] == str(media / "archive" / "dropped.mp4")
    eventually(lambda: not (media / "work" / done["id"]).exists(), "the work to go")
    assert list((media / "library" / ".staging").iterdir()) == []


def test_a_success_alerts_once(system: System, done: dict[str, Any]) -> None:
    eventually(lambda: system.alerts.about("dropped.mp4"), "the alert")
    (alert,) = system.alerts.about("dropped.mp4")
    assert alert["title"] == "dropped.mp4 is ready"
    assert done["outputs"]["directory"] in alert["message"]


def test_the_same_content_again_makes_no_second_job(
    system: System, clip: Path, done: dict[str, Any]
) -> None:
    again = system.drop(clip, "again.mp4")
    eventually(lambda: not again.exists(), "the copy to be taken from the inbox")
    assert (system.root / "media" / "archive" / "again.mp4").exists()
    assert system.jobs_of("again.mp4") == []
    assert len(system.jobs_of("dropped.mp4")) == 1


def test_a_file_copied_slowly_becomes_one_job_when_it_is_whole(
    system: System, tmp_path: Path
) -> None:
    content = make_clip(tmp_path / "slow.mp4", seed=1).read_bytes()
    target = system.inbox / "slow.mp4"
    pieces = 8
    for number in range(pieces):
        with target.open("ab") as file:  # opened anew for each piece, as some tools do
            size = len(content)
            file.write(content[size * number // pieces : size * (number + 1) // pieces])
        time.sleep(0.6)
        if number < pieces - 1:
            assert system.jobs_of("slow.mp4") == []
    assert system.ended("slow.mp4")["state"] == "succeeded"
    assert len(system.jobs_of("slow.mp4")) == 1


def test_a_file_in_a_subfolder_keeps_its_place_in_the_library(
    system: System, tmp_path: Path
) -> None:
    nested = make_clip(tmp_path / "n.mp4", seed=2)
    system.drop(nested, "nested.mp4", folder="inbox/series 1/über")
    job = system.ended("nested.mp4")
    folder = Path(job["outputs"]["directory"])
    assert folder.parent == system.root / "media" / "library" / "series 1" / "über"
    assert folder.name == f"nested-{job['id'][:8]}"


def test_a_text_named_mp4_fails_in_words_is_quarantined_and_alerts_once_a_run(
    system: System, tmp_path: Path
) -> None:
    text = tmp_path / "text"
    text.write_text("This is no video.\n" * 100)
    system.drop(text, "text.mp4")
    job = system.ended("text.mp4")
    assert (job["state"], job["error"]["step"], job["error"]["code"]) == (
        "failed",
        "probe",
        "not_media",
    )
    assert "text.mp4 is not a video" in job["error"]["message"]
    quarantined = system.root / "media" / "quarantine" / "text.mp4"
    eventually(quarantined.exists, "the file to be quarantined")
    # The old name goes once the new one is recorded: no moment has neither.
    eventually(lambda: not (system.inbox / "text.mp4").exists(), "the inbox to be without it")
    reason = quarantined.with_name("text.mp4.reason.txt")
    eventually(reason.exists, "the reason beside it")
    assert "is not a video" in reason.read_text()
    eventually(lambda: system.alerts.about("text.mp4"), "the alert")
    retried = system.cli("retry", job["id"][:10])
    assert "run 2" in retried.stdout
    eventually(
        lambda: [job for job in system.jobs_of("text.mp4") if job["run"] == 2 and job["error"]],
        "the retried job to fail again",
    )
    eventually(lambda: len(system.alerts.about("text.mp4")) > 1, "the alert of the second run")
    time.sleep(2)
    assert len(system.alerts.about("text.mp4")) == 2  # one a run


def test_a_cancelled_encode_stops_and_its_source_stays(system: System, tmp_path: Path) -> None:
    long = make_clip(tmp_path / "l.mp4", seconds=90, size="1280x720", seed=3)
    source = system.drop(long, "cancelled.mp4", folder="slow")
    job = system.encoding("cancelled.mp4")
    system.cli("cancel", job["id"])
    eventually(lambda: not system.processes("ffmpeg", job["id"]), "ffmpeg to stop", 20)
    assert system.ended("cancelled.mp4")["state"] == "cancelled"
    assert source.exists()
    eventually(
        lambda: not (system.root / "media" / "work" / job["id"]).exists(), "the work to go", 20
    )
    again = system.cli("cancel", job["id"], check=False)
    assert again.returncode == 1
    assert "has ended already" in again.stderr


def test_an_upload_becomes_a_job_whose_progress_is_streamed(system: System, tmp_path: Path) -> None:
    content = make_clip(tmp_path / "u.mp4", seed=4).read_bytes()
    answer = httpx.post(f"{system.web}/api/v1/uploads?name=up.mp4", content=content, timeout=30)
    assert answer.status_code == 201
    seen = []
    url = f"{system.web}/api/v1/jobs/{answer.json()['id']}/events"
    with httpx.stream("GET", url, timeout=60) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: {"):
                seen.append(json.loads(line[6:]))
    assert seen[-1]["state"] == "succeeded"
    assert seen[-1]["progress"] == 1.0
    progress = [view["progress"] for view in seen]
    assert progress == sorted(progress)
    poster = httpx.get(f"{system.web}/files/{answer.json()['id']}/poster.jpg", timeout=10)
    assert poster.headers["content-type"] == "image/jpeg"


def test_ingest_waits_and_tells_the_final_job_as_json(system: System, tmp_path: Path) -> None:
    kept = make_clip(tmp_path / "kept.mp4", seed=5)
    told = system.cli("ingest", str(kept), "--profile", "quick", "--wait", "--json")
    job = json.loads(told.stdout)
    assert (job["state"], job["source"]["path"]) == ("succeeded", str(kept))
    assert kept.exists()

    def settled() -> Any:
        shown = json.loads(system.cli("show", job["id"][:12], "--json").stdout)
        return shown if shown["source"]["fate"] == "kept" else None

    # What becomes of the source is told a moment after the end.
    job["source"]["fate"] = "kept"
    shown = eventually(settled, "the source to be settled")
    assert shown == job
    listed = system.cli("jobs", "--json", "--limit", "500").stdout.splitlines()
    assert shown in [json.loads(line) for line in listed]
    assert "step" in system.cli("show", job["id"]).stdout
    assert "probe started" in system.cli("logs", job["id"]).stdout


def test_ingest_says_what_is_wrong_and_exits_accordingly(system: System, tmp_path: Path) -> None:
    absent = system.cli("ingest", str(tmp_path / "absent.mp4"), check=False)
    assert (absent.returncode, "There is no file" in absent.stderr) == (2, True)
    (tmp_path / "bad.mkv").write_bytes(b"nonsense" * 100)
    bad = system.cli(
        "ingest", str(tmp_path / "bad.mkv"), "--profile", "quick", "--wait", check=False
    )
    assert (bad.returncode, "failed" in bad.stdout) == (1, True)
    unknown = system.cli("ingest", str(tmp_path / "bad.mkv"), "--profile", "quik", check=False)
    assert (unknown.returncode, "Did you mean 'quick'" in unknown.stderr) == (2, True)


def test_flower_asks_for_its_password_and_shows_the_workers(system: System) -> None:
    import yaml

    said = yaml.safe_load((system.root / "config" / "pipeline.yml").read_text())
    flower = f"http://{said['flower']['listen']}"
    password = (system.root / "media" / "state" / "flower-password").read_text().strip()
    assert httpx.get(f"{flower}/api/workers", timeout=10).status_code == 401
    shown = httpx.get(f"{flower}/api/workers", auth=("reelworks", password), timeout=30)
    roles = {name.partition("@")[0] for name in shown.json()}
    assert {"encode", "package", "control", "notify"} <= roles
