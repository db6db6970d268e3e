// The pull requests of a session with their Devin Reviews, and what opens one, merges it and closes it.

import { $, el, setText } from "./dom.js";
import { anchor } from "./mrkdwn.js";
import { ask } from "./state.js";

const numberOf = (url) => `#${url.split("/").at(-1)}`;
const openIn = (session) => session?.pull_requests.find((one) => one.state === "open");

export function pullRequests(session) {
  if (!session.pull_requests.length) return null;
  return el("ul", { class: "pull-requests", "aria-label": "Pull requests" }, ...session.pull_requests.map(({ url, state, review }) =>
    el("li", { class: state ?? "" }, anchor(url, `Pull request ${numberOf(url)}`), state ? el("span", { class: "chip" }, state) : null,
      review ? el("span", { class: "faint" }, `Devin Review: ${review}`) : null)));
}

export function drawPullRequestButtons(session) {
  const open = openIn(session);
  $("open-pull-request").hidden = Boolean(open);
  $("merge-pull-request").hidden = !open;
  if (open) setText($("merge-pull-request"), `Merge ${numberOf(open.url)}`);
}

// What a menu offers while one is open.
export function closing(session) {
  const { url } = openIn(session) ?? {};
  const close = () => ask("pull_request", { session_id: session.session_id, url, state: "closed" });
  const another = () => ask("pull_request", { session_id: session.session_id });
  return url ? [{ label: `Close ${numberOf(url)}`, act: close }, { label: "Open another pull request", act: another }] : [];
}

export function listenPullRequests(chosen) {
  const change = (more) => chosen() && ask("pull_request", { session_id: chosen().session_id, ...more });
  $("open-pull-request").addEventListener("click", async () => {
    await change({});
    $("speak-text").focus();
  });
  $("merge-pull-request").addEventListener("click", async () => {
    await change({ url: openIn(chosen()).url, state: "merged" });
    $("speak-text").focus();
  });
}
