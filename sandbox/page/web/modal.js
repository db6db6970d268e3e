// The writer's modals that were opened from this tab: the one in front, in a dialog that holds the focus. Esc closes
// it, and errors stand at their fields.

import { interact } from "./acting.js";
import { $, el, icon, trapFocus } from "./dom.js";
import { inputBlock, keyOf, missing, search, valuesOf } from "./fields.js";
import { closeMenu } from "./menu.js";
import { plain } from "./mrkdwn.js";
import { blocks } from "./render.js";
import { ask, names, state, view as looking, writerNow } from "./state.js";

const OPENS_MS = 5000; // longer than the app may take to open a modal after an act
const isOurs = new Map(JSON.parse(sessionStorage.getItem("modals") ?? "[]").map((id) => [id, true])); // by a view's id
const typedIn = new Map(); // a view's id -> what was typed into it
let shown = null; // the view that is drawn
let errors = {}; // ours, until the app's next answer
let trouble = "";
let busy = false;

function stackHere() {
  const stack = state.views[writerNow().id] ?? [];
  for (const { id } of stack) if (!isOurs.has(id)) isOurs.set(id, Date.now() - looking.acted < OPENS_MS);
  const ours = stack.filter(({ id }) => isOurs.get(id));
  sessionStorage.setItem("modals", JSON.stringify(ours.map(({ id }) => id)));
  return ours;
}

export function drawModal() {
  const stack = stackHere();
  for (const id of typedIn.keys()) if (!stack.some((view) => view.id === id)) typedIn.delete(id);
  const front = stack.at(-1);
  if (!front) { close(); return; }
  const signature = JSON.stringify([front.id, front.hash, front.blocks, front.errors, stack.length]);
  if ($("modal").dataset.signature === signature) return;
  if (shown?.id !== front.id) [errors, trouble] = [{}, ""];
  $("modal").dataset.signature = signature;
  shown = front;
  redraw(stack.length);
}

function close() {
  if (!$("modal").open) return;
  closeMenu();
  delete $("modal").dataset.signature;
  shown = null;
  document.body.append($("menu"));
  $("modal").close();
  if (document.activeElement === document.body) $("channel-text").focus();
}

function redraw(depth) {
  const dialog = $("modal");
  const fresh = !dialog.open;
  const focused = dialog.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  closeMenu();
  document.body.append($("menu"));
  dialog.replaceChildren(form(depth));
  if (fresh) dialog.showModal();
  const wrong = dialog.querySelector("[aria-invalid], .wrong input");
  const again = focused && dialog.querySelector(`[data-focus="${CSS.escape(focused)}"]`);
  (wrong ?? again ?? dialog.querySelector("[autofocus]") ?? firstField(dialog)).focus();
}

const firstField = (dialog) =>
  dialog.querySelector(".dialog-body :is(input, textarea, select, button)") ?? dialog.querySelector("footer button:last-child");

function form(depth) {
  const typed = typedIn.get(shown.id) ?? new Map();
  typedIn.set(shown.id, typed);
  const held = { typed, errors: { ...shown.errors, ...errors }, act, suggest };
  const ctx = {
    names, act, input: (block) => inputBlock(block, held),
    chosen: (item, block) => typed.get(keyOf(block, item))?.selected_option?.value,
    search: (item, block) => search(item, block, { "data-focus": keyOf(block, item), "aria-label": plain(item.placeholder) }, held),
  };
  return el("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); submit(); } },
    el("header", {},
      el("span", { class: "avatar app", "aria-hidden": "true" }),
      el("h2", { id: "modal-title" }, plain(shown.title)),
      depth > 1 ? el("span", { class: "faint" }, `${depth} open`) : null,
      el("button", { type: "button", class: "plain close", "aria-label": "Close", onclick: leave }, icon("close"))),
    el("div", { class: "dialog-body content" }, ...blocks(shown.blocks, ctx)),
    trouble ? el("p", { class: "error trouble", role: "alert" }, trouble) : null,
    el("footer", {},
      el("button", { type: "button", class: "press", onclick: leave, "data-focus": "cancel" }, plain(shown.close, "Cancel")),
      shown.submit ? el("button", { type: "submit", class: "press primary", "data-focus": "submit" }, plain(shown.submit)) : null));
}

async function submit() {
  if (busy || !shown) return;
  const typed = typedIn.get(shown.id);
  errors = missing(shown, typed);
  trouble = "";
  if (Object.keys(errors).length) { redraw(stackHere().length); return; }
  await whileBusy(async () => {
    const { id } = shown;
    const answer = await ask("submit_view", { view_id: id, values: valuesOf(shown, typed), user: looking.writer });
    if (answer?.acked || shown?.id !== id) return;
    trouble = "The app didn’t respond within 3 seconds. Try again.";
    redraw(stackHere().length);
  });
}

async function whileBusy(work) {
  busy = true;
  $("modal").classList.add("busy");
  try {
    await work();
  } finally {
    busy = false;
    $("modal").classList.remove("busy");
  }
}

const leave = () => shown && ask("close_view", { view_id: shown.id, user: looking.writer });

function act(item, block, value) {
  const typed = typedIn.get(shown.id);
  if (item.type === "static_select") {
    const option = [...(item.options ?? []), ...(item.option_groups ?? []).flatMap((group) => group.options)]
      .find((each) => each.value === value) ?? null;
    typed.set(keyOf(block, item), { type: item.type, selected_option: option });
  }
  return interact("press_view", {
    action_id: item.action_id, block_id: block.block_id ?? null, value, view_id: shown.id, values: valuesOf(shown, typed),
  });
}

async function suggest(item, typed) {
  const answer = await interact("suggest", { action_id: item.action_id, view_id: shown.id, typed });
  const found = answer?.response ?? {};
  return [...(found.options ?? []), ...(found.option_groups ?? []).flatMap((group) => group.options)];
}

export function listenModal() {
  $("modal").addEventListener("cancel", (event) => { event.preventDefault(); leave(); });
  $("modal").addEventListener("keydown", (event) => {
    trapFocus($("modal"), event);
    if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); leave(); }
  });
}
