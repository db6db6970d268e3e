// Slack's mrkdwn and blocks as DOM nodes. Every text goes through text nodes: nothing here builds HTML.

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", zzz: "💤", hourglass_flowing_sand: "⏳",
  hourglass: "⌛", warning: "⚠️", eyes: "👀", rocket: "🚀", tada: "🎉", thumbsup: "👍", "+1": "👍",
  thumbsdown: "👎", "-1": "👎", robot_face: "🤖", link: "🔗", mute: "🔇", question: "❓", grey_question: "❔",
  speech_balloon: "💬", no_entry: "⛔", no_entry_sign: "🚫", lock: "🔒", repeat: "🔁", information_source: "ℹ️",
  wave: "👋", smile: "😄", slightly_smiling_face: "🙂", heart: "❤️", fire: "🔥", bell: "🔔", no_bell: "🔕",
  arrows_counterclockwise: "🔄", wastebasket: "🗑️", pencil2: "✏️", bulb: "💡", sparkles: "✨",
};

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export const emoji = (name) => EMOJI[name.split("::")[0]] ?? `:${name}:`;

const unescape = (text) =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

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

function control(body, names) {
  const [target, label] = body.split(/\|(.*)/s);
  const kind = target[0];
  if (kind === "@") {
    const name = names.user(target.slice(1)) ?? label ?? target.slice(1);
    return el("span", { class: "mention" }, `@${name}`);
  }
  if (kind === "#") {
    const name = label || names.channel(target.slice(1)) || target.slice(1);
    return el("span", { class: "mention" }, `#${name}`);
  }
  if (kind === "!") return special(target.slice(1), label, names);
  const text = unescape(label ?? target);
  const address = unescape(target);
  if (!/^(https?|mailto|tel):/i.test(address)) return document.createTextNode(text);
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, text);
}

function special(target, label, names) {
  if (target.startsWith("date^")) return document.createTextNode(unescape(label ?? target));
  if (target.startsWith("subteam^")) {
    const handle = names.usergroup(target.slice(8)) ?? (label ?? target).replace(/^@/, "");
    return el("span", { class: "mention" }, `@${handle}`);
  }
  return el("span", { class: "mention loud" }, `@${target}`);
}

function inline(text, names) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > from) nodes.push(unescape(text.slice(from, match.index)));
    const [whole, angle, code, bold, italic, struck, icon] = match;
    if (angle) nodes.push(control(angle, names));
    else if (code) nodes.push(el("code", {}, unescape(code)));
    else if (bold) nodes.push(el("strong", {}, ...inline(bold, names)));
    else if (italic) nodes.push(el("em", {}, ...inline(italic, names)));
    else if (struck) nodes.push(el("s", {}, ...inline(struck, names)));
    else nodes.push(icon in EMOJI ? emoji(icon) : whole);
    from = match.index + whole.length;
  }
  if (from < text.length) nodes.push(unescape(text.slice(from)));
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

function textObject(text, names) {
  if (!text) return [];
  if (text.type === "plain_text") {
    return [text.text.replace(/:([a-z0-9_+-]+):/g, (all, name) => EMOJI[name] ?? all)];
  }
  return mrkdwn(text.text ?? "", names);
}

function element(item, names, press) {
  if (item.type === "button") {
    return el(
      "button",
      { type: "button", class: `press ${item.style ?? ""}`, onclick: (event) => press(item, event.currentTarget) },
      ...textObject(item.text, names),
    );
  }
  if (item.type === "mrkdwn" || item.type === "plain_text") {
    return el("span", {}, ...textObject(item, names));
  }
  return el("span", { class: "unknown" }, `[${item.type}]`);
}

const BLOCKS = {
  header: (block, names) => [el("h3", {}, ...textObject(block.text, names))],
  divider: () => [el("hr")],
  markdown: (block) => [el("div", { class: "raw" }, block.text ?? "")],
  context: (block, names, press) => [
    el("div", { class: "context" }, ...block.elements.map((item) => element(item, names, press))),
  ],
  actions: (block, names, press) => [
    el("div", { class: "actions" }, ...block.elements.map((item) => element(item, names, press))),
  ],
  section: (block, names, press) => [
    el(
      "div",
      { class: "section" },
      el("div", {}, ...textObject(block.text, names),
        ...(block.fields ?? []).map((field) => el("div", { class: "field" }, ...textObject(field, names)))),
      block.accessory ? element(block.accessory, names, press) : null,
    ),
  ],
  // An app's rich text beside its buttons: somebody's words, shown as they are.
  rich_text: (block) => block.elements.map((part) =>
    el(part.type === "rich_text_quote" ? "blockquote" : "div", { class: "raw" },
      part.elements.map((item) => item.text ?? "").join(""))),
};

// What a message says: its blocks where this page knows them all, else its text. What a person's
// composer made is rich text alone, which the text says as well.
export function content(message, names, press) {
  const isApp = message.blocks.some((block) => block.type !== "rich_text");
  const known = isApp && message.blocks.every((block) => block.type in BLOCKS);
  const body = known
    ? message.blocks.flatMap((block) => BLOCKS[block.type](block, names, press))
    : mrkdwn(message.text, names);
  const files = message.files.map((file) => el("div", { class: "file" }, `📄 ${file.name}`));
  return el("div", { class: "content" }, ...body, ...files);
}
