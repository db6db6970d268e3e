// The names that an @ in a message box could become: arrow keys move, Enter or Tab takes one, Esc closes the list.

import { el } from "./dom.js";
import { channelNow, relay, state } from "./state.js";

const MOST = 6;

// What was typed after the @ before the cursor, at most two words; null where there is no @.
const typedIn = (box) => /(?:^|[\s(])@([\w-]*(?: [\w-]*)?)$/.exec(box.value.slice(0, box.selectionStart))?.[1] ?? null;

// The relay, and who is in the channel; nobody where the name is complete.
function candidates(typed) {
  if (typed === null) return [];
  const wanted = typed.toLowerCase();
  const there = state.users.filter((user) => channelNow().members.includes(user.id) && user !== relay());
  const found = [relay(), ...there].filter((user) =>
    [user.shown, user.name].some((name) => name.toLowerCase().startsWith(wanted)));
  return found.some((user) => user.shown.toLowerCase() === wanted) ? [] : found.slice(0, MOST);
}

export function suggestNames(box) {
  const list = el("ul", { role: "listbox", id: `${box.id}-names`, "aria-label": "People", hidden: true });
  box.before(el("div", { class: "combobox names" }, list));
  for (const [name, value] of [["aria-autocomplete", "list"], ["aria-controls", list.id]]) box.setAttribute(name, value);
  let [found, at] = [[], 0];

  function draw() {
    list.hidden = !found.length;
    list.replaceChildren(...found.map((user, index) => el("li", {
      role: "option", id: `${list.id}-${index}`, "aria-selected": String(index === at),
      onpointerdown: (event) => { event.preventDefault(); take(user); },
    }, user.shown)));
    if (found.length) box.setAttribute("aria-activedescendant", `${list.id}-${at}`);
    else box.removeAttribute("aria-activedescendant");
  }
  function show(users) {
    [found, at] = [users, 0];
    draw();
  }
  function take(user) {
    const end = box.selectionStart;
    const start = end - typedIn(box).length;
    box.setRangeText(`${user.shown} `, start, end, "end");
    show([]);
    box.dispatchEvent(new Event("input"));
  }

  box.addEventListener("input", () => show(candidates(typedIn(box))));
  box.addEventListener("blur", () => show([]));
  box.addEventListener("keydown", (event) => {
    if (!found.length || event.isComposing || event.shiftKey) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { at = (at + step + found.length) % found.length; draw(); }
    else if (event.key === "Enter" || event.key === "Tab") take(found[at]);
    else if (event.key === "Escape") show([]);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  });
}
