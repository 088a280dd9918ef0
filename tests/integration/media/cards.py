"""A graphics card of paper: ffmpeg in a wrapper that encodes `*_nvenc` with libx264, or breaks."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.media import tools

#: What only the card's encoder understands, and x264's word for it.
WRAPPER = """#!{python}
import os, sys
real, break_at = {ffmpeg!r}, {breaks!r}
argv = [real, *sys.argv[1:]]
trial = any(word.startswith("testsrc2=size=256x256") for word in argv)
card = [at for at, word in enumerate(argv) if word == "-c:v" and argv[at + 1] == "h264_nvenc"]
if any(word.endswith(("_qsv", "_vaapi", "hevc_nvenc", "av1_nvenc")) for word in argv):
    sys.exit("[vost] this card encodes H.264 only")
if card and trial and break_at == "lost":
    sys.exit("[h264_nvenc @ 0x1] No capable devices found")
if card and not trial and break_at in ("midway", "lost"):
    # Some frames come out before the card is lost, and stay behind as half a file.
    for word in argv:
        if word.startswith("file:") and "/out/" in word:
            open(word[5:], "wb").write(b"half a file")
    print("frame=7\\nout_time_us=280000\\nprogress=continue", flush=True)
    print("[h264_nvenc @ 0x1] [error] EncodePicture failed!: device lost", file=sys.stderr)
    print("[out#0/mp4 @ 0x2] [fatal] Task finished with error code: -1", file=sys.stderr)
    sys.exit(187)
if card and not trial and break_at == "crash":
    os.abort()
words = {{"-cq": "-crf", "-rc": None, "-forced-idr": "-forced-idr", "-no-scenecut": None}}
presets = {{f"p{{n}}": "ultrafast" for n in range(1, 8)}}
made, at = [], 0
while at < len(argv):
    word = argv[at]
    if card and word in words:
        made += [words[word], argv[at + 1]] if words[word] else []
        at += 2
        continue
    made.append("libx264" if word == "h264_nvenc" else presets.get(word, word) if card else word)
    at += 1
if card and not trial and break_at == "wrong":
    at = made.index("-force_key_frames")
    made[at:at] = ["-frames:v", "3"]
os.execv(real, made)
"""


def ffmpeg_with_card(folder: Path, breaks: str = "") -> Path:
    """Write the wrapper; `breaks` is how the card fails: midway, lost, crash, wrong; or not."""
    program = folder / "ffmpeg"
    program.write_text(
        WRAPPER.format(python=sys.executable, ffmpeg=str(tools().ffmpeg), breaks=breaks)
    )
    program.chmod(0o755)
    return program
