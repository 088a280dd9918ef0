from __future__ import annotations

from pathlib import Path

from pipeline.plan.packaging import package_argv, plain, with_defaults
from pipeline.settings.profiles import AudioSettings, Profile, VideoSettings
from tests.unit.plan.sources import plan, sound, source, words

PACKAGER = Path("/tools/packager")
VIDEO = VideoSettings(ladder=(240,))
ONE = Profile(video=VIDEO)
INPUTS = {"rendition:240p": Path("0.mp4"), "rendition:audio": Path("1.m4a")}


def test_hls_and_dash_share_one_set_of_segments() -> None:
    made = plan(source(audio=(sound(language="fra"),)), Profile(video=VIDEO))
    assert package_argv(PACKAGER, made, INPUTS) == [
        "/tools/packager",
        "in=0.mp4,stream=video,init_segment=stream/v-240p/init.mp4,"
        "segment_template=stream/v-240p/$Number%05d$.m4s,"
        "playlist_name=240p.m3u8,iframe_playlist_name=240p-iframe.m3u8",
        "in=1.m4a,stream=audio,init_segment=stream/audio/init.mp4,"
        "segment_template=stream/audio/$Number%05d$.m4s,"
        "playlist_name=audio.m3u8,hls_group_id=audio,hls_name=fra,language=fra",
        "--segment_duration=4",
        "--fragment_duration=2",
        "--segment_sap_aligned=true",
        "--fragment_sap_aligned=true",
        "--temp_dir=.",
        "--io_cache_size=1048576",
        "--hls_master_playlist_output=stream/master.m3u8",
        "--hls_playlist_type=VOD",
        "--mpd_output=stream/manifest.mpd",
        "--generate_static_live_mpd=true",
        "--default_language=fra",
    ]


def test_dash_alone_makes_no_playlist() -> None:
    made = plan(source(), Profile(video=VIDEO, package=("dash",)))
    line = " ".join(package_argv(PACKAGER, made, INPUTS))
    assert "m3u8" not in line
    assert "manifest.mpd" in line


def test_hls_alone_makes_no_manifest() -> None:
    made = plan(source(), Profile(video=VIDEO, package=("hls",)))
    line = " ".join(package_argv(PACKAGER, made, INPUTS))
    assert "mpd" not in line
    assert "--default_language" not in line


def test_a_text_is_segmented_as_it_is_for_hls_and_in_mp4_for_dash() -> None:
    made = plan(source(texts=(words(2, language="ger", title="Deutsch, für alle"),)), ONE)
    inputs = {**INPUTS, "rendition:subtitles-ger": Path("2.vtt")}
    line = package_argv(PACKAGER, made, inputs)
    assert line[2:4] == [
        "in=2.vtt,stream=text,segment_template=stream/subtitles-ger/$Number%05d$.vtt,"
        "playlist_name=subtitles-ger.m3u8,hls_group_id=subtitles,hls_name=Deutsch für alle,"
        "hls_only=1,language=ger",
        "in=2.vtt,stream=text,init_segment=stream/subtitles-ger-mp4/init.mp4,"
        "segment_template=stream/subtitles-ger-mp4/$Number%05d$.m4s,dash_only=1,"
        "dash_roles=subtitle,language=ger",
    ]


def test_a_text_without_a_file_is_left_out() -> None:
    made = plan(source(texts=(words(2),)), ONE)
    assert not any("stream=text" in part for part in package_argv(PACKAGER, made, INPUTS))


def test_sounds_of_several_codecs_are_groups_of_their_own() -> None:
    both = Profile(video=VIDEO, audio=AudioSettings(codec=("aac", "opus")))
    made = plan(source(audio=(sound(),)), both)
    line = " ".join(package_argv(PACKAGER, made, {**INPUTS, "rendition:audio-opus": Path("2.m4a")}))
    assert "hls_group_id=audio," in line
    assert "hls_group_id=audio-opus," in line


def test_what_nobody_chose_is_what_the_source_marks_as_default() -> None:
    tracks = (sound(1, language="eng"), sound(2, language="fra", default=True))
    made = plan(source(audio=tracks, texts=(words(3), words(4, default=True))))
    line = '#EXT-X-MEDIA:TYPE=X,URI="{}.m3u8",NAME="x",DEFAULT={},AUTOSELECT=YES\n'
    names = ["audio", "audio-eng", "subtitles-1", "subtitles-2"]
    master = "#EXTM3U\n" + "".join(line.format(name, "NO") for name in names)
    wanted = "#EXTM3U\n" + "".join(
        line.format(name, word)
        for name, word in zip(names, ["YES", "NO", "NO", "YES"], strict=True)
    )
    assert with_defaults(master, made) == wanted


def test_a_label_holds_nothing_that_ends_a_field() -> None:
    assert plain('Commentaire, "x"=\n1') == "Commentaire x 1"
    assert plain('",') == "unnamed"
