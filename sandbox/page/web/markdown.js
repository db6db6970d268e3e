// Markdown as DOM nodes, from the tree that the server has parsed (`sandbox/page/markdown.py`). Code and tables
// scroll within themselves. With `names`, mentions are Slack's; without, they are plain text, as at Devin.

import { el } from "./dom.js";
import { withEmojiNodes } from "./emoji.js";
import { anchor, mrkdwn } from "./mrkdwn.js";

const inside = (tag) => (node, names) => [el(tag, {}, ...markdown(node.children, names))];

// Scrolled by the arrow keys as well, once the Tab key has reached it.
const scroller = (label, child) => el("div", { class: "scroller", role: "group", tabindex: "0", "aria-label": label }, child);

function codeBlock({ language, text }) {
  const label = language ? `Code in ${language}` : "Code";
  return [el("div", { class: "code-block" }, language ? el("span", { class: "language", "aria-hidden": "true" }, language) : null,
    scroller(label, el("pre", {}, text)))];
}

function list(node, names) {
  const props = { start: node.start > 1 ? node.start : null };
  return [el(node.ordered ? "ol" : "ul", props, ...node.children.flatMap((item) => markdown([item], names)))];
}

function item({ checked, children }, names) {
  const content = markdown(children, names);
  if (checked === null) return [el("li", {}, ...content)];
  const box = el("span", { class: checked ? "box checked" : "box", role: "img", "aria-label": checked ? "Done:" : "To do:" });
  return [el("li", { class: "task" }, box, ...content)];
}

function table({ head, rows }, names) {
  const cells = (tag) => (cell) => el(tag, { class: cell.align || null }, ...markdown(cell.children, names));
  return [scroller("Table", el("table", {},
    el("thead", {}, el("tr", {}, ...head.map(cells("th")))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map(cells("td")))))))];
}

const NODES = {
  text: (node) => withEmojiNodes(node.text),
  mention: (node, names) => (names ? mrkdwn(node.text, names) : [node.text]),
  break: () => [el("br")],
  rule: () => [el("hr")],
  code: (node) => [el("code", {}, node.text)],
  link: (node, names) => [anchor(node.address, ...markdown(node.children, names))],
  heading: (node, names) => [el(`h${Math.max(node.level, 2) + 1}`, {}, ...markdown(node.children, names))],
  paragraph: inside("p"),
  quote: inside("blockquote"),
  strong: inside("strong"),
  emphasis: inside("em"),
  strike: inside("s"),
  code_block: codeBlock,
  list,
  item,
  table,
};

export const markdown = (nodes, names = null) => nodes.flatMap((node) => NODES[node.type](node, names));
