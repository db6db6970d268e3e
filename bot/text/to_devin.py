"""Converts Slack messages to the Markdown that Devin reads.

No line of the result is an attachment reference, and it can always be encoded as UTF-8. Nothing
here does I/O or raises.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from bot.model.lenient import mappings
from bot.model.people import is_id
from bot.model.replies import Reply
from bot.text import blocks as shown
from bot.text import mrkdwn
from bot.text.characters import whole_characters
from bot.text.markdown import NO_NAMES, Names, is_readable

_ATTACHMENT = re.compile(r'\b(attachment)([\s*~`]*:[\s*~`]*["“”][^"“”\n]*/)', re.IGNORECASE)


@dataclass(frozen=True)
class Mentioned:
    """The ids in a message whose names must be looked up."""

    users: frozenset[str]
    channels: frozenset[str]
    groups: frozenset[str]

    def __or__(self, other: "Mentioned") -> "Mentioned":
        """Return the ids of both."""
        return Mentioned(
            users=self.users | other.users,
            channels=self.channels | other.channels,
            groups=self.groups | other.groups,
        )


def mentioned(text: str, blocks: Sequence[Mapping[str, object]] = ()) -> Mentioned:
    """Return the ids that `to_markdown` needs names for, except those that `text` itself names."""
    found: dict[str, set[str]] = {"user": set(), "channel": set(), "group": set()}
    for kind, ident in chain(mrkdwn.ids(text), shown.ids(blocks)):
        if is_id(ident):
            found[kind].add(ident)
    known = mrkdwn.labels(text)
    return Mentioned(
        users=frozenset(found["user"].difference(known.users)),
        channels=frozenset(found["channel"].difference(known.channels)),
        groups=frozenset(found["group"].difference(known.groups)),
    )


def to_markdown(
    text: str, blocks: Sequence[Mapping[str, object]] = (), names: Names = NO_NAMES
) -> str:
    """Return a Slack message as the Markdown that Devin reads.

    It comes from the blocks if they say anything, else from `text`, which loses structure, but
    names ids that blocks leave bare. An id without a name stays an id. No line of the result is an
    attachment reference, and it can always be encoded as UTF-8.
    """
    names = names.over(mrkdwn.labels(text))
    is_shown = any(map(shown.says_something, mappings(blocks)))
    markdown = shown.to_markdown(blocks, names) if is_shown else ""
    if not markdown.strip():
        markdown = mrkdwn.to_markdown(text, names)
    return neutralise_attachments(whole_characters(markdown))


def says_something(text: str, blocks: Sequence[Mapping[str, object]] = ()) -> bool:
    """Return True if a reader would see anything of what `to_markdown` makes of both."""
    if any(map(shown.says_something, mappings(blocks))):
        return True
    return is_readable(mrkdwn.to_markdown(text, NO_NAMES).translate(shown.EMPTY_FRAME))


def is_empty(reply: Reply) -> bool:
    """Return True if `reply` has no words, no files and no forwarded message to read."""
    is_there = any(not one.is_hidden for one in reply.all_files)
    if is_there or says_something(reply.text, reply.blocks):
        return False
    return not any(says_something(one.text, one.blocks) for one in reply.forwarded)


def neutralise_attachments(text: str) -> str:
    """Return `text` with `ATTACHMENT:"<url>"` written `ATTACHMENT (typed):"<url>"`.

    Devin reads such a line as a file of the message (docs.devin.ai, uploading files), so only the
    relay may write one. Any case, spacing and place is covered, since it is unknown what Devin
    makes of variants; applying it twice changes nothing. Quoted values without a slash are not
    addresses.
    """
    return _ATTACHMENT.sub(r"\1 (typed)\2", text)


def strip_mention(text: str, bot_user_id: str) -> str | None:
    """Return the text after a leading mention of the bot, or None if it does not begin with one.

    The mention may be repeated, and a comma or colon may follow it, as in a letter.
    """
    mention = rf"\s*<@{re.escape(bot_user_id)}(?:\|[^<>]*)?>(?:,|:(?!\w))*"
    found = re.match(rf"(?:{mention})+", text)
    return text[found.end() :].strip() if found else None
