"""`reelworks doctor` finds what is wrong, says what to do, and exits 1."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from amqp.exceptions import AccessRefused
from click.testing import CliRunner
from kombu import Connection

from pipeline.cli import cli
from pipeline.errors import ReelworksError
from pipeline.history import schema
from pipeline.history.database import Database
from pipeline.history.errors import DatabaseFull
from pipeline.ingest.inotify_limits import Limits
from pipeline.media import isolation, landlock
from pipeline.settings import addresses
from pipeline.settings.load import Settings, load_settings
from pipeline.stack import isolation_checks, machine_checks, service_checks, tool_checks
from tests.integration.media.cards import ffmpeg_with_card


@pytest.fixture
def change(settings: Settings) -> Any:
    """Change a key of pipeline.yml."""
    file = settings.config_dir / "pipeline.yml"

    def set_key(key: str, value: object) -> None:
        document = yaml.safe_load(file.read_text())
        file.write_text(yaml.safe_dump({**document, key: value}))

    return set_key


def examine(settings: Settings) -> tuple[int, dict[str, dict[str, str]]]:
    done = CliRunner().invoke(cli, ["--config", str(settings.config_dir), "doctor", "--json"])
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    return done.exit_code, {finding["check"]: finding for finding in findings}


@pytest.fixture(autouse=True)
def _embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "BROKER", "RESULTS", "DATABASE"):
        monkeypatch.delenv(f"REELWORKS_{name}", raising=False)


def test_a_machine_with_everything_is_well(settings: Settings) -> None:
    status, found = examine(settings)
    assert {finding["check"] for finding in found.values() if finding["state"] == "failed"} == set()
    assert status == 0
    wanted = {"python", "ffmpeg", "ffprobe", "packager", "encode", "broker", "results", "database"}
    wanted |= {"paths.library", "paths.work", "paths.state", "watch.0.path", "inotify", "setpriv"}
    wanted |= {f"isolation.{name}" for name in ("files", "network", "limits", "rights")}
    assert found.keys() >= wanted | {"web.listen", "flower.listen"}
    assert not settings.pipeline.paths.state.exists(), "looking changes nothing"


def test_a_card_that_works_is_shown_with_its_codecs(
    settings: Settings, change: Any, tmp_path: Path
) -> None:
    change("tools", {"ffmpeg": str(ffmpeg_with_card(tmp_path))})
    _, found = examine(settings)
    assert found["encode"]["detail"] == "h264 with libx264 (cpu), h264_nvenc (nvenc)"
    assert found["encode.hevc"]["detail"] == "hevc with libx265 (cpu)"


def test_a_card_that_does_not_work_is_not_missed(
    settings: Settings, change: Any, tmp_path: Path
) -> None:
    change("tools", {"ffmpeg": str(ffmpeg_with_card(tmp_path, "lost"))})
    _, found = examine(settings)
    assert (found["encode"]["state"], found["encode"]["detail"]) == (
        "ok",
        "h264 with libx264 (cpu)",
    )


def test_a_worker_for_cards_is_refused_where_none_works(
    settings: Settings, change: Any, tmp_path: Path
) -> None:
    change("tools", {"ffmpeg": str(ffmpeg_with_card(tmp_path, "lost"))})
    arguments = ["--config", str(settings.config_dir), "worker", "encode-gpu"]
    with pytest.raises(ReelworksError, match="No graphics card encodes") as refused:
        CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert refused.value.code == "no_hardware"


def test_a_missing_tool_is_named(settings: Settings, change: Any) -> None:
    change("tools", {"ffmpeg": "/nowhere/ffmpeg"})
    status, found = examine(settings)
    assert status == 1
    assert "/nowhere/ffmpeg" in found["tools"]["detail"]
    assert found["tools"]["hint"]


def test_a_watermark_that_is_not_there_is_named(settings: Settings, tmp_path: Path) -> None:
    file, logo = settings.config_dir / "profiles.yml", tmp_path / "logo.png"
    profiles = yaml.safe_load(file.read_text())
    next(iter(profiles.values()))["watermark"] = {"file": str(logo)}
    file.write_text(yaml.safe_dump(profiles))
    changed = load_settings(settings.config_dir)
    (found,) = machine_checks.watermarks(changed)
    assert (found.check, found.state) == ("watermarks", "failed")
    assert f"watermark.file: is not there (it is '{logo}')" in found.detail
    assert "take `watermark` out" in found.hint
    logo.write_bytes(b"")
    (found,) = machine_checks.watermarks(changed)
    assert (found.state, found.detail) == ("ok", "1 there")
    logo = tmp_path / ("n" * 300)  # the system's own words for what it does not look at
    next(iter(profiles.values()))["watermark"] = {"file": str(logo)}
    file.write_text(yaml.safe_dump(profiles))
    (found,) = machine_checks.watermarks(load_settings(settings.config_dir))
    assert "watermark.file: can't be read: File name too long" in found.detail
    assert "read it" in found.hint


def test_a_taken_port_names_the_key(settings: Settings, change: Any) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        change("web", {"listen": f"127.0.0.1:{other.getsockname()[1]}"})
        status, found = examine(settings)
    assert status == 1
    assert found["web.listen"]["state"] == "failed"
    assert "web.listen" in found["web.listen"]["hint"]


def test_a_port_that_a_part_of_ours_answers_on_is_well(settings: Settings, change: Any) -> None:
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        change("web", {"listen": f"127.0.0.1:{server.server_port}"})
        _, found = examine(settings)
        server.shutdown()
    assert found["web.listen"]["state"] == "ok"
    assert "in use by the running system" in found["web.listen"]["detail"]


class Healthy(BaseHTTPRequestHandler):
    """What the web part says while it runs."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


def test_a_broker_that_lets_nobody_in_is_told_in_its_words(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any, **_options: Any) -> None:
        raise AccessRefused("Login was refused")

    monkeypatch.setattr(Connection, "ensure_connection", refuse)
    monkeypatch.setenv("REELWORKS_BROKER", "amqp://guest:wrong@127.0.0.1//")
    monkeypatch.setenv("REELWORKS_RESULTS", "rpc://")
    code, found = examine(settings)
    assert code != 0
    assert found["broker"]["state"] == "failed"
    assert "Login was refused" in found["broker"]["detail"]
    assert "wrong" not in found["broker"]["detail"]


@pytest.mark.parametrize("kind", ["postgresql", "mariadb+pymysql"])
def test_a_broker_database_and_results_that_do_not_answer_are_told_apart(
    settings: Settings, change: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        monkeypatch.setenv("REELWORKS_DATABASE", f"{kind}://ada:secret@{address}/reelworks")
        status, found = examine(settings)
    assert status == 1
    assert found["database"]["state"] == "failed"
    assert "secret" not in json.dumps(found)
    assert found["broker"]["state"] == found["results"]["state"] == "ok"


def test_a_database_without_room_on_its_disk_is_told_with_what_it_needs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELWORKS_DATABASE", "embedded")
    schema.upgrade(Database(addresses.database_url(settings)))
    full = DatabaseFull.on_disk(settings.pipeline.paths.state, 16_777_216, 4096)
    monkeypatch.setattr(Database, "lacks_room", lambda *_: full)
    status, found = examine(settings)
    assert status == 1
    assert found["database"]["state"] == "failed"
    assert "needs about 16,777,216 bytes" in found["database"]["detail"]
    assert "free some" in found["database"]["hint"]


def test_a_database_without_tables_is_well_and_not_of_another_release(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "new.db").touch()
    monkeypatch.setenv("REELWORKS_DATABASE", f"sqlite:///{tmp_path / 'new.db'}")
    (found,) = service_checks.database(load_settings(settings.config_dir))
    assert found.state == "ok"
    assert "made at the first start" in found.detail


def test_a_folder_we_may_not_write_to_is_named_with_its_key(
    settings: Settings, change: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    status, found = examine(settings)
    assert status == 1
    assert "paths.library" in found["paths.library"]["hint"]
    assert "Permission denied" in found["paths.library"]["detail"]


def test_what_it_says_to_people_has_a_sign_and_a_hint(settings: Settings, change: Any) -> None:
    change("tools", {"ffmpeg": "/nowhere/ffmpeg"})
    done = CliRunner().invoke(cli, ["--config", str(settings.config_dir), "doctor"])
    assert "✓ python" in done.stdout
    assert "✗ tools" in done.stdout
    assert Path("/nowhere/ffmpeg").name in done.stdout


def test_every_codec_is_told_with_the_encoders_that_work(settings: Settings) -> None:
    _, found = examine(settings)
    assert "libx264 (cpu)" in found["encode"]["detail"]
    assert {"encode.hevc", "encode.av1", "encode.vp9"} <= found.keys()


def test_an_encoder_that_is_listed_and_does_not_work_is_not_told_of(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool_checks, "encodes", lambda _program, name: name == "libx265")
    status, found = examine(settings)
    assert status == 1
    assert (found["encode"]["state"], found["encode.av1"]["state"]) == ("failed", "warning")
    assert "libx264" in found["encode"]["hint"]
    assert found["encode.hevc"]["detail"] == "hevc with libx265 (cpu)"


@pytest.mark.parametrize(("wanted", "state"), [("auto", "warning"), ("required", "failed")])
def test_protections_that_are_not_on_are_told_with_what_to_do(
    settings: Settings, change: Any, monkeypatch: pytest.MonkeyPatch, wanted: str, state: str
) -> None:
    change("limits", {"isolation": wanted})
    monkeypatch.setattr(landlock, "version", lambda: 0)
    monkeypatch.setattr(isolation, "network", lambda: "none")
    monkeypatch.setattr(isolation, "drops_rights", lambda: False)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    found = {
        one.check: one for one in isolation_checks.protections(load_settings(settings.config_dir))
    }
    assert (found["isolation.files"].state, found["isolation.network"].state) == (state, state)
    assert "landlock" in found["isolation.files"].hint
    assert "max_user_namespaces" in found["isolation.network"].hint
    assert found["isolation.rights"].state == "warning"


@pytest.mark.parametrize(
    ("limits", "state", "raised"),
    [
        (Limits(0, 128, 16384), "failed", "max_user_watches=524288"),
        (Limits(8192, 8, 16384), "warning", "max_user_instances=1024"),
        (Limits(8192, 128, 128), "warning", "max_queued_events=131072"),
    ],
)
def test_limits_of_the_kernel_that_are_low_are_told_with_how_to_raise_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, limits: Limits, state: str, raised: str
) -> None:
    monkeypatch.setattr(Limits, "read", lambda: limits)
    (found,) = machine_checks.inotify(settings)
    assert found.state == state
    assert raised in found.hint
    assert f"{limits.max_user_watches} watches" in found.detail


def test_a_fence_with_a_hole_is_found_by_trial(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landlock, "restrict", lambda _rules: None)
    found = {one.check: one for one in isolation_checks.protections(settings)}
    assert found["isolation.files"].state == "warning"
    assert "got past it" in found["isolation.files"].detail


def test_isolation_that_is_turned_off_is_told(settings: Settings, change: Any) -> None:
    change("limits", {"isolation": "off"})
    (off, *_) = isolation_checks.protections(load_settings(settings.config_dir))
    assert (off.check, off.state) == ("isolation", "warning")
    assert "limits.isolation" in off.hint


@pytest.mark.parametrize(("deadline", "state"), [("24h", "warning"), ("20m", "ok")])
def test_rabbitmqs_own_limit_is_told_when_jobs_may_outlast_it(
    settings: Settings, change: Any, monkeypatch: pytest.MonkeyPatch, deadline: str, state: str
) -> None:
    monkeypatch.setattr(service_checks, "broker_problem", lambda _s: ("amqp://host//", None))
    monkeypatch.setenv("REELWORKS_BROKER", "amqp://guest:guest@host//")
    monkeypatch.setenv("REELWORKS_RESULTS", "rpc://")
    change("limits", {"deadline": deadline})
    _, found = examine(settings)
    assert found["consumer_timeout"]["state"] == state
    if state == "warning":
        assert "consumer_timeout = 86400000" in found["consumer_timeout"]["hint"]
