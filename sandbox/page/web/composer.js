// The two message boxes: writing, files, slash commands, and editing what one wrote.

import { $, el, icon, setText, toast } from "./dom.js";
import { slash } from "./acting.js";
import { suggestNames } from "./mention.js";
import { openThread } from "./panes.js";
import { isAgentChat } from "./prompts.js";
import { bytes } from "./render.js";
import { stick } from "./stick.js";
import { ask, channelNow, isWithoutRelay, nameOf, relay, view, writerNow } from "./state.js";
import { commands, decoded, encoded, hintFor, parseCommand } from "./typed.js";

const MOST_BYTES = 8e6;
const chosen = new Map(); // a form's id -> its files

function build(form, textId, label) {
  const inThread = form.id === "thread-composer";
  const picker = el("input", { type: "file", multiple: true, id: `${textId}-files`, class: "picker", tabindex: "-1",
    "aria-label": "Files to send", onchange: () => { addFiles(form, [...picker.files]); picker.value = ""; } });
  form.append(
    el("p", { class: "hint", hidden: true, role: "status" }),
    el("textarea", { id: textId, rows: "1", "aria-label": label }),
    el("ul", { class: "chosen", hidden: true, "aria-label": "Files to send" }),
    el("div", { class: "buttons" },
      el("button", { type: "button", class: "plain", title: "Add files", "aria-label": "Add files",
        onclick: () => picker.click() }, icon("clip")), picker,
      inThread ? el("label", { class: "broadcast" }, el("input", { type: "checkbox", id: "broadcast" }),
        el("span", {}, "Also send to the channel")) : null,
      el("button", { type: "button", class: "plain cancel", hidden: true, onclick: stopEdit }, "Cancel"),
      el("button", { type: "submit", class: "send", "aria-label": inThread ? "Send the reply" : "Send" },
        icon("send"), el("span", {}, "Send"))));
  const box = $(textId);
  suggestNames(box);
  form.addEventListener("submit", (event) => { event.preventDefault(); send(form, box, inThread); });
  box.addEventListener("input", () => { grow(box); hint(form, box.value); });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
    if (event.key === "Escape" && view.editing) { event.stopPropagation(); stopEdit(); }
  });
}

export function listenComposers() {
  build($("composer"), "channel-text", "Message to the channel");
  build($("thread-composer"), "thread-text", "Reply in the thread");
}

export function drawComposers() {
  const channel = channelNow();
  const name = nameOf(channel);
  $("channel-text").placeholder = `Message ${name} or type /`;
  $("thread-text").placeholder = `Reply as ${writerNow().shown}…`;
  setText(document.querySelector(".broadcast span"), channel.kind === "im" ? "Also send as direct message" : `Also send to ${name}`);
  if (view.editing && view.editing.channel !== channel.id) stopEdit();
}

export function grow(box) {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 160)}px`;
}

function hint(form, text) {
  const found = form.id === "composer" ? hintFor(text) : null;
  const node = form.querySelector(".hint");
  node.hidden = !found;
  setText(node, found ? `${found.command} ${found.usage_hint}: ${found.description}` : "");
}

// ---- files

function addFiles(form, files) {
  const all = [...(chosen.get(form.id) ?? []), ...files];
  const total = all.reduce((sum, file) => sum + file.size, 0);
  if (total > MOST_BYTES) { toast(`These files are ${bytes(total)} together; the limit is ${bytes(MOST_BYTES)}.`); return; }
  chosen.set(form.id, all);
  drawFiles(form);
}

function drawFiles(form) {
  const files = chosen.get(form.id) ?? [];
  const list = form.querySelector(".chosen");
  list.hidden = !files.length;
  list.replaceChildren(...files.map((file) => el("li", {}, icon("file"), el("span", {}, file.name),
    el("span", { class: "faint" }, bytes(file.size)),
    el("button", { type: "button", class: "plain", "aria-label": `Remove ${file.name}`,
      onclick: () => { chosen.set(form.id, files.filter((one) => one !== file)); drawFiles(form); } }, icon("close")))));
}

async function asUpload(file) {
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
  return { name: file.name, mimetype: file.type || "application/octet-stream", content: url.split(",", 2)[1] ?? "" };
}

// ---- sending

// Send what is in a message box; the control API's answer, or null.
export const sendFrom = (box) => send(box.form, box, box.id === "thread-text");

async function send(form, box, inThread) {
  const text = box.value.trim();
  const files = chosen.get(form.id) ?? [];
  if (!text && !files.length) return null;
  setBox(box, "");
  const answer = view.editing?.box === box ? await saveEdit(text) : await write(text, files, inThread);
  if (answer === null) { if (!box.value) setBox(box, text); return null; }
  chosen.delete(form.id);
  drawFiles(form);
  if (inThread) $("broadcast").checked = false;
  if (!inThread && answer.ts && isAgentChat(channelNow())) openThread(answer.ts);
  stick(inThread ? $("replies") : $("messages"), { again: true });
  return answer;
}

export function setBox(box, text) {
  box.value = text;
  grow(box);
  hint(box.form, text);
}

async function write(text, files, inThread) {
  const channel = channelNow();
  const command = parseCommand(text);
  if (command && command.command !== "/me") {
    if (inThread) { toast("Slash commands don’t work in threads. Use them in the channel."); return null; }
    if (!commands().some((it) => it.command === command.command)) {
      toast(`${command.command} isn’t a valid command. Try ${commands().map((it) => it.command).join(", ")}.`);
      return null;
    }
    return slash(command.command, encoded(command.text), channel);
  }
  const words = command ? { text: encoded(command.text), subtype: "me_message" } : { text: encoded(text) };
  if (words.text.includes(`<@${relay().id}>`) && isWithoutRelay(channel)) {
    toast(`${relay().shown} isn’t in this channel. To add it, type /invite @${relay().shown}.`);
  }
  return ask("say", {
    ...words, user: view.writer, channel: channel.id, thread: inThread ? view.thread : null,
    broadcast: inThread && $("broadcast").checked, files: await Promise.all(files.map(asUpload)),
  });
}

// Put words into a message box, for the person to send.
export function propose(text) {
  const box = view.thread ? $("thread-text") : $("channel-text");
  setBox(box, text);
  box.focus();
}

// ---- editing

export function startEdit(message, channel, inThread) {
  stopEdit();
  const box = inThread ? $("thread-text") : $("channel-text");
  view.editing = { channel: channel.id, ts: message.ts, box };
  setEditing(box, true);
  setBox(box, decoded(message.text));
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
  const { box } = view.editing;
  view.editing = null;
  setEditing(box, false);
  setBox(box, "");
  box.focus();
}

function setEditing(box, on) {
  box.form.classList.toggle("editing", on);
  box.form.querySelector(".cancel").hidden = !on;
  setText(box.form.querySelector(".send span"), on ? "Save" : "Send");
}
