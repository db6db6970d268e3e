// The tour: plays the product through the real bot, with a caption for each step. A step is over when the page
// shows what it promised, never because time has passed; what does not show in time is said.

import { $, el, icon, setText, sync } from "./dom.js";
import { drawn } from "./emoji.js";
import { redraw, state, view } from "./state.js";
import { Stage } from "./tour_stage.js";
import { END, stepsFor } from "./tour_script.js";

// `?pace=0` leaves out the time for reading, `?pace=2` doubles it.
const PACE = Number(new URLSearchParams(location.search).get("pace") ?? 1);
const BEFORE_MS = 900;
const LEAST_MS = 2500;
const MS_A_LETTER = 20;
const STEP_MS = 50;
const LIMIT_MS = 20_000;

export class Stopped extends Error {}

// One playing of the tour, from start to stop.
class Playing {
  paused = false;
  stopped = false;
  skipped = false;
  pace = PACE;
  steps = stepsFor(state?.devin_api, state?.app.is_agent);

  // Let time pass, as long as nobody pauses; a stop ends it, and `next` cuts reading short.
  async rest(ms, { skippable = false } = {}) {
    this.skipped = false;
    for (let passed = 0; passed < ms && !(skippable && this.skipped); ) {
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      if (!this.paused) passed += STEP_MS;
      this.check();
    }
    while (this.paused && !(skippable && this.skipped)) {
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      this.check();
    }
  }

  check() {
    if (this.stopped) throw new Stopped();
  }

  // What `test` gives as soon as that is something; `what` names it for the error.
  async until(test, what) {
    for (let passed = 0; passed < LIMIT_MS; ) {
      const found = test();
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      if (!this.paused) passed += STEP_MS;
      this.check();
    }
    throw new Error(`${what} didn’t appear within ${LIMIT_MS / 1000} seconds. Is the bot running? “make demo” starts one.`);
  }

  reading(caption) {
    return this.rest((LEAST_MS + MS_A_LETTER * caption.length) * this.pace, { skippable: true });
  }
}

let playing = null;

async function play() {
  playing?.stop?.();
  const mine = (playing = new Playing());
  const stage = new Stage(mine);
  build();
  try {
    await stage.open();
    for (const [index, step] of mine.steps.entries()) await playStep(mine, stage, step, index);
    stage.be("ada");
    show({ key: "end", status: "done", index: mine.steps.length, title: END.title, caption: END.caption });
  } catch (error) {
    if (!(error instanceof Stopped)) show({ status: "failed", title: "Tour stopped", caption: error.message });
  } finally {
    if (playing === mine && mine.stopped) hide();
  }
}

async function playStep(mine, stage, step, index) {
  show({ key: step.key, status: "playing", index, title: step.title, caption: step.before });
  await mine.rest(mine.pace * BEFORE_MS, { skippable: true });
  await step.act(stage);
  show({ key: step.key, status: "shown", index, title: step.title, caption: step.after });
  await mine.reading(step.after);
}

// ---- the strip with the caption

function build() {
  $("tour").replaceChildren(
    el("ol", { class: "progress", "aria-hidden": "true" }, ...playing.steps.map(() => el("li"))),
    el("div", { class: "caption", role: "status" },
      el("h2", { id: "tour-title" }), el("p", { id: "tour-caption" })),
    el("div", { class: "controls" }));
  $("tour").hidden = false;
}

function show({ key, status, index, title, caption }) {
  const tour = $("tour");
  tour.dataset.status = status;
  if (key) tour.dataset.step = key;
  if (index !== undefined) {
    [...tour.querySelectorAll(".progress li")].forEach((dot, at) => {
      dot.className = at < index || status === "done" ? "done" : at === index ? "now" : "";
    });
  }
  const count = index < playing.steps.length ? `${index + 1} of ${playing.steps.length}: ` : "";
  setText($("tour-title"), count + title);
  if (!key || $("tour-caption").dataset.said !== caption) $("tour-caption").replaceChildren(...drawn(caption));
  $("tour-caption").dataset.said = caption;
  drawControls();
}

const isRunning = () => !$("tour").hidden && ["playing", "shown"].includes($("tour").dataset.status);

// A button that stays the same is the same node: a press that began before a caption changed still counts.
function drawControls() {
  const button = (key, sign, words, act) => [key, words, () =>
    el("button", { type: "button", "data-focus": key, "aria-label": words, onclick: act }, icon(sign), el("span", {}, words))];
  const controls = document.querySelector("#tour .controls");
  const hadFocus = controls.contains(document.activeElement);
  sync(controls, isRunning()
    ? [button("pause", playing.paused ? "play" : "pause", playing.paused ? "Resume" : "Pause", pause),
      button("next", "next", "Next", next), button("stop", "stop", "Stop", stop)]
    : [button("again", "play", "Play again", play), button("stop", "close", "Close", hide)]);
  if (hadFocus && !controls.contains(document.activeElement)) controls.firstElementChild.focus();
}

function pause() {
  playing.paused = !playing.paused;
  $("tour").classList.toggle("paused", playing.paused);
  drawControls();
}

function next() {
  playing.skipped = true;
  if (playing.paused) pause();
}

function stop() {
  playing.stopped = true;
  hide();
}

// A modal dialog makes the rest of the page inert: while one is open, the strip of a tour that plays is a part of it,
// and is drawn where it was.
function stayReachable() {
  const [tour, home] = [$("tour"), $("tour-place")];
  const dialogs = [...document.querySelectorAll("dialog")];
  const hold = () => {
    home.style.height = tour.parentNode === home ? "" : `${tour.offsetHeight}px`;
    const { top, bottom } = home.getBoundingClientRect();
    document.documentElement.style.setProperty("--tour-top", `${top}px`);
    document.documentElement.style.setProperty("--tour-end", `${bottom}px`);
  };
  const place = () => {
    const front = isRunning() && dialogs.find((dialog) => dialog.open);
    if (tour.parentNode === (front || home)) return;
    (front || home).append(tour);
    hold();
  };
  const seen = new MutationObserver(place);
  for (const dialog of dialogs) seen.observe(dialog, { attributeFilter: ["open"], childList: true });
  new ResizeObserver(hold).observe(tour);
}

function hide() {
  const had = $("tour").contains(document.activeElement);
  $("tour").hidden = true;
  $("tour").classList.remove("paused");
  view.lit = null;
  redraw();
  if (had) $("start-tour").focus();
}

export function listenTour() {
  stayReachable();
  $("start-tour").prepend(icon("play"));
  $("start-tour").addEventListener("click", () => {
    if (playing) playing.stopped = true;
    play();
  });
}
