// In an organization: the workspace in which the writer is, and to which ones the app was added.

import { $, el, setText } from "./dom.js";
import { ask, nameOfTeam, state, writerNow } from "./state.js";

export function drawWorkspace() {
  const { teams, team } = writerNow();
  $("in-workspace").hidden = !state.org;
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

// An entry of the list on the left for each workspace: the app's access, as an administrator changes it.
export const accesses = () => (state.org?.teams ?? []).map(({ id, name, granted }) => ({
  key: `access-${id}`,
  sign: granted ? "close" : "send",
  words: `${granted ? "Remove the app from" : "Add the app to"} ${name}`,
  act: () => ask("access", { team: id, granted: !granted }),
}));

export function listenWorkspace() {
  $("workspace").addEventListener("change", (event) =>
    ask("switch", { user: writerNow().name, team: event.target.value }));
}
