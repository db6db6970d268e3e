// In an organization: the workspace in which the writer is, and to which ones the app was added.

import { $, el, icon, setText, sync } from "./dom.js";
import { ask, nameOfTeam, state, writerNow } from "./state.js";

export function drawWorkspace() {
  const { teams, team } = writerNow();
  $("in-workspace").hidden = $("installed-title").hidden = !state.org;
  sync($("installed"), (state.org?.teams ?? []).map(accessItem));
  if (!state.org) return;
  const here = teams.length ? teams : [team];
  const shown = JSON.stringify(here);
  if ($("workspace").dataset.shown !== shown) {
    $("workspace").replaceChildren(...here.map((id) => el("option", { value: id }, nameOfTeam(id) ?? "another organization")));
    $("workspace").dataset.shown = shown;
  }
  $("workspace").value = team;
  $("workspace").disabled = here.length < 2;
  setText($("organization"), state.org.name);
}

// The app's access to each workspace, as an administrator changes it.
function accessItem({ id, name, granted }) {
  return [id, JSON.stringify([name, granted]), () =>
    el("li", {}, el("button", {
      type: "button", "aria-pressed": String(granted), "data-focus": `access-${id}`,
      title: `${granted ? "Remove the app from" : "Add the app to"} ${name}`,
      onclick: () => ask("access", { team: id, granted: !granted }),
    }, icon(granted ? "check" : "add"), el("span", { class: "name" }, name)))];
}

export function listenWorkspace() {
  $("workspace").addEventListener("change", (event) =>
    ask("switch", { user: writerNow().name, team: event.target.value }));
}
