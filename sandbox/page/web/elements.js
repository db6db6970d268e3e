// What can be pressed or chosen in blocks: buttons, menus, overflow menus, choices.

import { el, icon } from "./dom.js";
import { openMenu } from "./menu.js";
import { plain, textObject } from "./mrkdwn.js";
import { confirmed } from "./question.js";

export const optionsOf = (item) =>
  [...(item.options ?? []), ...(item.option_groups ?? []).flatMap((group) => group.options)];

const focusKey = (item, block) => `${block.block_id}/${item.action_id}`;

function button(item, block, ctx) {
  const props = {
    type: "button", class: `press ${item.style ?? ""}`, "data-focus": focusKey(item, block), "data-action": item.action_id,
    "aria-label": item.accessibility_label,
    onclick: async (event) => {
      const node = event.currentTarget;
      if (await confirmed(item.confirm, ctx.names)) await busy(node, () => ctx.act(item, block, null));
    },
  };
  if (item.url) return el("a", { ...props, type: null, href: item.url, target: "_blank", rel: "noopener noreferrer" },
    ...textObject(item.text, ctx.names));
  return el("button", props, ...textObject(item.text, ctx.names));
}

// One press at a time. Not `disabled`, which would take the focus from it.
async function busy(node, work) {
  if (node.classList.contains("busy")) return;
  node.setAttribute("aria-disabled", "true");
  node.classList.add("busy");
  try {
    await work();
  } finally {
    node.classList.remove("busy");
    node.removeAttribute("aria-disabled");
  }
}

// The options of a menu as a native list, so that every browser's keys work in it.
export function select(item, chosen, props) {
  const option = (each) => el("option", { value: each.value, selected: each.value === chosen }, plain(each.text));
  const groups = (item.option_groups ?? []).map((group) =>
    el("optgroup", { label: plain(group.label) }, ...group.options.map(option)));
  return el("select", { class: "menu-select", ...props },
    el("option", { value: "", selected: !chosen }, plain(item.placeholder, "Choose…")),
    ...(item.options ?? []).map(option), ...groups);
}

function menu(item, block, ctx) {
  const props = {
    "aria-label": plain(item.placeholder, "Choose"), "data-focus": focusKey(item, block),
    onchange: async (event) => {
      const { value } = event.target;
      if (!value) return;
      if (await confirmed(item.confirm, ctx.names)) await busy(event.target, () => ctx.act(item, block, value));
    },
  };
  return select(item, ctx.chosen?.(item, block) ?? item.initial_option?.value, props);
}

function overflow(item, block, ctx) {
  return el("button", {
    type: "button", class: "press overflow", "aria-haspopup": "menu", "aria-label": "More actions",
    "data-focus": focusKey(item, block),
    onclick: (event) => openMenu(event.currentTarget, item.options.map((each) => ({
      label: plain(each.text),
      act: async () => { if (await confirmed(item.confirm, ctx.names)) await ctx.act(item, block, each.value); },
    }))),
  }, icon("more"));
}

const ELEMENTS = {
  button,
  static_select: menu,
  external_select: (item, block, ctx) => ctx.search?.(item, block) ?? el("span", { class: "unknown" }, "[external_select]"),
  overflow,
  mrkdwn: (item, _block, ctx) => el("span", {}, ...textObject(item, ctx.names)),
  plain_text: (item, _block, ctx) => el("span", {}, ...textObject(item, ctx.names)),
  image: (item) => el("span", { class: "picture small", title: item.alt_text }, item.alt_text ?? ""),
};

export const element = (item, block, ctx) =>
  ELEMENTS[item.type]?.(item, block, ctx) ?? el("span", { class: "unknown" }, `[${item.type}]`);
