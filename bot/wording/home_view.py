"""App Home, as Block Kit: one person's linked threads (docs.slack.dev/reference/views).

Slack takes 100 blocks a view. A button carries the thread and the session that it is about, and
the page it was on; all of it is checked when it is pressed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.model.outcomes import Outcome
from bot.model.threads import Link, ThreadRef
from bot.wording import messages
from bot.wording.message import SlackMessage, button

MUTE = "home_mute"
UNMUTE = "home_unmute"
UNLINK = "home_unlink"
EARLIER = "home_earlier"
LATER = "home_later"

PER_PAGE = 30
"""Three blocks for each thread, and a few around them."""

Block = Mapping[str, Any]
View = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """A linked thread: its last traffic (Unix seconds), mail waiting, how its last reply ended.

    `address` is where it is in Slack, or empty.
    """

    thread: ThreadRef
    link: Link
    address: str
    active: int
    mail: int
    last: Outcome | None


def only(words: SlackMessage) -> View:
    """An App Home that only says something."""
    return _home([_section(words.text)])


def threads(shown: Sequence[Shown], page: int, count: int, note: str) -> View:
    """The threads of one page (the first is 0) of `count` in all, and what was just done, above."""
    first = page * PER_PAGE
    blocks: list[Block] = [_header(messages.HOME_TITLE)]
    if note:
        blocks.append(_section(note))
    if not shown:
        return _home([*blocks, _section(messages.HOME_EMPTY.text)])
    blocks.append(_context(messages.home_count(first + 1, first + len(shown), count)))
    for one in shown:
        blocks += _thread(one, page)
    if turning := _turning(page, first + len(shown) < count):
        blocks.append({"type": "actions", "elements": turning})
    return _home(blocks)


def _thread(one: Shown, page: int) -> Sequence[Block]:
    thread, link = one.thread, one.link
    value = f"{thread.team}:{thread.channel}:{thread.thread_ts}|{link.session}|{page}"
    mute = (UNMUTE, messages.HOME_UNMUTE) if link.muted else (MUTE, messages.HOME_MUTE)
    unlink = {**button(UNLINK, messages.HOME_UNLINK, value), "confirm": _confirm()}
    said = messages.home_thread(link.session, thread.channel, one.address, is_muted=link.muted)
    return (
        _section(said),
        _context(messages.home_standing(one.active, one.mail, one.last)),
        {"type": "actions", "elements": [button(*mute, value), unlink]},
    )


def _turning(page: int, has_more: bool) -> Sequence[Block]:  # noqa: FBT001
    later = button(LATER, messages.HOME_LATER, str(page - 1))
    earlier = button(EARLIER, messages.HOME_EARLIER, str(page + 1))
    return [*([later] if page else []), *([earlier] if has_more else [])]


def _confirm() -> Block:
    return {
        "title": _plain(messages.HOME_CONFIRM),
        "text": _plain(messages.HOME_CONFIRM_TEXT),
        "confirm": _plain(messages.HOME_UNLINK),
        "deny": _plain(messages.HOME_KEEP),
        "style": "danger",
    }


def _home(blocks: Sequence[Block]) -> View:
    return {"type": "home", "blocks": list(blocks)}


def _header(text: str) -> Block:
    return {"type": "header", "text": _plain(text)}


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}
