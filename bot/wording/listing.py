"""A list of sessions, with what they do and link to, as digests and App Home have it."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.model.sessions import NamedSession, Watched
from bot.wording.mirror.card import pull_requests, state_words
from bot.wording.phrases import fitting, session_link

MOST_LINES = 15
"""The most lines of a list."""


@dataclass(frozen=True, slots=True)
class Item:
    """A session in a list; `address` is that of its thread in Slack, or empty."""

    session: NamedSession
    seen: Watched
    address: str


def listing(title: str, items: Sequence[Item]) -> str:
    """Return a list of sessions that fits into a section, with what they do and link to."""
    return "\n".join(
        [f"*{title}*", *fitting([_line(one) for one in items[:MOST_LINES]], len(items))]
    )


def _line(item: Item) -> str:
    opens = f" · <{item.address}|Open thread>" if item.address else ""
    said = f"• {session_link(item.session)}: Devin {state_words(item.seen)}{opens}"
    return " · ".join([said, *pull_requests(item.seen)])
