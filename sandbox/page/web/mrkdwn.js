// Slack's mrkdwn as DOM nodes. Every text goes through text nodes: nothing here builds HTML.

import { el } from "./dom.js";
import { drawn, emoji, isEmoji, withEmoji } from "./emoji.js";
import { date } from "./times.js";

export const plain = (text, fallback = "") => withEmoji(text?.text ?? fallback);
export const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

const INLINE = new RegExp(
  [
    "<([^<>\\n]+)>",
    "`([^`\\n]+)`",
    "(?<![\\w*])\\*(?=\\S)([^*\\n]+?)(?<=\\S)\\*(?![\\w*])",
    "(?<![\\w_])_(?=\\S)([^_\\n]+?)(?<=\\S)_(?![\\w_])",
    "(?<![\\w~])~(?=\\S)([^~\\n]+?)(?<=\\S)~(?![\\w~])",
    ":([a-z0-9_+-]+(?:::[a-z0-9-]+)?):",
  ].join("|"),
  "g",
);

// A link that leaves the page; anything but a web, mail or phone address stays text.
export function anchor(address, ...label) {
  if (!/^(https?|mailto|tel):/i.test(address)) return el("span", {}, ...label);
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, ...label);
}

export const mention = (text, loud = false) => el("span", { class: loud ? "mention loud" : "mention" }, text);

function control(body, names) {
  const [target, label] = body.split(/\|(.*)/s);
  const id = target.slice(1);
  if (target[0] === "@") return mention(`@${names.user(id) ?? label ?? id}`);
  if (target[0] === "#") return mention(`#${label || names.channel(id) || id}`);
  if (target[0] === "!") return special(id, label, names);
  return anchor(unescape(target), unescape(label ?? target));
}

function special(target, label, names) {
  if (target.startsWith("date^")) {
    const [, seconds, form] = target.split("^");
    return document.createTextNode(date(Number(seconds), form) ?? unescape(label ?? target));
  }
  if (target.startsWith("subteam^")) {
    return mention(`@${names.usergroup(target.slice(8)) ?? (label ?? target).replace(/^@/, "")}`);
  }
  return mention(`@${target}`, true);
}

function inline(text, names) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > from) nodes.push(...drawn(unescape(text.slice(from, match.index))));
    const [whole, angle, code, bold, italic, struck, name] = match;
    if (angle) nodes.push(control(angle, names));
    else if (code) nodes.push(el("code", {}, unescape(code)));
    else if (bold) nodes.push(el("strong", {}, ...inline(bold, names)));
    else if (italic) nodes.push(el("em", {}, ...inline(italic, names)));
    else if (struck) nodes.push(el("s", {}, ...inline(struck, names)));
    else nodes.push(isEmoji(name) ? emoji(name) : whole);
    from = match.index + whole.length;
  }
  if (from < text.length) nodes.push(...drawn(unescape(text.slice(from))));
  return nodes;
}

function lines(text, names) {
  const nodes = [];
  let quote = null;
  for (const line of text.split("\n")) {
    const quoted = /^(?:&gt;|>) ?(.*)$/s.exec(line);
    if (quoted && quote) quote.append(el("br"), ...inline(quoted[1], names));
    else if (quoted) nodes.push((quote = el("blockquote", {}, ...inline(quoted[1], names))));
    else {
      if (nodes.length && !quote) nodes.push(el("br"));
      quote = null;
      nodes.push(...inline(line, names));
    }
  }
  return nodes;
}

export function mrkdwn(text, names) {
  const parts = text.split(/```\n?([\s\S]*?)\n?```/);
  return parts.flatMap((part, index) =>
    index % 2 ? [el("pre", {}, unescape(part))] : part ? lines(part.replace(/^\n|\n$/g, ""), names) : [],
  );
}

// A text object of Block Kit, plain or mrkdwn.
export function textObject(text, names) {
  if (!text) return [];
  return text.type === "plain_text" ? drawn(withEmoji(text.text)) : mrkdwn(text.text ?? "", names);
}
