// The small dialog before something that asks first: an element's `confirm`, or deleting a message.

import { $, el, trapFocus } from "./dom.js";
import { plain, textObject } from "./mrkdwn.js";

// Tell whether the person says yes; without a question they need not.
export function confirmed(question, names) {
  if (!question) return Promise.resolve(true);
  const dialog = $("question");
  return new Promise((resolve) => {
    let answer = false;
    const say = (yes) => { answer = yes; dialog.close(); };
    dialog.replaceChildren(
      el("h2", { id: "question-title" }, plain(question.title)),
      el("div", { class: "dialog-body" }, ...textObject(question.text, names)),
      el("footer", {},
        el("button", { type: "button", class: "press", onclick: () => say(false) }, plain(question.deny, "Cancel")),
        el("button", { type: "button", class: `press ${question.style ?? "primary"}`, onclick: () => say(true) },
          plain(question.confirm, "Yes"))));
    dialog.onkeydown = (event) => trapFocus(dialog, event);
    dialog.onclose = () => resolve(answer);
    dialog.showModal();
  });
}
