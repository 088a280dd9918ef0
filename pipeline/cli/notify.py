"""`reelworks notify test`: does every channel deliver?"""

from __future__ import annotations

import click

from pipeline.cli.context import Cli
from pipeline.errors import ReelworksError


@click.group()
def notify() -> None:
    """Try the channels that alerts go to."""


@notify.command()
@click.argument("channel", required=False)
@click.pass_obj
def test(cli: Cli, channel: str | None) -> None:
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
            click.echo(f"{name}: not delivered: {error.reason}", err=True)
        else:
            click.echo(f"{name}: delivered")
    if failed:
        raise SystemExit(1)
