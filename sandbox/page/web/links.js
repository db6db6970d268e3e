// Links to what is in the sandbox open it here: a message by its permalink, a session by its address at Devin.
// Any other link leaves the page in a new tab, and only when someone clicks it.

import { $, toast } from "./dom.js";
import { pointAt, sessionIn } from "./follow.js";
import { openChannel, openThread, showPane } from "./panes.js";
import { state, view, visibleChannels, writerNow } from "./state.js";

const PERMALINK = /^https:\/\/sandbox\.slack\.invalid\/archives\/(\w+)\/p(\d+)(\d{6})(?:\?.*\bthread_ts=([\d.]+))?/;

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
  pointAt(id);
  showPane("devin");
  $("sessions").focus();
}

export function listenLinks() {
  document.addEventListener("click", (event) => {
    const address = event.target.closest?.("a[href]")?.href ?? "";
    const message = PERMALINK.exec(address);
    const id = state && sessionIn(address);
    if (!message && !id) return;
    event.preventDefault();
    if (message) openMessage(message);
    else openSession(id);
  });
}
