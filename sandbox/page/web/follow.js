// Devin's pane follows the thread that is open: its session is lit, in view, and the one to speak in.

import { $ } from "./dom.js";
import { HOME, channelNow, kindOf, state, view } from "./state.js";
import { bring } from "./stick.js";

const SESSION = /https:\/\/app\.devin\.ai\/sessions\/(?:devin-)?([0-9a-f]+)/;
let followed = null; // the session of the thread that is open
let wanted = null; // the session to bring into view, once its pane is shown

// The session whose address is in a text, if there is one.
export function sessionIn(text) {
  const id = `devin-${SESSION.exec(text)?.[1]}`;
  return state.sessions.some((it) => it.session_id === id) ? id : null;
}

// Light a session, and show it with the next drawing.
export function pointAt(id) {
  view.litSession = wanted = id;
}

// The session that the newest card of the thread is about.
function sessionOfThread() {
  if (!view.thread || view.channel === HOME) return null;
  const isCard = (it) => it.thread_ts === view.thread && kindOf(it) === "card";
  return sessionIn(JSON.stringify(channelNow().messages.filter(isCard).at(-1)?.blocks ?? ""));
}

export function follow() {
  const id = sessionOfThread();
  if (id === followed) return;
  followed = id;
  pointAt(id);
  if (id) view.session = id;
}

export function showWanted() {
  const list = $("sessions");
  const card = wanted && list.querySelector(`:scope > [data-key="${CSS.escape(wanted)}"]`);
  if (!card?.clientHeight) return; // the pane is not shown
  wanted = null;
  bring(list, card, { start: true });
}
