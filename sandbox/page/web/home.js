// The app's Home tab, as it looks to the person who writes now.

import { interact } from "./acting.js";
import { $, el, icon, setText, sync } from "./dom.js";
import { blocks } from "./render.js";
import { HOME, names, state, view, writerNow } from "./state.js";

export function drawHome() {
  const here = view.channel === HOME;
  $("home").hidden = !here;
  if (!here) return;
  const writer = writerNow();
  if ($("channel-name").dataset.shown !== HOME) {
    $("channel-name").replaceChildren(icon("home"), "App Home");
    $("channel-name").dataset.shown = HOME;
  }
  setText($("channel-note"), `as ${writer.shown} sees it`);
  const shown = state.homes[writer.id];
  const nothing = ["nothing", writer.id, () => el("p", { class: "empty" },
    "Nothing here yet. The relay fills this tab when someone opens it.")];
  const page = shown && ["view", JSON.stringify([writer.id, shown.blocks]), () =>
    el("div", { class: "content" }, ...blocks(shown.blocks, { names, act: (item, block, value) =>
      interact("press_view", { action_id: item.action_id, block_id: block.block_id ?? null, value, view_id: shown.id }) }))];
  sync($("home"), [page ?? nothing]);
}
