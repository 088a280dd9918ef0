// The library: uploads with progress, and the cards kept up to date.
const form = document.querySelector("#upload");
const cards = document.querySelector("#jobs");
const LOOK_MS = 2000;

function upload(file) {
  const line = document.createElement("li");
  const name = document.createElement("span");
  const bar = document.createElement("progress");
  name.textContent = file.name;
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `Upload of ${file.name}`);
  line.append(name, bar);
  document.querySelector("#uploads").append(line);
  const request = new XMLHttpRequest();
  request.open("POST", `/api/v1/uploads?name=${encodeURIComponent(file.name)}`);
  request.upload.onprogress = (event) => { bar.value = event.loaded / event.total; };
  request.onload = () => {
    const answer = JSON.parse(request.responseText);
    bar.remove();
    if (request.status === 201) {
      name.innerHTML = "";
      const link = document.createElement("a");
      link.href = `/jobs/${answer.id}`;
      link.textContent = file.name;
      name.append(link, " is in the pipeline.");
      refresh();
    } else {
      line.className = "error";
      name.textContent = `${file.name}: ${answer.error.message} ${answer.error.hint}`;
    }
  };
  request.onerror = () => {
    line.className = "error";
    name.textContent = `${file.name}: the connection broke. Send it again.`;
    bar.remove();
  };
  request.send(file);
}

function fill(card, job) {
  const state = card.querySelector(".state");
  state.textContent = job.state;
  state.className = `state ${job.state}`;
  const bar = card.querySelector("progress");
  bar.value = job.progress;
  bar.hidden = Boolean(job.finished_at);
}

function known(id) {
  return cards.querySelector(`[data-job="${id}"]`);
}

async function refresh() {
  const jobs = await (await fetch("/api/v1/jobs?limit=60")).json();
  const changed = jobs.some((job) => !known(job.id) || known(job.id).dataset.state !== job.state);
  if (changed) {
    const page = await (await fetch("/")).text();
    const fresh = new DOMParser().parseFromString(page, "text/html");
    cards.replaceChildren(...fresh.querySelector("#jobs").children);
    document.querySelector("#empty").hidden = jobs.length > 0;
  } else {
    jobs.forEach((job) => fill(known(job.id), job));
  }
}

async function look() {
  try {
    if (!document.hidden) await refresh();
  } catch {
    // The server is away; the next look tries again.
  }
  setTimeout(look, LOOK_MS);
}

if (form) {
  const files = document.querySelector("#files");
  files.addEventListener("change", () => {
    [...files.files].forEach(upload);
    files.value = "";
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const kind of ["dragenter", "dragover"]) {
    form.addEventListener(kind, (event) => {
      event.preventDefault();
      form.classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) {
    form.addEventListener(kind, () => form.classList.remove("over"));
  }
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    [...event.dataTransfer.files].forEach(upload);
  });
}
setTimeout(look, LOOK_MS);
