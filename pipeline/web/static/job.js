// One job: live progress while it runs, the player when it is done.
const article = document.querySelector("#job");
const id = article.dataset.job;
const ended = (state) => !["queued", "running"].includes(state);
const POLL_MS = 2000;

function stepLine(step) {
  const line = document.createElement("li");
  line.dataset.step = step.name;
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = step.name.replace("rendition:", "");
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.setAttribute("aria-label", `Progress of ${step.name}`);
  line.append(name, bar, document.createElement("span"));
  return line;
}

function showSteps(steps) {
  const list = document.querySelector("#steps");
  steps.forEach((step, place) => {
    let line = list.querySelector(`[data-step="${step.name}"]`) ?? stepLine(step);
    if (list.children[place] !== line) list.insertBefore(line, list.children[place] ?? null);
    line.querySelector("progress").value = step.progress;
    const state = line.lastElementChild;
    state.textContent = step.state;
    state.className = `state ${step.state}`;
  });
}

function show(job) {
  if (job.state !== article.dataset.state && ended(job.state)) {
    location.reload(); // the page of an ended job has its player, or its error
    return;
  }
  article.dataset.state = job.state;
  const state = document.querySelector("#state");
  state.textContent = job.state;
  state.className = `state ${job.state}`;
  document.querySelector("#progress").value = job.progress;
  document.querySelector("#percent").textContent = `${Math.round(job.progress * 100)} %`;
  showSteps(job.steps);
}

async function poll() {
  try {
    const job = await (await fetch(`/api/v1/jobs/${id}`)).json();
    show(job);
    if (ended(job.state)) return;
  } catch {
    // The server is away; the next look tries again.
  }
  setTimeout(poll, POLL_MS);
}

function listen() {
  const source = new EventSource(`/api/v1/jobs/${id}/events`);
  source.addEventListener("job", (event) => show(JSON.parse(event.data)));
  source.addEventListener("end", () => source.close());
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) poll(); // else the browser reconnects by itself
  });
}

async function act(button) {
  button.disabled = true;
  const answer = await fetch(`/api/v1/jobs/${id}/${button.dataset.action}`, { method: "POST" });
  if (answer.ok) {
    location.reload();
    return;
  }
  const { error } = await answer.json();
  document.querySelector("#answer").textContent = `${error.message} ${error.hint}`;
  button.disabled = false;
}

async function play(kind) {
  const video = document.querySelector("#video");
  const playing = document.querySelector("#playing");
  try {
    window.player ??= new shaka.Player();
    if (window.player.getMediaElement() !== video) {
      video.removeAttribute("src");
      await window.player.attach(video);
    }
    await window.player.load(video.dataset[kind], video.currentTime || 0);
    playing.textContent = `${kind.toUpperCase()}, ${window.player.getVariantTracks().length} renditions`;
  } catch (error) {
    playing.textContent = `This browser could not play ${kind.toUpperCase()} (${error.code ?? error}).`;
  }
  for (const button of document.querySelectorAll("[data-stream]")) {
    button.setAttribute("aria-pressed", String(button.dataset.stream === kind));
  }
}

for (const button of document.querySelectorAll("[data-action]")) {
  button.addEventListener("click", () => act(button));
}
const streams = [...document.querySelectorAll("[data-stream]")];
for (const button of streams) {
  button.addEventListener("click", () => play(button.dataset.stream));
}
if (streams.length && window.shaka) {
  shaka.polyfill.installAll();
  if (shaka.Player.isBrowserSupported()) play(streams[0].dataset.stream);
}
if (!ended(article.dataset.state)) listen();
