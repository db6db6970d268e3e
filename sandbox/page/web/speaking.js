// Speaking as Devin: which session it is in, the words, and the pull requests.

import { grow } from "./composer.js";
import { $, el, sync } from "./dom.js";
import { listenElsewhere } from "./elsewhere.js";
import { drawPullRequestButtons, listenPullRequests } from "./pull_requests.js";
import { ask, redraw, state, view } from "./state.js";

// The session that someone chose or speaks in, else the one where something was written last.
export function spokenIn() {
  const latest = (session) => session.entries.at(-1)?.at ?? 0;
  return state.sessions.find((session) => session.session_id === view.session)
    ?? [...state.sessions].sort((a, b) => latest(b) - latest(a))[0];
}

export function drawSpeaking() {
  const chosen = spokenIn();
  const menu = $("speak-in");
  sync(menu, state.sessions.map(({ session_id: id, title }) =>
    [id, title, () => el("option", { value: id }, title || id)]));
  menu.value = chosen?.session_id ?? "";
  drawPullRequestButtons(chosen);
}

function stay() {
  view.session = spokenIn()?.session_id ?? null;
}

async function speak(box) {
  const text = box.value.trim();
  const chosen = spokenIn();
  if (!text || !chosen) return;
  box.value = "";
  const answer = await ask("devin_say", { session_id: chosen.session_id, text });
  if (answer === null && !box.value) box.value = text;
  grow(box);
}

export function listenSpeaking() {
  const box = $("speak-text");
  $("speak-in").addEventListener("change", (event) => { view.session = event.target.value; redraw(); });
  $("speak").addEventListener("submit", (event) => { event.preventDefault(); speak(box); });
  box.addEventListener("input", () => { stay(); grow(box); });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("speak").requestSubmit(); }
  });
  listenPullRequests(spokenIn);
  listenElsewhere(spokenIn);
}
