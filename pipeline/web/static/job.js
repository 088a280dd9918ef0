// One job: live while it runs, with its player when it is done.
import { follow } from "./live.js";
import { setUpPlayer } from "./player.js";
import { about, localTimes, percent } from "./times.js";

const announce = document.querySelector("#announce");
const article = () => document.querySelector("#job");
const id = article().dataset.job;
const name = document.title;

// What the server draws anew: the states. Between them only bars and figures move.
function shape(root) {
  const steps = [...root.querySelectorAll("[data-step]")];
  const waits = root.hasAttribute("data-waits") ? "waits" : "";
  return [root.dataset.state, waits, ...steps.map((step) => `${step.dataset.step}=${step.dataset.state}`)].join();
}

const shapeOf = (job) => [job.state, job.waits_until || job.waits_for ? "waits" : "", ...job.steps.map((step) => `${step.name}=${step.state}`)].join();

function move(root, share) {
  root.querySelector("progress").value = share;
  root.querySelector("[data-percent]").textContent = percent(share);
}

function show(job) {
  if (shape(article()) !== shapeOf(job)) {
    redraw(job);
    return;
  }
  const whole = article().querySelector(".whole");
  if (whole) {
    move(whole, job.progress);
    document.title = `${percent(job.progress)} · ${name}`;
    article().querySelector("#remaining").textContent = about(job.remaining_s);
  }
  for (const step of job.steps) {
    const drawn = article().querySelector(`[data-step="${step.name}"]`);
    if (step.state === "running") move(drawn, step.progress);
    // A rung that waits for its ranges is as far as they are.
    if (step.state === "waiting") drawn.querySelector("progress").value = step.progress;
  }
}

let drawing = false;

async function redraw(job) {
  if (drawing) return; // the next change, or the next look, finds what is missing
  drawing = true;
  try {
    const page = await (await fetch(location.pathname, { headers: { Accept: "text/html" } })).text();
    const fresh = new DOMParser().parseFromString(page, "text/html");
    const drawn = fresh.querySelector("#job");
    if (!drawn) return;
    say(article(), drawn);
    const focused = document.activeElement?.id;
    article().replaceWith(document.adoptNode(drawn));
    document.title = fresh.title;
    if (focused) document.getElementById(focused)?.focus();
    ready();
  } catch {
    // The server is away: what follows the job says so, and draws when it is back.
  } finally {
    drawing = false;
  }
  if (shape(article()) !== shapeOf(job)) setTimeout(lookAgain, 500);
}

async function lookAgain() {
  const answer = await fetch(`/api/v1/jobs/${id}`).catch(() => null);
  if (answer?.ok) show(await answer.json());
}

function say(before, after) {
  const done = [...after.querySelectorAll('[data-step][data-state="done"]')]
    .filter((step) => before.querySelector(`[data-step="${step.dataset.step}"]`)?.dataset.state !== "done")
    .map((step) => step.querySelector(".name").textContent);
  const said = done.length ? [`${done.join(", ")} done.`] : [];
  if (before.dataset.state !== after.dataset.state) said.push(`The job is ${after.dataset.state}.`);
  if (said.length) announce.textContent = said.join(" ");
}

async function act(event) {
  event.preventDefault();
  const form = event.target;
  if (form.dataset.action === "cancel" && !confirm("Cancel this job? What it has not finished is lost.")) return;
  const button = form.querySelector("button");
  button.disabled = true;
  const refusal = document.querySelector("#refusal");
  try {
    const answer = await fetch(form.action, { method: "POST" });
    const said = await answer.json();
    if (answer.ok) {
      location.reload();
      return;
    }
    refusal.textContent = `${said.error.message} ${said.error.hint}`;
  } catch {
    refusal.textContent = "The server does not answer. Is Reelworks running?";
  }
  refusal.hidden = false;
  button.disabled = false;
}

function lost(gone) {
  document.body.classList.toggle("lost-server", gone);
}

function ready() {
  localTimes(article());
  for (const form of article().querySelectorAll("form[data-action]")) form.addEventListener("submit", act);
  window.player = setUpPlayer(article());
}

ready();
if (["queued", "running"].includes(article().dataset.state)) follow(id, show, lost);
