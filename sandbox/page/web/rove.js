// A log is one stop of the Tab key: within it the arrow keys go from message to message, and what can be scrolled
// in the message that is reached, its reactions and its tools come next.

const messagesOf = (log) => [...log.querySelectorAll(":scope > .message")];

// After each drawing: the message that had the stop keeps it, else the last one has it.
export function rove(log, wanted = log.dataset.stop) {
  const all = messagesOf(log);
  const stop = all.find((node) => node.dataset.key === wanted) ?? all.at(-1);
  for (const node of all) {
    const here = node === stop;
    node.tabIndex = here ? 0 : -1;
    for (const tool of node.querySelectorAll(".tools button, .reaction, .scroller")) tool.tabIndex = here ? 0 : -1;
  }
}

export function listenRoving(log) {
  log.addEventListener("keydown", (event) => {
    if (!event.target.classList.contains("message")) return;
    const all = messagesOf(log);
    const at = all.indexOf(event.target);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || !all[to] || to < 0) return;
    event.preventDefault();
    all[to].focus();
  });
  log.addEventListener("focusin", (event) => {
    const message = event.target.closest(".message");
    if (!message || log.dataset.stop === message.dataset.key) return;
    log.dataset.stop = message.dataset.key;
    rove(log);
  });
}
