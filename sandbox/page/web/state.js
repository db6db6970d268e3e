// What the page knows: the sandbox's whole state, asked for after every change, and what is being looked at.

import { toast } from "./dom.js";

const store = sessionStorage;
const KEPT = ["channel", "thread", "writer"];
export const HOME = "app-home";
export const SLACKBOT = "USLACKBOT"; // Slack itself, as whom nobody writes

export let state = null;
export const view = {
  channel: store.getItem("channel") ?? "general", // its name, or HOME
  thread: store.getItem("thread"), // the root's ts
  writer: store.getItem("writer") ?? "ada",
  editing: null,
  lit: null, // the ts of the message that the tour or a link points at
  litSession: null, // the session that a link points at
  session: null, // the one in which someone speaks as Devin
  acted: 0, // when something was last done in this tab
};

const drawers = [];
export const onChange = (draw) => drawers.push(draw);
export function redraw() {
  for (const name of KEPT) {
    if (view[name]) store.setItem(name, view[name]);
    else store.removeItem(name);
  }
  if (state) for (const draw of drawers) draw();
}

// ---- talking to the control API

// Do something; the answer, or null after telling why not.
export async function ask(path, body) {
  view.acted = Date.now();
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  try {
    const response = await fetch(`control/${path}`, options);
    const answer = await response.json();
    if (response.ok) return answer;
    toast(answer.error);
  } catch {
    toast("The sandbox isn’t responding. Is it still running?");
  }
  return null;
}

let wanted = false;
let reading = null;

// Read the state and draw it; done when one that was asked for from now on is drawn.
export function refresh() {
  wanted = true;
  reading ??= readAll();
  return reading;
}

async function readAll() {
  while (wanted) {
    wanted = false;
    try {
      const fresh = await (await fetch("control/state")).json();
      if (state && state.run !== fresh.run) beginAgain();
      state = fresh;
      redraw();
    } catch (error) {
      if (!document.body.classList.contains("offline")) console.error(error);
    }
  }
  reading = null;
}

// Another sandbox answers now, which has none of what was looked at.
function beginAgain() {
  Object.assign(view, { channel: "general", thread: null, editing: null, lit: null, litSession: null, session: null });
  toast("The demo was restarted.");
}

export function listen() {
  const events = new EventSource("control/events");
  let timer = null;
  events.onopen = () => { document.body.classList.remove("offline"); refresh(); };
  events.onerror = () => { document.body.classList.add("offline"); redraw(); };
  events.onmessage = () => { timer ??= setTimeout(() => { timer = null; refresh(); }, 30); };
}

// ---- looking things up

export const by = (key, id) => state.users.find((user) => id && user[key] === id);
export const names = {
  user: (id) => by("id", id)?.shown,
  channel: (id) => state.channels.find((channel) => channel.id === id)?.name,
  usergroup: (id) => state.usergroups.find((group) => group.id === id)?.handle,
};
export const nameOfTeam = (id) => state.org?.teams.find((team) => team.id === id)?.name;
export const writerNow = () => by("name", view.writer) ?? state.users[0];
export const channelNow = () => state.channels.find((channel) => channel.name === view.channel) ?? state.channels[0];
export const isReply = (message) => Boolean(message.thread_ts) && message.thread_ts !== message.ts;
// What a message of the relay's is, by the key in its metadata: `card`, `words`, `outcome`, …; null for anything else.
export const kindOf = (message) => message.key?.split("|")[2] ?? null;
export const relay = () => by("id", state.app.user_id);
export const isWithoutRelay = (channel) => !channel.members.includes(relay().id);

// What Slack shows to the writer: the channels they are in; a bot of no channel posts from outside into any.
export function visibleChannels() {
  const writer = writerNow();
  const isHere = (channel) => !state.org || !writer.teams.length || channel.kind === "im" || channel.kind === "mpim"
    || channel.teams.includes(writer.team);
  const mine = state.channels.filter((channel) => channel.members.includes(writer.id) && isHere(channel));
  return mine.length ? mine : state.channels.filter((channel) => channel.kind === "channel");
}

// The channels that a menu offers to the writer.
export const channelsToChoose = () => visibleChannels().filter((it) => it.kind === "channel" || it.kind === "group");

export const notesFor = (channel) => channel.ephemerals.filter((note) => note.ephemeral_to === writerNow().id);

export function author(message) {
  if (message.user === SLACKBOT) return { name: "Slackbot", kind: "bot" };
  const user = by("id", message.user) ?? by("bot_id", message.bot_id);
  return { name: message.username || user?.shown || message.user || "Someone", kind: user?.kind ?? "bot" };
}

export const titleOf = (channel) =>
  channel.kind === "im" ? otherOf(channel) : channel.kind === "mpim" ? membersOf(channel) : channel.name;

// The same with the # of a channel.
export const nameOf = (channel) =>
  channel.kind === "channel" || channel.kind === "group" ? `#${titleOf(channel)}` : titleOf(channel);

function otherOf(channel) {
  const other = channel.members.find((id) => id !== writerNow().id) ?? channel.members[0];
  return names.user(other) ?? channel.name;
}

const membersOf = (channel) => channel.members.filter((id) => id !== writerNow().id)
  .map((id) => (id === relay().id ? relay().shown : names.user(id)?.split(" ")[0] ?? id)).join(", ");
