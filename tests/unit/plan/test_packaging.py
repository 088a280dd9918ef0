from __future__ import annotations

from pathlib import Path

from pipeline.plan.packaging import heard_by_default, package_argv
from pipeline.settings.profiles import Profile, VideoSettings
from tests.unit.plan.sources import plan, sound, source

PACKAGER = Path("/tools/packager")
VIDEO = VideoSettings(ladder=(240,))
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
        "playlist_name=audio.m3u8,hls_group_id=audio,hls_name=main",
        "--segment_duration=4",
        "--fragment_duration=2",
        "--segment_sap_aligned=true",
        "--fragment_sap_aligned=true",
        "--temp_dir=.",
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


def test_the_only_sound_is_the_default_one() -> None:
    master = '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI="audio.m3u8",DEFAULT=NO,AUTOSELECT=YES\n'
    assert 'URI="audio.m3u8",DEFAULT=YES,AUTOSELECT=YES' in heard_by_default(master)


def test_of_several_sounds_none_is_made_the_default() -> None:
    line = '#EXT-X-MEDIA:TYPE=AUDIO,URI="{}.m3u8",DEFAULT=NO\n'
    master = line.format("a") + line.format("b")
    assert heard_by_default(master) == master
