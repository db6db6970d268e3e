// What the tour plays, step by step: a caption before, what is done and must show, a caption after.
// A step knows what it waits for by ids, kinds of blocks and Devin's state, never by the bot's sentences.
// The generations of Devin's API differ in what a suspended session does with a message.

const TASK = "Yes. Please write the release notes first.";

const link = {
  key: "link",
  title: "Link a thread",
  before: "Ada starts a thread and mentions the relay with a session of Devin's.",
  async act(stage) {
    const root = await stage.say("Shall we ship release 2.4 today?");
    stage.openThread(root);
    const ts = await stage.reply(`@Devin Relay link ${stage.session}`);
    stage.card = (await stage.told(ts, isAny, "The session's card")).ts;
    stage.light(stage.card);
  },
  after: "The relay's one message about the session: it shows Devin's state, and is edited in place.",
};

const working = {
  key: "working",
  title: "Reply",
  before: "Someone replies in the thread, as they would anyway.",
  async act(stage) {
    const ts = await stage.reply(TASK);
    stage.asked = ts;
    await stage.until(() => stage.received(TASK), "The reply in Devin's session");
    await stage.marked(ts, "white_check_mark", "✅");
    await stage.until(() => stage.isWorking() || stage.toldBy(ts), "That Devin is working");
    stage.light(ts, "end");
  },
  after: "✅ says that Devin has it. Below the thread's last message, a line says that Devin is working.",
};

const plan = {
  key: "plan",
  title: "Devin's plan",
  before: "Devin makes a plan.",
  async act(stage) {
    const post = await stage.told(stage.asked, hasWords, "Devin's plan in the thread");
    stage.light(post.ts, "start");
  },
  after: "What Devin writes comes into the thread, as Devin wrote it: lists, tables and code.",
};

const question = {
  key: "question",
  title: "Devin's question",
  before: "Devin doesn't go on before someone decides.",
  async act(stage) {
    stage.question = await stage.told(stage.asked, hasAnswers, "Devin's question in the thread");
    stage.light(stage.question.ts, "end");
  },
  after: "The question mentions who gave Devin the task, and each answer is a button.",
};

const answer = {
  key: "answer",
  title: "Answer",
  before: "Ada presses the first one.",
  async act(stage) {
    const [{ item, block }] = buttons(stage.question, isAnswer);
    await stage.press(stage.question, item, block);
    await stage.until(() => stage.received(item.text.text), "The answer in Devin's session");
    stage.light(stage.inThread().at(-1).ts, "end");
  },
  after: "A press is a reply under Ada's name. Words of her own would have done as well.",
};

const finished = {
  key: "finished",
  title: "Pull request",
  before: "Devin works on, opens a pull request, and finishes.",
  async act(stage) {
    const { url } = await stage.until(stage.pullRequest, "Devin's pull request");
    const post = await stage.told(stage.question.ts, (it) => mentions(it, url), "The pull request in the thread");
    stage.light(post.ts, "end");
  },
  after: "The result and its pull request are in the thread, where everybody reads them.",
};

const card = {
  key: "card",
  title: "The card",
  before: "The card at the top of the thread has changed as well.",
  async act(stage) {
    const shown = () => mentions(stage.message(stage.card), stage.pullRequest().url);
    await stage.until(() => stage.known().state !== "running" && shown(), "The pull request on the card");
    stage.light(stage.card, "start");
  },
  after: "It has followed all along. Now it shows the pull request, and what the work has cost.",
};

const limit = {
  key: "trouble",
  title: "Out of credits",
  before: "Then a usage limit stops Devin. Someone replies, and nothing would happen.",
  async act(stage) {
    await stage.behave("out_of_credits");
    const newest = stage.inThread().at(-1).ts;
    const ts = await stage.reply("Now tell the team, please.");
    await stage.marked(ts, "white_check_mark", "✅");
    const report = await stage.told(newest, isAny, "The relay's message about the limit");
    stage.light(report.ts, "end");
  },
  after: "The thread says what stopped Devin, and what to do about it. The card says it as well.",
};

const refused = {
  key: "trouble",
  title: "Suspended",
  before: "Then the session is suspended: Devin answers 200, but takes no message.",
  async act(stage) {
    await stage.behave("suspended");
    const ts = await stage.reply("Now tell the team, please.");
    await stage.marked(ts, "zzz", "💤");
    const report = await stage.told(ts, (it) => buttons(it).length, "The relay's report");
    stage.light(report.ts, "end");
  },
  after: "💤 on the reply, Devin's own words in the thread, and a button to send it again.",
};

const conversation = [link, working, plan, question, answer, finished, card];
const STEPS = { v1: [...conversation, refused], v3: [...conversation, limit] };

export const stepsFor = (api) => STEPS[api] ?? STEPS.v3;

export const END = {
  title: "That was the tour",
  caption: "Now write something yourself: reply in a thread on the left, or choose on the right how a session behaves.",
};

// ---- what a message of the relay's is

const isAny = () => true;
const hasWords = (message) => message.blocks.some((block) => block.type === "markdown");
const isAnswer = (item) => item.action_id.startsWith("answer_");
const hasAnswers = (message) => buttons(message, isAnswer).length > 0;
const mentions = (message, url) => JSON.stringify([message.text, message.blocks]).includes(url);

const buttons = (message, test = isAny) => message.blocks
  .filter((block) => block.type === "actions")
  .flatMap((block) => block.elements.filter(test).map((item) => ({ item, block })));
