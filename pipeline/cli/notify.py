"""`reelworks notify test`: does every channel deliver?"""

from __future__ import annotations

import click

from pipeline.cli.context import Cli
from pipeline.cli.say import say, say_json
from pipeline.errors import ReelworksError


@click.group()
def notify() -> None:
    """Try the channels that alerts go to."""


@notify.command()
@click.argument("channel", required=False)
@click.option("--json", "as_json", is_flag=True, help="One channel a line, as JSON.")
@click.pass_obj
def test(cli: Cli, channel: str | None, as_json: bool) -> None:
    """Send a test message to CHANNEL, or to all; exit 1 if one does not take it."""
    from pipeline.alerts.messages import trial_message
    from pipeline.alerts.send import DeliveryFailed, send
    from pipeline.settings.errors import nearest

    channels = cli.settings.notifications.channels
    if not channels:
        raise ReelworksError(
            "usage", "No channel is configured.", "Add one to notifications.yml, under `channels`."
        )
    if channel is not None and channel not in channels:
        hint = nearest(channel, channels)
        raise ReelworksError("usage", f"There is no channel {channel!r}.", hint)
    failed = False
    for name in [channel] if channel else list(channels):
        try:
            send(name, channels[name], trial_message(name))
        except DeliveryFailed as error:
            failed = True
            _tell(name, error.reason, as_json=as_json)
        else:
            _tell(name, None, as_json=as_json)
    if failed:
        raise SystemExit(1)


def _tell(name: str, reason: str | None, *, as_json: bool) -> None:
    if as_json:
        say_json({"channel": name, "delivered": reason is None, "reason": reason})
    elif reason is None:
        say(f"{name}: delivered")
    else:
        say(f"{name}: not delivered: {reason}", err=True)
