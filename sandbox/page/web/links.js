// Links to what is in the sandbox open it here: a message by its permalink, a session by its address at Devin.
// Any other link leaves the page in a new tab, and only when someone clicks it.

import { $, toast } from "./dom.js";
import { openChannel, openThread, showPane } from "./panes.js";
import { redraw, state, view, visibleChannels, writerNow } from "./state.js";

const PERMALINK = /^https:\/\/sandbox\.slack\.invalid\/archives\/(\w+)\/p(\d+)(\d{6})(?:\?.*\bthread_ts=([\d.]+))?/;
const SESSION = /^https:\/\/app\.devin\.ai\/sessions\/(?:devin-)?([0-9a-f]+)$/;

function openMessage([, channelId, seconds, micros, root]) {
  const channel = visibleChannels().find((it) => it.id === channelId);
  if (!channel) { toast(`${writerNow().shown} isn’t in that channel.`); return; }
  const ts = `${seconds}.${micros}`;
  const message = channel.messages.find((it) => it.ts === ts);
  openChannel(channel.name);
  view.lit = ts;
  openThread(root ?? message?.thread_ts ?? ts);
}

function openSession(id) {
  view.litSession = id;
  showPane("devin");
  redraw();
  const card = document.querySelector(`[data-key="${CSS.escape(id)}"]`);
  card.scrollIntoView({ block: "nearest" });
  $("sessions").focus();
}

export function listenLinks() {
  document.addEventListener("click", (event) => {
    const address = event.target.closest?.("a[href]")?.href ?? "";
    const message = PERMALINK.exec(address);
    const id = `devin-${SESSION.exec(address)?.[1]}`;
    const session = state?.sessions.find((it) => it.session_id === id);
    if (!message && !session) return;
    event.preventDefault();
    if (message) openMessage(message);
    else openSession(id);
  });
}
