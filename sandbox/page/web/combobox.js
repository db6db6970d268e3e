// An external menu: what is typed is asked of the app, and one of its options is chosen.

import { el } from "./dom.js";
import { plain } from "./mrkdwn.js";

const WAIT = 250;

// `suggest(typed)` gives options; `choose(option)` is told of the choice, and of null when it is undone.
export function combobox(item, { id, props, chosen, suggest, choose }) {
  const list = el("ul", { role: "listbox", id: `${id}-options`, hidden: true });
  const input = el("input", {
    ...props, id, role: "combobox", autocomplete: "off", "aria-expanded": "false", "aria-autocomplete": "list",
    "aria-controls": list.id, placeholder: plain(item.placeholder, "Type to search…"),
    value: chosen ? plain(chosen.text) : "",
  });
  let [options, at, timer] = [[], -1, null];

  function show(found) {
    [options, at] = [found, -1];
    const none = el("li", { class: "faint" }, "Nothing found.");
    list.replaceChildren(...(found.length ? found.map((option, index) => el("li", {
      role: "option", id: `${id}-option-${index}`, "aria-selected": "false",
      onpointerdown: (event) => { event.preventDefault(); take(index); },
    }, plain(option.text))) : [none]));
    open(true);
    list.scrollIntoView({ block: "nearest" });
  }
  function open(on) {
    list.hidden = !on;
    input.setAttribute("aria-expanded", String(on));
    if (!on) input.removeAttribute("aria-activedescendant");
  }
  function move(to) {
    if (!options.length) return;
    at = (to + options.length) % options.length;
    [...list.children].forEach((node, index) => node.setAttribute("aria-selected", String(index === at)));
    input.setAttribute("aria-activedescendant", `${id}-option-${at}`);
    list.children[at].scrollIntoView({ block: "nearest" });
  }
  function take(index) {
    input.value = plain(options[index].text);
    open(false);
    choose(options[index]);
  }
  async function ask() {
    const typed = input.value.trim();
    if (typed.length < (item.min_query_length ?? 3)) { open(false); return; }
    const found = await suggest(typed);
    if (input.isConnected && input.value.trim() === typed) show(found);
  }

  input.addEventListener("input", () => {
    choose(null);
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT);
  });
  input.addEventListener("focus", () => { if (item.min_query_length === 0 && !input.value) ask(); });
  input.addEventListener("blur", () => open(false));
  input.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown") move(at + 1);
    else if (event.key === "ArrowUp") move(at - 1);
    else if (event.key === "Enter" && at >= 0) take(at);
    else if (event.key === "Escape") open(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return el("div", { class: "combobox" }, input, list);
}
