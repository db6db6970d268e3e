// What the tour plays, step by step: a caption before, what is done and must show, a caption after.
// A step knows what it waits for by ids, kinds of messages and Devin's state, never by the bot's sentences.
// The generations of Devin's API differ in what a suspended session does with a message.

import { kindOf } from "./state.js";

const TASK = "Let’s let Devin write them, from everything merged since v2.3.";

const link = {
  key: "link",
  title: "Link a thread",
  before: "Ada starts a thread and links it to a Devin session.",
  async act(stage) {
    const root = await stage.say("Can we ship 2.4 today? Only the release notes are missing.");
    stage.openThread(root);
    const ts = await stage.reply(`@Devin Relay link ${stage.session}`);
    stage.card = (await stage.told(ts, isA("card"), "The session’s card")).ts;
    stage.light(stage.card);
  },
  after: "The relay answers with one card for the session, and updates it as Devin works.",
};

const working = {
  key: "working",
  title: "Reply",
  before: "Ben replies, as he would anyway.",
  async act(stage) {
    const ts = await stage.reply(TASK, "ben");
    stage.asked = ts;
    await stage.until(() => stage.received(TASK), "The reply in Devin’s session");
    await stage.marked(ts, "white_check_mark", "✅");
    await stage.until(() => stage.isWorking() || stage.toldBy(ts), "Devin’s working status");
    stage.light(ts, "end");
  },
  after: "✅ means that Devin got it. The line below the last message shows that Devin is working.",
};

const plan = {
  key: "plan",
  title: "Devin’s plan",
  before: "Devin makes a plan.",
  async act(stage) {
    const post = await stage.told(stage.asked, hasWords, "Devin’s plan in the thread");
    stage.light(post.ts, "start");
  },
  after: "What Devin writes appears in the thread as Devin wrote it: lists, tables, and code.",
};

const question = {
  key: "question",
  title: "Devin’s question",
  before: "Devin needs a decision.",
  async act(stage) {
    stage.question = await stage.told(stage.asked, hasAnswers, "Devin’s question in the thread");
    stage.light(stage.question.ts, "end");
  },
  after: "The question mentions Ben, who gave Devin the task. Each answer is a button.",
};

const answer = {
  key: "answer",
  title: "Answer",
  before: "Ada picks the first one.",
  async act(stage) {
    stage.be("ada");
    const [{ item, block }] = buttons(stage.question, isAnswer);
    await stage.press(stage.question, item, block);
    await stage.until(() => stage.received(item.text.text), "The answer in Devin’s session");
    stage.light(stage.inThread().at(-1).ts, "end");
  },
  after: "Her choice is a reply with her name. An answer in her own words works too.",
};

const finished = {
  key: "finished",
  title: "Pull request",
  before: "Devin gets to work, opens a pull request, and finishes.",
  async act(stage) {
    const { url } = await stage.until(stage.pullRequest, "Devin’s pull request");
    const post = await stage.told(stage.question.ts, (it) => mentions(it, url), "The pull request in the thread");
    stage.light(post.ts, "end");
  },
  after: "The result and its pull request are in the thread, where everyone can read them.",
};

const card = {
  key: "card",
  title: "The card",
  before: "The card at the top of the thread has kept up.",
  async act(stage) {
    const shown = () => mentions(stage.message(stage.card), stage.pullRequest().url);
    await stage.until(() => stage.known().state !== "running" && shown(), "The pull request on the card");
    stage.light(stage.card, "start");
  },
  after: "It shows what Devin is doing and which pull requests are open, without a new message each time.",
};

const guest = {
  key: "guest",
  title: "A guest",
  before: "Gus is a guest in this workspace. He replies too.",
  async act(stage) {
    await stage.reply("Can it add dark mode while it’s at it?", "gus");
    const note = await stage.until(stage.whispered, "The relay’s note for Gus");
    stage.light(note.ts, "end");
  },
  after: "Only Gus sees the note, and Devin doesn’t get his reply. An admin can allow guests.",
};

const merge = {
  key: "merge",
  title: "Merged",
  before: "Someone merges the pull request, and gives Devin more to do in Devin’s own app.",
  async act(stage) {
    const newest = stage.inThread().at(-1).ts;
    const { url } = stage.pullRequest();
    await stage.merge(url);
    await stage.behave("running");
    const post = await stage.told(newest, (it) => mentions(it, url), "The merge in the thread");
    stage.light(post.ts, "end");
  },
  after: "One quiet line tells the thread. It mentions nobody.",
};

const stop = {
  key: "stop",
  title: "Stop",
  before: "Devin is at work again. Ada presses Stop below the thread.",
  async act(stage) {
    stage.be("ada");
    await stage.behave("running");
    await stage.until(stage.canStop, "Slack’s Stop button");
    const newest = stage.inThread().at(-1).ts;
    stage.light(newest, "end");
    await stage.stop();
    const post = await stage.told(newest, hasWords, "Devin’s answer to Stop");
    stage.light(post.ts, "end");
  },
  after: "The thread says who pressed it, and Devin is asked to stop and wait, in her name.",
};

const limit = {
  key: "trouble",
  title: "Out of credits",
  before: "Then a usage limit stops Devin, just before Ben replies.",
  async act(stage) {
    await stage.behave("out_of_credits");
    const newest = stage.inThread().at(-1).ts;
    const ts = await stage.reply("Great! Now tell the team, please.", "ben");
    await stage.marked(ts, "white_check_mark", "✅");
    const report = await stage.told(newest, isA("words"), "The relay’s message about the limit");
    stage.light(report.ts, "end");
  },
  after: "The thread says what stopped Devin, and what to do about it.",
};

const refused = {
  key: "trouble",
  title: "Suspended",
  before: "Then Devin’s session is suspended, just before Ben replies.",
  async act(stage) {
    await stage.behave("suspended");
    const ts = await stage.reply("Great! Now tell the team, please.", "ben");
    await stage.marked(ts, "zzz", "💤");
    const report = await stage.told(ts, (it) => isA("outcome")(it) && buttons(it).length, "The relay’s report");
    stage.light(report.ts, "end");
  },
  after: "💤 on the reply, Devin’s own words in the thread, and a button to send it again.",
};

const start = {
  key: "start",
  title: "Another session",
  before: "Ada has another task, and starts a session for it, with a repository and a cap.",
  async act(stage) {
    stage.be("ada");
    const root = await stage.say("@Devin Relay start repo:acme/api max:10 Fix the flaky upload test");
    stage.openThread(root);
    stage.light((await stage.told(root, isA("card"), "The new session’s card")).ts);
  },
  after: "The card says what the session was started with, and what it has used of its cap.",
};

// Slack has a Stop button for an app that is declared as an agent; v1 tells no pull request's state.
const conversation = [link, working, plan, question, answer, finished, card, guest];
const STEPS = { v1: [...conversation, stop, refused], v3: [...conversation, merge, stop, limit, start] };

export const stepsFor = (api, isAgent) => (STEPS[api] ?? STEPS.v3).filter((step) => isAgent || step !== stop);

export const END = {
  title: "That’s the tour",
  caption: "Your turn: reply in a thread, or choose in Devin’s pane how a session behaves.",
};

// ---- what a message of the relay's is

const isA = (kind) => (message) => kindOf(message) === kind;
const hasWords = (message) => isA("words")(message) && message.blocks.some((block) => block.type === "markdown");
const isAnswer = (item) => item.action_id.startsWith("answer_");
const hasAnswers = (message) => buttons(message, isAnswer).length > 0;
const mentions = (message, url) => JSON.stringify([message.text, message.blocks]).includes(url);

const buttons = (message, test = () => true) => message.blocks
  .filter((block) => block.type === "actions")
  .flatMap((block) => block.elements.filter(test).map((item) => ({ item, block })));
