// The menu of what else Devin can do, without the relay: an automation starts a session, and one spawns another.

import { $, el } from "./dom.js";
import { openMenu } from "./menu.js";
import { closing } from "./pull_requests.js";
import { ask, state } from "./state.js";

const TAGS = ["oncall"];
const REPOS = ["acme/api"];

// Where a session comes from, and what it is about, unless people started it here or in Slack.
export function comesFrom(session) {
  const parent = state.sessions.find((one) => one.session_id === session.parent);
  const words = [parent ? `child of ${parent.title}` : session.origin, ...session.tags, ...session.repos];
  return parent || !["webapp", "api"].includes(session.origin) ? el("p", { class: "faint" }, words.join(" · ")) : null;
}

function startElsewhere() {
  const count = state.sessions.filter((one) => one.origin === "automation" && !one.parent).length + 1;
  ask("appear", { title: `Alert ${count}: ${REPOS}`, prompt: `Find out why ${REPOS} answers with errors.`, tags: TAGS, repos: REPOS });
}

function spawnChild({ session_id: parent, title }) {
  const count = state.sessions.filter((one) => one.parent === parent).length + 1;
  ask("appear", { title: `Part ${count} of ${title}`, prompt: `Do part ${count} of “${title}”.`, parent });
}

export function listenElsewhere(chosen) {
  $("more-devin").addEventListener("click", (event) => openMenu(event.currentTarget, [
    ...closing(chosen()),
    { label: "Spawn a child session", act: () => spawnChild(chosen()) },
    { label: "Start a session elsewhere", act: startElsewhere },
  ]));
}
