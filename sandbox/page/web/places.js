// The list on the left: channels, direct messages, the app's Home and the workflow steps; who writes.

import { $, el, icon, setText, sync } from "./dom.js";
import { runGlobalShortcut } from "./acting.js";
import { openChannel } from "./panes.js";
import { tellOpened } from "./prompts.js";
import { HOME, SLACKBOT, ask, channelNow, redraw, state, titleOf, view, visibleChannels, writerNow } from "./state.js";
import { openWorkflow } from "./workflow.js";
import { drawWorkspace, listenWorkspace } from "./workspace.js";

const read = new Map(); // a channel's id -> the ts up to which it was shown

const SIGNS = { im: "at", mpim: "people", group: "lock", channel: "hash" };
export const signOf = (channel) => icon(channel.is_shared ? "shared" : SIGNS[channel.kind]);

export function drawPlaces() {
  const channels = visibleChannels();
  if (view.channel !== HOME && !channels.includes(channelNow())) {
    Object.assign(view, { channel: channels[0].name, thread: null });
  }
  drawRelay();
  drawWriters();
  drawWorkspace();
  const isDirect = (channel) => channel.kind === "im" || channel.kind === "mpim";
  sync($("channels"), channels.filter((channel) => !isDirect(channel)).map(channelItem));
  sync($("directs"), channels.filter(isDirect).map(channelItem));
  $("directs-title").hidden = !channels.some(isDirect);
  drawApps();
}

function drawRelay() {
  const offline = document.body.classList.contains("offline");
  const connected = !offline && state.is_connected !== false;
  const words = state.is_connected === null ? "HTTP mode" : connected ? "Relay connected" : "Relay not connected";
  $("relay").className = `relay ${connected ? "on" : "off"}`;
  setText($("relay"), offline ? "Sandbox stopped" : words);
}

function drawWriters() {
  const writers = state.users.filter((user) => user.kind !== "app" && user.id !== SLACKBOT);
  if ($("writer").options.length !== writers.length) {
    $("writer").replaceChildren(
      ...writers.map((user) => el("option", { value: user.name }, `${user.shown} (${user.kind})`)),
    );
  }
  $("writer").value = writerNow().name;
}

function channelItem(channel) {
  const current = view.channel !== HOME && channel === channelNow();
  const last = channel.messages.at(-1)?.ts ?? "0";
  if (current || !read.has(channel.id)) read.set(channel.id, last);
  const unread = channel.messages.filter((message) => message.ts > read.get(channel.id)).length;
  return [channel.id, JSON.stringify([current, titleOf(channel), unread]), () =>
    el("li", {}, el("button", {
      type: "button", "aria-current": current && "true", "data-focus": channel.id, class: unread ? "unread" : null,
      onclick: () => { openChannel(channel.name); tellOpened(channel); },
    }, signOf(channel), el("span", { class: "name" }, titleOf(channel)),
    unread ? el("span", { class: "count", "aria-label": `${unread} new` }, String(unread)) : null))];
}

function drawApps() {
  const atHome = view.channel === HOME;
  const item = (key, sign, words, current, act) => [key, JSON.stringify([words, current]), () =>
    el("li", {}, el("button", {
      type: "button", "aria-current": current && "true", "data-focus": key, onclick: act,
    }, icon(sign), el("span", { class: "name" }, words)))];
  sync($("apps"), [
    item("home", "home", "App Home", atHome, openHome),
    ...state.shortcuts.filter((it) => it.is_global).map((it) =>
      item(it.callback_id, "send", it.name, false, () => runGlobalShortcut(it.callback_id))),
    item("workflow", "flow", "Workflow steps", false, openWorkflow),
  ]);
}

export function openHome() {
  openChannel(HOME);
  ask("open_home", { user: view.writer });
}

export function listenPlaces() {
  listenWorkspace();
  $("writer").addEventListener("change", (event) => {
    view.writer = event.target.value;
    if (view.channel === HOME) ask("open_home", { user: view.writer });
    redraw();
  });
}
