"""The packets of a stream, read without decoding: how many frames, and when each is shown."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.media.process import run
from pipeline.plan.reading import packets_argv, unasked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from pipeline.media.process import Progress
    from pipeline.media.tools import Tools

#: A step of the clock longer than this, or further back than `BACK_S`, is where recordings were
#: joined: seconds. ffmpeg's own limit for MPEG transport streams (`-dts_delta_threshold`).
JUMP_S = 10.0
#: A step back that is no longer than this is a clock that is rough: those of program streams are
#: reckoned where a picture is kept field by field. Seconds; ffmpeg's own limit, too.
BACK_S = 0.1
#: Where a packet that is longer lasts for no time, seconds: an Ogg of a millisecond is cut off by
#: more than its last packet has, and ffmpeg counts on from the largest number.
ENDLESS_S = {"ogg": 20_000.0}
#: The times of no more packets of sound are kept, 8 bytes each: those of eight tracks of AAC in
#: twelve hours.
MOST_HEARD = 1 << 24
#: A step of as many frames' time has a hole in it: frames that are left out where nothing moves
#: make shorter ones.
HOLE = 3
#: Decoders keep back no more frames than this before they give the first (H.264, H.265).
MOST_DELAY = 16
#: What ffprobe prints of each packet, in its order.
ENTRIES = ("pts_time", "dts_time", "duration_time", "size", "pos", "flags")


@dataclass(frozen=True)
class Packets:
    """What the packets of one stream say. `first_s`, `last_s` and `end_s` are None without any.

    `end_s` is when the last one's duration is over, seconds on the file's own clock. `hidden` are
    packets that an edit list cuts away, not in `count`, `hidden_s` how long the longest of them is.
    `jumps` counts the places where the clock runs back or leaps; `length_s` is how long it all
    lasts when those are passed over. `missing` are the packets that would fill the holes between
    others; `leading` those that are shown before the first key frame: of a recording that begins
    between two they can't be decoded. `repeats` are empty ones, which let the frame before be shown
    again (Theora), and are not in `count`. `gap_s` is how long the holes are in all, `leap_s` the
    leaps forward. `held_bytes` counts no more of a packet than one can have (`read_packets`'
    `largest`), from `place` on, where the first lies; none lies behind `last_place`. `complaints`
    says that ffprobe came upon what it could not read.
    `shown_s` is when each is shown, seconds; empty where its clock does not tell, leaps or an edit
    list hides some. `heard_s` is when the packets of sounds come that were listed beside it.
    `in_order` says that none is shown at another time than it is decoded, as far as that is told.
    `decoded_s` is then when the first are decoded, where nothing else is told of some.
    """

    count: int
    first_s: float | None
    last_s: float | None
    end_s: float | None
    hidden: int = 0
    hidden_s: float = 0.0
    jumps: int = 0
    length_s: float = 0.0
    missing: int = 0
    key_frames: int = 0
    leading: int = 0
    repeats: int = 0
    gap_s: float = 0.0
    leap_s: float = 0.0
    held_bytes: int = 0
    place: int = 0
    last_place: int = 0
    complaints: bool = False
    shown_s: array[float] = field(default_factory=lambda: array("d"), repr=False)
    heard_s: dict[int, array[float]] = field(default_factory=dict, repr=False)
    in_order: bool = False
    decoded_s: tuple[float, ...] = ()


class Counter:
    """Sums up what ffprobe prints of packets, piece by piece: a long file has millions."""

    def __init__(self, largest: int = 0, endless_s: float = math.inf) -> None:
        self.count = 0
        self.hidden = 0
        self.jumps = 0
        self.missing = 0
        self.key_frames = 0
        self.leading = 0
        self.repeats = 0
        self.complaints = False
        self._hidden = 0.0
        self._largest = largest
        self._endless = endless_s
        self._held = 0
        self._place: int | None = None
        self._last_place = 0
        self._gap = 0.0
        self._leap = 0.0
        self._shown = array("d")
        self._timed = True
        self._ordered = True
        self._decoded = array("d")
        self._key: float | None = None
        self._first: float | None = None
        self._last: float | None = None
        self._end: float | None = None
        self._decoded_at: float | None = None
        self._delay: float | None = None
        self._reckoned = False
        self._length = 0.0
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Take some more of the listing, cut anywhere."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self.line(line.decode("ascii", "replace"))

    def line(self, line: str) -> None:
        """Take one line `pts_time,dts_time,duration_time,size,pos,flags`."""
        told = [*line.strip().split(","), *[""] * len(ENTRIES)]
        pts, dts, duration, size, place, flags = told[: len(ENTRIES)]
        if not flags:
            return
        if "D" in flags:
            self.hidden += 1
            self._hidden = max(self._hidden, _number(duration) or 0.0)
            return
        if size == "0":
            self._repeat(pts, dts, duration)
            return
        self.count += 1
        self._held += min(_whole(size), self._largest)
        self._place = _whole(place) if self._place is None else self._place
        self._last_place = max(self._last_place, _whole(place))
        self.key_frames += "K" in flags
        length = _number(duration) or 0.0
        length = 0.0 if length > self._endless else length
        decoded = _number(dts)
        self._pass(decoded, length)
        # AVI knows only the order of decoding, raw streams no time at all: then one follows
        # the other.
        at = _number(pts)
        self._timed = self._timed and at is not None
        if self._delay is None and at is not None and decoded is not None:
            self._delay = at - decoded
        self._ordered = self._ordered and decoded is not None and at in (None, decoded)
        if decoded is not None and len(self._decoded) <= MOST_DELAY:
            self._decoded.append(decoded)
        at = decoded if at is None else at
        known = at is not None
        at = self._reckon() if at is None else at
        if "K" in flags and self._key is None:
            self._key = at
        self.leading += self._key is None or (known and at < self._key)
        self._shown.append(at)
        self._first = at if self._first is None else min(at, self._first)
        self._last = at if self._last is None else max(at, self._last)
        self._end = at + length if self._end is None else max(at + length, self._end)

    def _reckon(self) -> float:
        """Give a time to a packet without any: not behind those that are shown before it."""
        if self._delay and self._decoded_at is not None:
            return max(self._decoded_at, self._first or self._decoded_at)
        return self._end or 0.0

    def _repeat(self, pts: str, dts: str, duration: str) -> None:
        """Take an empty packet: the frame before it is shown once more."""
        length, decoded, at = _number(duration) or 0.0, _number(dts), _number(pts)
        self._pass(decoded, length)
        at = decoded if at is None else at
        if at is not None and self._end is not None:
            self.repeats += 1
            self._end = max(at + length, self._end)

    def _pass(self, decoded: float | None, length: float) -> None:
        """Add the time since the packet before to the length, unless the clock leapt.

        One without a time comes when the one before is over.
        """
        step = length
        if decoded is not None and self._decoded_at is not None:
            step = decoded - self._decoded_at
            if self._reckoned and step < 0:
                step = length
            if not -BACK_S <= step <= JUMP_S:
                self.jumps += 1
                self._leap += max(step - length, 0.0)
                step = length
            if length and step >= HOLE * length:
                self.missing += round(step / length) - 1
                self._gap += step - length
        self._reckoned = decoded is None
        if decoded is not None:
            self._decoded_at = decoded
        elif self._decoded_at is not None:
            self._decoded_at += length
        self._length += step

    def sum(self) -> Packets:
        """Give the sum of all that was taken."""
        self.line(self._rest.decode("ascii", "replace"))
        self._rest = b""
        self._show_the_last()
        told = self._timed and not self.hidden and not self.jumps
        return Packets(
            count=self.count,
            first_s=self._first,
            last_s=self._last,
            end_s=self._end,
            hidden=self.hidden,
            hidden_s=self._hidden,
            jumps=self.jumps,
            length_s=self._length,
            missing=self.missing,
            key_frames=self.key_frames,
            leading=self.leading,
            repeats=self.repeats,
            gap_s=self._gap,
            leap_s=self._leap,
            held_bytes=self._held,
            place=self._place or 0,
            last_place=self._last_place,
            complaints=self.complaints,
            shown_s=self._shown if told else array("d"),
            in_order=self._ordered,
            decoded_s=tuple(self._decoded) if self._ordered and not self._timed else (),
        )

    def _show_the_last(self) -> None:
        """Reckon when the last frame is shown where not every packet tells (program streams).

        Those that other frames refer to may tell only when they are decoded: as many frames later
        than that as the first of all is one of them shown.
        """
        if self._timed or not self._delay or None in (self._decoded_at, self._last, self._end):
            return
        last, end = self._last or 0.0, self._end or 0.0
        shown = (self._decoded_at or 0.0) + self._delay
        if not self.jumps and last < shown <= last + JUMP_S:
            self._last, self._end = shown, shown + end - last


class Sorter:
    """Sorts the listing of all streams: one is counted, the times of `heard` are kept.

    What has no time of its own, as some packets of a track have none, ends the list of that one;
    and so many packets that they would fill the memory end all of them.
    """

    def __init__(self, counter: Counter, chosen: str, heard: Collection[int]) -> None:
        self.heard_s = {index: array("d") for index in heard}
        self._counter = counter
        self._chosen = chosen.encode()
        self._heard = {str(index).encode(): times for index, times in self.heard_s.items()}
        self._kept = 0
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Take some more of the listing, cut anywhere; each line begins with a stream's number."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            stream, _, told = line.partition(b",")
            times = self._heard.get(stream)
            if times is not None:
                self._hear(stream, times, told)
            if stream == self._chosen:
                self._counter.line(told.decode("ascii", "replace"))

    def _hear(self, stream: bytes, times: array[float], told: bytes) -> None:
        pts, _, rest = told.partition(b",")
        at = _number(pts.decode("ascii", "replace"))
        if at is None:
            del self._heard[stream], times[:]
        elif b"D" not in rest:
            times.append(at)
            self._kept += 1
            if self._kept > MOST_HEARD:
                self._forget()

    def _forget(self) -> None:
        for times in self._heard.values():
            del times[:]
        self._heard.clear()


def read_packets(
    tools: Tools,
    path: Path,
    stream: str,
    container: str,
    *,
    largest: int = 0,
    heard: Collection[int] = (),
    far: bool = False,
    timeout_s: float | None = None,
    on_tick: Callable[[Progress], None] | None = None,
) -> Packets:
    """Read every packet of one stream (`v:0`, or its number) that is to be shown.

    `container` is what ffprobe called it; `largest` is the size of the largest packet that the
    codec knows, bytes: what is beyond that in one is something else; `heard` are the numbers of
    sounds whose times are wanted, too; `far` says that some stream begins late. What ffprobe can't
    read counts as no packets; the caller knows whether that is an error.
    """
    every = bool(heard)
    counter = Counter(largest, ENDLESS_S.get(container, math.inf))
    sorter = Sorter(counter, stream, heard)
    argv = packets_argv(tools.ffprobe, path, None if every else stream, container, far=far)
    fence = tools.looking(path, cpu_s=timeout_s)
    take = sorter.take if every else counter.take
    done = run(argv, fence=fence, timeout_s=timeout_s, on_tick=on_tick, on_output=take)
    counter.complaints = bool(done.log.strip())
    found = counter.sum()
    if found.count == 0 and unasked(container):
        # A header that lies about the picture is found out only by looking into it.
        return read_packets(tools, path, stream, "", timeout_s=timeout_s, on_tick=on_tick)
    return replace(found, heard_s=sorter.heard_s) if every else found


def count_packets(listing: str) -> Packets:
    """Sum up a whole listing of ffprobe's lines."""
    counter = Counter()
    counter.take(listing.encode())
    return counter.sum()


def _whole(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None  # N/A: the packet has no timestamp of its own
