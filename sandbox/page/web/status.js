// What a thread says about the relay's work: Slack's own state of an agent session at its head, and below its last
// message that it works, with Stop; or the words that the relay told Slack.

import { $, el, icon, setText } from "./dom.js";
import { pressStop } from "./acting.js";
import { nameOf, relay, view } from "./state.js";

const STATES = {
  processing: ["Working", "good"], suspended: ["Needs attention", "fair"], active: ["Ready", ""], closed: ["Closed", ""],
};

export function drawHead(channel) {
  const session = channel.agent_sessions[view.thread];
  const [words, tone] = STATES[session?.status] ?? ["", ""];
  $("thread-state").hidden = !words;
  $("thread-state").className = `chip ${tone}`;
  setText($("thread-state"), words);
  setText($("thread-note"), session?.title ? `${session.title} · ${nameOf(channel)}` : `in ${nameOf(channel)}`);
}

// Beside the count of a thread's replies: what would make someone open it.
export function stateChip(channel, root) {
  const { status } = channel.agent_sessions[root] ?? {};
  if (!["processing", "suspended"].includes(status)) return null;
  const [words, tone] = STATES[status];
  return el("span", { class: `chip ${tone}` }, words);
}

export function statusItem(channel) {
  const session = channel.agent_sessions[view.thread];
  const words = channel.statuses[view.thread] ?? (session?.status === "processing" && "is working…");
  if (!words) return [];
  const thread = view.thread;
  const stop = session?.can_stop && el("button", { type: "button", class: "press stop", "data-focus": "stop",
    onclick: () => pressStop(channel, thread) }, icon("stop"), "Stop");
  return [["status", JSON.stringify([words, session?.can_stop]), () => el("div", { class: "working" },
    el("p", {}, el("span", { "aria-hidden": "true" }, el("i"), el("i"), el("i")), el("em", {}, relay().shown), ` ${words}`), stop)]];
}
