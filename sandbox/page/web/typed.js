// What Slack's own message box makes of typed text, and back.

import { channelNow, names, state } from "./state.js";

export const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const literal = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

// Entities, mentions, channels and links.
export function encoded(text) {
  const people = new Map();
  for (const user of state.users) {
    for (const name of [user.shown, user.real_name, user.name]) people.set(name.toLowerCase(), user.id);
  }
  const known = [...people.keys()].sort((a, b) => b.length - a.length).map(literal).join("|");
  const channels = new Map(state.channels.filter((it) => it.kind === "channel").map((it) => [it.name, it.id]));
  return escape(text)
    .replace(/(^|[\s(])(https?:\/\/[^\s<>|]+)/g, "$1<$2>")
    .replace(new RegExp(`(^|[^\\w@])@(${known})(?![\\w-])`, "gi"), (_, before, name) => `${before}<@${people.get(name.toLowerCase())}>`)
    .replace(/(^|\s)#([\w-]+)/g, (all, before, name) => channels.has(name) ? `${before}<#${channels.get(name)}|${name}>` : all);
}

export const decoded = (text) => text
  .replace(/<@(\w+)>/g, (all, id) => (names.user(id) ? `@${names.user(id)}` : all))
  .replace(/<#\w+\|([^>]+)>/g, "#$1")
  .replace(/<(https?:[^|>]+)>/g, "$1")
  .replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

// A slash command as it was typed, or null. `/me` is a message.
export function parseCommand(text) {
  const [, command, rest] = /^(\/[^\s/]+)(?:\s+([\s\S]*))?$/.exec(text) ?? [];
  return command ? { command, text: rest ?? "" } : null;
}

// Slack's own command, for which the app does nothing.
const INVITE = { command: "/invite", usage_hint: "[@name]", description: "Add someone to this channel" };
export const commands = () => [...state.commands, INVITE];

// What `/…` could become: a command whose name begins as typed.
export function hintFor(text) {
  if (!text.startsWith("/") || channelNow() === undefined) return null;
  const name = text.split(/\s/, 1)[0];
  return commands().find((it) => (text === name ? it.command.startsWith(name) : it.command === name)) ?? null;
}
