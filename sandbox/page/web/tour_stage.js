// What the tour's steps can do, all of it through the page itself, and what they can see.

import { pressStop, pressed } from "./acting.js";
import { sendFrom, setBox } from "./composer.js";
import { $ } from "./dom.js";
import { openChannel, openThread, showPane } from "./panes.js";
import { ask, channelNow, notesFor, redraw, refresh, relay, state, view } from "./state.js";
import { stick } from "./stick.js";

const CHANNEL = "general";
const TITLE = "Release 2.4";
const LETTERS_MS = 50;
const LETTERS = 4; // that many are typed in that time

const newSessionId = () => `devin-${crypto.randomUUID().replaceAll("-", "")}`;

export class Stage {
  session = null;
  thread = null;
  card = null; // the ts of the session's card
  asked = null; // the ts of the reply that gives Devin its task
  question = null; // Devin's, as the relay posted it

  constructor(playing) {
    this.playing = playing;
  }

  // A new session for this tour, which has nothing to do yet, and Ada in #general.
  async open() {
    if (state?.is_connected === false) {
      throw new Error("No bot is connected to the sandbox. “make demo” starts both.");
    }
    const before = state.sessions.filter((it) => it.title.startsWith(TITLE)).length;
    const title = before ? `${TITLE} (${before + 1})` : TITLE;
    this.session = newSessionId();
    await ask("session", { session_id: this.session, title, state: "blocked" });
    view.lit = null;
    this.be("ada");
    openChannel(CHANNEL);
    await refresh();
  }

  // ---- doing

  be(writer) {
    view.writer = writer;
    redraw();
  }

  async say(text) {
    showPane("channel");
    return (await this.#type("channel-text", text)).ts;
  }

  // Reply in the thread, as the one who writes now or as someone else.
  async reply(text, writer = view.writer) {
    this.be(writer);
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

  behave(name) {
    return ask("behave", { session_id: this.session, state: name });
  }

  merge(url) {
    return ask("pull_request", { session_id: this.session, url, state: "merged" });
  }

  press(message, item, block) {
    return pressed(item, block, null, message, channelNow());
  }

  stop() {
    return pressStop(channelNow(), this.thread);
  }

  // Point at a message, and show its start, or the thread's end with what is below its last message.
  light(ts, part = "nearest") {
    view.lit = ts;
    redraw();
    if (part === "end") stick($("replies"), { again: true });
    else $("replies").querySelector(`[data-ts="${CSS.escape(ts)}"]`).scrollIntoView({ block: part });
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
    if (answer === null) throw new Error(`The sandbox rejected the message: ${$("toast").textContent}`);
    await refresh();
    return answer;
  }

  // ---- seeing

  known = () => state.sessions.find((session) => session.session_id === this.session);
  received = (words) => this.known().received.some((text) => text.includes(words));
  pullRequest = () => this.known().pull_requests[0];
  message = (ts) => channelNow().messages.find((message) => message.ts === ts);
  inThread = () => channelNow().messages.filter((message) => message.thread_ts === this.thread);
  whispered = () => notesFor(channelNow()).find((note) => note.thread_ts === this.thread);
  agentSession = () => channelNow().agent_sessions[this.thread];
  canStop = () => this.agentSession()?.can_stop;
  isWorking = () => Boolean(channelNow().statuses[this.thread]) || this.agentSession()?.status === "processing";
  until = (test, what) => this.playing.until(test, what);

  marked(ts, mark, sign) {
    return this.until(() => this.message(ts)?.reactions[mark]?.length, `${sign} on the reply`);
  }

  // The relay's first message in the thread, after the one of `ts`, that is like that.
  told(ts, isLikeThat, what) {
    return this.until(() => this.toldBy(ts, isLikeThat), what);
  }

  toldBy(ts, isLikeThat = () => true) {
    return this.inThread().find((message) => message.user === relay().id && message.ts > ts && isLikeThat(message));
  }
}
