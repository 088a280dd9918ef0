"""What a source is: the facts a plan is made from, all of them read by the probe."""

from __future__ import annotations

from fractions import Fraction

from pydantic import BaseModel, ConfigDict, Field

#: Pixels that are longer than this, either way, are a mistake in the file: the widest in use are
#: 2:1. Believing them would make pictures of absurd sizes.
LONGEST_PIXEL = 4
#: Containers whose clock may leap where recordings were joined; ffmpeg then lets one follow on
#: the other (`AVFMT_TS_DISCONT`).
LEAPING = frozenset({"mpegts", "mpeg", "ogg"})
#: What some endings of names stand for, by ffmpeg's names of containers.
SAME_CONTAINER = {"m4v": "mp4", "qt": "mov", "mkv": "matroska", "mka": "matroska"}


class Fact(BaseModel):
    """Facts that are read once and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


#: A place in the CIE 1931 colour plane: x and y, each of 0 to 1.
Place = tuple[float, float]


class Mastering(Fact):
    """The screen that HDR was graded on (SMPTE ST 2086); luminance in cd/m²."""

    red: Place
    green: Place
    blue: Place
    white: Place
    brightest: float
    darkest: float


class ContentLight(Fact):
    """The brightest pixel, and the brightest frame on average, cd/m² (CTA-861.3)."""

    most: int
    average: int


class VideoStream(Fact):
    """The picture. `width` and `height` are as coded, before rotation and pixel shape.

    None always means "the file does not say".
    """

    #: The stream's number in the file, as ffmpeg counts.
    index: int
    codec: str
    width: int
    height: int
    #: Shape of a pixel, width by height.
    sar: Fraction = Fraction(1)
    #: Clockwise degrees the picture is turned for display: 0, 90, 180 or 270.
    rotation: int = 0
    #: Whether a picture that is turned on its side is mirrored too.
    mirrored: bool = False
    pix_fmt: str | None = None
    #: Frames a second, on average and as the container claims.
    average_rate: Fraction | None = None
    nominal_rate: Fraction | None = None
    field_order: str | None = None
    color_transfer: str | None = None
    color_primaries: str | None = None
    color_space: str | None = None
    color_range: str | None = None
    #: What PQ pictures say of the light they were made for.
    mastering: Mastering | None = None
    content_light: ContentLight | None = None
    #: Packets that are to be shown; each is a frame in all but damaged or field-coded files.
    frames: int
    #: When the first and the last frame are shown, seconds on the file's own clock.
    first_pts_s: float
    last_pts_s: float
    #: When the last one is over, where the file shows it again instead of showing another.
    over_s: float | None = None
    #: Places where the file's clock runs back or leaps by more than ten seconds.
    jumps: int = 0
    #: Frames that would fill the holes between others: lost ones, or none were ever there.
    missing: int = 0
    #: Frames that can be decoded without any other; 0 when nobody counted.
    key_frames: int = 0
    #: Frames before the first of those: where a recording begins between two, nobody can show them.
    leading: int = 0
    #: Whether parts of it may be transparent; and the decoder that tells which, where ffmpeg's own
    #: does not.
    transparent: bool = False
    decoder: str | None = None
    #: Frames a second where every single frame comes when this rate says; None where one does not.
    steady_rate: Fraction | None = None
    #: How long a frame is shown before the next, at most, seconds; 0 where nothing tells.
    longest_s: float = 0.0
    #: How far before or after that any frame may come to be encoded, seconds.
    unsteady_s: float = 0.0
    #: How much later than it is shown each frame comes out of the decoder, seconds, where the file
    #: tells only when it goes in.
    delay_s: float = 0.0
    #: How long each frame is, seconds, where that tells better when they are shown than the file.
    each_s: float | None = None
    #: Whether closed captions (CEA-608/708) lie in the picture's data.
    captions: bool = False

    @property
    def turned(self) -> bool:
        """Whether the displayed picture is the coded one turned on its side."""
        return self.rotation % 180 != 0

    @property
    def interlaced(self) -> bool:
        """Whether the file says its frames are made of two fields."""
        return self.field_order in ("tt", "bb", "tb", "bt")

    @property
    def sideways_fields(self) -> bool:
        """Whether it must be woven before it is turned: afterwards its fields are columns."""
        return self.interlaced and self.turned

    @property
    def hdr(self) -> bool:
        """Whether the picture's light is PQ or HLG, and must be mapped for ordinary screens."""
        return self.color_transfer in ("smpte2084", "arib-std-b67")


class Pause(Fact):
    """A pause in a sound that is passed over: after so much of it, and how long; seconds."""

    after_s: float
    length_s: float


class AudioStream(Fact):
    """One audio track."""

    index: int
    codec: str
    channels: int
    sample_rate: int
    channel_layout: str | None = None
    language: str | None = None
    title: str | None = None
    default: bool = False
    start_s: float | None = None
    duration_s: float | None = None
    #: How far apart its packets' times lie around steady ones (`jitter`), and by how much the first
    #: that is heard is early, seconds; None where nobody looked.
    jitter_s: float | None = None
    early_s: float = 0.0
    pauses: tuple[Pause, ...] = ()
    #: Whether its packets' times say nothing: each comes when the one before is over.
    in_row: bool = False


class TextStream(Fact):
    """One track of subtitles that are words, not pictures."""

    index: int
    codec: str
    language: str | None = None
    title: str | None = None
    default: bool = False
    #: To be shown also by those who want no subtitles: translations of signs and the like.
    forced: bool = False


class Chapter(Fact):
    """A part of the source with a title; times in seconds from the file's start."""

    start_s: float
    end_s: float
    title: str


class Source(Fact):
    """A source file: where it is and what is in it. `duration_s` is the container's, seconds."""

    path: str
    bytes: int
    container: str
    duration_s: float
    #: Where the file's own clock starts, seconds: the earliest stream's first timestamp.
    start_s: float = 0.0
    #: The stream to show; None when there is only sound.
    video: VideoStream | None = None
    audio: tuple[AudioStream, ...] = ()
    texts: tuple[TextStream, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    #: The stream that is a cover picture, not a film.
    cover: int | None = None
    #: Whether some stream begins so late that it is found only by looking far into the file.
    far: bool = False
    #: Sentences about what of the file is not used, and why.
    left_out: tuple[str, ...] = ()
    #: What is to be written into the files that are made of it: title, artist and the like.
    tags: dict[str, str] = Field(default_factory=dict)

    @property
    def container_name(self) -> str:
        """The container in one word: of those that are read alike, what the file's name says."""
        names = self.container.split(",")
        said = self.path.rpartition(".")[2].lower()
        said = SAME_CONTAINER.get(said, said)
        return said if said in names else "mp4" if "mp4" in names else names[0]

    @property
    def display_width(self) -> int:
        """Width in square pixels, as a player shows it; 0 without a picture."""
        return self._display[0]

    @property
    def display_height(self) -> int:
        """Height in square pixels, as a player shows it; 0 without a picture."""
        return self._display[1]

    @property
    def joined(self) -> bool:
        """Whether recordings with clocks of their own were joined: their times are then moved."""
        return bool(self.video and self.video.jumps) and self.container in LEAPING

    @property
    def _display(self) -> tuple[int, int]:
        if self.video is None:
            return 0, 0
        # Pixels that are not square are stretched, never squeezed: no line is lost.
        video, sar = self.video, self.video.sar
        if not Fraction(1, LONGEST_PIXEL) <= sar <= LONGEST_PIXEL:
            sar = Fraction(1)
        width = round(video.width * max(sar, Fraction(1)))
        height = round(video.height / min(sar, Fraction(1)))
        return (height, width) if video.turned else (width, height)
