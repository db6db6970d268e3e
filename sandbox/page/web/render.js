// Block Kit as DOM nodes. `ctx` has `names` to look up ids, `act(element, block, value, node)` for what is
// pressed or chosen and, in a modal only, `input(block)` for its input blocks.

import { el, icon } from "./dom.js";
import { element } from "./elements.js";
import { markdown } from "./markdown.js";
import { mrkdwn, textObject } from "./mrkdwn.js";
import { quoted } from "./quoted.js";
import { richText } from "./rich_text.js";

const row = (name) => (block, ctx) =>
  [el("div", { class: name }, ...block.elements.map((item) => element(item, block, ctx)))];

function section(block, ctx) {
  const fields = (block.fields ?? []).map((field) => el("div", { class: "field" }, ...textObject(field, ctx.names)));
  return [el("div", { class: "section" },
    el("div", { class: "section-text" },
      ...textObject(block.text, ctx.names),
      fields.length ? el("div", { class: "fields" }, ...fields) : null),
    block.accessory ? element(block.accessory, block, ctx) : null)];
}

const BLOCKS = {
  header: (block, ctx) => [el("h3", {}, ...textObject(block.text, ctx.names))],
  divider: () => [el("hr")],
  markdown: (block, ctx) => [el("div", { class: "markdown" }, ...markdown(block.tree, ctx.names))],
  image: (block) => [el("div", { class: "picture" }, block.alt_text ?? "An image")],
  context: row("context"),
  actions: row("actions"),
  section,
  rich_text: (block, ctx) => richText(block, ctx.names),
  input: (block, ctx) => [ctx.input?.(block) ?? el("div", { class: "unknown" }, "[input]")],
};

export const blocks = (list, ctx) => list.flatMap((block) =>
  BLOCKS[block.type]?.(block, ctx) ?? [el("div", { class: "unknown" }, `[a block of type ${block.type}]`)]);

export const isKnown = (block) => block.type in BLOCKS;

// What a message says: its blocks where this page knows them all, else its text; then what it forwards.
export function content(message, ctx) {
  const known = message.blocks.length && message.blocks.every(isKnown);
  const body = known ? blocks(message.blocks, ctx) : mrkdwn(message.text, ctx.names);
  return el("div", { class: `content ${message.subtype ?? ""}` }, ...body,
    ...message.forwarded.map((share) => quoted(share, ctx)),
    message.files.length ? el("div", { class: "files" }, ...message.files.map(file)) : null);
}

// A picture is shown, anything else is a chip; either opens or saves the file.
export function file(one) {
  const props = { href: `control/files/${one.id}`, target: "_blank", download: one.is_picture ? null : one.name };
  if (one.is_picture) return el("a", { class: "thumbnail", ...props }, el("img", { src: props.href, alt: one.name }));
  return el("a", { class: "file", ...props }, ...chip(one));
}

// A file's name and size.
export const chip = ({ name, id, size }) => [icon("file"), el("span", {}, name ?? id),
  size === undefined ? null : el("span", { class: "faint" }, bytes(size))];

export function bytes(size) {
  if (size < 1000) return `${size} B`;
  return size < 1e6 ? `${(size / 1e3).toFixed(1)} kB` : `${(size / 1e6).toFixed(1)} MB`;
}
