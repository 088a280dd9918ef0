// The player of a job's result: the same segments through HLS or DASH, at any quality.
/* global shaka */

const SETTLE_MS = 300;
const PATIENCE_MS = 10_000;
// Browsers show nothing before they have some frames: of slides, which stay for seconds, ten seconds
// have too few.
const AHEAD_S = 40;

const label = (track) => `${Math.min(track.width, track.height)}p`;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Runs work() once what triggers it has been quiet for a moment, and never twice at once.
function oneAtATime(work) {
  let wanted = 0;
  let doing = false;
  return async () => {
    wanted += 1;
    if (doing) return;
    doing = true;
    try {
      for (let seen = 0; seen !== wanted; ) {
        seen = wanted;
        await pause(SETTLE_MS);
        if (seen === wanted) await work();
      }
    } finally {
      doing = false;
    }
  };
}

// Waits until there is picture where the video is, or for as long as a slow network may take.
// Shaka Player 5.2 never plays again when another quality is chosen before that.
async function buffered(player, video) {
  const end = Date.now() + PATIENCE_MS;
  do {
    await pause(SETTLE_MS);
    const at = video.currentTime;
    const ranges = player.getBufferedInfo().video;
    if (ranges.some(({ start, end: stop }) => start <= at + 0.1 && stop > at)) return;
  } while (Date.now() < end);
}

// Gives the video the shape of what it shows: as wide as its height allows, without bars beside it.
function takeShape(video) {
  const shape = (width, height) => video.style.setProperty("--shape", width / height);
  if (video.width) {
    shape(video.width, video.height);
  } else if (video.poster) {
    const poster = new Image();
    poster.onload = () => shape(poster.naturalWidth, poster.naturalHeight);
    poster.src = video.poster;
  }
}

export function setUpPlayer(root) {
  const video = root.querySelector("#video");
  if (video) takeShape(video);
  const buttons = [...root.querySelectorAll("[data-stream]")];
  if (!video || !buttons.length || !window.shaka) return null;
  shaka.polyfill.installAll();
  if (!shaka.Player.isBrowserSupported()) return null; // the progressive file plays instead

  const quality = root.querySelector("#quality");
  const playing = root.querySelector("#playing");
  const player = new shaka.Player();
  player.configure("streaming.bufferingGoal", AHEAD_S);
  root.querySelector("#controls").hidden = false;
  video.removeAttribute("src");
  const attached = player.attach(video);

  function say() {
    const track = player.getVariantTracks().find((one) => one.active);
    const kind = buttons.find((one) => one.getAttribute("aria-pressed") === "true");
    playing.textContent = track?.height
      ? `${kind.textContent} at ${track.width}×${track.height}` : kind.textContent;
  }

  function offer() {
    const tracks = player.getVariantTracks().filter((track) => track.height);
    tracks.sort((one, other) => other.height - one.height);
    quality.replaceChildren(new Option("Auto", ""));
    for (const track of tracks) {
      quality.append(new Option(`${label(track)} · ${Math.round(track.bandwidth / 1000)} kbit/s`, track.id));
    }
    quality.parentElement.hidden = tracks.length < 2;
  }

  async function load(button) {
    const kind = button.dataset.stream;
    const from = video.currentTime || undefined;
    const wasPlaying = !video.paused;
    for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
    try {
      await attached;
      player.configure("abr.enabled", true);
      await player.load(video.dataset[kind], from);
      offer();
      say();
      if (wasPlaying) await video.play();
    } catch (error) {
      if (error.code === shaka.util.Error.Code.LOAD_INTERRUPTED || error.name === "AbortError") return;
      playing.textContent = `This browser could not play ${kind.toUpperCase()} (${error.code ?? error}).`;
    }
  }

  for (const button of buttons) button.addEventListener("click", () => load(button));
  for (const event of ["adaptation", "variantchanged"]) player.addEventListener(event, say);
  player.addEventListener("error", (event) => {
    playing.textContent = `Playing stopped (${event.detail.code}).`;
  });
  quality.addEventListener("change", oneAtATime(async () => {
    const track = player.getVariantTracks().find((one) => String(one.id) === quality.value);
    player.configure("abr.enabled", !track);
    if (!track) return;
    player.selectVariantTrack(track, true);
    await buffered(player, video);
  }));
  load(buttons[0]);
  return player;
}
