// The library: uploads, and the cards kept up to date.
import { localTimes, percent } from "./times.js";
import { upload } from "./uploads.js";

const form = document.querySelector("#upload");
const listing = () => document.querySelector("#listing");
// While something is being made the page looks often, else now and then.
const BUSY_MS = 1500;
const IDLE_MS = 5000;

const busy = (job) => ["queued", "running"].includes(job.state);
const drawn = () => [...listing().querySelectorAll("[data-job]")];
let timer = 0;

function query() {
  const given = new URLSearchParams(location.search);
  const asked = new URLSearchParams({ limit: given.get("limit") ?? "48" });
  for (const key of ["state", "name", "profile", "before"]) if (given.get(key)) asked.set(key, given.get(key));
  return asked;
}

// What the server draws anew: the state in a word, and whether there is a poster.
function shapeOf(job) {
  const steps = (state) => job.steps.filter((step) => step.state === state);
  const underWay = job.state === "running" || job.waits_until;
  const word = underWay && !steps("running").length ? "waiting" : job.state;
  return `${word}${job.waits_for ?? ""}${steps("done").some((step) => step.name === "thumbnail") ? " pictured" : ""}`;
}

async function redraw() {
  const page = await (await fetch(location.href, { headers: { Accept: "text/html" } })).text();
  const fresh = new DOMParser().parseFromString(page, "text/html").querySelector("#listing");
  // A click must end on the card that it began on.
  if (!fresh || listing().querySelector(":active")) return;
  const focused = document.activeElement?.getAttribute("href");
  localTimes(fresh);
  listing().replaceWith(document.adoptNode(fresh));
  if (focused) listing().querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

async function refresh() {
  const answer = await fetch(`/api/v1/jobs?${query()}`);
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const jobs = await answer.json();
  const shown = drawn().map((card) => `${card.dataset.job}=${card.dataset.shape}`).join();
  if (shown !== jobs.map((job) => `${job.id}=${shapeOf(job)}`).join()) {
    await redraw();
  } else {
    for (const job of jobs.filter(busy)) {
      const card = listing().querySelector(`[data-job="${job.id}"]`);
      card.querySelector("progress").value = job.progress;
      card.querySelector("[data-percent]").textContent = percent(job.progress);
    }
  }
  return jobs.some(busy) ? BUSY_MS : IDLE_MS;
}

async function look() {
  clearTimeout(timer);
  let wait = IDLE_MS;
  try {
    wait = await refresh();
    document.body.classList.remove("lost-server");
  } catch {
    document.body.classList.add("lost-server");
  }
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(look, wait);
}

function takeUploads() {
  const extensions = form.dataset.extensions.split(" ");
  const list = document.querySelector("#uploads");
  const take = (files) => upload([...files], { extensions, list, done: look, profile: profile?.value });
  const profile = document.querySelector("#profile");
  const chooser = document.querySelector("#files");
  chooser.multiple = true; // a form without scripts takes one
  let depth = 0; // entering a child comes before leaving its parent

  chooser.addEventListener("change", () => {
    take(chooser.files);
    chooser.value = "";
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  const over = (by) => {
    depth = by === 0 ? 0 : Math.max(0, depth + by);
    form.classList.toggle("over", depth > 0);
  };
  document.addEventListener("dragenter", (event) => carriesFiles(event) && over(1));
  document.addEventListener("dragleave", (event) => carriesFiles(event) && over(-1));
  document.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    over(0);
    take(event.dataTransfer.files);
  });
}

localTimes(document);
if (form) takeUploads();
document.querySelector("#of-profile")?.addEventListener("change", (event) => event.target.form.requestSubmit());
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
timer = setTimeout(look, BUSY_MS);
