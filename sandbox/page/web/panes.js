// Which pane is in front where there is room for one only, and light or dark.

import { $, icon } from "./dom.js";
import { redraw, view } from "./state.js";

export function showPane(name) {
  document.body.dataset.pane = name;
  for (const button of document.querySelectorAll(".panes [data-show]")) {
    button.setAttribute("aria-pressed", String(button.dataset.show === name));
  }
  redraw();
}

export function openChannel(name) {
  Object.assign(view, { channel: name, thread: null });
  showPane("channel");
}

export function openThread(ts, { focus = true } = {}) {
  view.thread = ts;
  showPane("thread");
  if (focus) $("thread-text").focus();
}

export function closeThread() {
  const root = view.thread;
  view.thread = null;
  showPane("channel");
  (document.querySelector(`[data-focus="replies-${CSS.escape(root ?? "")}"]`) ?? $("channel-text")).focus();
}

function setTheme(theme) {
  const dark = theme === "dark";
  document.documentElement.dataset.theme = theme;
  $("theme").setAttribute("aria-pressed", String(dark));
  $("theme").setAttribute("aria-label", "Dark colors");
  $("theme").title = dark ? "Switch to light colors" : "Switch to dark colors";
  $("theme").replaceChildren(icon(dark ? "sun" : "moon"));
}

// The system's choice, until the person makes one.
export function listenPanes() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => localStorage.getItem("theme");
  const follow = () => setTheme(chosen() ?? (system.matches ? "dark" : "light"));
  follow();
  system.addEventListener("change", follow);
  $("theme").addEventListener("click", () => {
    localStorage.setItem("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    follow();
  });
  for (const button of document.querySelectorAll("[data-show]")) {
    if (button.classList.contains("back")) button.append(icon("back"));
    button.addEventListener("click", () => showPane(button.dataset.show));
  }
  $("close-thread").append(icon("close"));
  $("close-thread").addEventListener("click", closeThread);
  showPane("channel");
}
