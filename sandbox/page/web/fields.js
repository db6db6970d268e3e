// The input blocks of a modal. What is typed is kept in `form.typed` as Slack's `state.values` has it, so
// that it outlives a redrawing; `form.errors` (by block) is shown at its field.

import { combobox } from "./combobox.js";
import { el } from "./dom.js";
import { optionsOf, select } from "./elements.js";
import { plain } from "./mrkdwn.js";
import { channelNow, channelsToChoose, nameOf, state } from "./state.js";

export const keyOf = (block, item) => `${block.block_id}/${item.action_id}`;

export function inputBlock(block, form) {
  const item = block.element;
  const key = keyOf(block, item);
  const id = `field-${key}`;
  const error = form.errors[block.block_id];
  const hint = plain(block.hint);
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  const props = { id, "data-focus": key, "aria-invalid": error ? "true" : null, "aria-describedby": described || null,
    "aria-required": block.optional ? null : "true" };
  const field = FIELDS[item.type]?.(item, block, props, form) ?? el("p", { class: "unknown" }, `[${item.type}]`);
  const grouped = item.type === "radio_buttons" || item.type === "checkboxes";
  const label = [plain(block.label), block.optional ? el("span", { class: "faint" }, " (optional)") : null];
  return el(grouped ? "fieldset" : "div", { class: error ? "field-block wrong" : "field-block" },
    el(grouped ? "legend" : "label", grouped ? {} : { for: id }, ...label), field,
    hint ? el("p", { class: "faint", id: `${id}-hint` }, hint) : null,
    error ? el("p", { class: "error", id: `${id}-error`, role: "alert" }, error) : null);
}

// ---- one kind of element after another

function words(item, block, props, form) {
  const key = keyOf(block, item);
  if (!form.typed.has(key)) form.typed.set(key, { type: item.type, value: item.initial_value ?? null });
  const node = el(item.multiline ? "textarea" : "input", {
    ...props, rows: item.multiline ? "4" : null, placeholder: plain(item.placeholder) || null,
    maxlength: item.max_length, autocomplete: "off", autofocus: item.focus_on_load,
    inputmode: item.type === "number_input" ? "decimal" : null, value: form.typed.get(key).value ?? "",
  });
  node.addEventListener("input", () => form.typed.set(key, { type: item.type, value: node.value || null }));
  if (block.dispatch_action) {
    node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !item.multiline) { event.preventDefault(); form.act(item, block, node.value); }
    });
  }
  return node;
}

function keep(item, block, form, entry) {
  form.typed.set(keyOf(block, item), { type: item.type, ...entry });
}

function dropdown(item, block, props, form) {
  const key = keyOf(block, item);
  const pick = (value) => optionsOf(item).find((option) => option.value === value) ?? null;
  if (!form.typed.has(key)) keep(item, block, form, { selected_option: item.initial_option ?? null });
  return select(item, form.typed.get(key).selected_option?.value, {
    ...props,
    onchange: (event) => {
      keep(item, block, form, { selected_option: pick(event.target.value) });
      if (block.dispatch_action && event.target.value) form.act(item, block, event.target.value);
    },
  });
}

export function search(item, block, props, form) {
  const key = keyOf(block, item);
  if (!form.typed.has(key)) keep(item, block, form, { selected_option: item.initial_option ?? null });
  return combobox(item, {
    id: `field-${key}`, props, chosen: form.typed.get(key).selected_option,
    suggest: (typed) => form.suggest(item, typed),
    choose: (option) => {
      keep(item, block, form, { selected_option: option });
      if (option && (block.dispatch_action || block.type !== "input")) form.act(item, block, option.value);
    },
  });
}

// Radio buttons and checkboxes.
function choices(item, block, props, form) {
  const key = keyOf(block, item);
  const many = item.type === "checkboxes";
  const first = many ? { selected_options: item.initial_options ?? [] } : { selected_option: item.initial_option ?? null };
  if (!form.typed.has(key)) keep(item, block, form, first);
  const entry = form.typed.get(key);
  const isChosen = (option) => (many ? entry.selected_options : [entry.selected_option])
    .some((one) => one?.value === option.value);
  const boxes = item.options.map((option, index) => el("input", {
    type: many ? "checkbox" : "radio", name: props.id, id: `${props.id}-${index}`, checked: isChosen(option),
  }));
  const group = el("div", { class: "choices" }, ...item.options.map((option, index) =>
    el("label", {}, boxes[index], el("span", {}, plain(option.text)))));
  group.addEventListener("change", () => {
    const on = item.options.filter((_, index) => boxes[index].checked);
    keep(item, block, form, many ? { selected_options: on } : { selected_option: on[0] ?? null });
    if (block.dispatch_action) form.act(item, block, on[0]?.value ?? null);
  });
  return group;
}

// Menus of what is in the workspace.
function fromWorkspace(field, list) {
  return (item, block, props, form) => {
    const key = keyOf(block, item);
    const here = item.default_to_current_conversation ? channelNow().id : null;
    if (!form.typed.has(key)) keep(item, block, form, { [field]: item[`initial_${field.slice(9)}`] ?? here });
    const options = list().map(([value, text]) => ({ value, text: { text } }));
    return select({ ...item, options }, form.typed.get(key)[field], {
      ...props, onchange: (event) => keep(item, block, form, { [field]: event.target.value || null }),
    });
  };
}

const channels = () => channelsToChoose().map((it) => [it.id, nameOf(it)]);

const FIELDS = {
  plain_text_input: words, email_text_input: words, url_text_input: words, number_input: words,
  static_select: dropdown, external_select: search, radio_buttons: choices, checkboxes: choices,
  users_select: fromWorkspace("selected_user", () => state.users.map((it) => [it.id, it.shown])),
  channels_select: fromWorkspace("selected_channel", channels),
  conversations_select: fromWorkspace("selected_conversation", channels),
};

const fits = (value, { min_value: least = -Infinity, max_value: most = Infinity, is_decimal_allowed: decimal }) =>
  Number(value) >= Number(least) && Number(value) <= Number(most) && (decimal || Number.isInteger(Number(value)));

const numberWanted = ({ min_value: least, max_value: most, is_decimal_allowed: decimal }) =>
  `Please enter a ${decimal ? "" : "whole "}number${least ? ` from ${least}` : ""}${most ? ` up to ${most}` : ""}.`;

// The first thing Slack's own client would say before a submission: block id -> words.
export function missing(view, typed) {
  const errors = {};
  for (const block of view.blocks.filter((it) => it.type === "input")) {
    const entry = typed.get(keyOf(block, block.element)) ?? {};
    const { type: _, ...rest } = entry;
    const filled = Object.values(rest).some((value) => (Array.isArray(value) ? value.length : value));
    const least = block.element.min_length ?? 0;
    if (!filled && !block.optional) errors[block.block_id] = "Please complete this required field.";
    else if (filled && entry.value?.length < least) errors[block.block_id] = `Please write at least ${least} characters.`;
    else if (filled && block.element.type === "number_input" && !fits(entry.value, block.element)) errors[block.block_id] = numberWanted(block.element);
  }
  return errors;
}

// Slack's `state.values` of what has been typed.
export function valuesOf(view, typed) {
  const values = {};
  const there = new Set(view.blocks.map((block) => block.block_id));
  for (const [key, entry] of typed) {
    const [block, action] = [key.slice(0, key.indexOf("/")), key.slice(key.indexOf("/") + 1)];
    if (there.has(block)) values[block] = { ...values[block], [action]: entry };
  }
  return values;
}
