// What a person does with the app: buttons and menus of messages, shortcuts, slash commands.

import { toast } from "./dom.js";
import { ask, view } from "./state.js";

const LATE = "The app didn’t respond within 3 seconds. Is the bot running?";

// Do it, and say so where Slack would: when the app did not acknowledge.
export async function interact(path, body) {
  const answer = await ask(path, { ...body, user: view.writer });
  if (answer && !answer.acked) toast(LATE);
  return answer;
}

export const pressed = (item, block, value, message, channel) => interact("press", {
  action_id: item.action_id, block_id: block.block_id ?? null, value, channel: channel.id, message_ts: message.ts,
  ephemeral: Boolean(message.ephemeral_to),
});

export const pressStop = (channel, thread) => ask("stop", { channel: channel.id, thread, user: view.writer });

export const runShortcut = (callback_id, message, channel) =>
  interact("shortcut", { callback_id, channel: channel.id, message_ts: message.ts });

export const runGlobalShortcut = (callback_id) => interact("shortcut", { callback_id });

export const slash = (command, text, channel) =>
  ask("slash", { command, text, channel: channel.id, user: view.writer });
