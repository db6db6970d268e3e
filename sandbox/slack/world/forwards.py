"""The attachment with which Slack quotes a message that somebody forwards.

Slack documents none of this. The shape follows events that others captured: `share_with_message`
and `share_without_message` in MercuryTechnologies/slack-web (2022 and 2024), Slack exports in
r-devel/rcwg (2021 to 2025), and, for the files, NousResearch/hermes-agent#75481 (2026). A preview
of a pasted permalink has the same fields, but `original_url` instead of `is_share`.
"""

import time
from typing import Any

from sandbox.slack.world.payloads import shown_files
from sandbox.slack.world.shapes import AVATAR, TEAM_URL, permalink
from sandbox.slack.world.workspace import JSON, TEAM_ID, Channel, Message, Workspace

_GREY = "D0D0D0"
_ORDINALS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}


def shares_of(workspace: Workspace, message: Message, place: Channel) -> list[JSON]:
    """Return the attachments of a message that forwards `message` to `place`.

    If the message is itself a forward without a comment, the message it quotes is forwarded.
    """
    said = message.text or message.blocks or message.files
    own = [_share(workspace, message, place)] if said or not message.attachments else []
    link = permalink(message)
    return [*own, *({**each, "is_share": True, "from_url": link} for each in message.attachments)]


def preview_of(workspace: Workspace, message: Message, place: Channel) -> JSON:
    """Return the attachment with which Slack previews a pasted permalink of `message`."""
    share = _share(workspace, message, place)
    del share["is_share"]
    return {**share, "id": 1, "original_url": share["from_url"]}


def _share(workspace: Workspace, message: Message, place: Channel) -> JSON:
    source = workspace.channel(message.channel)
    inner = {"blocks": message.blocks}
    where = {"team": TEAM_ID, "channel": source.id, "ts": message.ts, "message": inner}
    author = _author(workspace, message)
    share: JSON = {
        "from_url": permalink(message),
        "ts": message.ts,
        "channel_id": source.id,
        "channel_team": TEAM_ID,
        "is_msg_unfurl": True,
        "color": _GREY,
        "is_share": True,
        "fallback": f"[{_date(message.ts)}] {author['author_name']}: {message.text}",
        "text": message.text,
        "mrkdwn_in": ["text"],
        "footer": "Thread in Slack Conversation" if message.thread_ts else "Slack Conversation",
    }
    optional: dict[str, Any] = {
        "message_blocks": [where] if message.blocks else [],
        "files": shown_files(workspace, message.files, place),
        "private_channel_prompt": source.kind != "channel",
        "is_reply_unfurl": message.is_reply,
        "is_thread_root_unfurl": message.thread_ts == message.ts,
    }
    return share | author | {key: value for key, value in optional.items() if value}


def _author(workspace: Workspace, message: Message) -> JSON:
    """Return the author's fields; a post without a user names its bot, under its chosen name."""
    if message.user:
        user = workspace.user(message.user)
        name = user.display_name or user.real_name
        return {
            "author_id": user.id,
            "author_name": name,
            "author_subname": name,
            "author_link": f"{TEAM_URL}team/{user.id}",
            "author_icon": AVATAR.format(user.id, 48),
        }
    bot = workspace.find_bot(message.bot_id)
    name = message.username if bot is None else bot.real_name
    return {
        "msg_subtype": "bot_message",
        "author_name": name,
        "author_subname": message.username or name,
        "author_link": f"{TEAM_URL}services/{message.bot_id}",
    }


def _date(ts: str) -> str:
    """Return a time in the format of Slack's fallback: "August 29th, 2024 2:26 PM"."""
    when = time.gmtime(float(ts))
    day = f"{when.tm_mday}{_ORDINALS.get(when.tm_mday, 'th')}"
    clock = f"{when.tm_hour % 12 or 12}:{when.tm_min:02d} {time.strftime('%p', when)}"
    return f"{time.strftime('%B', when)} {day}, {when.tm_year} {clock}"
