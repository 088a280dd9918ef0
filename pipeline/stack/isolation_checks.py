"""Which protections are on when tools read files that nobody vouches for?"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.media import isolation, landlock
from pipeline.media.process import run
from pipeline.media.tools import find_tools
from pipeline.stack.checkup import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.media.tools import Tools
    from pipeline.settings.load import Settings

GIB = 1 << 30
#: What a trial may take, seconds.
TRIAL_S = 20.0
_SECRET = b"what no tool may see"
_NETWORKS = {
    "namespace": "tools have a network of their own, with nothing in it",
    "user namespace": "tools have a network of their own, with nothing in it (user namespace)",
    "no sockets": "tools can open no socket to a network (seccomp)",
    "no TCP": "tools can make no TCP connection (Landlock); the network is there otherwise",
    "none": "tools are on this machine's network; only ffmpeg's list of protocols keeps them off",
}


def protections(settings: Settings) -> Iterator[Finding]:
    """Tell of each protection whether it is on. Raises `MediaError` for a tool that is missing."""
    pipeline = settings.pipeline
    tools = find_tools(pipeline.tools, pipeline.limits)
    if tools.isolation == "off":
        hint = "Set `limits.isolation: auto` in pipeline.yml."
        yield Finding("isolation", "warning", "turned off: tools see what we see", hint)
    else:
        lack: Literal["failed", "warning"] = (
            "failed" if tools.isolation == "required" else "warning"
        )
        for name, good, detail, hint in (_files(tools), _network()):
            yield Finding(name, "ok" if good else lack, detail, "" if good else hint)
    yield _limits(tools)
    yield _rights()


def _files(tools: Tools) -> tuple[str, bool, str, str]:
    name = "isolation.files"
    kernel = "Use Linux 5.13 or newer with `landlock` in its list of security modules (`lsm=`)."
    if not landlock.version():
        return name, False, "tools can read and write what we can: no Landlock here", kernel
    for program in (tools.ffmpeg, tools.ffprobe, tools.packager):
        if not isolation.starts_inside(program):
            detail = f"{program} does not start without seeing more than its own files"
            return name, False, detail, "Name the program itself under `tools`, not a wrapper."
    with tempfile.TemporaryDirectory() as folder:
        secret, made = Path(folder) / "secret", Path(folder) / "made"
        secret.write_bytes(_SECRET)
        words = 'cat "$1"; echo > "$2"'
        argv = ["sh", "-c", words, "sh", str(secret), str(made)]
        done = run(argv, fence=tools.fence(), timeout_s=TRIAL_S, keep_output=True)
        if _SECRET in done.output or made.exists():
            return name, False, "Landlock is there, but a trial got past it", kernel
    detail = f"tools read and write only what they work on (Landlock {landlock.version()}, tried)"
    return name, True, detail, ""


def _network() -> tuple[str, bool, str, str]:
    found = isolation.network()
    hint = "Allow user namespaces (`sysctl user.max_user_namespaces`), or run Reelworks as root."
    return "isolation.network", found in isolation.NO_NETWORK, _NETWORKS[found], hint


def _limits(tools: Tools) -> Finding:
    if not shutil.which("prlimit"):
        hint = "Install util-linux 2.33 or newer."
        return Finding("isolation.limits", "warning", "there is no prlimit on the PATH", hint)
    most = f"{tools.memory_bytes / GIB:.1f} GiB of memory, {tools.file_bytes / GIB:.0f} GiB a file"
    return Finding("isolation.limits", "ok", f"a tool may take {most}")


def _rights() -> Finding:
    if os.geteuid():
        return Finding("isolation.rights", "ok", "tools have no more rights than this user")
    if isolation.drops_rights():
        return Finding("isolation.rights", "ok", "tools of root keep only the right to files")
    hint = "Run Reelworks as a user of its own."
    return Finding("isolation.rights", "warning", "tools run with all of root's rights", hint)
