// Forwarding a message: the form that asks where to and with which comment, and the card that quotes it there.

import { $, el, icon, trapFocus } from "./dom.js";
import { select } from "./elements.js";
import { openChannel, openThread } from "./panes.js";
import { quoted } from "./quoted.js";
import { ask, author, isReply, nameOf, names, state, view, visibleChannels } from "./state.js";
import { decoded, encoded } from "./typed.js";

const SHOWN = 48; // characters of a thread's first message
const option = (value, text) => ({ value, text: { text } });

// Every thread that the writer sees, newest first, then every place.
function targets() {
  const threads = visibleChannels().flatMap((channel) => channel.messages
    .filter((message) => channel.messages.some((reply) => isReply(reply) && reply.thread_ts === message.ts))
    .map((root) => ({ root, channel }))).sort((a, b) => b.root.ts - a.root.ts);
  const begin = (text) => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
  return [
    { label: { text: "Threads" }, options: threads.map(({ root, channel }) =>
      option(`${channel.id}/${root.ts}`, `${nameOf(channel)}: ${begin(decoded(root.text) || "a message")}`)) },
    { label: { text: "Places" }, options: visibleChannels().map((channel) => option(channel.id, nameOf(channel))) },
  ].filter((group) => group.options.length);
}

// The cards that there will be: of the message, and of what it forwards itself.
function cards(message, channel) {
  const said = message.text || message.blocks.length || message.files.length;
  const own = {
    author_id: message.user, author_name: author(message).name, channel_id: channel.id, ts: message.ts,
    text: message.text, message_blocks: [{ message: { blocks: message.blocks } }], files: message.files,
  };
  return [...(said ? [own] : []), ...message.forwarded].map((share) => quoted(share, { names }));
}

export function openForward(message, channel) {
  const dialog = $("question");
  const groups = targets();
  const open = view.thread && `${channel.id}/${view.thread}`;
  const known = groups.flatMap((group) => group.options).map((each) => each.value);
  const to = select({ option_groups: groups, placeholder: { text: "Choose a thread or channel" } },
    known.includes(open) ? open : known[0], { id: "forward-to", "aria-required": "true" });
  const comment = el("textarea", { id: "forward-comment", rows: "2", placeholder: "Add a message" });
  const trouble = el("p", { class: "error", role: "alert" });
  dialog.onclose = null;
  dialog.onkeydown = (event) => trapFocus(dialog, event);
  dialog.replaceChildren(el("form", { novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    forward(message, channel, { dialog, to, comment, trouble });
  } },
  el("header", {}, icon("forward"), el("h2", { id: "question-title" }, "Forward this message"),
    el("button", { type: "button", class: "plain close", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"))),
  el("div", { class: "dialog-body" },
    el("div", { class: "field-block" }, el("label", { for: to.id }, "To"), to),
    el("div", { class: "field-block" }, el("label", { for: comment.id }, "Comment", el("span", { class: "faint" }, " (optional)")), comment),
    el("div", { class: "content" }, ...cards(message, channel)), trouble),
  el("footer", {},
    el("button", { type: "button", class: "press", onclick: () => dialog.close() }, "Cancel"),
    el("button", { type: "submit", class: "press primary" }, "Forward"))));
  dialog.showModal();
  to.focus();
}

async function forward(message, channel, { dialog, to, comment, trouble }) {
  const [place, thread] = to.value.split("/");
  if (!place) { trouble.textContent = "Choose where to forward it."; to.focus(); return; }
  const answer = await ask("forward", { channel: channel.id, ts: message.ts, to: place, thread: thread ?? null,
    user: view.writer, comment: encoded(comment.value.trim()) });
  if (!answer) { trouble.textContent = $("toast").textContent; return; }
  dialog.close();
  openChannel(state.channels.find((it) => it.id === place).name);
  if (thread) openThread(thread);
  else $("channel-text").focus();
}
