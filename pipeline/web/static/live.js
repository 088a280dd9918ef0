// Follow one job: server-sent events while the page is seen, asking now and then where they fail.
const ASK_MS = 2000;

const ended = (job) => !["queued", "running"].includes(job.state);

// Calls tell(job) at once and on every change, and lost(true | false) when the server goes and
// comes back. A hidden page lets go of its connection: browsers allow only six to one server.
export function follow(id, tell, lost) {
  let source = null;
  let timer = 0;
  let over = false;

  function hear(job) {
    lost(false);
    over = ended(job);
    if (over) stop();
    tell(job);
  }

  async function ask() {
    timer = 0;
    try {
      const answer = await fetch(`/api/v1/jobs/${id}`);
      if (answer.status === 404) {
        over = true;
        return;
      }
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      hear(await answer.json());
    } catch {
      lost(true);
    }
    if (!over && !document.hidden) timer = setTimeout(ask, ASK_MS);
  }

  function start() {
    if (over || source || timer) return;
    source = new EventSource(`/api/v1/jobs/${id}/events`);
    source.addEventListener("job", (event) => hear(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      if (!source) return;
      if (source.readyState === EventSource.CLOSED) {
        source = null;
        ask();
      } else {
        lost(true); // the browser connects again by itself, and says what it heard last
      }
    });
  }

  function stop() {
    source?.close();
    source = null;
    clearTimeout(timer);
    timer = 0;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", start);
  if (!document.hidden) start();
}
