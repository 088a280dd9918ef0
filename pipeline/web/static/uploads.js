// Uploads with progress: a few at a time, each with a line that tells what became of it.
const AT_ONCE = 2;
const waiting = [];
let running = 0;

function line(file) {
  const item = document.createElement("li");
  const name = document.createElement("span");
  const bar = document.createElement("progress");
  const figure = document.createElement("span");
  const stop = document.createElement("button");
  name.className = "name";
  name.textContent = file.name;
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `Upload of ${file.name}`);
  figure.className = "figure";
  figure.textContent = "waits";
  stop.type = "button";
  stop.className = "quiet small";
  stop.textContent = "Stop";
  stop.setAttribute("aria-label", `Stop the upload of ${file.name}`);
  item.append(name, bar, figure, stop);
  return { item, name, bar, figure, stop };
}

function finish(parts, words, { link = null, bad = false } = {}) {
  parts.bar.remove();
  parts.stop.remove();
  parts.item.classList.toggle("bad", bad);
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link;
    anchor.textContent = parts.name.textContent;
    parts.name.replaceChildren(anchor);
  }
  parts.figure.textContent = words;
  document.querySelector("#announce").textContent = `${parts.name.textContent}: ${words}`;
}

function answered(request, parts, done) {
  let answer = null;
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    // Not from us: a proxy in between.
  }
  if (request.status === 201 || request.status === 200) {
    const words = request.status === 201 ? "is in the pipeline" : `is known already: it is ${answer.job.state}`;
    finish(parts, words, { link: `/jobs/${answer.id}` });
    done();
  } else {
    const error = answer?.error ?? { message: `The server answered ${request.status}.`, hint: "" };
    finish(parts, `${error.message} ${error.hint}`.trim(), { bad: true });
  }
}

function send({ file, parts, done, profile }) {
  const request = new XMLHttpRequest();
  running += 1;
  const asked = new URLSearchParams({ name: file.name, ...(profile && { profile }) });
  request.open("POST", `/api/v1/uploads?${asked}`);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.upload.onprogress = (event) => {
    parts.bar.value = event.loaded / event.total;
    parts.figure.textContent = event.loaded < event.total
      ? `${Math.floor((100 * event.loaded) / event.total)}\u202f%` : "being read";
  };
  request.onload = () => answered(request, parts, done);
  request.onerror = () => finish(parts, "The connection broke. Send it again.", { bad: true });
  request.onabort = () => finish(parts, "stopped");
  request.onloadend = () => {
    running -= 1;
    next();
  };
  parts.stop.onclick = () => request.abort();
  request.send(file);
}

function next() {
  while (running < AT_ONCE && waiting.length) send(waiting.shift());
}

// Puts files in line for uploading; done() is called for each that became a job.
export function upload(files, { extensions, list, done, profile }) {
  for (const file of files) {
    const parts = line(file);
    list.append(parts.item);
    const suffix = file.name.slice(file.name.lastIndexOf(".")).toLowerCase();
    if (!extensions.includes(suffix)) {
      finish(parts, `is not taken; ${extensions.join(", ")} are.`, { bad: true });
      continue;
    }
    const entry = { file, parts, done, profile };
    parts.stop.onclick = () => {
      waiting.splice(waiting.indexOf(entry), 1);
      finish(parts, "stopped");
    };
    waiting.push(entry);
  }
  next();
}

window.addEventListener("beforeunload", (event) => {
  if (running || waiting.length) event.preventDefault();
});
