// The two logs: a channel's messages, and a thread's beside it.

import { $, el, icon, setText, sync } from "./dom.js";
import { openMenu } from "./menu.js";
import { OFFERED, emoji } from "./emoji.js";
import { openForward } from "./forward.js";
import { openThread } from "./panes.js";
import { signOf } from "./places.js";
import { confirmed } from "./question.js";
import { content } from "./render.js";
import { rove } from "./rove.js";
import { bring, stick } from "./stick.js";
import { HOME, ask, author, channelNow, isReply, isWithoutRelay, kindOf, nameOfTeam, names, notesFor, relay, state, titleOf, view, writerNow } from "./state.js";
import { startEdit } from "./composer.js";
import { drawHead, stateChip, statusItem } from "./status.js";
import { clock } from "./times.js";
import { pressed, runShortcut } from "./acting.js";

export function drawChannel() {
  const home = view.channel === HOME;
  $("messages").hidden = $("composer").hidden = home;
  if (home) return;
  const channel = channelNow();
  const replies = new Map();
  for (const message of channel.messages.filter(isReply)) {
    replies.set(message.thread_ts, [...(replies.get(message.thread_ts) ?? []), message]);
  }
  const shown = channel.messages.filter((message) => !isReply(message) || message.subtype === "thread_broadcast");
  const notes = notesFor(channel).filter((note) => !note.thread_ts);
  if ($("channel-name").dataset.shown !== channel.id + view.writer) {
    $("channel-name").replaceChildren(signOf(channel), titleOf(channel));
    $("channel-name").dataset.shown = channel.id + view.writer;
  }
  setText($("channel-note"), describe(channel));
  fill($("messages"), [...shown, ...notes].sort((a, b) => a.ts - b.ts)
    .map((message) => messageItem(message, channel, replies.get(message.ts) ?? [])),
  "No messages yet.", channel.id);
}

export function drawThread() {
  const open = Boolean(view.thread) && view.channel !== HOME;
  $("thread").hidden = !open;
  document.querySelector(".panes [data-show=thread]").disabled = !open;
  $("grid").classList.toggle("threaded", open);
  keepRootInView();
  if (!open) { $("replies").replaceChildren(); return; }
  const channel = channelNow();
  const inThread = (message) => message.ts === view.thread || message.thread_ts === view.thread;
  const items = [...channel.messages, ...notesFor(channel)].filter(inThread).sort((a, b) => a.ts - b.ts);
  drawHead(channel);
  fill($("replies"), [...items.map((message) => messageItem(message, channel, null)), ...statusItem(channel)],
    "This thread was deleted.", view.thread);
}

// A thread that opens or closes changes the width of the channel, and so the places of its messages.
let root = null;
function keepRootInView() {
  if (view.thread === root) return;
  root = view.thread;
  const open = $("messages").querySelector(".message.open");
  if (open) bring($("messages"), open);
}

// Show the items, or a sentence where there are none; stay at the end if we were there, or have just come.
function fill(log, items, nothing, place) {
  const empty = ["nothing", nothing, () => el("p", { class: "empty" }, nothing)];
  const fresh = log.dataset.place !== place;
  log.dataset.place = place;
  sync(log, items.length ? items : [empty]);
  stick(log, { again: fresh });
  rove(log);
}

function describe(channel) {
  const kinds = { im: "direct message", mpim: "group message", group: "private channel", channel: "public channel" };
  const outside = channel.is_shared ? ", shared with another organization" : "";
  const member = isWithoutRelay(channel) ? `, the relay isn’t in it: /invite @${relay().shown}` : "";
  const teams = state.org && channel.teams.length > 1 ? ` of ${channel.teams.map(nameOfTeam).join(" and ")}` : "";
  return kinds[channel.kind] + teams + outside + member;
}

function messageItem(message, channel, replies) {
  const open = replies !== null && message.ts === view.thread;
  const told = replies && channel.agent_sessions[message.ts]?.status;
  const lit = view.lit === message.ts;
  const tail = replies && [replies.length, replies.at(-1)?.ts];
  const signature = JSON.stringify([message, tail, told, view.writer, open, lit, state.users.length]);
  const key = `${channel.id}/${message.ts}${message.ephemeral_to ?? ""}`;
  return [key, signature, () => messageNode(message, channel, replies, { open, lit })];
}

function messageNode(message, channel, replies, { open, lit }) {
  const { name, kind } = author(message);
  const note = Boolean(message.ephemeral_to);
  const ctx = { names, act: (item, block, value) => pressed(item, block, value, message, channel) };
  const classes = ["message", note && "ephemeral", open && "open", lit && "lit"].filter(Boolean).join(" ");
  return el("article", { class: classes, tabindex: "-1", "data-ts": message.ts, "data-kind": kindOf(message), "aria-label": `${name}, ${clock(message.ts)}` },
    note ? el("p", { class: "only" }, icon("eye"), "Only visible to you") : null,
    avatar(name, kind),
    el("div", { class: "said" },
      el("header", {}, el("strong", {}, name), kind === "member" ? null : el("span", { class: "kind" }, kind),
        el("time", {}, clock(message.ts)), message.edited ? el("span", { class: "faint" }, "(edited)") : null),
      message.subtype === "thread_broadcast"
        ? el("p", { class: "faint" }, replies === null ? "also sent to the channel" : "replied to a thread") : null,
      content(message, ctx),
      reactions(message, channel),
      replies?.length ? repliesButton(message, channel, replies) : null),
    note ? null : tools(message, channel, replies));
}

function avatar(name, kind) {
  const initials = name.split(/\s+/).map((word) => word[0]).slice(0, 2).join("").toUpperCase();
  const node = el("span", { class: `avatar ${kind}`, "aria-hidden": "true" }, kind === "app" ? "" : initials);
  const hue = [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  node.style.setProperty("--hue", hue);
  return node;
}

// Everybody's marks; a click adds or takes back the writer's own.
function reactions(message, channel) {
  const entries = Object.entries(message.reactions).filter(([, users]) => users.length);
  if (!entries.length) return null;
  return el("div", { class: "reactions" }, ...entries.map(([name, users]) => {
    const words = `:${name}: by ${users.map((id) => names.user(id) ?? id).join(", ")}`;
    const mine = users.includes(writerNow().id);
    return el("button", { type: "button", class: "reaction", "aria-pressed": String(mine), title: words,
      "aria-label": `${users.length} ${words}`, "data-name": name, "data-focus": `reaction-${message.ts}-${name}`, onclick: () => react(message, channel, name) },
    emoji(name), el("b", {}, String(users.length)));
  }));
}

function react(message, channel, name) {
  const remove = Boolean(message.reactions[name]?.includes(writerNow().id));
  return ask("react", { channel: channel.id, ts: message.ts, name, user: view.writer, remove });
}

const reactionsToChoose = (message, channel) => OFFERED.map((name) =>
  ({ label: [emoji(name), name.replaceAll("_", " ")], act: () => react(message, channel, name) }));

function repliesButton(message, channel, replies) {
  const count = replies.length === 1 ? "1 reply" : `${replies.length} replies`;
  return el("button", { type: "button", class: "replies", "data-focus": `replies-${message.ts}`,
    onclick: () => openThread(message.ts) }, count, el("span", {}, ` last at ${clock(replies.at(-1).ts)}`), stateChip(channel, message.ts));
}

function tools(message, channel, replies) {
  const root = message.thread_ts ?? message.ts;
  return el("div", { class: "tools" },
    replies === null ? null : el("button", { type: "button", title: "Reply in thread", "aria-label": "Reply in thread",
      "data-focus": `reply-${message.ts}`, onclick: () => openThread(root) }, icon("reply")),
    el("button", { type: "button", title: "Add a reaction", "aria-label": "Add a reaction", "aria-haspopup": "menu",
      "data-focus": `react-${message.ts}`,
      onclick: (event) => openMenu(event.currentTarget, reactionsToChoose(message, channel)) }, icon("react")),
    el("button", { type: "button", title: "More actions", "aria-label": "More actions", "aria-haspopup": "menu",
      "data-focus": `more-${message.ts}`,
      onclick: (event) => openMenu(event.currentTarget, actions(message, channel, replies === null)) }, icon("more")));
}

function actions(message, channel, inThread) {
  const mine = message.user === writerNow().id;
  const shortcuts = state.shortcuts.filter((it) => !it.is_global).map(({ callback_id, name }) =>
    ({ label: name, act: () => runShortcut(callback_id, message, channel) }));
  const own = [
    { label: "Edit message", act: () => startEdit(message, channel, inThread) },
    { label: "Delete message…", danger: true, act: () => remove(message, channel, inThread) },
  ];
  const forward = { label: "Forward…", act: () => openForward(message, channel) };
  const all = message.subtype === "tombstone" ? shortcuts : [...shortcuts, forward];
  return mine ? [...all, ...own] : all;
}

async function remove(message, channel, inThread) {
  const question = { title: { text: "Delete message" }, text: { type: "plain_text", text: "This deletes it for everyone." },
    confirm: { text: "Delete" }, style: "danger" };
  if (!(await confirmed(question, names))) return;
  if (await ask("delete", { channel: channel.id, ts: message.ts })) $(inThread ? "thread-text" : "channel-text").focus();
}
