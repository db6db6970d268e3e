// The sandbox's page: asks for the whole state after every change and touches only what differs.

import { content, el, emoji } from "./render.js";

const $ = (id) => document.getElementById(id);
const store = sessionStorage;

const view = {
  channel: store.getItem("channel") ?? "general",
  thread: store.getItem("thread"),
  writer: store.getItem("writer") ?? "ada",
  editing: null,
};
let state = null;
let seen = -1;

// ---- talking to the control API

async function ask(path, body) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  try {
    const response = await fetch(`control/${path}`, options);
    const answer = await response.json();
    if (response.ok) return answer;
    toast(answer.error);
  } catch {
    toast("The sandbox does not answer. Is it still running?");
  }
  return null;
}

let refreshing = false;
let again = false;
async function refresh() {
  if (refreshing) { again = true; return; }
  refreshing = true;
  do {
    again = false;
    try {
      const first = state === null;
      state = await (await fetch("control/state")).json();
      if (first && view.thread === null) view.thread = newestThread();
      if (first && view.thread) showPane("thread");
      draw();
    } catch (error) {
      console.error(error);
    }
  } while (again);
  refreshing = false;
}

function listen() {
  const events = new EventSource("control/events");
  let timer = null;
  events.onopen = () => { document.body.classList.remove("offline"); refresh(); };
  events.onerror = () => { document.body.classList.add("offline"); drawRelay(); };
  events.onmessage = () => { timer ??= setTimeout(() => { timer = null; refresh(); }, 40); };
}

let toastTimer = null;
function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, 6000);
}

// A live region speaks when its text is set, so only set what is new.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// ---- looking things up

const by = (key, id) => state.users.find((user) => id && user[key] === id);
const names = {
  user: (id) => by("id", id)?.real_name,
  channel: (id) => state.channels.find((channel) => channel.id === id)?.name,
  usergroup: (id) => state.usergroups.find((group) => group.id === id)?.handle,
};
const channelNow = () => state.channels.find((channel) => channel.name === view.channel) ?? state.channels[0];
const writerNow = () => by("name", view.writer);
const isReply = (message) => message.thread_ts && message.thread_ts !== message.ts;
const sign = (channel) => ({ im: "@", mpim: "@", group: "🔒" })[channel.kind] ?? "#";

function author(message) {
  if (message.user === "USLACKBOT") return { name: "Slackbot", kind: "bot" };
  const user = by("id", message.user) ?? by("bot_id", message.bot_id);
  return { name: message.username || user?.real_name || message.user || "Somebody", kind: user?.kind ?? "bot" };
}

function newestThread() {
  const threads = channelNow().messages.filter(isReply).map((message) => message.thread_ts);
  return threads.at(-1) ?? null;
}

// ---- drawing: one list after another, keyed, so that focus and selections stay

function sync(list, items) {
  const old = new Map([...list.children].map((node) => [node.dataset.key, node]));
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  let place = list.firstElementChild;
  for (const [key, signature, build] of items) {
    let node = old.get(key);
    if (node?.dataset.signature !== signature) {
      const fresh = build();
      fresh.dataset.key = key;
      fresh.dataset.signature = signature;
      if (node === place) place = place?.nextElementSibling ?? null;
      node?.remove();
      node = fresh;
    }
    old.delete(key);
    if (node === place) place = place.nextElementSibling;
    else list.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
  if (focused) list.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  return atEnd;
}

function draw() {
  drawRelay();
  drawWriters();
  drawChannels();
  drawChannel();
  drawThread();
  drawSessions();
}

function drawRelay() {
  const offline = document.body.classList.contains("offline");
  const connected = !offline && state?.is_connected !== false;
  const words = state?.is_connected === null ? "Events go by HTTP" : connected ? "Relay connected" : "Relay not connected";
  $("relay").className = `relay ${connected ? "on" : "off"}`;
  setText($("relay"), offline ? "Sandbox stopped" : words);
}

function drawWriters() {
  const writers = state.users.filter((user) => user.kind !== "app");
  if ($("writer").options.length !== writers.length) {
    $("writer").replaceChildren(
      ...writers.map((user) => el("option", { value: user.name }, `${user.real_name} (${user.kind})`)),
    );
  }
  $("writer").value = view.writer;
}

function drawChannels() {
  sync($("channels"), state.channels.map((channel) => {
    const current = channel === channelNow();
    return [channel.id, JSON.stringify([current, channel.name]), () =>
      el("li", {}, el("button", {
        type: "button", "aria-current": current && "true", "data-focus": channel.id,
        onclick: () => openChannel(channel.name),
      }, el("span", { class: "sign", "aria-hidden": "true" }, sign(channel)), channel.name))];
  }));
}

function drawChannel() {
  const channel = channelNow();
  const replies = Map.groupBy
    ? Map.groupBy(channel.messages.filter(isReply), (message) => message.thread_ts)
    : grouped(channel.messages.filter(isReply));
  const shown = channel.messages.filter((message) => !isReply(message) || message.subtype === "thread_broadcast");
  const notes = channel.ephemerals.filter((note) => !note.thread_ts);
  $("channel-name").textContent = `${sign(channel)} ${channel.name}`;
  $("channel-note").textContent = describe(channel);
  $("channel-text").placeholder = `Message ${sign(channel)}${channel.name}, or /devin-say …`;
  const items = [...shown, ...notes].sort((a, b) => a.ts - b.ts);
  const end = sync($("messages"), items.map((message) => messageItem(message, channel, replies.get(message.ts))));
  if (end) $("messages").scrollTop = $("messages").scrollHeight;
}

function grouped(messages) {
  const groups = new Map();
  for (const message of messages) groups.set(message.thread_ts, [...(groups.get(message.thread_ts) ?? []), message]);
  return groups;
}

function describe(channel) {
  const kinds = { im: "direct message", mpim: "group message", group: "private channel", channel: "public channel" };
  const outside = channel.is_shared ? ", shared with another organisation" : "";
  const member = channel.members.includes(state.app.user_id) ? "" : ", the relay is not in it";
  return kinds[channel.kind] + outside + member;
}

function drawThread() {
  const channel = channelNow();
  $("thread").hidden = !view.thread;
  document.querySelector("[data-show=thread]").disabled = !view.thread;
  $("grid").classList.toggle("threaded", Boolean(view.thread));
  if (!view.thread) { $("replies").replaceChildren(); return; }
  $("thread-note").textContent = `${sign(channel)} ${channel.name}`;
  $("thread-text").placeholder = "Reply…";
  const inThread = (message) => message.ts === view.thread || message.thread_ts === view.thread;
  const items = [...channel.messages, ...channel.ephemerals].filter(inThread).sort((a, b) => a.ts - b.ts);
  const end = sync($("replies"), items.map((message) => messageItem(message, channel, null)));
  if (end) $("replies").scrollTop = $("replies").scrollHeight;
}

function messageItem(message, channel, replies) {
  const users = state.users.length;
  const open = message.ts === view.thread;
  const signature = JSON.stringify([message, replies?.length, replies?.at(-1)?.ts, view.writer, open, users]);
  const key = `${channel.id}/${message.ts}${message.ephemeral_to ?? ""}`;
  return [key, signature, () => messageNode(message, channel, replies, open)];
}

function messageNode(message, channel, replies, open) {
  const { name, kind } = author(message);
  const mine = message.user === writerNow()?.id && !message.ephemeral_to;
  const press = (item, button) => pressButton(item, button, message, channel);
  return el("article", { class: `message ${message.ephemeral_to ? "ephemeral" : ""} ${open && replies ? "open" : ""}` },
    avatar(name, kind),
    el("div", { class: "said" },
      el("header", {}, el("strong", {}, name), kind === "member" ? null : el("span", { class: "kind" }, kind),
        el("time", {}, clock(message.ts)), message.edited ? el("span", { class: "faint" }, "(edited)") : null),
      message.ephemeral_to ? el("p", { class: "only" }, onlyFor(message.ephemeral_to)) : null,
      content(message, names, press),
      reactions(message),
      replies ? repliesButton(message, replies) : null),
    message.ephemeral_to ? null : tools(message, channel, mine));
}

function onlyFor(userId) {
  return userId === writerNow()?.id ? "👁 Only visible to you" : `👁 Only visible to ${names.user(userId) ?? userId}`;
}

function avatar(name, kind) {
  const initials = name.split(/\s+/).map((word) => word[0]).slice(0, 2).join("").toUpperCase();
  const node = el("span", { class: `avatar ${kind}`, "aria-hidden": "true" }, kind === "app" ? "⇄" : initials);
  const hue = [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  node.style.setProperty("--hue", hue);
  return node;
}

const clock = (ts) => new Date(ts * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });

function reactions(message) {
  const entries = Object.entries(message.reactions).filter(([, users]) => users.length);
  if (!entries.length) return null;
  return el("div", { class: "reactions" }, ...entries.map(([name, users]) =>
    el("span", { class: "reaction", title: `:${name}: by ${users.map((id) => names.user(id) ?? id).join(", ")}` },
      emoji(name), el("b", {}, String(users.length)))));
}

function repliesButton(message, replies) {
  const count = replies.length === 1 ? "1 reply" : `${replies.length} replies`;
  return el("button", { type: "button", class: "replies", "data-focus": `replies-${message.ts}`,
    onclick: () => openThread(message.ts) }, count, el("span", {}, ` last at ${clock(replies.at(-1).ts)}`));
}

function tools(message, channel, mine) {
  const button = (label, act) => el("button", { type: "button", onclick: act }, label);
  return el("div", { class: "tools" },
    isReply(message) || message.ts === view.thread ? null : button("Reply", () => openThread(message.ts)),
    mine ? button("Edit", () => startEdit(message, channel)) : null,
    mine ? button("Delete", () => ask("delete", { channel: channel.id, ts: message.ts })) : null);
}

async function pressButton(item, button, message, channel) {
  button.disabled = true;
  button.classList.add("busy");
  const answer = await ask("press", {
    action_id: item.action_id, value: item.value ?? null, channel: channel.id, message_ts: message.ts,
    user: view.writer, ephemeral: Boolean(message.ephemeral_to),
  });
  button.classList.remove("busy");
  button.disabled = false;
  if (answer && !answer.acked) toast("The relay did not take the button within 3 seconds.");
}

// ---- Devin

function drawSessions() {
  sync($("sessions"), state.sessions.map((session) =>
    [session.session_id, JSON.stringify([session, Boolean(view.thread)]), () => sessionNode(session)]));
  for (const list of $("sessions").querySelectorAll("ol")) list.scrollTop = list.scrollHeight;
  const count = state.sessions.reduce((sum, session) => sum + session.request_count, 0);
  const arrived = document.body.dataset.pane === "devin" ? 0 : count - Math.max(seen, 0);
  if (seen < 0 || document.body.dataset.pane === "devin") seen = count;
  $("arrived").textContent = String(arrived);
  $("arrived").hidden = arrived <= 0 || seen === count;
}

const drawn = new Map();
function sessionNode(session) {
  const before = drawn.get(session.session_id) ?? session.request_count;
  drawn.set(session.session_id, session.request_count);
  const from = session.request_count - session.requests.length;
  const chosen = el("select", {
    "aria-label": `How ${session.title || session.session_id} behaves`, "data-focus": session.session_id,
    onchange: (event) => ask("behave", { session_id: session.session_id, state: event.target.value }),
  }, ...Object.entries(state.states).map(([name, meaning]) =>
    el("option", { value: name, selected: name === session.state }, `${name.replaceAll("_", " ")} – ${meaning}`)));
  return el("article", { class: `session ${session.state}` },
    el("header", {},
      el("h3", {}, session.title || "Session"),
      session.in_flight ? el("span", { class: "faint" }, `${session.in_flight} in flight`) : null,
      el("button", { type: "button", class: "plain", "data-focus": `link-${session.session_id}`,
        title: "Write the link command into the message box",
        onclick: () => proposeLink(session) }, "Link…")),
    el("code", { class: "id" }, session.session_id),
    el("label", { class: "behaves" }, el("span", { class: "dot", "aria-hidden": "true" }), chosen),
    session.requests.length
      ? el("ol", {}, ...session.requests.map((request, index) => arrival(request, from + index >= before)))
      : el("p", { class: "faint" }, "Nothing has arrived yet."));
}

function arrival(request, fresh) {
  const tone = request.taken && request.status === 200 ? "good" : request.taken || request.status === 200 ? "fair" : "bad";
  const title = request.taken ? "the session took it" : "the session did not take it";
  return el("li", { class: fresh ? "fresh" : null },
    el("span", { class: "words" }, request.message || "(no message)"),
    el("span", { class: `chip ${tone}`, title }, String(request.status)));
}

function proposeLink(session) {
  const box = view.thread ? $("thread-text") : $("channel-text");
  box.value = `@${by("id", state.app.user_id).real_name} link ${session.session_id}`;
  showPane(view.thread ? "thread" : "channel");
  grow(box);
  box.focus();
}

// ---- moving about

function openChannel(name) {
  stopEdit();
  Object.assign(view, { channel: name, thread: null });
  remember();
  showPane("channel");
  draw();
}

function openThread(ts) {
  stopEdit();
  view.thread = ts;
  remember();
  showPane("thread");
  draw();
  $("replies").scrollTop = $("replies").scrollHeight;
  $("thread-text").focus();
}

function closeThread() {
  stopEdit();
  view.thread = null;
  remember();
  showPane("channel");
  draw();
  $("channel-text").focus();
}

function showPane(name) {
  document.body.dataset.pane = name;
  for (const button of document.querySelectorAll("[data-show]")) {
    button.setAttribute("aria-pressed", String(button.dataset.show === name));
  }
  if (state) drawSessions();
}

function remember() {
  store.setItem("channel", view.channel);
  store.setItem("writer", view.writer);
  if (view.thread) store.setItem("thread", view.thread);
  else store.removeItem("thread");
}

// ---- writing

const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const literal = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

// What Slack's own message box makes of typed text: entities, mentions, channels and links.
function encoded(text) {
  const people = new Map();
  for (const user of state.users) {
    people.set(user.real_name.toLowerCase(), user.id);
    people.set(user.name.toLowerCase(), user.id);
  }
  const known = [...people.keys()].sort((a, b) => b.length - a.length).map(literal).join("|");
  const channels = new Map(state.channels.filter((it) => it.kind === "channel").map((it) => [it.name, it.id]));
  return escape(text)
    .replace(/(^|[\s(])(https?:\/\/[^\s<>|]+)/g, "$1<$2>")
    .replace(new RegExp(`(^|[^\\w@])@(${known})(?![\\w-])`, "gi"), (_, before, name) => `${before}<@${people.get(name.toLowerCase())}>`)
    .replace(/(^|\s)#([\w-]+)/g, (all, before, name) => channels.has(name) ? `${before}<#${channels.get(name)}|${name}>` : all);
}

async function send(box, thread) {
  const text = box.value.trim();
  if (!text) return;
  box.value = "";
  grow(box);
  const done = view.editing ? await saveEdit(text) : await write(text, thread);
  if (done === null && !box.value) box.value = text;
  const log = thread ? $("replies") : $("messages");
  log.scrollTop = log.scrollHeight;
}

async function write(text, thread) {
  const where = { user: view.writer, channel: channelNow().id };
  const command = /^(\/\S+)\s*([\s\S]*)$/.exec(text);
  if (!command || command[1] === "/me") {
    const me = command ? { text: encoded(command[2]), subtype: "me_message" } : { text: encoded(text) };
    return ask("say", { ...where, ...me, thread });
  }
  if (thread) { toast("Slack has no slash commands inside threads. Write it in the channel."); return null; }
  return ask("slash", { ...where, command: command[1], text: escape(command[2]) });
}

function startEdit(message, channel) {
  const box = isReply(message) || view.thread === message.ts ? $("thread-text") : $("channel-text");
  view.editing = { channel: channel.id, ts: message.ts, box };
  box.value = message.text.replace(/<@(\w+)>/g, (all, id) => (names.user(id) ? `@${names.user(id)}` : all))
    .replace(/<(https?:[^|>]+)>/g, "$1").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  box.form.classList.add("editing");
  grow(box);
  box.focus();
}

async function saveEdit(text) {
  const { channel, ts } = view.editing;
  const answer = await ask("edit", { channel, ts, text: encoded(text) });
  if (answer) stopEdit();
  return answer;
}

function stopEdit() {
  if (!view.editing) return;
  view.editing.box.form.classList.remove("editing");
  view.editing.box.value = "";
  view.editing = null;
}

function grow(box) {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 160)}px`;
}

for (const [form, box, thread] of [
  ["composer", "channel-text", () => null],
  ["thread-composer", "thread-text", () => view.thread],
]) {
  $(form).addEventListener("submit", (event) => { event.preventDefault(); send($(box), thread()); });
  $(box).addEventListener("input", () => grow($(box)));
  $(box).addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $(form).requestSubmit(); }
    if (event.key === "Escape" && view.editing) { event.stopPropagation(); stopEdit(); }
  });
}
$("add-session").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await ask("session", { session_id: $("new-session").value.trim() });
  if (answer) $("new-session").value = "";
});
$("close-thread").addEventListener("click", closeThread);
$("writer").addEventListener("change", (event) => { view.writer = event.target.value; remember(); draw(); });
for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => showPane(button.dataset.show));
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && view.thread && document.body.dataset.pane !== "devin") closeThread();
});

showPane("channel");
listen();
setInterval(() => { if (!document.hidden) refresh(); }, 3000);
