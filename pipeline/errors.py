"""The one shape of every error a user can meet: a stable code, a sentence, and what to do."""

from __future__ import annotations

from typing import Self


class ReelworksError(Exception):
    """An error shown to a person, raised where it is known and rendered once, at the edge.

    `code` is a short stable word scripts may compare (`not_media`, `timeout`, …); `message` is a
    sentence naming what is wrong; `hint` says what to do about it. `transient` marks errors that
    can pass by themselves (a lost connection, a full disk being cleaned): only those are retried.
    """

    transient: bool = False
    #: What the tool printed that the error is about; kept with the failed attempt.
    log: str = ""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def telling(self, log: str) -> Self:
        """Keep what the tool printed: `raise MediaError(…).telling(done.log)`."""
        self.log = log
        return self

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class TransientError(ReelworksError):
    """An error that may pass: the step goes back to waiting and is tried again with back-off."""

    transient = True
