// One session's conversation at Devin: what was sent to it and how it was answered, and what Devin says.

import { el } from "./dom.js";
import { markdown } from "./markdown.js";

export function entry(one, fresh) {
  const [tone, head] = one.by === "devin" ? ["devin-says", said()] : one.status === null ? ["", null] : answered(one);
  return el("li", { class: fresh ? `${tone} fresh` : tone },
    head,
    one.as ? el("span", { class: "as" }, `as ${one.as}`) : null,
    el("div", { class: "words content markdown" }, ...(one.tree.length ? markdown(one.tree) : ["(empty)"])),
    one.attachments.length
      ? el("ul", { class: "attached", "aria-label": "Attachments" }, ...one.attachments.map(({ name, url }) => el("li", { title: url }, name)))
      : null);
}

const said = () => el("p", { class: "by" }, "Devin");

// Whether Devin got the message, which is what the color says; then the status, if an answer came.
function answered({ status, taken }) {
  const lost = status === "dropped";
  const tone = !taken ? "bad" : lost ? "fair" : "good";
  const words = [taken ? "Received" : "Not received", lost ? ", answer lost" : ` · ${status}`];
  return [tone, el("span", { class: `chip ${tone}` }, ...words)];
}
