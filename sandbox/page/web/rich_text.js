// `rich_text` blocks as DOM nodes: sections, lists, quotes and code, with styled text inside.

import { el } from "./dom.js";
import { drawn, emoji } from "./emoji.js";
import { anchor, mention } from "./mrkdwn.js";
import { date } from "./times.js";

const STYLES = { code: "code", strike: "s", italic: "em", bold: "strong", underline: "u" };

function styled(node, style = {}) {
  return Object.entries(STYLES).reduce((inner, [name, tag]) => (style[name] ? el(tag, {}, inner) : inner), node);
}

const PIECES = {
  text: (piece) => el("span", {}, ...drawn(piece.text)),
  link: (piece) => anchor(piece.url, piece.text ?? piece.url),
  user: (piece, names) => mention(`@${names.user(piece.user_id) ?? piece.user_id}`),
  channel: (piece, names) => mention(`#${names.channel(piece.channel_id) ?? piece.channel_id}`),
  usergroup: (piece, names) => mention(`@${names.usergroup(piece.usergroup_id) ?? piece.usergroup_id}`),
  broadcast: (piece) => mention(`@${piece.range}`, true),
  emoji: (piece) => emoji(piece.name),
  date: (piece) => date(piece.timestamp, piece.format) ?? piece.fallback ?? "",
  color: (piece) => piece.value,
};

const pieces = (part, names) => part.elements.map((piece) =>
  piece.type in PIECES ? styled(PIECES[piece.type](piece, names), piece.style) : piece.text ?? `[${piece.type}]`);

function list(part, names) {
  const props = { class: `indent-${Math.min(part.indent ?? 0, 5)}`, start: part.offset ? part.offset + 1 : null };
  const items = part.elements.map((item) => el("li", {}, ...pieces(item, names)));
  return el(part.style === "ordered" ? "ol" : "ul", props, ...items);
}

const PARTS = {
  rich_text_section: (part, names) => el("div", { class: "raw" }, ...pieces(part, names)),
  rich_text_quote: (part, names) => el("blockquote", { class: "raw" }, ...pieces(part, names)),
  rich_text_preformatted: (part, names) => el("pre", {}, ...pieces(part, names)),
  rich_text_list: list,
};

export const richText = (block, names) =>
  block.elements.map((part) => (part.type in PARTS ? PARTS[part.type](part, names) : el("div", {}, `[${part.type}]`)));
