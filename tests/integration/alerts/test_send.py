"""One message through Apprise to one channel."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.alerts import send as sending
from pipeline.alerts.messages import Message
from pipeline.alerts.send import DeliveryFailed, send
from pipeline.settings.notifications import Channel
from tests.system import eventually

if TYPE_CHECKING:
    from tests.integration.alerts.receiver import Receiver

HELLO = Message("clip.mp4 failed", "It is a text.\nGive a video.")
SECRETS = ("hunter2", "T0KENT0KEN", "querysecret")


def channel(url: str) -> Channel:
    return Channel.model_validate({"url": url})


def secretive(port: int) -> Channel:
    return channel(f"json://me:hunter2@127.0.0.1:{port}/T0KENT0KEN?token=querysecret")


def test_a_message_arrives_as_it_was_written(inbox: Receiver) -> None:
    send("team", channel(inbox.url()), HELLO)
    assert [(alert["title"], alert["message"]) for alert in inbox.alerts] == [
        (HELLO.title, HELLO.body)
    ]


def test_a_channel_that_shows_html_gets_text_escaped(inbox: Receiver) -> None:
    send("mail", channel(inbox.url("?format=html")), Message("t", "<b>clip</b> & co\nnext"))
    text = inbox.alerts[0]["message"]
    assert "&lt;b&gt;clip" in text
    assert "<b>" not in text


def test_a_service_that_refuses_is_named_with_its_status(inbox: Receiver) -> None:
    inbox.mood = "500"
    with pytest.raises(DeliveryFailed, match="HTTP status 500") as caught:
        send("team", channel(inbox.url()), HELLO)
    assert caught.value.transient
    assert caught.value.code == "not_delivered"
    assert "'team'" in caught.value.message


def test_a_service_that_is_not_there_is_said_to_be_unreachable() -> None:
    with pytest.raises(DeliveryFailed, match="can't be reached"):
        send("team", channel(f"json://127.0.0.1:{closed_port()}/"), HELLO)


def test_a_service_that_never_answers_is_not_waited_for(inbox: Receiver, impatient: None) -> None:
    inbox.mood = "hang"
    began = time.monotonic()
    with pytest.raises(DeliveryFailed, match="did not answer in time"):
        send("team", channel(inbox.url()), HELLO)
    assert time.monotonic() - began < 5


def test_a_service_that_answers_a_byte_at_a_time_is_not_waited_for(
    inbox: Receiver, impatient: None
) -> None:
    inbox.mood = "drip"
    began = time.monotonic()
    with pytest.raises(DeliveryFailed, match="did not finish within 2 seconds"):
        send("team", channel(inbox.url()), HELLO)
    assert time.monotonic() - began < 5


SENDS = """
import sys
from pipeline.alerts import send as sending
from pipeline.alerts.messages import Message
from pipeline.settings.notifications import Channel
sending.LIMIT_S = 6.0
channel = Channel.model_validate({"url": sys.argv[1]})
assert sending.wrong_address(channel) is None  # Apprise is loaded by now, which takes its time
sending.send("team", channel, Message("t", "b"))
"""


def test_the_time_in_which_the_sender_was_paused_does_not_count(inbox: Receiver) -> None:
    inbox.mood = "late"
    sender = subprocess.Popen([sys.executable, "-c", SENDS, inbox.url()])
    try:
        eventually(lambda: inbox.asked == 1, "the message", 60.0)
        sender.send_signal(signal.SIGSTOP)
        inbox.released.set()
        time.sleep(7.0)  # longer than the whole delivery may take
        sender.send_signal(signal.SIGCONT)
        assert sender.wait(60) == 0
    finally:
        sender.kill()
        sender.wait()
    assert len(inbox.alerts) == 1


def test_an_address_may_choose_its_own_time_limit(inbox: Receiver, impatient: None) -> None:
    inbox.mood = "hang"
    began = time.monotonic()
    with pytest.raises(DeliveryFailed):
        send("team", channel(inbox.url("?rto=0.3")), HELLO)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nosuch://hunter2/T0KENT0KEN", "of no kind that Apprise knows"),
        ("slack://hunter2", "not a complete slack:// address"),
        ("tgram://hunter2/", "not a complete tgram:// address"),
    ],
)
def test_a_wrong_address_is_explained_without_showing_it(url: str, reason: str) -> None:
    with pytest.raises(DeliveryFailed, match=reason) as caught:
        send("team", channel(url), HELLO)
    assert not any(secret in str(caught.value) for secret in SECRETS)


@pytest.mark.parametrize("mood", ["taken", "500", "drop", "gone"])
def test_no_secret_reaches_logs_or_errors_however_much_is_logged(
    inbox: Receiver, mood: str, capfd: pytest.CaptureFixture[str]
) -> None:
    inbox.mood = mood
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    root, listener = logging.getLogger(), Listener(level=1)
    former = root.level
    root.addHandler(listener)
    root.setLevel(1)
    try:
        send("team", secretive(closed_port() if mood == "gone" else inbox.port), HELLO)
    except DeliveryFailed as failure:
        lines += [str(failure), repr(failure), repr(failure.__cause__)]
    finally:
        root.removeHandler(listener)
        root.setLevel(former)
    said = " ".join([*lines, *capfd.readouterr()])
    assert not any(secret in said for secret in SECRETS)


def test_a_service_with_a_mistake_of_its_own_is_a_failed_delivery(
    inbox: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: Any) -> None:
        raise ValueError("json://me:hunter2@example.org")

    monkeypatch.setattr(sending, "_send", stumble)
    with pytest.raises(DeliveryFailed, match=r"Apprise stumbled \(ValueError\)") as caught:
        send("team", channel(inbox.url()), HELLO)
    assert "hunter2" not in str(caught.value)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
