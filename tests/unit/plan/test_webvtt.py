from __future__ import annotations

import math

from pipeline.plan.webvtt import escaped, spoken, within

WRITTEN = "WEBVTT\n\n00:00.500 --> 00:01.500\n<i>I <3 you</i> & a --> b\n<world>\n"


def test_words_are_escaped_while_times_and_styles_stay() -> None:
    assert escaped(WRITTEN) == (
        "WEBVTT\n\n00:00.500 --> 00:01.500\n<i>I &lt;3 you</i> &amp; a --&gt; b\n&lt;world&gt;\n"
    )


CUES = "WEBVTT\n\n00:00.500 --> 00:01.500\nfirst\n\n00:02.000 --> 01:00:03.200 line:0\nsecond\n"


def test_what_is_said_at_the_edges_of_a_part_is_said_no_longer_than_there() -> None:
    assert within(CUES, 1.25, 3.0) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.250\nfirst"
        "\n\n00:00:00.750 --> 00:00:01.750 line:0\nsecond\n"
    )
    assert within(CUES, 1.5, 2.0) == "WEBVTT"


def test_all_of_it_stays_as_it_is() -> None:
    assert within(CUES, 0, math.inf) == CUES


def test_what_is_said_on_a_clock_that_begins_late_is_said_later() -> None:
    assert "\n00:00:01.700 --> 00:00:02.700\nfirst" in within(CUES, -1.2, math.inf)


def test_drawings_are_no_words() -> None:
    drawn = "00:01.000 --> 00:02.000\n<b>m 0 0 l 100 0 b 1.5 -2 3 4 5 6</b>"
    words = "00:03.000 --> 00:04.000\nm I am"
    assert spoken(f"WEBVTT\n\n{drawn}\n\n{words}\n") == f"WEBVTT\n\n{words}\n"
