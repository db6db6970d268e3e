// One session's conversation at Devin: what was sent to it and how it was answered, and what Devin says.

import { el } from "./dom.js";
import { markdown } from "./markdown.js";

export function entry(one, fresh) {
  const [tone, head] = one.by === "devin" ? ["devin-says", said()] : one.status === null ? ["", null] : answered(one);
  return el("li", { class: fresh ? `${tone} fresh` : tone },
    head,
    el("div", { class: "words content markdown" }, ...(one.tree.length ? markdown(one.tree) : ["(no message)"])),
    one.attachments.length
      ? el("ul", { class: "attached", "aria-label": "Attachments" }, ...one.attachments.map(({ name, url }) => el("li", { title: url }, name)))
      : null);
}

const said = () => el("p", { class: "by" }, "Devin");

function answered({ status, taken }) {
  const tone = taken && status === 200 ? "good" : taken || status === 200 ? "fair" : "bad";
  const words = taken ? "taken" : "not taken";
  return [tone, el("span", { class: `chip ${tone}`, title: `Devin answered ${status}; the message was ${words}` },
    String(status), el("small", {}, ` ${words}`))];
}
