"""Encrypted streams in a browser: they play with the key, and without it they do not begin."""

from __future__ import annotations

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import PATIENCE_MS
from tests.integration.media.making import QUICK, Made, make
from tests.media import shared

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
KEY_ID, KEY = "6f651ae1dbe44434bcb4690d1564c41c", "0123456789abcdef" * 2
OTHER_KEY = "f" * 32
#: A player of a few lines: feeds each track to the browser, and answers its question for the key.
PLAYER = """async ([tracks, keyId, key]) => {
  const coded = hex => btoa(String.fromCharCode(...hex.match(/../g).map(x => parseInt(x, 16))))
    .replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_');
  const video = document.createElement('video');
  video.muted = true;
  const known = [];
  const access = await navigator.requestMediaKeySystemAccess('org.w3.clearkey', [{
    initDataTypes: ['cenc'],
    videoCapabilities: [{contentType: tracks[0].mime, encryptionScheme: tracks[0].scheme}],
    audioCapabilities: [{contentType: tracks[1].mime, encryptionScheme: tracks[1].scheme}],
  }]);
  await video.setMediaKeys(await access.createMediaKeys());
  video.onencrypted = async event => {
    known.push(event.initDataType);
    if (known.length > 1 || !key) return;
    const session = video.mediaKeys.createSession();
    session.onmessage = () => session.update(new TextEncoder().encode(
      JSON.stringify({keys: [{kty: 'oct', kid: coded(keyId), k: coded(key)}]})));
    await session.generateRequest(event.initDataType, event.initData);
  };
  const source = new MediaSource();
  video.src = URL.createObjectURL(source);
  await new Promise(done => source.onsourceopen = done);
  const buffers = tracks.map(track => source.addSourceBuffer(track.mime));
  const ended = new Promise(done => {
    video.onerror = () => done('error');
    video.onwaitingforkey = () => key || done('waiting for the key');
    video.ontimeupdate = () => video.currentTime > 1 && done('playing');
  });
  video.play().catch(() => {});
  for (const [number, track] of tracks.entries()) {
    for (const url of track.urls) {
      const data = await (await fetch(url)).arrayBuffer();
      if (video.error) return ['error', 0, known[0]];
      const appended = new Promise(done => buffers[number].onupdateend = done);
      buffers[number].appendBuffer(data);
      await appended;
    }
  }
  return [await ended, video.getVideoPlaybackQuality().totalVideoFrames, known[0]];
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module", params=["cbcs", "cenc"])
def encrypted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder: Path = tmp_path_factory.mktemp(request.param)
    wanted = {"scheme": request.param, "key_id": KEY_ID, "key": KEY}
    clip = shared("bigbuckbunny.mp4")
    return make(clip, folder, video=QUICK, package=["dash"], encryption=wanted)


@pytest.fixture
def served(encrypted: Made) -> Iterator[str]:
    folder = encrypted.folder / "stream"
    (folder / "index.html").write_text("<!doctype html><title>player</title>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def _tracks(made: Made) -> list[dict[str, Any]]:
    """List picture and sound as the manifest names them."""
    scheme = made.plan.profile.encryption
    assert scheme is not None
    found = re.findall(
        r'codecs="([^"]+)" mimeType="([^"]+)".*?initialization="([^"]+)/init.mp4"',
        made.read("stream/manifest.mpd"),
        re.DOTALL,
    )
    return [
        {
            "mime": f'{mime}; codecs="{codecs}"',
            "scheme": scheme.scheme,
            "urls": [
                f"{folder}/init.mp4",
                *(
                    f"{folder}/{path.name}"
                    for path in sorted((made.folder / "stream" / folder).glob("*.m4s"))
                ),
            ],
        }
        for codecs, mime, folder in found
    ]


@pytest.mark.parametrize(
    ("key", "wanted"),
    [(KEY, "playing"), ("", "waiting for the key"), (OTHER_KEY, "error")],
    ids=["with the key", "without", "with another key"],
)
def test_an_encrypted_stream_plays_with_its_key_only(
    browser: Browser, served: str, encrypted: Made, key: str, wanted: str
) -> None:
    tracks = _tracks(encrypted)
    assert [track["mime"][:9] for track in tracks] == ["video/mp4", "audio/mp4"]
    context = browser.new_context(base_url=served)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto("/")
    end, frames, kind = page.evaluate(PLAYER, [tracks, KEY_ID, key])
    context.close()
    assert (end, kind) == (wanted, "cenc")
    assert (frames > 10) == (wanted == "playing")
