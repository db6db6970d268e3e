// Below a thread's last message: what the relay is doing for it now, as it told Slack.

import { el } from "./dom.js";
import { relay, view } from "./state.js";

export function statusItem(channel) {
  const words = channel.statuses[view.thread];
  if (!words) return [];
  return [["status", words, () => el("p", { class: "working" },
    el("span", { "aria-hidden": "true" }, el("i"), el("i"), el("i")), el("em", {}, relay().shown), ` ${words}`)]];
}
