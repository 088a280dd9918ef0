"""A tool sees, writes and takes only what its fence names, whatever it tries."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.errors import ReelworksError
from pipeline.media import isolation, landlock, seccomp
from pipeline.media.errors import NO_MEMORY, MediaError
from pipeline.media.fence import Fence, limits, most_memory
from pipeline.media.process import run
from tests.media import tools

if TYPE_CHECKING:
    from tests.hostile.recorder import Recorder

MIB = 1 << 20
#: This machine's kernel can do it, or the tests of it would say nothing.
needs_landlock = pytest.mark.skipif(not landlock.version(), reason="the kernel has no Landlock")


def sh(words: str, fence: Fence = Fence()) -> str:  # noqa: B008 - it can't be changed
    """Run words of the shell; gives all it printed."""
    done = run(["sh", "-c", words], fence=fence, keep_output=True, timeout_s=60)
    return done.output.decode() + done.log


@needs_landlock
def test_a_tool_reads_nothing_it_was_not_given(secret: Path) -> None:
    text = secret.read_text().strip()
    assert text not in sh(f"cat {secret} /etc/passwd; ls {secret.parent}")
    assert "root:" not in sh("cat /etc/passwd")
    assert sh(f"cat {secret}", Fence(reads=(secret,))).strip() == text


@needs_landlock
def test_a_tool_makes_the_files_it_is_to_make_and_no_other(tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    said = sh(f"echo made > {out}; echo made > {other}; ln -s / {other}; mkdir {other}; rm {out}")
    assert not out.exists()
    said = sh(
        f"echo made > {out}; echo made > {other}; ln -s / {other}; mkdir {other}; rm {out}",
        Fence(writes=(out,)),
    )
    assert out.read_text() == "made\n"
    assert list(tmp_path.iterdir()) == [out], said


def test_a_file_that_was_not_written_is_not_left_behind(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.touch()
    run(["true"], fence=Fence(writes=(tmp_path / "out", kept, tmp_path / "nowhere/out")))
    assert list(tmp_path.iterdir()) == [kept]


@needs_landlock
def test_a_folder_of_its_own_has_no_devices_sockets_and_links(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    sh(
        f"cd {own} && mkdir a && echo 1 > a/b && mv a/b c && ln -s / d; mkfifo e",
        Fence(writes=(own,)),
    )
    assert sorted(path.name for path in own.iterdir()) == ["a", "c"]


def test_a_tool_has_no_network(recorder: Recorder) -> None:
    call = ["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{recorder.port}"]
    cast = ["bash", "-c", f"echo here > /dev/udp/127.0.0.1/{recorder.port}"]
    assert run(call).returncode != 0
    assert run(cast).returncode != 0
    time.sleep(0.2)
    assert recorder.seen == []
    assert run(call, fence=Fence(isolation="off")).returncode == 0, "without the fence it has"


def test_where_no_namespace_is_allowed_no_socket_is_opened(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "network", lambda: "no sockets")
    for way in ("tcp", "udp"):
        call = f"echo here > /dev/{way}/127.0.0.1/{recorder.port}"
        done = run(["bash", "-c", call], fence=Fence(isolation="required"))
        assert done.returncode != 0
        assert "Permission denied" in done.log
    time.sleep(0.2)
    assert recorder.seen == []


@pytest.mark.parametrize("kind", seccomp.ALLOWED)
def test_sockets_within_the_machine_can_be_opened(kind: int) -> None:
    opened: list[socket.socket] = []

    def attempt() -> None:
        seccomp.no_sockets()
        opened.append(socket.socket(kind, socket.SOCK_RAW if kind != socket.AF_UNIX else 1))

    thread = Thread(target=attempt)
    thread.start()
    thread.join()
    assert len(opened) == 1
    opened[0].close()


def test_the_network_of_tools_is_not_ours_and_ours_stays() -> None:
    before = str(Path("/proc/self/ns/net").readlink())
    theirs = sh("readlink /proc/self/ns/net").strip()
    assert (theirs != before) is ("namespace" in isolation.network())
    assert str(Path("/proc/self/ns/net").readlink()) == before
    assert str(Path("/proc/thread-self/ns/net").readlink()) == before


def test_a_tool_gets_no_password_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELWORKS_DATABASE", "postgresql://ada:hunter2@host/db")
    monkeypatch.setenv("TEAM_WEBHOOK", "https://host/hunter2")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    said = sh("env; cat /proc/$PPID/environ")
    assert "hunter2" not in said
    assert "LC_ALL=C.UTF-8" in said


@needs_landlock
def test_a_tool_can_do_nothing_to_us() -> None:
    said = sh("kill -0 $PPID && echo reached; cat /proc/$PPID/maps && echo read")
    assert "reached" not in said
    assert "read" not in said.split()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to drop")
def test_a_tool_of_roots_keeps_only_the_right_to_files() -> None:
    assert isolation.drops_rights()
    assert "Operation not permitted" in sh("chroot / true")


def test_limits_are_the_kernels(tmp_path: Path) -> None:
    told = sh(
        "ulimit -c; ulimit -d; ulimit -f; ulimit -n; ulimit -t",
        Fence(memory_bytes=512 * MIB, file_bytes=8 * MIB, cpu_s=7),
    )
    assert told.split() == ["0", str(512 * 1024), str(8 * 2048), "1024", "7"]


def test_no_limit_is_above_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (64, 100))
    assert limits(Fence(cpu_s=90)) == ["core=0:0", "fsize=100:100", "nofile=100:100", "cpu=90:100"]


def test_a_graphics_cards_driver_may_map_the_whole_card() -> None:
    fence = Fence(memory_bytes=MIB)
    assert len(limits(replace(fence, cards=True))) == len(limits(fence)) - 1


def test_memory_is_as_much_as_the_machine_has_at_most() -> None:
    assert 256 * MIB < most_memory() < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def refused(fence: Fence, *argv: str) -> str:
    with pytest.raises(ReelworksError) as caught:
        run(argv, fence=fence, timeout_s=60)
    assert isinstance(caught.value, MediaError)
    assert not caught.value.transient, "it would end the same way again"
    assert caught.value.hint
    return caught.value.code


ENDLESS = ("-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1280x720", "-y")


def test_work_without_end_is_stopped() -> None:
    assert refused(Fence(cpu_s=1), "sh", "-c", "while :; do :; done") == "too_costly"
    ffmpeg = (str(tools().ffmpeg), *ENDLESS, "-f", "null", "-")
    assert refused(Fence(cpu_s=2), *ffmpeg) == "too_costly"


def test_output_without_end_is_stopped(tmp_path: Path) -> None:
    out = tmp_path / "out.nut"
    fence = Fence(writes=(out,), file_bytes=MIB)
    ffmpeg = (str(tools().ffmpeg), *ENDLESS, "-c:v", "rawvideo", f"file:{out}")
    assert refused(fence, *ffmpeg) == "output_too_large"
    assert out.stat().st_size <= MIB


def test_memory_without_end_is_not_given() -> None:
    argv = [str(tools().ffmpeg), "-nostdin", "-v", "error", "-f", "lavfi"]
    argv += ["-i", "color=s=8192x8192,format=rgba64", "-frames:v", "1", "-f", "null", "-"]
    assert NO_MEMORY in run(argv, fence=Fence(memory_bytes=300 * MIB)).log


def test_where_isolation_is_required_nothing_runs_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    monkeypatch.setattr(isolation, "network", lambda: "none")
    assert run(["true"]).returncode == 0, "elsewhere it is done without"
    with pytest.raises(MediaError, match=r"can't be kept from files and network") as caught:
        run(["true"], fence=Fence(isolation="required"))
    assert caught.value.code == "not_isolated"


@needs_landlock
def test_a_wrapper_that_needs_more_runs_without_the_fence_around_files(
    tmp_path: Path, secret: Path
) -> None:
    (tmp_path / "settings").touch()
    wrapper = tmp_path / "ffmpeg"
    wrapper.write_text(f"#!/bin/sh\ncat {tmp_path}/settings && cat {secret}\n")
    wrapper.chmod(0o755)
    assert not isolation.starts_inside(wrapper)
    assert run([str(wrapper)], keep_output=True).output == secret.read_bytes()
    with pytest.raises(MediaError, match="kept from files"):
        run([str(wrapper)], fence=Fence(isolation="required"))


@needs_landlock
def test_a_tool_whose_trial_somebody_kills_is_kept_inside_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The trial decides for as long as the worker lives: a kill must not open the fence."""
    real, ended = subprocess.run, list[int]()

    def first_killed(*argv: Any, **how: Any) -> subprocess.CompletedProcess[Any]:
        done = real(*argv, **how)
        ended.append(-signal.SIGKILL if not ended else done.returncode)
        return subprocess.CompletedProcess(done.args, ended[-1])

    monkeypatch.setattr(subprocess, "run", first_killed)
    assert isolation.starts_inside.__wrapped__(tools().ffmpeg)
    assert ended == [-signal.SIGKILL, 0]


def test_a_program_that_is_not_there_is_told() -> None:
    done = run(["/nowhere/ffmpeg"])
    assert done.returncode
    assert "/nowhere/ffmpeg" in done.log


#: Starts a tool, says which process that is, and waits for it.
HOLDING = """
from pathlib import Path
from pipeline.media.fence import Fence
from pipeline.media.launch import launched
with launched(["sleep", "60"], Fence(), None) as process:
    while Path(f"/proc/{process.pid}/comm").read_text() != "sleep\\n":
        pass
    print(process.pid, flush=True)
    process.wait()
"""


#: Starts a tool as one that lives would, or as one that ends before the tool has begun.
STARTING = """
import os, sys
from pipeline.media.fence import Fence
from pipeline.media.isolation import prefix
before, worker, killed = prefix(Fence()), os.getpid(), sys.argv[1] == "killed"
tool = os.fork()
if not tool:
    while killed and os.getppid() == worker:
        pass
    os.execv(before[0], [*before, "sh", "-c", "echo ran"])
if not killed:
    os.waitpid(tool, 0)
"""


@pytest.mark.parametrize(("worker", "said"), [("alive", "ran\n"), ("killed", "")])
def test_a_tool_whose_worker_was_killed_as_it_started_does_not_run(worker: str, said: str) -> None:
    argv = [sys.executable, "-c", STARTING, worker]
    assert subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout == said


def test_a_tool_dies_with_us_however_we_end() -> None:
    ours = subprocess.Popen(
        [sys.executable, "-c", HOLDING], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert ours.stdout is not None
    tool = Path("/proc") / ours.stdout.readline().strip()
    assert "sleep" in (tool / "cmdline").read_text()
    ours.kill()
    ours.wait()
    ours.stdout.close()
    gone_by = time.monotonic() + 10
    while tool.exists() and "Z" not in (tool / "stat").read_text().split():
        assert time.monotonic() < gone_by
        time.sleep(0.02)
