// Workflow Builder steps: fill in a step's inputs as a workflow would, run it, and read how it ended.

import { $, el, icon, trapFocus } from "./dom.js";
import { select } from "./elements.js";
import { ask, channelNow, channelsToChoose, nameOf, state, view } from "./state.js";

const LABELS = { session: "Session", message: "Message", prompt: "Prompt", channel: "Channel", thread_ts: "Thread", user: "Person" };
const HINTS = {
  session: "link or ID", message: "what Devin reads", prompt: "what Devin should do",
  thread_ts: "link or timestamp of a message",
};
let running = null; // the execution that is being waited for

export function openWorkflow() {
  running = null;
  const isOffered = channelsToChoose().includes(channelNow());
  build(state.step_kinds[0].callback_id, isOffered ? { channel: channelNow().id, thread_ts: view.thread ?? "" } : {});
  if (!$("question").open) $("question").showModal();
}

function build(callbackId, given) {
  const kind = state.step_kinds.find((it) => it.callback_id === callbackId);
  const dialog = $("question");
  const inputs = Object.entries(kind.inputs).map(([name, required]) => field(name, required, given[name] ?? ""));
  const values = () => Object.fromEntries(inputs.map(({ name, input }) => [name, input.value.trim()]));
  const options = state.step_kinds.map((it) => ({ value: it.callback_id, text: { text: it.title } }));
  dialog.onclose = () => { running = null; };
  dialog.onkeydown = (event) => trapFocus(dialog, event);
  dialog.replaceChildren(el("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); run(kind, inputs); } },
    el("header", {}, icon("flow"), el("h2", { id: "question-title" }, "Run a workflow step"),
      el("button", { type: "button", class: "plain close", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"))),
    el("div", { class: "dialog-body" },
      el("div", { class: "field-block" }, el("label", { for: "step-kind" }, "Step"),
        select({ options, placeholder: { text: "Choose a step" } }, callbackId, {
          id: "step-kind", onchange: (event) => build(event.target.value || callbackId, { ...given, ...values() }) })),
      ...inputs.map(({ node }) => node),
      el("div", { class: "outcome", id: "step-outcome", role: "status" })),
    el("footer", {}, el("button", { type: "submit", class: "press primary" }, "Run the step"))));
  dialog.querySelector("#step-kind").focus();
}

const option = (value, text) => ({ value, text: { text } });
const LISTS = {
  channel: () => channelsToChoose().map((it) => option(it.id, nameOf(it))),
  user: () => state.users.map((it) => option(it.id, it.shown)),
};

const isLong = (name) => name === "message" || name === "prompt";

function field(name, required, value) {
  const input = name in LISTS ? select({ options: LISTS[name]() }, value, { id: `step-${name}` }) : el(isLong(name) ? "textarea" : "input", {
    id: `step-${name}`, autocomplete: "off", placeholder: HINTS[name] ?? null, value, rows: isLong(name) ? "3" : null,
    list: name === "session" ? "step-sessions" : null, "aria-required": required ? "true" : null,
  });
  const known = name === "session" ? el("datalist", { id: "step-sessions" },
    ...state.sessions.map((session) => el("option", { value: session.session_id }, session.title))) : null;
  const node = el("div", { class: "field-block" }, el("label", { for: input.id }, LABELS[name] ?? name,
    required ? null : el("span", { class: "faint" }, " (optional)")), input, known);
  return { name, input, node };
}

async function run(kind, inputs) {
  const filled = inputs.filter(({ input }) => input.value.trim()).map(({ name, input }) => [name, input.value.trim()]);
  const empty = inputs.find(({ name, input }) => kind.inputs[name] && !input.value.trim());
  if (empty) { tell("bad", `The step needs a ${(LABELS[empty.name] ?? empty.name).toLowerCase()}.`); empty.input.focus(); return; }
  tell("", "Running…");
  const answer = await ask("run_step", { callback_id: kind.callback_id, inputs: Object.fromEntries(filled) });
  running = answer?.execution_id ?? null;
  drawWorkflow();
}

export function drawWorkflow() {
  const result = running && state.step_results[running];
  if (!result) return;
  running = null;
  const [ending, payload] = result;
  if (ending === "error") { tell("bad", `The step failed: ${payload}`); return; }
  const outputs = Object.entries(payload).map(([name, value]) => `${name}: ${value}`);
  tell("good", ["Step complete.", ...outputs].join("\n"));
}

function tell(tone, words) {
  const node = $("step-outcome");
  if (!node) return;
  node.className = `outcome ${tone}`;
  node.textContent = words;
}
