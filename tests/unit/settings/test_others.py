"""`profiles.yml`, `schedules.yml` and `notifications.yml`: how each mistake is told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from pipeline.settings.profiles import Profile
from pipeline.settings.schedules import Solar

if TYPE_CHECKING:
    from tests.unit.settings.conftest import Configuration


def test_a_profile_is_read_with_bitrates_in_bits_and_the_largest_rung_first(
    config: Configuration,
) -> None:
    config.write(
        "profiles.yml",
        """\
web:
  video: {codec: h264, ladder: [360, 1080, 360], crf: 20, preset: veryfast, gop_seconds: 4}
  audio: {codec: aac, bitrate: 96k}
  package: [dash, dash]
""",
    )
    profile = config.load().profile("web")
    assert profile.video.ladder == (1080, 360)
    assert (profile.video.crf_of("h264"), profile.video.preset, profile.video.gop_seconds) == (
        *(20, "veryfast"),
        4.0,
    )
    assert profile.audio.bitrate == 96_000
    assert profile.package == ("dash",)


def test_a_profile_without_keys_has_all_defaults(config: Configuration) -> None:
    config.write("profiles.yml", "web:\n")
    assert config.load().profile("web") == Profile()


def test_a_profile_may_take_over_from_another(config: Configuration) -> None:
    config.write(
        "profiles.yml",
        """\
web: &web
  video: {crf: 20}
  package: [hls]
film:
  <<: *web
  package: [mp4]
""",
    )
    film = config.load().profile("film")
    assert (film.video.crf_of("h264"), film.package) == (20, ("mp4",))


def test_a_profile_survives_the_trip_through_json() -> None:
    profile = Profile()
    assert Profile.model_validate(profile.model_dump(mode="json")) == profile


@pytest.mark.parametrize(
    ("text", "key", "value", "problem", "hint"),
    [
        ("video: {crff: 20}", "video.crff", "20", "is not a key here", "Did you mean 'crf'?"),
        ("crf: 20", "crf", "20", "is not a key here", "It belongs below `video`."),
        ("video: {crf: 52}", "video.crf", "52", "must be at most 51", ""),
        ("video: {crf: -1}", "video.crf", "-1", "must be at least 0", ""),
        ("video: {crf: low}", "video.crf", "low", "is not a whole number", ""),
        ("video: {preset: fats}", "video.preset", "fats", "not a valid", "Did you mean 'fast'?"),
        ("video: {encoder: nvec}", "video.encoder", "nvec", "not a valid", "Did you mean 'nvenc'?"),
        ("video: {ladder: 720}", "video.ladder", "720", "is not a list", "[one, two]"),
        ("video: {ladder: []}", "video.ladder", None, "needs at least 1 entry", ""),
        ("video: {ladder: }", "video.ladder", "", "has no value", "default"),
        ("video: {ladder: [721]}", "video.ladder[0]", "721", "must be a multiple of 2", ""),
        ("video: {ladder: [720, 8]}", "video.ladder[1]", "8", "must be at least 16", ""),
        (
            "video: {ladder: [720p]}",
            "video.ladder[0]",
            "720p",
            "is not a whole number",
            "Write 720.",
        ),
        ("video: {gop_seconds: 0}", "video.gop_seconds", "0", "must be more than 0", ""),
        ("audio: {bitrate: loud}", "audio.bitrate", "loud", "is not a bitrate", "128k"),
        ("audio: {bitrate: 8k}", "audio.bitrate", "8k", "must be at least 16000", ""),
        ("audio: {bitrate: 2M}", "audio.bitrate", "2M", "must be at most 512000", ""),
        ("audio: {codec: mp3}", "audio.codec", "mp3", "is not a valid choice", "Valid: aac, opus."),
        ("video: {codec: h265}", "video.codec", "h265", "is not a valid choice", "mean 'hevc'?"),
        ("video: {codec: x264}", "video.codec", "x264", "is not a valid choice", "mean 'h264'?"),
        ("audio: {languages: [french]}", "audio.languages[0]", "french", "language's code", "fra"),
        ("audio: {loudness: -3}", "audio.loudness", "-3", "must be at most -5", ""),
        ("video: {codec: [h264, av2]}", "video.codec[1]", "av2", "valid", "Did you mean 'av1'?"),
        ("video: {codec: [h264, av1], crf: 20}", "video.crf", "20", "several", "av1: 32}"),
        ("video: {codec: av1, crf: {av1: 64}}", "video.crf.av1", "64", "at most 63", ""),
        ("video: {crf: {av2: 30}}", "video.crf.av2", "30", "valid choice", "Did you mean 'av1'"),
        ("video: {max_bitrate: fast}", "video.max_bitrate", "fast", "is not a bitrate", "2.5M"),
        ("video: {hdr: true}", "video.hdr", "true", "needs a codec", "codec: [h264, hevc]"),
        ("trim: {start: 5s, end: 2s}", "trim", None, "ends before it starts", "later"),
        ("watermark: {}", "watermark.file", None, "is missing", "Add it"),
        ("watermark: {file: m.png, corner: up}", "watermark.corner", "up", "valid", "top-left"),
        ("damaged: fix", "damaged", "fix", "is not a valid choice", "refuse, salvage"),
        ("package: [hsl]", "package[0]", "hsl", "is not a valid choice", "Did you mean 'hls'?"),
        ("package: []", "package", None, "needs at least 1 entry", ""),
    ],
)
def test_a_mistake_in_a_profile_is_told_with_its_place(
    config: Configuration, text: str, key: str, value: str | None, problem: str, hint: str
) -> None:
    config.write("profiles.yml", f"web:\n  {text}\n")
    mistake = config.mistake()
    assert (mistake.file, mistake.line) == (config.folder / "profiles.yml", 2)
    assert (mistake.key, mistake.value) == (f"web.{key}", value)
    assert problem in mistake.problem
    assert hint in mistake.hint


def test_schedules_have_a_cron_line_or_a_span_of_time(config: Configuration) -> None:
    config.write(
        "schedules.yml",
        """\
often: {task: scan, every: 1m}
nightly:
  task: scan
  folder: media/inbox
  cron: "0 2 * * mon-fri"
  timezone: Europe/Paris
  expires: 1h
  enabled: false
""",
    )
    schedules = config.load().schedules
    assert schedules["often"].every == timedelta(minutes=1)
    assert (schedules["often"].folder, schedules["often"].enabled) == (None, True)
    assert schedules["nightly"].cron == "0 2 * * 1-5"
    assert schedules["nightly"].folder == config.root / "media/inbox"
    assert schedules["nightly"].expires == timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "key", "value", "problem", "hint"),
    [
        ("every: 1m", ".task", None, "is missing", "`task: …`"),
        ("task: scna, every: 1m", ".task", "scna", "valid choice", "Did you mean 'scan'?"),
        ("task: scan", "", None, "does not say when", "Write one"),
        ("task: scan, every: 1m, cron: '@daily'", ".every", "1m", "both say when", "Keep"),
        ("task: clean, folder: a, every: 1m", ".folder", "a", "only for the task scan", "takes"),
        ("task: clean, urgent: 3, every: 1m", ".urgent", "3", "only for the task encode", "Remove"),
        ("task: encode", "", None, "it has no `window`", "22:00-06:00"),
        ("task: scan, window: '1:00-2:00'", ".window", "1:00-2:00", "for the task encode", ""),
        (
            *("task: encode, window: '1:00-2:00', jitter: 1m", ".jitter", "1m"),
            *("is nothing for the task encode", "encode takes"),
        ),
        ("task: encode, window: night", ".window", "night", "not a window of hours", "22:00-06:00"),
        ("task: encode, window: '9:00-9:00'", ".window", "9:00-9:00", "closes when it opens", ""),
        ("task: encode, window: '9:00-24:30'", ".window", "9:00-24:30", "past 24:00", ""),
        (
            *("task: encode, window: '9:00-17:00', days: [mon, fry]", ".days", None),
            *("'fry' as day of week", "sun to sat"),
        ),
        (
            *("task: encode, window: '9:00-17:00', profiles: wep", ".profiles", "wep"),
            *("is not in profiles.yml", "Did you mean 'web'?"),
        ),
        ("task: scan, at: tomorrow", ".at", "tomorrow", "is not a date and time", "2026-12-24"),
        ("task: scan, at: 2026-12-24", ".at", "2026-12-24", "has no time of day", "18:00"),
        ("task: scan, every: 1m, jitter: 2m", ".jitter", "2m", "longer than the period", "1m"),
        (
            *("task: scan, solar: {event: sunsett, latitude: 1, longitude: 2}", ".solar.event"),
            *("sunsett", "is not a valid choice", "Did you mean 'sunset'?"),
        ),
        (
            *("task: scan, solar: {event: sunset, latitude: 91, longitude: 2}", ".solar.latitude"),
            *("91", "is not between -90 and 90", "North"),
        ),
        (
            *("task: scan, solar: {event: sunset, latitude: 89.95, longitude: 2}",),
            *(".solar.latitude", "89.95", "is so near a pole", "solar_noon"),
        ),
        (
            *("task: scan, solar: {event: sunset, latitude: 1, longitude: e}", ".solar.longitude"),
            *("e", "is not a number of degrees", "48.8566"),
        ),
        (
            "task: scan, solar: {event: sunset, latitude: 1}",
            ".solar.longitude",
            None,
            "missing",
            "",
        ),
        ("task: scan, every: 0s", ".every", "0s", "must be whole seconds", "30s"),
        ("task: scan, every: 500", ".expires", "often", "not a span of time", "1h30m"),
        ("task: scan, cron: 0 25 * * *", ".cron", "0 25 * * *", "'25' as hour", "0 to 23"),
        ("task: scan, cron: 5", ".cron", "5", "is not a cron line", "in quotes"),
        (
            *("task: scan, every: 1m, timezone: Europe/Pariss", ".timezone", "Europe/Pariss"),
            *("is not a time zone", "Did you mean 'Europe/Paris'?"),
        ),
        (
            *("task: scan, every: 1m, timezone: europe/paris", ".timezone", "europe/paris"),
            *("is not a time zone", "Did you mean 'Europe/Paris'?"),
        ),
        (
            *("task: scan, every: 1m, timezone: ../../etc", ".timezone", "../../etc"),
            *("is not a time zone", ""),
        ),
        (
            *("task: scan, every: 1m, enabled: 'no'", ".enabled", "no"),
            *("is neither true nor false", "without quotes"),
        ),
        ("task: scan, evry: 1m, cron: '@daily'", ".evry", "1m", "not a key", "'every'"),
    ],
)
def test_a_mistake_in_a_schedule_is_told_with_its_place(
    config: Configuration, text: str, key: str, value: str | None, problem: str, hint: str
) -> None:
    extra = ", expires: often" if key == ".expires" else ""
    config.write("schedules.yml", f"\nnightly: {{{text}{extra}}}\n")
    mistake = config.mistake()
    assert (mistake.file, mistake.line) == (config.folder / "schedules.yml", 2)
    assert (mistake.key, mistake.value) == (f"nightly{key}", value)
    assert problem in mistake.problem
    assert hint in mistake.hint


def test_channels_have_an_address_and_hear_of_what_went_wrong(config: Configuration) -> None:
    config.write(
        "notifications.yml",
        """\
channels:
  team:
    url: ${env:HOOK}
  boss: {url: "json://localhost", on: [succeeded, succeeded]}
""",
    )
    channels = config.load(HOOK="slack://a/b/c").notifications.channels
    assert channels["team"].url.get_secret_value() == "slack://a/b/c"
    assert channels["team"].on == ("failed", "expired", "damaged", "waiting")
    assert channels["boss"].on == ("succeeded",)


@pytest.mark.parametrize("text", ["", "channels:\n", "channels: {}\n", "# nothing\n"])
def test_there_may_be_no_channels(config: Configuration, text: str) -> None:
    config.write("notifications.yml", text)
    assert config.load().notifications.channels == {}


@pytest.mark.parametrize(
    ("text", "key", "problem", "hint"),
    [
        ("{url: hunter2}", ".url", "is not an address of Apprise", "slack://"),
        ("{url: '://hunter2'}", ".url", "is not an address of Apprise", "slack://"),
        ("{url: 'slack://'}", ".url", "is not an address of Apprise", "slack://"),
        ("{on: [failed]}", ".url", "is missing", "`url: …`"),
        ("{url: 'a://hunter2', on: [fialed]}", ".on[0]", "is not a valid", "Did you mean 'failed'"),
        ("{url: 'a://hunter2', on: failed}", ".on", "is not a list", "[one, two]"),
        ("{url: 'a://hunter2', on: []}", ".on", "needs at least 1 entry", ""),
        ("{url: 'a://hunter2', no: x}", ".no", "is not a key here", "Did you mean 'on'?"),
        ("hunter2", "", "is not a section", "indented"),
        ("{url: '${env:HOOK}'}", ".url", "variable HOOK is not set", "Set it"),
        ("{url: '${HOOK}'}", ".url", "${HOOK} is not a reference", "${env:HOOK}"),
    ],
)
def test_a_mistake_in_a_channel_is_told_without_its_secret(
    config: Configuration, text: str, key: str, problem: str, hint: str
) -> None:
    config.write("notifications.yml", f"channels:\n  team: {text}\n")
    mistake = config.mistake()
    assert (mistake.file, mistake.line) == (config.folder / "notifications.yml", 2)
    assert mistake.key == f"channels.team{key}"
    assert problem in mistake.problem
    assert hint in mistake.hint
    assert "hunter2" not in f"{mistake} {mistake.hint}"


@pytest.mark.parametrize("text", ["team: {url: 'a://hunter2'}\n", "team: a://hunter2\n"])
def test_a_key_beside_the_channels_is_no_channel(config: Configuration, text: str) -> None:
    config.write("notifications.yml", text)
    mistake = config.mistake()
    assert (mistake.key, mistake.problem) == ("team", "is not a key here")
    assert mistake.hint == "Valid: channels."
    assert mistake.value is None


@pytest.mark.parametrize(
    ("file", "text", "key"),
    [
        ("profiles.yml", "web: {}\nmob/ile: {}\n", "mob/ile"),
        ("profiles.yml", "web: {}\n'': {}\n", ""),
        ("schedules.yml", "\n' a': {task: scan, every: 1m}\n", " a"),
        ("notifications.yml", "channels:\n  \"a\\nb\": {url: 'a://b'}\n", "channels.a\nb"),
    ],
)
def test_a_name_has_no_slashes_line_breaks_or_spaces_around_it(
    config: Configuration, file: str, text: str, key: str
) -> None:
    config.write(file, text)
    mistake = config.mistake()
    assert (mistake.key, mistake.problem, mistake.line) == (key, "is not a name", 2)


def test_a_name_fits_into_the_tables(config: Configuration) -> None:
    config.write("profiles.yml", f"web: {{}}\n{'x' * 101}: {{}}\n")
    mistake = config.mistake()
    assert (mistake.problem, mistake.line) == ("is too long a name", 2)


def test_a_mistake_in_a_secret_that_is_a_reference_shows_the_reference(
    config: Configuration,
) -> None:
    config.write("notifications.yml", "channels:\n  team: {url: '${env:HOOK}'}\n")
    mistake = config.mistake(HOOK="hunter2")
    assert mistake.value == "${env:HOOK}"
    assert "hunter2" not in f"{mistake} {mistake.hint}"


def test_noon_comes_at_a_pole_too() -> None:
    place = {"latitude": "-90", "longitude": "10"}
    assert Solar.model_validate({"event": "solar_noon", **place}).latitude == -90
