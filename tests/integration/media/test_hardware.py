"""Hardware is found by encoding, used where it works, and not missed where it fails."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.media.capabilities import encodes, hardware, working_encoder
from pipeline.media.errors import MediaError, TransientMediaError
from pipeline.media.fallback import encode_verified
from pipeline.media.probe import probe
from pipeline.plan.capacity import Capacity, EncodeWorker
from pipeline.plan.codecs import ENCODERS
from pipeline.plan.hardware import KINDS, hardware_options, trial_argv
from pipeline.plan.plan import Plan, make_plan
from pipeline.settings.pipeline import Limits
from pipeline.settings.profiles import Profile
from tests.integration.media.cards import ffmpeg_with_card
from tests.media import make_clip, streams, tools

PAIRS = [(kind, codec) for kind in KINDS for codec in ENCODERS if kind in ENCODERS[codec]]
#: What ffmpeg says when it does not understand an option, and not when a device is missing.
MISUNDERSTOOD = ("Option not found", "Unrecognized option", "Error setting option", "Unable to")
CARD = Capacity(workers=(EncodeWorker(name="encode@a", hardware={"nvenc": ("h264",)}),))


@pytest.mark.parametrize(("kind", "codec"), PAIRS)
def test_what_ffmpeg_lists_is_not_believed(kind: Any, codec: Any) -> None:
    """Each encoder is listed by our ffmpeg; it counts exactly when its trial encodes."""
    listed = subprocess.run(
        [str(tools().ffmpeg), "-hide_banner", "-encoders"], check=True, capture_output=True
    )
    assert f" {codec}_{kind} " in listed.stdout.decode()
    tried = subprocess.run(trial_argv(tools().ffmpeg, kind, codec), check=False)
    assert (codec in hardware(tools().ffmpeg).get(kind, ())) == (tried.returncode == 0)
    assert encodes(tools().ffmpeg, ENCODERS[codec][kind]) == (tried.returncode == 0)


@pytest.mark.parametrize("cap", [None, 2_000_000])
@pytest.mark.parametrize(("kind", "codec"), PAIRS)
def test_ffmpeg_knows_every_option_that_hardware_is_given(
    kind: Any, codec: Any, cap: int | None
) -> None:
    asked = [str(tools().ffmpeg), "-hide_banner", "-h", f"encoder={codec}_{kind}"]
    known = subprocess.run(asked, check=True, capture_output=True).stdout.decode()
    general = {"g", "bf", "flags", "b:v", "maxrate", "bufsize", "global_quality", "tag:v"}
    made = hardware_options(
        kind, codec, quality=23, preset="medium", gop=250, max_bitrate=cap, buffer_seconds=2
    )
    own = {key.partition(":")[0] for key in set(made) - general}
    assert {key for key in own if f"  -{key} " not in known} == set()
    if kind != "vaapi":  # ffmpeg looks for its device before it reads the encoder's options
        said = subprocess.run(
            trial_argv(tools().ffmpeg, kind, codec), check=False, capture_output=True
        ).stderr.decode()
        assert [word for word in MISUNDERSTOOD if word in said] == []


def test_a_card_is_found_by_what_it_encodes(tmp_path: Path) -> None:
    assert hardware(ffmpeg_with_card(tmp_path)) == {"nvenc": ("h264",)}


def test_a_card_that_only_decodes_is_not_one_that_encodes(tmp_path: Path) -> None:
    assert hardware(ffmpeg_with_card(tmp_path, "lost")) == {}


def test_a_driver_that_hangs_is_no_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.media.capabilities.TRIAL_TIMEOUT_S", 0.2)
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    assert not encodes(program, "h264_nvenc")


def test_an_ffmpeg_without_the_processors_encoder_is_named(tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(MediaError, match="can't encode h264 with libx264") as caught:
        working_encoder(program, "h264")
    assert caught.value.code == "tool_missing"
    assert "ffmpeg" in caught.value.hint


def killed_at_first(folder: Path, times: int, then: str = "true") -> Path:
    """Write an ffmpeg whose first trials are killed, and which then does `then`.

    It counts in a file, so it must not start inside the fence.
    """
    (folder / "trials").write_text("0")
    program = folder / "ffmpeg"
    program.write_text(
        f"""#!/bin/sh
        n=$(cat {folder}/trials) || exit 1
        case "$*" in *-version*) exit 0 ;; esac
        echo $((n + 1)) > {folder}/trials
        [ $n -ge {times} ] || kill -9 $$
        {then}
        """
    )
    program.chmod(0o755)
    return program


def test_an_encoder_whose_trial_somebody_kills_is_tried_again(tmp_path: Path) -> None:
    assert working_encoder(killed_at_first(tmp_path, 2), "h264") == "libx264"


def test_an_encoder_whose_trials_are_all_killed_is_tried_later_and_not_said_to_be_missing(
    tmp_path: Path,
) -> None:
    program = killed_at_first(tmp_path, 3)
    with pytest.raises(TransientMediaError) as caught:
        working_encoder(program, "h264")
    assert caught.value.code == "killed"
    assert working_encoder(program, "h264") == "libx264", "it was not remembered"


def test_a_trial_of_the_processors_encoder_that_takes_too_long_is_made_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.media.capabilities.TRIAL_TIMEOUT_S", 0.2)
    with pytest.raises(TransientMediaError) as caught:
        working_encoder(killed_at_first(tmp_path, 0, "exec sleep 60"), "h264")
    assert caught.value.code == "timeout"


def carded(folder: Path) -> Plan:
    clip = make_clip(folder / "clip.mp4", seconds=1, size="640x360")
    profile = Profile.model_validate(
        {"video": {"ladder": [360, 144], "preset": "ultrafast", "gop_seconds": 0.4}}
    )
    plan = make_plan(probe(tools(), clip, Limits()), profile, CARD)
    assert [unit.capability for unit in plan.units] == ["nvenc"]
    return plan


def encode(folder: Path, breaks: str) -> tuple[list[str], dict[str, Path], int | None]:
    """Encode with the card of paper; gives what was said, the files and the frames."""
    plan = carded(folder)
    (folder / "out").mkdir()
    outputs = {
        step: folder / "out" / f"{step.partition(':')[2]}.mp4" for step in plan.units[0].steps
    }
    with_card = replace(tools(), ffmpeg=ffmpeg_with_card(folder, breaks))
    said: list[str] = []
    made = encode_verified(
        with_card, plan, plan.units[0], outputs, timeout_s=lambda: 60, on_fallback=said.append
    )
    return said, outputs, made.frames


def test_a_card_and_the_processor_share_one_decode(tmp_path: Path) -> None:
    said, outputs, frames = encode(tmp_path, "")
    assert said == []
    assert frames == 25
    assert {path.stem for path in outputs.values()} == {"360p", "144p", "audio"}
    sizes = [(one["width"], one["height"]) for one in streams(outputs["rendition:360p"])]
    assert sizes == [(640, 360)]


@pytest.mark.parametrize(
    ("breaks", "why"),
    [
        ("midway", "clip.mp4: EncodePicture failed!: device lost)"),
        ("crash", "ffmpeg was killed (signal 6)"),
        ("wrong", "is not what was planned: it holds 25 frames, not 3"),
    ],
)
def test_a_card_that_fails_leaves_the_work_to_the_processor(
    tmp_path: Path, breaks: str, why: str
) -> None:
    said, outputs, frames = encode(tmp_path, breaks)
    (sentence,) = said
    assert sentence.startswith("nvenc failed (")
    assert why in sentence
    assert sentence.endswith("): encoded by the processor")
    assert frames == 25
    for step in ("rendition:360p", "rendition:144p"):
        assert [int(one["nb_read_packets"]) for one in streams(outputs[step])] == [25]


def test_a_source_at_fault_is_not_blamed_on_the_card(tmp_path: Path) -> None:
    plan = carded(tmp_path)
    Path(plan.source.path).unlink()
    said: list[str] = []
    with pytest.raises(MediaError) as caught:
        encode_verified(
            tools(),
            plan,
            plan.units[0],
            {"rendition:360p": tmp_path / "360p.mp4"},
            on_fallback=said.append,
        )
    assert caught.value.code == "source_gone"
    assert said == []
