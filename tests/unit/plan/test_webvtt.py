from __future__ import annotations

from pipeline.plan.webvtt import escaped

WRITTEN = "WEBVTT\n\n00:00.500 --> 00:01.500\n<i>I <3 you</i> & a --> b\n<world>\n"


def test_words_are_escaped_while_times_and_styles_stay() -> None:
    assert escaped(WRITTEN) == (
        "WEBVTT\n\n00:00.500 --> 00:01.500\n<i>I &lt;3 you</i> &amp; a --&gt; b\n&lt;world&gt;\n"
    )
