// Moments are written in UTC for readers without scripts; here they become the reader's own.
const CLOSE = { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" };
const DAY = new Intl.DateTimeFormat(undefined, CLOSE);
const FAR_DAY = new Intl.DateTimeFormat(undefined, { ...CLOSE, year: "numeric" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

export function localTimes(root) {
  for (const time of root.querySelectorAll("time")) {
    const moment = new Date(time.dateTime);
    const day = moment.getFullYear() === new Date().getFullYear() ? DAY : FAR_DAY;
    time.textContent = (time.classList.contains("short") ? CLOCK : day).format(moment);
    time.title = moment.toLocaleString();
  }
}

// As the server says it: about how long something still takes.
export function about(seconds) {
  if (seconds === null) return "";
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return "less than a minute left";
  return minutes < 60 ? `about ${minutes} min left` : `about ${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}

export function percent(share) {
  return `${Math.floor(share * 100)}\u202f%`;
}
