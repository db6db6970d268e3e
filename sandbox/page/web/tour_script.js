// What the tour plays, step by step: a caption before, what is done and must show, a caption after.
// The generations of Devin's API differ in what a suspended session does with a message.

const MARK = { delivered: ["white_check_mark", "✅"], suspended: ["zzz", "💤"], refused: ["x", "❌"] };

const link = {
  key: "link",
  title: "Link a thread",
  before: "Ada starts a thread in #general and mentions the relay with a session of Devin's.",
  async act(stage) {
    const root = await stage.say("Shall we ship release 2.4 today?");
    stage.openThread(root);
    const ts = await stage.reply(`@Devin Relay link ${stage.session}`);
    const answer = await stage.told(ts, "now linked");
    stage.light(answer.ts);
  },
  after: "The thread is linked. From now on every reply in it goes to that session, in order, once.",
};

const reply = {
  key: "reply",
  title: "Reply",
  before: "Somebody replies in the thread, as they would anyway.",
  async act(stage) {
    const words = "Yes. Please write the release notes first.";
    const ts = await stage.reply(words);
    await stage.until(() => stage.received(words), "The reply in Devin's session");
    await stage.marked(ts, ...MARK.delivered);
    stage.light(ts);
  },
  after: "Devin, on the right, has the reply with its author. The ✅ on it says so; the thread stays quiet.",
};

const suspended = {
  key: "suspended",
  title: "Suspended",
  before: "The session is suspended: Devin answers 200, but with a detail.",
  async act(stage) {
    await stage.behave("suspended");
    const ts = await stage.reply("And tag the release, please.");
    await stage.marked(ts, ...MARK.suspended);
    const report = await stage.told(ts, "suspended");
    stage.light(report.ts);
  },
  after: "💤 on the reply, Devin's own words in the thread, and a button to send it again.",
};

const again = {
  key: "again",
  title: "Send again",
  before: "Ada wakes the session in Devin, then presses Send again.",
  async act(stage) {
    const report = await stage.told(stage.thread, "suspended");
    await stage.behave("running");
    await stage.press(report, "Send again");
    await stage.until(() => stage.received("And tag the release"), "The reply in Devin's session");
    const sent = stage.inThread("And tag the release");
    await stage.marked(sent.ts, ...MARK.delivered);
    stage.light(sent.ts);
  },
  after: "Devin has it, once. The button is gone, so nobody sends it twice by accident.",
};

const resumed = {
  key: "resumed",
  title: "Suspended",
  before: "Nothing happened in the session for a while, so Devin suspended it. Then somebody replies.",
  async act(stage) {
    await stage.behave("suspended");
    const words = "And tag the release, please.";
    const ts = await stage.reply(words);
    await stage.until(() => stage.received(words), "The reply in Devin's session");
    await stage.until(() => stage.known().state === "running", "That the session is running again");
    await stage.marked(ts, ...MARK.delivered);
    stage.light(ts);
  },
  after: "✅ The reply woke the session, which is running again on the right.",
};

const invalid = {
  key: "invalid",
  title: "Validation error",
  before: "Devin refuses the next message as not valid: 422, with a list of errors.",
  async act(stage) {
    await stage.behave("rejects", { times: 1 });
    const ts = await stage.reply("Here is the whole log: …");
    await stage.marked(ts, ...MARK.refused);
    const report = await stage.told(ts, "refused");
    stage.light(report.ts);
  },
  after: "❌ on the reply, and one line for each error: where it is, what is wrong, and its type.",
};

const limited = {
  key: "limited",
  title: "Rate limit",
  before: "Devin is busy: it answers 429 and asks for 3 seconds. Two replies are written meanwhile.",
  async act(stage) {
    await stage.behave("rate_limited", { times: 1, retry_after: 3 });
    const first = await stage.reply("Then publish it.");
    await stage.until(() => stage.requests().some((it) => it.status === 429), "Devin's 429");
    const second = await stage.reply("And tell the team.");
    await stage.marked(first, ...MARK.delivered);
    await stage.marked(second, ...MARK.delivered);
    stage.light(second);
  },
  after: "Both waited and then arrived in the order they were written. After 30 seconds a ⏳ would have said so.",
};

const lost = {
  key: "lost",
  title: "Connection lost",
  before: "Devin takes the message, but the connection breaks before the answer.",
  async act(stage) {
    await stage.behave("drops", { times: 1 });
    const words = "Check the download page, too.";
    const ts = await stage.reply(words);
    await stage.until(() => stage.requests().some((it) => it.status === "dropped"), "The broken connection");
    await stage.marked(ts, ...MARK.delivered);
    stage.light(ts);
  },
  after: "The relay looked into the session, found the message there, and did not send it a second time.",
};

const uncertain = {
  key: "uncertain",
  title: "Nobody knows",
  before: "The connection breaks again, and this time the message is not in the session.",
  async act(stage) {
    await stage.behave("drops", { times: 1, takes: false });
    const ts = await stage.reply("Thank you!");
    const report = await stage.told(ts, "don't know");
    stage.light(report.ts);
    await stage.pause(3000);
    await stage.press(report, "Send again");
    await stage.marked(ts, ...MARK.delivered);
    stage.light(ts);
  },
  after: "The relay said that it does not know and sent nothing by itself. Ada pressed Send again, and it arrived.",
};

const ended = {
  key: "ended",
  title: "Session ended",
  before: "The session is archived in Devin and takes no more messages. Then somebody replies once more.",
  async act(stage) {
    await stage.behave("archived");
    const ts = await stage.reply("Any news from the first users?");
    await stage.marked(ts, ...MARK.refused);
    const report = await stage.told(ts, "has ended");
    stage.light(report.ts);
  },
  after: "❌ on the reply, and the reason in the thread, with a button that unlinks it.",
};

const shortcut = {
  key: "shortcut",
  title: "Message shortcut",
  before: "A message in a thread without a session: Ada chooses Send to Devin from its menu.",
  async act(stage) {
    stage.leaveThread();
    await stage.goOn();
    const ts = await stage.say("The download page is broken on phones.");
    await stage.choose(ts, "send_to_devin");
    const modal = await stage.modal();
    await stage.pause(1200);
    await stage.fill(modal, stage.session);
    await stage.pause(800);
    await stage.submit(modal);
    await stage.until(() => stage.received("broken on phones"), "The message in Devin's session");
    await stage.marked(ts, ...MARK.delivered);
    stage.light(ts);
  },
  after: "The form linked the thread and sent the message. Its menu links threads without sending, too.",
};

const command = {
  key: "command",
  title: "/devin-say",
  before: "From a channel, a slash command begins a linked thread of its own.",
  async act(stage) {
    const words = "Please plan release 2.5.";
    await stage.say(`/devin-say ${stage.session} ${words}`);
    const post = await stage.posted(words);
    await stage.until(() => stage.received(words), "The message in Devin's session");
    await stage.marked(post.ts, ...MARK.delivered);
    stage.light(post.ts);
  },
  after: "The message stands in the channel under Ada's name, Devin has it, and replies below it follow.",
};

const STEPS = {
  v1: [link, reply, suspended, again, invalid, limited, lost, uncertain, shortcut, command],
  v3: [link, reply, resumed, invalid, limited, lost, uncertain, ended, shortcut, command],
};

export const stepsFor = (api) => STEPS[api] ?? STEPS.v3;

export const END = {
  title: "That was the tour",
  caption: "Now write something yourself: choose how a session behaves on the right, reply in a thread on the left.",
};
