// A log stays at its end, whatever is added or resized, until someone scrolls up in it.

const away = new WeakSet(); // logs that were scrolled up

export function stick(log, { again = false } = {}) {
  if (again) away.delete(log);
  if (!away.has(log)) log.scrollTop = log.scrollHeight;
}

export function listenSticking(log) {
  log.addEventListener("scroll", () => {
    if (!log.clientHeight) return; // its pane is not shown
    if (log.scrollHeight - log.scrollTop - log.clientHeight < 60) away.delete(log);
    else away.add(log);
  });
  new ResizeObserver(() => stick(log)).observe(log);
}
