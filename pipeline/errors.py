"""The one shape of every error a user can meet: a stable code, a sentence, and what to do."""

from __future__ import annotations

from typing import Any, Self, TypeVar

E = TypeVar("E", bound="ReelworksError")


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

    def __reduce__(self) -> tuple[Any, ...]:
        # By itself it is made again of its one argument: then Celery hands on a stand-in for it.
        return _again, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


def _again(kind: type[ReelworksError], args: tuple[Any, ...], facts: dict[str, Any]) -> Exception:
    made = kind.__new__(kind, *args)
    made.__dict__.update(facts)
    return made


class TransientError(ReelworksError):
    """An error that may pass: the step goes back to waiting and is tried again with back-off."""

    transient = True


def order_to_stop(
    error: BaseException, handled: BaseException | None = None
) -> BaseException | None:
    """Find the order to stop, an exit or Ctrl-C, that `error` covers up; None when there was none.

    A signal's handler raises it wherever the code is just then. Where that breaks off what a
    library must end, its cleaning up fails in turn, and what that fails with is all that is seen:
    the order is its context (Python, "Exception context"). What is `handled` by the caller is
    known there, and is the context of all that goes wrong meanwhile.
    """
    seen, open_ends = {id(handled)}, [error]
    while open_ends:
        one = open_ends.pop()
        if isinstance(one, (SystemExit, KeyboardInterrupt)):
            return one
        seen.add(id(one))
        befores = (one.__cause__, one.__context__)
        open_ends += [before for before in befores if before and id(before) not in seen]
    return None


def refused(kind: type[E], place: str | None, reason: str) -> E:
    """Say for what reason the system refused, and where if that is known."""
    at = f" at {place}" if place else ""
    return kind(
        "system",
        f"The system refused{at}: {reason}.",
        "Look whether the disks and shares named under `paths` in pipeline.yml can be used.",
    )
