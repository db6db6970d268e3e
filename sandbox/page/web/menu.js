// A small menu beside the button that opened it: arrow keys move, Enter chooses, Esc closes.

import { $, el } from "./dom.js";

let opener = null;

export function openMenu(button, entries) {
  const menu = $("menu");
  const items = entries.map((entry) => el("button", {
    type: "button", role: "menuitem", tabindex: "-1", class: entry.danger ? "danger" : null,
    onclick: () => { closeMenu(); entry.act(); },
  }, ...[entry.label].flat()));
  menu.replaceChildren(...items);
  menu.hidden = false;
  opener = button;
  button.setAttribute("aria-expanded", "true");
  (button.closest("dialog") ?? document.body).append(menu); // what is outside a modal cannot be used
  place(menu, button.getBoundingClientRect());
  items[0]?.focus();
}

function place(menu, at) {
  const box = menu.getBoundingClientRect();
  const below = at.bottom + 4 + box.height < innerHeight;
  menu.style.setProperty("left", `${Math.max(8, Math.min(at.right - box.width, innerWidth - box.width - 8))}px`);
  menu.style.setProperty("top", `${below ? at.bottom + 4 : Math.max(8, at.top - box.height - 4)}px`);
}

export function closeMenu() {
  if ($("menu").hidden) return false;
  $("menu").hidden = true;
  opener?.setAttribute("aria-expanded", "false");
  if (opener?.isConnected) opener.focus();
  opener = null;
  return true;
}

function onKey(event) {
  const items = [...$("menu").children];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (to !== undefined) items.at(to % items.length).focus();
  else if (event.key === "Escape") closeMenu();
  else if (event.key === "Tab") { closeMenu(); return; }
  else return;
  event.preventDefault();
  event.stopPropagation();
}

export function listenMenu() {
  $("menu").addEventListener("keydown", onKey);
  document.addEventListener("pointerdown", (event) => {
    if (!$("menu").contains(event.target) && !opener?.contains(event.target)) closeMenu();
  });
}
