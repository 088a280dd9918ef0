"""Cron lines: everything taken here must mean the same to Celery, which is asked."""

from __future__ import annotations

import pytest
from celery.schedules import crontab_parser
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.settings.cron import cron
from pipeline.settings.errors import BadValue


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("0 2 * * *", "0 2 * * *"),
        ("*/15 0-6,18 1,15 * 1-5", "*/15 0-6,18 1,15 * 1-5"),
        ("0 5 * * mon-fri", "0 5 * * 1-5"),
        ("0 5 1 JAN,jul *", "0 5 1 1,7 *"),
        ("0 5 * * 7", "0 5 * * 0"),
        ("0 5 * * 5-7", "0 5 * * 0,5,6"),
        ("0 5 * * 1-7/2", "0 5 * * 0,1,3,5"),
        ("0 5 * * 7-2", "0 5 * * 0-2"),
        ("0 5 * * 07", "0 5 * * 0"),
        ("0 5 * * 0,7,sun", "0 5 * * 0"),
        ("0 5 * * 0-7", "0 5 * * 0,1,2,3,4,5,6"),
        ("0 5 * * fri-sun", "0 5 * * 0,5,6"),
        ("0 5 * * 5-sun", "0 5 * * 0,5,6"),
        ("0 5 * * 5-7,sun", "0 5 * * 0,5,6"),
        ("0 5 * * mon-sun/2", "0 5 * * 0,1,3,5"),
        ("0 5 * * mon-7/3", "0 5 * * 0,1,4"),
        ("0 5 * * sat-sun,wed", "0 5 * * 0,6,3"),
        ("0 5 * * sun-tue", "0 5 * * 0-2"),
        ("0 5 * * sun-sun", "0 5 * * 0-0"),
        ("0 5 * * 7-sun", "0 5 * * 0-0"),
        ("0 5 * * 0-sun", "0 5 * * 0-0"),
        ("0 5 29 2 *", "0 5 29 2 *"),
        ("@daily", "0 0 * * *"),
        ("@Weekly", "0 0 * * 0"),
        ("  0   5 * * *  ", "0 5 * * *"),
        ("10-50/20 * * * *", "10-50/20 * * * *"),
    ],
)
def test_a_cron_line_is_written_in_numbers(line: str, written: str) -> None:
    assert cron(line) == written


@pytest.mark.parametrize("line", ["", "soon", "0 5 * *", "0 5 * * * *", "@noon"])
def test_a_line_without_five_fields_is_refused(line: str) -> None:
    with pytest.raises(BadValue, match="fields and not five") as caught:
        cron(line)
    assert "@daily" in caught.value.hint


@pytest.mark.parametrize(
    ("line", "problem", "hint"),
    [
        ("61 * * * *", "'61' as minute", "0 to 59"),
        ("* 24 * * *", "'24' as hour", "0 to 23"),
        ("* * 0 * *", "'0' as day of month", "1 to 31"),
        ("* * * 13 *", "'13' as month", "1 to 12 or jan to dec"),
        ("* * * * 8", "'8' as day of week", "0 to 7 or sun to sat; Sunday is 0, 7 or sun."),
        ("* * * * 5-8", "'8' as day of week", "0 to 7 or sun to sat; Sunday is 0, 7 or sun."),
        ("* * * * funday", "'funday' as day of week", "sun to sat"),
        ("* * * * Mun-fri", "'mun' as day of week", "Did you mean 'mon'? It goes from 0 to 7"),
        ("* * * juni *", "'juni' as month", "Did you mean 'jun'?"),
        ("mon * * * *", "'mon' as minute", "0 to 59"),
        ("* 22-5 * * *", "'22-5' as hour, which goes backwards", "22-23,0-5"),
        ("* * * * fri-mon", "'fri-mon' as day of week, which goes backwards", "fri-sat,sun-mon."),
        ("* * * * 5-1", "'5-1' as day of week, which goes backwards", "5-6,0-1."),
        ("* * * * 6-1", "'6-1' as day of week, which goes backwards", "Write 6,0-1."),
        ("* * * * fri-1", "'fri-1' as day of week, which goes backwards", "fri-6,0-1."),
        ("* * * * 5-0", "'5-0' as day of week, which goes backwards", "Write 5-7."),
        ("* * * * sat-0", "'sat-0' as day of week, which goes backwards", "Write sat-7."),
        ("* * * nov-jan *", "'nov-jan' as month, which goes backwards", "Write nov-dec,jan."),
        ("* * * dec-mar *", "'dec-mar' as month, which goes backwards", "Write dec,jan-mar."),
        ("* * * * 7/2", "'7/2' as day of week, a step without a range", "0-7/2, or 7 alone."),
        (
            "* * * * sun/2",
            "'sun/2' as day of week, a step without a range",
            "sun-7/2, or sun",
        ),
        ("* * * * 5/2", "'5/2' as day of week, a step without a range", "5-7/2, or 5 alone"),
        ("* * * dec/2 *", "'dec/2' as month, a step without a range", "Write dec alone."),
        ("5/15 * * * *", "'5/15' as minute, a step without a range", "5-59/15, or 5 alone"),
        ("*/0 * * * *", "'*/0' as minute", "/1 to /59"),
        ("*/90 * * * *", "'*/90' as minute", "/1 to /59"),
        ("1,,2 * * * *", "'' as minute", "1,15"),
        ("-5 * * * *", "'-5' as minute", "1-5"),
        ("1-2-3 * * * *", "'1-2-3' as minute", "1-5"),
        ("* * L * *", "'l' as day of month", "1 to 31"),
        ("² * * * *", "'²' as minute", "1-5"),
    ],
)
def test_a_field_that_can_not_be_is_named_with_what_could(
    line: str, problem: str, hint: str
) -> None:
    with pytest.raises(BadValue) as caught:
        cron(line)
    assert problem in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize("line", ["0 0 30 2 *", "0 0 31 2,4,6 *"])
def test_a_day_that_never_comes_is_refused(line: str) -> None:
    with pytest.raises(BadValue, match="never comes"):
        cron(line)


def _field(low: int, high: int) -> st.SearchStrategy[tuple[str, set[int]]]:
    number = st.integers(low, high)
    step = st.integers(1, min(high, 6))

    def between(ends: tuple[int, int], every: int) -> tuple[str, set[int]]:
        first, last = sorted(ends)
        return f"{first}-{last}/{every}", set(range(first, last + 1, every))

    terms = st.one_of(
        number.map(lambda n: (str(n), {n})),
        step.map(lambda n: (f"*/{n}", set(range(low, high + 1, n)))),
        st.builds(between, st.tuples(number, number), step),
    )
    return st.lists(terms, min_size=1, max_size=3).map(
        lambda found: (",".join(text for text, _ in found), set().union(*(n for _, n in found)))
    )


@settings(deadline=None)  # the machine may be busy
@given(_field(0, 59), _field(0, 23), _field(1, 12), _field(0, 7))
def test_celery_takes_every_line_for_what_it_means(
    minute: tuple[str, set[int]],
    hour: tuple[str, set[int]],
    month: tuple[str, set[int]],
    weekday: tuple[str, set[int]],
) -> None:
    line = f"{minute[0]} {hour[0]} * {month[0]} {weekday[0].replace('*', '0-6')}"
    meant = cron(line).split()
    days = {day % 7 for day in weekday[1]} if "*" not in weekday[0] else None
    assert crontab_parser(60).parse(meant[0]) == minute[1]
    assert crontab_parser(24).parse(meant[1]) == hour[1]
    assert crontab_parser(31, 1).parse(meant[2]) == set(range(1, 32))
    assert crontab_parser(12, 1).parse(meant[3]) == month[1]
    assert days is None or crontab_parser(7).parse(meant[4]) == days


@pytest.mark.parametrize("first", range(8))
@pytest.mark.parametrize("last", range(8))
@pytest.mark.parametrize("names", [False, True])
def test_what_a_hint_says_of_a_range_of_days_is_taken_and_means_what_was_meant(
    first: int, last: int, names: bool
) -> None:
    days = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "7")
    term = f"{days[first]}-{days[last]}" if names else f"{first}-{last}"
    try:
        written = cron(f"0 0 * * {term}")
    except BadValue as refused:
        written = cron(f"0 0 * * {refused.hint.removeprefix('Write ').rstrip('.')}")
    day, meant = first % 7, {first % 7}
    while day != last % 7:
        day = (day + 1) % 7
        meant.add(day)
    whole_week = (first, last) == (0, 7)
    found = crontab_parser(7).parse(written.split()[4])
    assert found == (set(range(7)) if whole_week else meant)
