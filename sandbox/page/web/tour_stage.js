// What the tour's steps can do, all of it through the page itself, and what they can see.

import { sendFrom, setBox } from "./composer.js";
import { $ } from "./dom.js";
import { openChannel, openThread, showPane } from "./panes.js";
import { ask, channelNow, isReply, redraw, refresh, relay, state, view } from "./state.js";
import { pressed, runShortcut } from "./acting.js";

const CHANNEL = "general";
const TITLE = "Release 2.4"; // of the first session
const LETTERS_MS = 50;
const LETTERS = 4; // that many are typed in that time

const newSessionId = () => `devin-${crypto.randomUUID().replaceAll("-", "")}`;

export class Stage {
  session = null;
  thread = null;
  since = "0"; // the newest message before the tour

  constructor(playing) {
    this.playing = playing;
  }

  // A new session for this tour, and Ada in #general.
  async open() {
    if (state?.is_connected === false) {
      throw new Error("No bot is connected to the sandbox. “make demo” starts one with it.");
    }
    await this.begin(TITLE);
    Object.assign(view, { writer: "ada", lit: null });
    openChannel(CHANNEL);
    await refresh();
    this.since = channelNow().messages.at(-1)?.ts ?? "0";
  }

  // Start a new session in Devin; what follows is about it.
  async begin(title) {
    const before = state.sessions.filter((it) => it.title.startsWith(title)).length;
    this.session = newSessionId();
    await ask("session", { session_id: this.session, title: before ? `${title} (${before + 1})` : title });
  }

  // After a session that has ended, the tour goes on with another one.
  async goOn() {
    if (this.known().state === "archived") await this.begin("Release 2.5");
  }

  // Leave the session running, so that what waits for it is delivered.
  async close() {
    if (this.known()) await ask("behave", { session_id: this.session, state: "running" });
  }

  // ---- doing

  async say(text) {
    showPane("channel");
    return (await this.#type("channel-text", text)).ts;
  }

  async reply(text) {
    showPane("thread");
    const { ts } = await this.#type("thread-text", text);
    view.lit = ts;
    redraw();
    return ts;
  }

  openThread(ts) {
    this.thread = ts;
    openThread(ts, { focus: false });
  }

  leaveThread() {
    view.thread = null;
    showPane("channel");
  }

  behave(name, more = {}) {
    return ask("behave", { session_id: this.session, state: name, ...more });
  }

  async press(message, words) {
    for (const block of message.blocks.filter((it) => it.type === "actions")) {
      const item = block.elements.find((each) => each.text?.text === words);
      if (item) { await pressed(item, block, null, message, channelNow()); return; }
    }
    throw new Error(`There is no button “${words}” to press.`);
  }

  choose(ts, callbackId) {
    return runShortcut(callbackId, this.message(ts), channelNow());
  }

  // The form that the relay opens, once it asks for something.
  modal() {
    return this.until(() => document.querySelector("#modal[open]:has(input)"), "The relay's form");
  }

  async fill(modal, text) {
    const field = modal.querySelector("input");
    field.value = text;
    field.dispatchEvent(new Event("input"));
  }

  async submit(modal) {
    modal.querySelector("form").requestSubmit();
    await this.until(() => !modal.open, "That the form closes");
  }

  light(ts) {
    view.lit = ts;
    redraw();
    document.querySelector(`.log:not([hidden]) [data-ts="${CSS.escape(ts)}"]`)?.scrollIntoView({ block: "nearest" });
  }

  pause(ms) {
    return this.playing.rest(ms * this.playing.pace, { skippable: true });
  }

  async #type(boxId, text) {
    const box = $(boxId);
    for (let end = LETTERS; end < text.length && this.playing.pace > 0; end += LETTERS) {
      setBox(box, text.slice(0, end));
      await this.playing.rest(LETTERS_MS, { skippable: true });
      if (this.playing.skipped) break;
    }
    setBox(box, text);
    const answer = await sendFrom(box);
    if (answer === null) throw new Error(`The sandbox did not take what was written: ${$("toast").textContent}`);
    await refresh();
    return answer;
  }

  // ---- seeing

  known = () => state.sessions.find((session) => session.session_id === this.session);
  requests = () => this.known()?.requests ?? [];
  received = (words) => (this.known()?.received ?? []).some((text) => text.includes(words));
  message = (ts) => channelNow().messages.find((message) => message.ts === ts);
  inThread = (words) => channelNow().messages.find((message) =>
    message.thread_ts === this.thread && message.user !== relay().id && message.text.includes(words));
  until = (test, what) => this.playing.until(test, what);

  marked(ts, mark, sign) {
    return this.until(() => this.message(ts)?.reactions[mark]?.length, `The mark ${sign} on the reply`);
  }

  // The relay's message below the thread's reply `ts` that has these words.
  told(ts, words) {
    const answer = () => channelNow().messages.find((message) => message.user === relay().id && message.ts > ts
      && message.thread_ts === this.thread && message.text.includes(words));
    return this.until(answer, `The relay's message about “${words}”`);
  }

  posted(words) {
    const root = () => channelNow().messages.find((message) =>
      message.user === relay().id && message.ts > this.since && !isReply(message) && message.text.includes(words));
    return this.until(root, "The relay's post for the command");
  }
}
