// An agent's direct message: prompts to begin with, and a thread for each message that a person begins.

import { $, el, sync } from "./dom.js";
import { openThread } from "./panes.js";
import { HOME, ask, channelNow, relay, state, view } from "./state.js";

export const isAgentChat = (channel) => state.app.is_agent && isWithApp(channel);
const isWithApp = (channel) => channel.kind === "im" && channel.members.includes(relay().id);

export function drawPrompts() {
  const channel = view.channel === HOME ? null : channelNow();
  const prompts = channel?.prompts;
  $("prompts").hidden = !prompts;
  if (!prompts) return;
  sync($("prompts"), [
    ["title", prompts.title, () => el("h3", { id: "prompts-title" }, prompts.title || "Suggested prompts")],
    ...prompts.prompts.map(({ title, message }) => [title, JSON.stringify([channel.id, message]), () =>
      el("button", { type: "button", class: "press", "data-focus": title, onclick: () => begin(channel, message) }, title)]),
  ]);
}

// As Slack does, a prompt is sent at once.
async function begin(channel, text) {
  const answer = await ask("say", { text, user: view.writer, channel: channel.id });
  if (answer) openThread(answer.ts);
}

// The app is told that someone looks at its messages.
export function tellOpened(channel) {
  if (isWithApp(channel)) ask("open_home", { user: view.writer, tab: "messages" });
}
