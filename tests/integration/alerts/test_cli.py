"""`reelworks notify test`, as people use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from pipeline.cli import main

if TYPE_CHECKING:
    from tests.integration.alerts.receiver import Receiver

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run `notify` on channels: exit code, standard output, standard error."""
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "pipeline.yml").write_text("database: embedded\n")
    (folder / "profiles.yml").write_text(
        "web: {video: {codec: h264, ladder: [144]}, audio: {codec: aac, bitrate: 96k}}\n"
    )
    monkeypatch.setenv("REELWORKS_CONFIG", str(folder))

    def run(channels: dict[str, str], *arguments: str) -> tuple[int, str, str]:
        entries = {name: {"url": url} for name, url in channels.items()}
        (folder / "notifications.yml").write_text(yaml.safe_dump({"channels": entries}))
        capfd.readouterr()
        try:
            main(["--config", str(folder), "notify", "test", *arguments])
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capfd.readouterr()
        return code, said.out, said.err

    return run


def test_every_channel_is_tried_and_its_outcome_printed(
    cli: Cli, inbox: Receiver, other_inbox: Receiver
) -> None:
    code, said, _ = cli({"team": inbox.url(), "phone": other_inbox.url()})
    assert code == 0
    assert sorted(said.splitlines()) == ["phone: delivered", "team: delivered"]
    assert inbox.alerts[0]["title"] == "Reelworks: a test"
    assert "'phone'" in other_inbox.alerts[0]["message"]


def test_one_channel_can_be_tried_alone(cli: Cli, inbox: Receiver, other_inbox: Receiver) -> None:
    code, said, _ = cli({"team": inbox.url(), "phone": other_inbox.url()}, "phone")
    assert (code, said) == (0, "phone: delivered\n")
    assert inbox.asked == 0


def test_a_channel_that_fails_exits_1_and_the_others_are_tried(
    cli: Cli, inbox: Receiver, other_inbox: Receiver
) -> None:
    inbox.mood = "500"
    urls = {"broken": inbox.url("T0KEN"), "team": other_inbox.url()}
    code, said, complaint = cli(urls)
    assert (code, said) == (1, "team: delivered\n")
    assert complaint == "broken: not delivered: the service answered with HTTP status 500\n"


def test_without_channels_it_exits_2_and_says_where_to_add_one(cli: Cli) -> None:
    code, _, complaint = cli({})
    assert code == 2
    assert "No channel is configured." in complaint
    assert "notifications.yml" in complaint


def test_an_unknown_channel_exits_2_and_suggests_the_nearest(cli: Cli, inbox: Receiver) -> None:
    code, _, complaint = cli({"team": inbox.url()}, "taem")
    assert code == 2
    assert "There is no channel 'taem'." in complaint
    assert "Did you mean 'team'?" in complaint
    assert inbox.asked == 0
