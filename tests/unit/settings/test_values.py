"""Values people write in words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.settings.errors import BadValue
from pipeline.settings.values import (
    LONGEST,
    PIXELS,
    Listen,
    bitrate,
    duration,
    folder,
    isolation,
    listen,
    memory,
    pixels,
    seconds_text,
    size,
    slots,
    some_duration,
    whole_seconds,
)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("24h", 86400),
        ("1m", 60),
        ("90s", 90),
        ("2d", 172800),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1.5h", 5400),
        ("24H", 86400),
        ("0.5s", 0.5),
        ("90", 90),
        (90, 90),
        (0.25, 0.25),
        ("0s", 0),
    ],
)
def test_a_span_of_time_is_read_as_people_write_it(written: Any, seconds: float) -> None:
    assert duration(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "written", ["soon", "", "h", "1h30", "30m1h", "1y", "1 2", True, None, [], {}]
)
def test_what_is_no_span_of_time_is_refused(written: Any) -> None:
    with pytest.raises(BadValue, match="is not a span of time") as caught:
        duration(written)
    assert "1h30m" in caught.value.hint


@pytest.mark.parametrize("written", ["-5m", -5, "-1h30m", "-3"])
def test_a_negative_span_of_time_is_refused(written: Any) -> None:
    with pytest.raises(BadValue, match="is less than nothing"):
        duration(written)


@pytest.mark.parametrize("written", ["0s", 0, "0h0m"])
def test_no_time_at_all_is_refused_where_it_makes_no_sense(written: Any) -> None:
    with pytest.raises(BadValue, match="longer than nothing"):
        some_duration(written)


@pytest.mark.parametrize(
    "written", ["99999999999d", float("inf"), float("nan"), "9" * 400 + "s", "3651d"]
)
def test_a_span_of_time_no_date_can_hold_is_refused(written: Any) -> None:
    with pytest.raises(BadValue, match="is too long"):
        duration(written)


@pytest.mark.parametrize("written", ["0.5s", "1.5s", "0s", 0.2])
def test_schedules_count_in_whole_seconds(written: Any) -> None:
    with pytest.raises(BadValue, match="whole seconds"):
        whole_seconds(written)


@settings(deadline=None)  # the machine may be busy
@given(
    st.timedeltas(min_value=timedelta(0), max_value=LONGEST).map(
        lambda span: timedelta(days=span.days, seconds=span.seconds)
    )
)
def test_a_written_span_of_time_is_read_back_as_it_was(span: timedelta) -> None:
    assert duration(seconds_text(span)) == span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (2.5, "2.5s"), (90, "1m30s"), (86400, "1d"), (5400, "1h30m"), (0.25, "0.25s")],
)
def test_a_span_of_time_is_written_short(seconds: float, text: str) -> None:
    assert seconds_text(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("written", "bits"),
    [("128k", 128_000), ("5M", 5_000_000), ("2.5M", 2_500_000), ("96K", 96_000), (64000, 64_000)],
)
def test_a_bitrate_is_read_in_bits_a_second(written: Any, bits: int) -> None:
    assert bitrate(written) == bits


@pytest.mark.parametrize("written", ["fast", "128kbit", "-128k", "", True, None, 1.5e-7])
def test_what_is_no_bitrate_is_refused(written: Any) -> None:
    with pytest.raises(BadValue, match="is not a bitrate"):
        bitrate(written)


@pytest.mark.parametrize(
    ("written", "count"),
    [("8K", PIXELS["8K"]), ("4k", PIXELS["4K"]), (921600, 921600), ("921600", 921600)],
)
def test_a_limit_of_pixels_is_a_name_or_a_number(written: Any, count: int) -> None:
    assert pixels(written) == count


def test_every_picture_that_goes_by_the_name_of_8k_fits_into_8k() -> None:
    assert PIXELS["8K"] >= 8192 * 4320 > 7680 * 4320
    assert PIXELS["4K"] >= 4096 * 2160 > 3840 * 2160


@pytest.mark.parametrize("written", ["9K", "", 0, -1, 1.5, True, None, "³"])
def test_what_is_no_limit_of_pixels_is_refused(written: Any) -> None:
    with pytest.raises(BadValue, match="is not a size of pictures") as caught:
        pixels(written)
    assert "8K" in caught.value.hint


@pytest.mark.parametrize(("written", "value"), [("auto", "auto"), (3, 3), ("3", 3)])
def test_slots_are_a_number_or_auto(written: Any, value: Any) -> None:
    assert slots(written) == value


@pytest.mark.parametrize("written", ["lots", 0, -1, 257, 1.5, True, None])
def test_other_slots_are_refused(written: Any) -> None:
    with pytest.raises(BadValue, match="neither `auto` nor a whole number from 1 to 256"):
        slots(written)


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("localhost:0", "localhost", 0),
        ("[::1]:8080", "::1", 8080),
        ("0.0.0.0:80", "0.0.0.0", 80),
        ("media-1.example.org:65535", "media-1.example.org", 65535),
        (" 127.0.0.1:8080 ", "127.0.0.1", 8080),
    ],
)
def test_an_address_to_listen_on_is_host_and_port(written: str, host: str, port: int) -> None:
    found = listen(written)
    assert found == Listen(host=host, port=port)
    assert str(found) == written.strip()


@pytest.mark.parametrize(
    "written", ["8080", 8080, ":8080", "localhost", "::1:8080", "a b:80", None]
)
def test_an_address_without_host_or_port_is_refused(written: Any) -> None:
    with pytest.raises(BadValue, match="is not an address") as caught:
        listen(written)
    assert "127.0.0.1:8080" in caught.value.hint


def test_a_port_beyond_the_last_is_refused() -> None:
    with pytest.raises(BadValue, match="has no possible port: 65536"):
        listen("127.0.0.1:65536")


@pytest.mark.parametrize("written", ["999.1.1.1:80", "1.2.3:80", "[:::1]:80", "*:80", "-a:80"])
def test_a_host_that_can_not_be_is_refused(written: str) -> None:
    with pytest.raises(BadValue, match="has no possible host") as caught:
        listen(written)
    assert "0.0.0.0" in caught.value.hint


@pytest.mark.parametrize(
    ("written", "found"),
    [("500M", 500 << 20), ("8G", 8 << 30), ("1.5 TiB", 3 << 39), ("64kb", 64 << 10), (7, 7)],
)
def test_an_amount_of_data_is_in_bytes(written: Any, found: int) -> None:
    assert size(written) == found


@pytest.mark.parametrize("written", ["lots", "", None, True, "-1G", "8 G B"])
def test_what_is_no_amount_of_data_is_refused(written: Any) -> None:
    with pytest.raises(BadValue, match="is not an amount of data"):
        size(written)


def test_memory_is_found_out_or_enough_to_start_a_tool() -> None:
    assert memory("auto") == "auto"
    assert memory("1G") == 1 << 30
    with pytest.raises(BadValue, match="too little to start a tool"):
        memory("16M")


def test_off_is_a_word() -> None:
    assert isolation(yaml.safe_load("off")) == "off"
    assert isolation("auto") == "auto"


def test_a_path_may_begin_with_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert folder("~/inbox") == Path("/home/ada/inbox")


@pytest.mark.parametrize("written", ["", "  ", None, 7, ["a"], "a\0b"])
def test_what_is_no_path_is_refused(written: Any) -> None:
    with pytest.raises(BadValue, match="is not a path"):
        folder(written)


def test_the_home_of_an_unknown_user_is_refused() -> None:
    with pytest.raises(BadValue, match="a user who is not known"):
        folder("~nobody-of-that-name/inbox")
