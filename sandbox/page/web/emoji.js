// Emoji by their Slack names. The marks that the product lives by are drawn here, so that they look the same
// on a machine without an emoji font; the character is there too, for anyone who reads or copies it.

import { el, svg } from "./dom.js";

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", zzz: "💤", hourglass_flowing_sand: "⏳",
  hourglass: "⌛", warning: "⚠️", eyes: "👀", rocket: "🚀", tada: "🎉", thumbsup: "👍", "+1": "👍",
  thumbsdown: "👎", "-1": "👎", robot_face: "🤖", link: "🔗", mute: "🔇", question: "❓", grey_question: "❔",
  speech_balloon: "💬", no_entry: "⛔", no_entry_sign: "🚫", lock: "🔒", repeat: "🔁", information_source: "ℹ️",
  wave: "👋", smile: "😄", slightly_smiling_face: "🙂", heart: "❤️", fire: "🔥", bell: "🔔", no_bell: "🔕",
  arrows_counterclockwise: "🔄", wastebasket: "🗑️", pencil2: "✏️", bulb: "💡", sparkles: "✨", memo: "📝",
  large_green_circle: "🟢", large_yellow_circle: "🟡", red_circle: "🔴", white_circle: "⚪", black_circle: "⚫",
};

const line = { fill: "none", stroke: "#fff", "stroke-width": 2.6, "stroke-linecap": "round", "stroke-linejoin": "round" };
const stroke = (color, width = 2.4) => ({ ...line, stroke: color, "stroke-width": width });
const tile = (fill) => ["rect", { x: 1.5, y: 1.5, width: 21, height: 21, rx: 5, fill }];

const disc = (fill, edge) => [["circle", { cx: 12, cy: 12, r: 9, fill, stroke: edge, "stroke-width": 1.6 }]];

const ASKING = "M7.5 8a4.6 4.6 0 1 1 7 3.9c-1.7 1-2.5 1.7-2.5 3.6M12 20v.01";

const DRAWN = {
  white_check_mark: [tile("#2a9d5c"), ["path", { d: "M6.5 12.5l4 4 7.5-9", ...line }]],
  x: [["path", { d: "M5 5l14 14M19 5L5 19", ...stroke("#dd3b32", 4.2) }]],
  zzz: [["path", { d: "M3 13h8l-8 8h8", ...stroke("#3b82d6", 2.8) }], ["path", { d: "M13 3h7l-7 7h7", ...stroke("#3b82d6") }]],
  hourglass_flowing_sand: [
    ["path", { d: "M7 3.5h10v3.5L12.8 12l4.2 5v3.5H7V17l4.2-5L7 7z", fill: "#f3d391" }],
    ["path", { d: "M5.5 3h13M5.5 21h13M7 3.5V7l4.2 5L7 17v3.5M17 3.5V7l-4.2 5 4.2 5v3.5", ...stroke("#a8741a", 2) }]],
  pencil2: [["path", { d: "M4 20l1-5L16 4l4 4L9 19z", fill: "#f0b53f" }], ["path", { d: "M4 20l1-5L16 4l4 4L9 19z", ...stroke("#a8741a", 1.8) }]],
  wastebasket: [["path", { d: "M6 8l1 13h10l1-13M4 7h16M9 7V4h6v3M10 11v6M14 11v6", ...stroke("#7b8794", 2) }]],
  grey_question: [["path", { d: ASKING, ...stroke("#8f8a9b", 3.4) }]],
  question: [["path", { d: ASKING, ...stroke("#dd3b32", 3.4) }]],
  warning: [["path", { d: "M12 3l10 18H2z", fill: "#f0b53f" }], ["path", { d: "M12 10v5M12 18v.01", ...stroke("#4a3200") }]],
};
Object.assign(DRAWN, {
  large_green_circle: disc("#34a862", "#237a46"), large_yellow_circle: disc("#f2c03d", "#a8741a"),
  red_circle: disc("#dd3b32", "#a3241c"), white_circle: disc("#f7f6f9", "#8f8a9b"), black_circle: disc("#3a3742", "#8f8a9b"),
  no_entry: [["circle", { cx: 12, cy: 12, r: 10, fill: "#dd3b32" }], ["path", { d: "M7 12h10", ...stroke("#fff", 3.4) }]],
  eyes: [["path", { d: "M7 5.5c2.4 0 4 2.9 4 6.5s-1.6 6.5-4 6.5-4-2.9-4-6.5 1.6-6.5 4-6.5zM17 5.5c2.4 0 4 2.9 4 6.5s-1.6 6.5-4 6.5-4-2.9-4-6.5 1.6-6.5 4-6.5z",
    fill: "#fff", stroke: "#6b6676", "stroke-width": 1.6 }], ["path", { d: "M8 13v.01M18 13v.01", ...stroke("#2b2833", 4.6) }]],
  thumbsup: [["path", { d: "M3.5 11h4v9h-4zM7.5 11l4-8c1.9 0 2.7 1.4 2.3 3.1L13 9.5h6a2 2 0 0 1 2 2.4l-1.4 6.5a2 2 0 0 1-2 1.6H7.5z",
    fill: "#f5c04f", stroke: "#a8741a", "stroke-width": 1.6, "stroke-linejoin": "round" }]],
  robot_face: [["rect", { x: 4, y: 7, width: 16, height: 13, rx: 3, fill: "#9aa7b8", stroke: "#566273", "stroke-width": 1.6 }],
    ["path", { d: "M12 7V3.5M9 16.5h6", ...stroke("#566273") }], ["path", { d: "M9 12v.01M15 12v.01", ...stroke("#2b2833", 3.6) }]],
  heart: [["path", { d: "M12 20.5C5.4 15.8 2.5 12.2 2.5 8.5a5 5 0 0 1 9.5-2.2 5 5 0 0 1 9.5 2.2c0 3.7-2.9 7.3-9.5 12z", fill: "#dd3b32" }]],
  tada: [["path", { d: "M3 21L8.5 8.5l7 7z", fill: "#f0b53f" }], ["path", { d: "M14 8l1.8-4.5M17 12l4.3-1.6", ...stroke("#7f56c9") }],
    ["path", { d: "M10 4v.01M19.5 5.5v.01M20.5 16.5v.01", ...stroke("#dd3b32", 3) }]],
});
DRAWN["+1"] = DRAWN.thumbsup;
DRAWN.hourglass = DRAWN.hourglass_flowing_sand;

// What a person chooses a reaction from.
export const OFFERED = ["thumbsup", "heart", "tada", "eyes", "white_check_mark", "robot_face"];

const named = (name) => name.split("::")[0];
export const isEmoji = (name) => named(name) in EMOJI;

// The emoji as a node; an unknown one as its name.
export function emoji(name) {
  const character = EMOJI[named(name)];
  if (!character) return document.createTextNode(`:${name}:`);
  const shapes = DRAWN[named(name)];
  return shapes ? el("span", { class: "emoji" }, character, svg(shapes)) : document.createTextNode(character);
}

export const withEmoji = (text) => text.replace(/:([a-z0-9_+-]+):/g, (all, name) => EMOJI[name] ?? all);

const CHARACTERS = Object.fromEntries(Object.keys(DRAWN).map((name) => [EMOJI[name], name]));
const CHARACTER = new RegExp(`(${Object.keys(CHARACTERS).join("|")})`);

// A text as nodes, each emoji in it drawn.
export const drawn = (text) =>
  text.split(CHARACTER).map((part) => (part in CHARACTERS ? emoji(CHARACTERS[part]) : part)).filter((part) => part !== "");

// The same for a text that may also name emoji.
export const withEmojiNodes = (text) => text.split(/:([a-z0-9_+-]+(?:::[a-z0-9-]+)?):/).flatMap((part, index) =>
  (index % 2 === 0 ? drawn(part) : isEmoji(part) ? [emoji(part)] : [`:${part}:`]));
