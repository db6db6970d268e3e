// The sandbox's page: everything is drawn again from the whole state, and only what differs is touched.

import { drawComposers, listenComposers } from "./composer.js";
import { drawSessions, listenDevin } from "./devin.js";
import { $ } from "./dom.js";
import { drawHome } from "./home.js";
import { listenLinks } from "./links.js";
import { closeMenu, listenMenu } from "./menu.js";
import { drawChannel, drawThread } from "./messages.js";
import { drawModal, listenModal } from "./modal.js";
import { closeThread, listenPanes, showPane } from "./panes.js";
import { drawPlaces, listenPlaces } from "./places.js";
import { drawPrompts } from "./prompts.js";
import { listenRoving } from "./rove.js";
import { HOME, isReply, listen, onChange, refresh, state, view, channelNow } from "./state.js";
import { listenSticking } from "./stick.js";
import { listenTour } from "./tour.js";
import { drawWorkflow } from "./workflow.js";

// The first time, the newest thread is opened: that is where things happen. The one that was open before the
// page was loaded stays open, unless the sandbox is another one by now.
let first = true;
function arrive() {
  if (!first) return;
  first = false;
  if (view.channel === HOME) return;
  const { messages } = channelNow();
  if (messages.some((message) => view.thread && [message.ts, message.thread_ts].includes(view.thread))) return;
  view.thread = messages.filter(isReply).at(-1)?.thread_ts ?? null;
  if (view.thread) showPane("thread");
}

for (const draw of [arrive, drawPlaces, drawPrompts, drawChannel, drawHome, drawThread, drawComposers, drawSessions, drawModal, drawWorkflow]) {
  onChange(draw);
}
listenComposers();
listenDevin();
listenLinks();
listenMenu();
listenModal();
listenPanes();
listenPlaces();
listenTour();
for (const log of [$("messages"), $("replies")]) {
  listenRoving(log);
  listenSticking(log);
}
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || closeMenu()) return;
  if (state && view.thread && !$("question").open && document.body.dataset.pane !== "devin") closeThread();
});
listen();
setInterval(() => { if (!document.hidden) refresh(); }, 3000);
