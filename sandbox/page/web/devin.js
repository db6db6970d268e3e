// Devin, on the right: the sessions, how each behaves, and what was said in each.

import { $, el, setText, sync } from "./dom.js";
import { propose } from "./composer.js";
import { entry } from "./conversation.js";
import { comesFrom } from "./elsewhere.js";
import { follow, showWanted } from "./follow.js";
import { openChannel, showPane } from "./panes.js";
import { pullRequests } from "./pull_requests.js";
import { drawSpeaking, listenSpeaking } from "./speaking.js";
import { HOME, ask, relay, state, view } from "./state.js";

const KNOWN = new Set(["running", "blocked", "approval", "idle", "suspended", "out_of_credits", "capped", "finished", "failed", "archived"]);
const once = new Set(); // sessions whose next choice is for one message only
const seen = new Map(); // a session's id -> how many entries were there when it was drawn last
let listed = null; // the sessions that were there at first; newer ones stand above them
let looked = null; // how many requests there were when the pane was last in front

function ordered() {
  listed ??= new Set(state.sessions.map((session) => session.session_id));
  const isOld = (session) => listed.has(session.session_id);
  return [...state.sessions.filter((session) => !isOld(session)).reverse(), ...state.sessions.filter(isOld)];
}

export function drawSessions() {
  follow();
  sync($("sessions"), ordered().map((session) =>
    [session.session_id, JSON.stringify([session, once.has(session.session_id), view.litSession]), () => sessionNode(session)]));
  for (const list of $("sessions").querySelectorAll("ol:not(.drawn)")) {
    if (!list.clientHeight) continue; // the pane is not shown
    list.scrollTop = list.scrollHeight;
    list.classList.add("drawn");
  }
  showWanted();
  setText($("devin-api"), `API ${state.devin_api}`);
  drawSpeaking();
  const count = state.sessions.reduce((sum, session) => sum + session.request_count, 0);
  const inFront = document.body.dataset.pane === "devin";
  if (looked === null || inFront) looked = count;
  setText($("arrived"), String(count - looked));
  $("arrived").hidden = count <= looked;
}

function sessionNode(session) {
  const id = session.session_id;
  const name = session.title || "Session";
  const from = session.entry_count - session.entries.length;
  const before = seen.get(id) ?? session.entry_count;
  seen.set(id, session.entry_count);
  return el("article", { class: `session ${session.state} ${view.litSession === id ? "lit" : ""}`, "aria-label": name },
    el("header", {},
      el("h3", {}, name),
      session.in_flight ? el("span", { class: "chip fair" }, `${session.in_flight} in flight`) : null,
      el("button", { type: "button", class: "plain", "data-focus": `link-${id}`, "aria-label": `Link to thread: ${name}`,
        title: "Put the link command into the message box", onclick: () => proposeLink(session) }, "Link to thread")),
    el("code", { class: "id", title: id }, id),
    el("p", { class: "status" }, el("span", { class: "dot", "aria-hidden": "true" }), session.status.replaceAll("_", " ")),
    comesFrom(session),
    pullRequests(session),
    el("div", { class: "behaves" },
      el("select", {
        "aria-label": `How ${name} behaves`, "data-focus": id,
        onchange: (event) => ask("behave", { session_id: id, state: event.target.value, times: once.has(id) ? 1 : null }),
      }, ...choices(session)),
      el("label", { class: "once", title: "Your next choice applies to one message; then the session goes back to its present state" },
        el("input", { type: "checkbox", "data-focus": `once-${id}`, checked: once.has(id), onchange: (event) => {
          if (event.target.checked) once.add(id);
          else once.delete(id);
        } }), "for one message")),
    session.times ? el("p", { class: "faint" }, session.times === 1 ? "for the next message only" : `for the next ${session.times} messages`) : null,
    session.entries.length
      ? el("ol", { tabindex: "0", "data-focus": `said-${id}`, "aria-label": `Messages in ${name}` },
        ...session.entries.map((one, index) => entry(one, from + index >= before)))
      : el("p", { class: "faint" }, "No messages yet."));
}

// Its states as people know them, and the failures to try.
function choices(session) {
  const option = ([key, words]) => el("option", { value: key, selected: key === session.state }, words);
  const all = Object.entries(state.states);
  return [
    el("optgroup", { label: "State" }, ...all.filter(([key]) => KNOWN.has(key)).map(option)),
    el("optgroup", { label: "Failure" }, ...all.filter(([key]) => !KNOWN.has(key)).map(option)),
  ];
}

function proposeLink(session) {
  if (view.channel === HOME) openChannel("general");
  showPane(view.thread ? "thread" : "channel");
  propose(`@${relay().shown} link ${session.session_id}`);
}

export function listenDevin() {
  listenSpeaking();
  $("add-session").addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await ask("session", { session_id: $("new-session").value.trim() });
    if (answer) $("new-session").value = "";
  });
}
