// The card that quotes a forwarded message: who wrote it and when, what it says, and where it stands.

import { el } from "./dom.js";
import { anchor, mrkdwn } from "./mrkdwn.js";
import { blocks, chip, isKnown } from "./render.js";
import { nameOf, state, visibleChannels } from "./state.js";
import { clock } from "./times.js";

export function quoted(share, ctx) {
  const name = ctx.names.user(share.author_id) ?? share.author_name ?? "Someone";
  const inner = (share.message_blocks ?? []).flatMap((part) => part.message.blocks).filter((block) => block.type !== "actions");
  const body = inner.length && inner.every(isKnown) ? blocks(inner, ctx) : mrkdwn(share.text ?? "", ctx.names);
  return el("div", { class: "quoted", role: "group", "aria-label": `Forwarded message by ${name}` },
    el("p", { class: "by" }, el("strong", {}, name), share.ts ? el("time", {}, clock(share.ts)) : null),
    ...body, ...(share.files ?? []).map((one) => el("div", { class: "file" }, ...chip(one))), where(share));
}

// A link goes only to what the writer may see.
function where(share) {
  const channel = state.channels.find((it) => it.id === share.channel_id);
  const isSeen = channel && (channel.kind === "channel" || visibleChannels().includes(channel));
  const words = isSeen ? `Posted in ${nameOf(channel)}` : "Posted in a private conversation";
  const link = isSeen && share.from_url ? [" · ", anchor(share.from_url, "View message")] : [];
  return el("p", { class: "faint" }, words, ...link);
}
