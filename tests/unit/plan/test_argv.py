from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline.plan.argv import Muxed, encode_argv, mux_argv, sound_argv, text_argv
from pipeline.plan.codecs import ENCODERS, longest_gop
from pipeline.plan.plan import Plan
from pipeline.plan.reading import DEMUXERS
from pipeline.plan.renditions import SoundRendition
from pipeline.plan.source import AudioStream, Pause, Source
from pipeline.settings.profiles import (
    AudioSettings,
    Profile,
    TrimSettings,
    VideoSettings,
    WatermarkSettings,
)
from pipeline.settings.values import PIXELS
from tests.unit.plan.sources import plan, sound, source, words

FFMPEG = Path("/tools/ffmpeg")
#: What fences in a file of our own making.
WHOLE = ("-fflags", "+noparse")
OURS = ("-format_whitelist", "mov,matroska", "-protocol_whitelist", "file")
COPIED_TO_NOWHERE = (*("0:0", "-f", "null", "-c", "copy", "-bsf", "noise=amount=0:drop=1", "-"),)
SMALL = Profile(video=VideoSettings(ladder=(240, 144), preset="veryfast", crf=21))
SOUND_AND_RUNGS = ("audio.m4a", "720p.mp4", "480p.mp4")
KEY_FRAMES = (
    "expr:if(isnan(prev_forced_t),1,gt(floor((t+0.00105)/2),floor((prev_forced_t+0.00105)/2)))"
)


def argv(made: Plan, *steps: str) -> list[str]:
    unit = made.units[0]
    outputs = {
        step: Path("/jobs") / f"{step.partition(':')[2]}.mp4" for step in steps or unit.steps
    }
    encoders = {video.name: ENCODERS[video.codec]["cpu"] for video in made.videos}
    return encode_argv(FFMPEG, made, outputs, encoders=encoders, cores=2)


def muxed(rung: str, sounds: Sequence[tuple[SoundRendition, Path]] = ()) -> Muxed:
    return Muxed(Path(f"/s/{rung}.mp4"), Path(f"/w/{rung}.mp4"), sounds)


def graphs(arguments: list[str]) -> list[str]:
    return [after for part, after in pairwise(arguments) if part == "-filter_complex"]


def graph(arguments: list[str]) -> str:
    return ";".join(graphs(arguments))


def test_one_command_decodes_once_scales_in_a_cascade_and_encodes_the_sound_once() -> None:
    made = plan(source(640, 360, audio=(sound(2, channels=6),)), SMALL)

    def video(label: str, threads: str, file: str) -> list[str]:
        return [
            *("-map", label, "-f", "mp4", "-c:v", "libx264", "-crf", "21"),
            *("-enc_time_base", "demux", "-flags", "+cgop", "-force_key_frames", KEY_FRAMES),
            *("-fps_mode", "passthrough", "-g", "250", "-map_chapters", "-1"),
            *("-map_metadata", "-1", "-preset", "veryfast", "-profile:v", "high"),
            *("-sc_threshold", "0", "-threads:v", threads),
            *("-video_track_timescale", "90000", file),
        ]

    assert argv(made) == [
        "/tools/ffmpeg",
        *("-format_whitelist", ",".join(DEMUXERS), "-max_error_rate", "1"),
        *("-max_pixels", str(PIXELS["8K"]), "-max_streams", "1000"),
        *("-protocol_whitelist", "file,pipe", "-reinit_filter:v", "0"),
        *("-i", "file:/inbox/clip.mp4"),
        "-filter_complex",
        "[0:0]scale=h=360:w=640[s0];[s0]setpts=if(eq(N\\,0)\\,0\\,PTS)[s1];"
        "[s1]scale=flags=bicubic:h=240:out_range=tv:w=426[s2];[s2]setsar=1[s3];"
        "[s3]format=pix_fmts=yuv420p[s4];[s4]split=2[s5][s6];"
        "[s6]scale=flags=bicubic:h=144:w=256[s7];[s7]setsar=1[s8];"
        "[s8]format=pix_fmts=yuv420p[s9]",
        "-filter_complex",
        "[0:2]aresample=async=1:first_pts=0:min_hard_comp=0.1[s10];[s10]aformat=channel_layouts=stereo[s11]",
        *video("[s5]", "3", "file:/jobs/240p.mp4"),
        *video("[s9]", "1", "file:/jobs/144p.mp4"),
        *("-map", "[s11]", "-f", "mp4", "-ar", "48000", "-b:a", "128000", "-c:a", "aac"),
        *("-map_chapters", "-1", "-map_metadata", "-1", "file:/jobs/audio.mp4"),
        *("-nostdin", "-hide_banner", "-nostats", "-progress", "pipe:1"),
        *("-loglevel", "level+warning", "-y"),
    ]


def test_sound_of_a_film_that_begins_late_is_not_taken_for_joined() -> None:
    waits = (Pause(after_s=0, length_s=7),)
    for container, there in (("ogg", True), ("avi", False)):
        made = source(audio=(sound(pauses=waits),)).model_copy(update={"container": container})
        assert ("-dts_delta_threshold" in argv(plan(made))) == there
    whole = source(audio=(sound(),)).model_copy(update={"container": "ogg"})
    assert "-dts_delta_threshold" not in argv(plan(whole))


def test_frames_that_a_decoder_gives_late_are_shown_as_much_earlier() -> None:
    assert "setpts=max(PTS-round(0.080000/TB)\\,0)" in graph(argv(plan(source(delay_s=0.08))))
    assert "setpts=STARTPTS+round(N*0.040000000/TB)" in graph(argv(plan(source(each_s=0.04))))
    assert "round" not in graph(argv(plan(source())))


def test_only_what_is_still_to_do_is_encoded() -> None:
    made = plan(source(audio=(sound(),)))
    arguments = argv(made, "rendition:480p", "rendition:144p")
    assert [part for part in arguments if part.startswith("file:/jobs")] == [
        "file:/jobs/480p.mp4",
        "file:/jobs/144p.mp4",
    ]
    assert graph(arguments).count("scale=flags") == 2
    assert "aresample" not in graph(arguments)


def test_sound_alone_decodes_no_picture() -> None:
    made = plan(source(audio=(sound(),)))
    arguments = argv(made, "rendition:audio")
    assert graphs(arguments) == [
        "[0:1]aresample=async=1:first_pts=0:min_hard_comp=0.1[s0];"
        "[s0]aformat=channel_layouts=stereo[s1]"
    ]
    assert "libx264" not in arguments


def test_fields_are_woven_once_before_the_ladder() -> None:
    chain = graph(argv(plan(source(720, 576, field_order="tt"))))
    assert chain.count("bwdif=deint=all:mode=send_frame:parity=tff") == 1
    assert chain.index("bwdif") < chain.index("split")


def test_a_progressive_picture_is_not_deinterlaced() -> None:
    assert "bwdif" not in graph(argv(plan(source(field_order="progressive"))))


def test_hdr_is_mapped_once_before_the_ladder() -> None:
    hdr = source(color_transfer="smpte2084", color_primaries="bt2020", color_space="bt2020nc")
    chain = graph(argv(plan(hdr)))
    assert chain.count("tonemap=desat=0:tonemap=hable") == 1
    assert chain.index("tonemap") < chain.index("split")


def test_what_an_hdr_source_left_out_is_told_before_it_is_mapped() -> None:
    told = graph(argv(plan(source(color_transfer="arib-std-b67", color_primaries=None))))
    assert "setparams=color_primaries=bt2020" in told
    assert told.index("setparams") < told.index("zscale")


def test_sound_at_a_cd_rate_stays_at_one() -> None:
    cd = argv(plan(source(audio=(sound(sample_rate=22_050),))))
    assert cd[cd.index("-ar") + 1] == "44100"
    dat = argv(plan(source(audio=(sound(sample_rate=96_000),))))
    assert dat[dat.index("-ar") + 1] == "48000"


def test_the_language_of_the_sound_is_kept() -> None:
    french = argv(plan(source(audio=(sound(language="fra"),))))
    assert french[french.index("-metadata:s:a:0") + 1] == "language=fra"


def test_stereo_and_mono_are_not_mixed_but_named_where_nothing_names_them() -> None:
    mono = sound(channels=1, channel_layout="mono")
    assert "channel_layouts" not in graph(argv(plan(source(audio=(mono,)))))
    unnamed = graph(argv(plan(source(audio=(sound(channels=1),)))))
    assert "aformat=channel_layouts=mono" in unnamed


def test_a_broadcasts_sound_is_made_alike_by_one_graph_and_kept_in_time_by_the_next() -> None:
    cast = plan(broadcast(sound(start_s=1.3)))
    told = sound_argv(FFMPEG, cast, cast.sounds, {"rendition:audio": Path("/a.m4a")}, loudness={})
    alike, timed = graphs(told)
    assert alike == (
        "[0:1]aresample=48000[s0];[s0]aformat=channel_layouts=stereo:sample_fmts=fltp[s1];"
        "[s1]anull[s2]"
    )
    assert timed.startswith("[dec:0]aresample=async=1:first_pts=0:min_hard_comp=0.015[s3]")
    # The next graph is told when the sound ends only if a decoder is between them.
    between = told[told.index(alike) + 1 : told.index(timed) - 1]
    assert between[:4] == ["-map", "[s2]", "-c:a", "pcm_f32le"]
    assert between[-5:] == ["-f", "null", "-", "-dec", "0:0"]


@pytest.mark.parametrize(("jumps", "read"), [(0, []), (1, ["0:0"])])
def test_where_recordings_were_joined_their_picture_moves_each_sound_too(
    jumps: int, read: list[str]
) -> None:
    film = source(jumps=jumps, first_pts_s=0.5, audio=(sound(start_s=0.0),))
    cast = plan(film.model_copy(update={"container": "mpegts"}))
    told = sound_argv(FFMPEG, cast, cast.sounds, {"rendition:audio": Path("/a.m4a")}, loudness={})
    mapped = [told[n + 1] for n, part in enumerate(told) if part == "-map"]
    assert [one for one in mapped if one.startswith("0:")] == read


def test_a_sound_is_made_far_behind_the_picture_that_is_read_beside_it_and_put_back() -> None:
    film = source(jumps=1, first_pts_s=0.5, audio=(sound(start_s=0.0),))
    cast = plan(film.model_copy(update={"container": "mpegts"}))
    told = sound_argv(FFMPEG, cast, cast.sounds, {"rendition:audio": Path("/a.m4a")}, loudness={})
    assert "asetpts=PTS-100000/TB" in graphs(told)[-1]
    assert told[told.index("-output_ts_offset") + 1] == "100000"
    assert told.index("-output_ts_offset") < told.index("file:/a.m4a")
    alone = plan(broadcast(sound(start_s=0.5)))
    told = sound_argv(FFMPEG, alone, alone.sounds, {"rendition:audio": Path("/a.m4a")}, loudness={})
    assert "asetpts" not in graphs(told)[-1]
    assert "-output_ts_offset" not in told


def broadcast(track: AudioStream) -> Source:
    made = source(first_pts_s=1.0, audio=(track,))
    return made.model_copy(update={"container": "mpegts", "start_s": 1.0})


def test_a_watermark_stays_in_the_graph_of_the_picture_it_is_laid_over() -> None:
    marked = Profile(watermark=WatermarkSettings(file=Path("/logo;1.png")))
    made = graphs(argv(plan(source(audio=(sound(),)), marked)))
    assert [("overlay" in one, "[1:v:0]" in one) for one in made] == [
        (True, True),
        (False, False),
    ]


def test_fields_that_lie_on_their_side_are_woven_before_they_are_turned() -> None:
    arguments = argv(plan(source(576, 720, field_order="tt", rotation=90, mirrored=True)))
    chain = graph(arguments)
    assert arguments.index("-noautorotate") < arguments.index("-i")
    assert "scale=h=720:w=576" in chain
    assert chain.index("bwdif") < chain.index("transpose=dir=cclock_flip") < chain.index("split")
    assert "-noautorotate" not in argv(plan(source(576, 720, rotation=90)))


def test_no_count_of_frames_makes_a_key_frame_before_its_time() -> None:
    assert longest_gop(plan(source(average_rate=240, nominal_rate=240))) > 240 * 2
    assert longest_gop(plan(source(average_rate=None, nominal_rate=None))) == 250


def test_a_progressive_mp4_is_copied_with_its_index_in_front() -> None:
    made = plan(source(audio=(sound(language="fra"),)))
    sounds = [(made.sounds[0], Path("/w/audio.m4a"))]
    arguments = mux_argv(FFMPEG, [muxed("720p", sounds)], [])
    assert arguments == [
        *("/tools/ffmpeg", *WHOLE, *OURS, "-i", "file:/w/720p.mp4"),
        *(*OURS, "-i", "file:/w/audio.m4a"),
        *("-map", "0:v:0", "-map", "1:a:0", "-f", "mp4", "-c", "copy"),
        *("-disposition:a:0", "default", "-map_chapters", "-1"),
        *("-metadata:s:1", "language=fra", "-metadata:s:a:0", "handler_name=fra"),
        *("-movflags", "+faststart", "file:/s/720p.mp4"),
        *("-nostdin", "-hide_banner", "-nostats", "-loglevel", "error", "-copyts"),
        *("-progress", "pipe:1", "-y"),
    ]


def test_all_progressive_mp4s_come_from_one_reading() -> None:
    made = plan(source(audio=(sound(),)))
    sounds = [(made.sounds[0], Path("/w/audio.m4a"))]
    arguments = mux_argv(FFMPEG, [muxed("720p", sounds), muxed("480p", sounds)], [])
    read = [arguments[at + 1] for at, word in enumerate(arguments) if word == "-i"]
    assert sorted(read) == ["file:/w/480p.mp4", "file:/w/720p.mp4", "file:/w/audio.m4a"]
    parts = " ".join(arguments).split("file:/s/720p.mp4")
    sound_at, first, second = (read.index(f"file:/w/{one}") for one in SOUND_AND_RUNGS)
    assert f"-map {first}:v:0 -map {sound_at}:a:0" in parts[0]
    assert f"-map {second}:v:0 -map {sound_at}:a:0" in parts[1]


def test_a_silent_progressive_mp4_has_one_stream() -> None:
    arguments = mux_argv(FFMPEG, [muxed("720p")], [])
    assert arguments.count("-i") == arguments.count("-map") == 1


def test_title_and_tags_go_into_every_file() -> None:
    files = [muxed("720p"), muxed("480p")]
    arguments = mux_argv(FFMPEG, files, [], tags={"artist": "A", "title": "x = 'y'"})
    assert arguments.count("title=x = 'y'") == arguments.count("artist=A") == 2
    assert arguments[arguments.index("artist=A") - 1] == "-metadata:g:0"


def test_chapters_are_an_input_that_no_stream_is_taken_from() -> None:
    arguments = mux_argv(FFMPEG, [muxed("720p")], [], chapters=Path("/w/c.txt"))
    assert arguments[:13] == [
        *("/tools/ffmpeg", *WHOLE, *OURS, "-i", "file:/w/720p.mp4"),
        *("-f", "ffmetadata", "-i", "file:/w/c.txt"),
    ]
    assert arguments[arguments.index("-map_chapters") + 1] == "1"


def test_every_codec_of_a_rung_is_fed_from_one_scaling() -> None:
    both = Profile(video=VideoSettings(ladder=(240,), codec=("h264", "hevc")))
    arguments = argv(plan(source(640, 360), both))
    assert graph(arguments).count("scale=flags") == 1
    assert "split=2" in graph(arguments)
    assert arguments.count("libx264") == arguments.count("libx265") == 1


def test_hdr_and_ordinary_light_part_before_the_mapping() -> None:
    light: dict[str, Any] = {
        "color_transfer": "smpte2084",
        "color_primaries": "bt2020",
        "color_space": "bt2020nc",
    }
    wanted = VideoSettings(ladder=(240,), codec=("h264", "hevc"), hdr=True)
    chain = graph(argv(plan(source(640, 360, **light), Profile(video=wanted))))
    assert chain.index("split") < chain.index("tonemap")
    assert chain.count("tonemap=desat") == 1
    assert chain.count("format=pix_fmts=yuv420p10le") == 1


def test_a_track_is_decoded_once_for_all_its_sounds() -> None:
    both = Profile(audio=AudioSettings(codec=("aac", "opus"), surround=True))
    chain = graph(argv(plan(source(audio=(sound(1, channels=6),)), both)))
    assert chain.count("aresample") == 1
    assert "asplit=4" in chain
    assert chain.count("aformat=channel_layouts=stereo") == 2


def test_a_trimmed_picture_and_its_sound_are_cut_at_the_same_times() -> None:
    cut = Profile(trim=TrimSettings.model_validate({"start": "1s", "end": "3s"}))
    arguments = argv(plan(source(audio=(sound(),)), cut))
    assert "trim=end=3.000000:start=1.000000" in graph(arguments)
    assert "atrim=end=3.000000:start=1.000000" in graph(arguments)
    assert arguments[arguments.index("-to") + 1] == "4.000"


def test_a_watermark_is_laid_on_once_before_the_ladder_goes_down() -> None:
    marked = Profile(watermark=WatermarkSettings(file=Path("/m.png"), corner="top-left"))
    chain = graph(argv(plan(source(640, 360), marked)))
    assert chain.count("overlay=eof_action=repeat:format=auto:x=13:y=13") == 1
    assert chain.index("overlay") < chain.index("split")


def test_a_text_is_written_as_webvtt_on_the_pictures_clock() -> None:
    made = plan(source(texts=(words(3, language="eng"),)))
    arguments = text_argv(FFMPEG, made, made.texts[0], Path("/w/s.vtt"))
    assert arguments[arguments.index("-map") + 1] == "0:3"
    assert arguments[arguments.index("-c:s") + 1] == "webvtt"
    assert "-ss" not in arguments


def test_a_picture_of_a_rare_matrix_is_not_scaled_before_its_colours_are_changed() -> None:
    chain = graph(argv(plan(source(320, 240, color_space="ycgco"), SMALL)))
    assert "zscale=h=240:m=bt709:w=320" in chain
    assert chain.index("zscale") < chain.index("scale=flags=bicubic")
    turned = source(320, 240, color_space="ycgco", rotation=90)
    assert "zscale=h=320:m=bt709:w=240" in graph(argv(plan(turned, SMALL)))


def test_what_a_broadcast_begins_with_is_read_for_its_clock() -> None:
    sounds = Profile(video=VideoSettings(enabled=False))
    late = sound(1).model_copy(update={"start_s": 0.4})
    film = source(audio=(late, sound(2).model_copy(update={"start_s": 0.5})))
    broadcast = film.model_copy(update={"container": "mpegts"})
    arguments = argv(plan(broadcast, sounds))
    beside = arguments[arguments.index("0:0") :][: len(COPIED_TO_NOWHERE)]
    assert sorted(beside) == sorted(COPIED_TO_NOWHERE)
    assert "0:0" not in argv(plan(film, sounds))
    assert "null" not in argv(plan(broadcast))


def test_a_sound_that_begins_with_its_broadcast_needs_nothing_beside_it() -> None:
    sounds = Profile(video=VideoSettings(enabled=False))
    early = sound(1).model_copy(update={"start_s": -0.05})
    broadcast = source(audio=(early,)).model_copy(update={"container": "mpegts"})
    assert "null" not in argv(plan(broadcast, sounds))


def test_the_field_that_is_shown_first_is_told_where_it_is_known() -> None:
    for order, parity in (("tt", "tff"), ("bb", "bff"), ("tb", "auto")):
        woven = graph(argv(plan(source(720, 576, field_order=order), SMALL)))
        assert f"bwdif=deint=all:mode=send_frame:parity={parity}" in woven
    assert "bwdif" not in graph(argv(plan(source(720, 576, field_order="progressive"), SMALL)))


def test_transparent_parts_are_laid_over_black_by_a_decoder_that_tells_them() -> None:
    clear = source(640, 360, transparent=True, decoder="libvpx-vp9")
    arguments = argv(plan(clear, SMALL))
    assert arguments[arguments.index("-c:0") + 1] == "libvpx-vp9"
    assert arguments.index("-c:0") < arguments.index("-i")
    assert "premultiply=inplace=1" in graph(arguments)
    assert "premultiply" not in graph(argv(plan(source(640, 360), SMALL)))
