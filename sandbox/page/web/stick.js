// A log stays at its end, whatever is added or resized, until someone scrolls up in it.

const away = new WeakSet(); // logs that were scrolled up

export function stick(log, { again = false } = {}) {
  if (again) away.delete(log);
  if (!away.has(log)) log.scrollTop = log.scrollHeight;
}

// Scroll a log until one of its nodes is in view: at the top with `start`, else by as little as possible. After
// scrollIntoView, Tab would go on from that node.
export function bring(log, node, { start = false } = {}) {
  const [inner, outer] = [node.getBoundingClientRect(), log.getBoundingClientRect()];
  const margin = parseFloat(getComputedStyle(node).scrollMarginTop);
  const above = inner.top - margin - outer.top;
  const below = inner.bottom + margin - outer.bottom;
  log.scrollTop += start || above < 0 ? above : Math.max(0, Math.min(below, above));
}

export function listenSticking(log) {
  log.addEventListener("scroll", () => {
    if (!log.clientHeight) return; // its pane is not shown
    if (log.scrollHeight - log.scrollTop - log.clientHeight < 60) away.delete(log);
    else away.add(log);
  });
  new ResizeObserver(() => stick(log)).observe(log);
}
