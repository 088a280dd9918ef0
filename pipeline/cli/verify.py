"""`reelworks verify`: whether what was published is still what was published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli.context import Cli
from pipeline.cli.say import say, say_json

if TYPE_CHECKING:
    from pipeline.cli.verifying import Checked, State

#: How a folder's state is said to people.
SAID: dict[State, str] = {
    "ok": "is as it was published",
    "damaged": "is not as it was published",
    "gone": "is gone",
    "unchecked": "was published without checksums",
}


@click.command()
@click.argument("what", nargs=-1, metavar="[PATH|ID]…")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each folder, a line.")
@click.pass_obj
def verify(cli: Cli, what: tuple[str, ...], as_json: bool) -> None:
    """Read results again and compare them with the checksums taken when they appeared.

    PATH is an output folder, or one above some; ID is a job's. Without either the whole library
    is read, and results that the history knows are looked for.
    """
    from pipeline.cli.verifying import checked

    counts: dict[State, int] = dict.fromkeys(SAID, 0)
    for one in checked(cli, what):
        counts[one.state] += 1
        if as_json:
            say_json(_as_json(one))
        elif one.state != "ok" or one.problems:
            _tell(one)
    if not as_json:
        said = (f"{count} {state}" for state, count in counts.items() if count or state == "ok")
        total = sum(counts.values())
        click.echo(f"{total} folder{'' if total == 1 else 's'}: {', '.join(said)}")
    if counts["damaged"] or counts["gone"]:
        raise SystemExit(1)


def _tell(one: Checked) -> None:
    say(f"{one.directory} {SAID[one.state]}")
    for problem in one.problems:
        say(f"  {problem.path}: {problem.what}{problem.detail and f', {problem.detail}'}")
    if one.state in ("damaged", "gone") and one.job_id:
        say(f"  `reelworks retry {one.job_id[:8]} --force` makes it again, if its source is there.")


def _as_json(one: Checked) -> dict[str, object]:
    return {
        "directory": str(one.directory),
        "job": one.job_id,
        "state": one.state,
        "files": one.files,
        "bytes": one.bytes,
        "problems": [vars(problem) for problem in one.problems],
    }
