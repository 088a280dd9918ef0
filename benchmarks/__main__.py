"""`python -m benchmarks [NAME…]`: run the named benchmarks, or all."""

from __future__ import annotations

import argparse
import importlib
import sys

#: Name → what it measures.
BENCHMARKS = {
    "fence": "milliseconds that it costs to start a tool inside its fence",
    "history": "milliseconds for a list, a page, a search and one job of a million",
    "ladder": "cost of a job, against the same ladder in one hand-written ffmpeg command",
    "ingest": "scans of a large folder, and thousands of files moved in while the broker is down",
    "latency": "seconds from the close of a file to the first ffmpeg or ffprobe",
    "load": "a thousand clips of a second: jobs a minute, idle encoders, memory; and once more",
    "orchestration": "jobs a second with stand-ins for all tools, and the growth with the queue",
    "sources": "how many kinds of source come out right",
    "ready": "wall seconds of `make run` from a fresh clone until everything answers",
    "shaka": "wall seconds of a job, against shaka-streamer on the same ladder",
    "tutorial": "CPU seconds of an encode, against one ffmpeg a rendition, two at once",
}


def main() -> int:
    """Run benchmarks; exit 1 when a goal was missed."""
    listing = "\n".join(f"  {name:10} {what}" for name, what in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=listing, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], metavar="NAME")
    names = parser.parse_args().names or list(BENCHMARKS)
    reports = [importlib.import_module(f"benchmarks.{name}").run() for name in names]
    return 0 if all(report.show() for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
