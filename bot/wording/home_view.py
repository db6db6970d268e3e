"""App Home in Block Kit: one person's linked threads (docs.slack.dev/reference/views).

Slack accepts 100 blocks a view. A button carries its thread, its session and its page, and its
handler checks all three.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.model.mirror import Follow, Watched
from bot.model.outcomes import Outcome
from bot.model.people import Standing
from bot.model.sessions import NamedSession
from bot.model.threads import Link, ThreadRef
from bot.wording import actions
from bot.wording.blocks import Block, View, action_row, button, context, header, plain_text, section
from bot.wording.button_values import home_value, page_value
from bot.wording.message import SlackMessage
from bot.wording.mirror.card import session_lines
from bot.wording.phrases import ADMIN, last_ending, local_time, mail_waiting, plural, session_link
from bot.wording.refusals import MAY_NOT, ask_for_access
from bot.wording.shortcuts import LINK_TITLE

TITLE = "Threads linked to Devin"
MUTE_LABEL = "Mute"
UNMUTE_LABEL = "Unmute"
UNLINK_LABEL = "Unlink"
EARLIER_LABEL = "Earlier threads"
LATER_LABEL = "Later threads"

EMPTY = SlackMessage(
    "No thread that you can see is linked to a Devin session yet. There are three ways to link "
    "one:\n"
    "• In a thread, mention me with `link &lt;session id or address&gt;`.\n"
    f"• In the menu of any message, choose *{LINK_TITLE}*.\n"
    "• In a channel, type `/devin-say &lt;session&gt; &lt;message&gt;`: that starts a linked "
    "thread.\n"
    "I must be in the channel: type `/invite @Devin Relay` there. From then on, replies in the "
    "thread go to Devin, and a mark on each says how that ended."
)

PARTIAL = (
    "I couldn't check some channels with Slack, so some threads may be missing. Please open this "
    "tab again in a minute."
)

CONFIRM = "Unlink this thread?"
CONFIRM_TEXT = "Replies there will no longer go to Devin. The thread is told."
KEEP = "Keep it"

UNLINKED = "Unlinked. I said so in the thread."
GONE = "That thread has no such link any more, so nothing was changed."

PER_PAGE = 30
"""Each thread takes three blocks, and the page a few more."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A linked thread, with its last traffic (Unix seconds), waiting replies and last outcome.

    `address` is the thread's permalink in Slack, or empty. `seen` is the session as it was last
    read, and `follow` how much of it the thread has chosen to show.
    """

    thread: ThreadRef
    link: Link
    session: NamedSession
    address: str
    active: int
    mail: int
    last: Outcome | None
    seen: Watched
    follow: Follow


def only(words: SlackMessage) -> View:
    """Return an App Home that shows `words` and no threads."""
    return _home([section(words.text)])


def threads(shown: Sequence[Shown], page: int, count: int, note: str) -> View:
    """Return one page (from 0) of `count` threads; `note` above it confirms the last press."""
    first = page * PER_PAGE
    blocks: list[Block] = [header(TITLE)]
    if note:
        blocks.append(section(note))
    if not shown:
        return _home([*blocks, section(EMPTY.text)])
    blocks.append(context(_count(first + 1, first + len(shown), count)))
    for one in shown:
        blocks += _thread(one, page)
    if turning := _turning(page, first + len(shown) < count):
        blocks.append(action_row(turning))
    return _home(blocks)


def closed(standing: Standing, admin: str = ADMIN) -> SlackMessage:
    """Explain an empty App Home to a person who may not steer Devin."""
    if standing is Standing.UNKNOWN:
        return SlackMessage(
            "I could not find out from Slack who you are. Please open this tab again in a minute."
        )
    return SlackMessage(
        f"{MAY_NOT[standing]}, so there is nothing for me to show you. {ask_for_access(admin)}"
    )


def muted_note(*, muted: bool) -> str:
    """Confirm a press of *Mute* or *Unmute*."""
    done = "Muted: replies in that thread stay in Slack." if muted else "Unmuted."
    return f"{done} I said so in the thread."


def _thread(one: Shown, page: int) -> Sequence[Block]:
    thread, link = one.thread, one.link
    value = home_value(thread, link.session, page)
    mute = (actions.HOME_UNMUTE, UNMUTE_LABEL) if link.muted else (actions.HOME_MUTE, MUTE_LABEL)
    unlink = {**button(actions.HOME_UNLINK, UNLINK_LABEL, value), "confirm": _confirm()}
    said = _whereabouts(one.session, thread.channel, one.address, is_muted=link.muted)
    return (
        section(said),
        context("\n".join([_standing(one.active, one.mail, one.last), _devin(one)])),
        action_row([button(*mute, value), unlink]),
    )


def _count(first: int, last: int, all_: int) -> str:
    """Say which threads of how many the page shows."""
    shown = f"{first} to {last} of {all_:,}" if last - first + 1 < all_ else f"{all_}"
    return f"{shown} {plural(all_, 'thread', 'threads')}, the latest first."


def _whereabouts(session: NamedSession, channel: str, address: str, *, is_muted: bool) -> str:
    """Name a thread's session and its place; `address` may be empty."""
    where = "a direct message with me" if channel.startswith("D") else f"<#{channel}>"
    thread = f"<{address}|Thread>" if address else "Thread"
    muted = " · *muted*" if is_muted else ""
    return f"*{session_link(session)}* · {thread} in {where}{muted}"


def _standing(active: int, mail: int, last: Outcome | None) -> str:
    """Describe a thread's state; `active` is its last traffic, in Unix seconds."""
    return f"{local_time(active)}: {last_ending(last)} {mail_waiting(mail)}"


def _devin(one: Shown) -> str:
    """Say what Devin does, and how much of that goes to the thread."""
    return " ".join([*session_lines(one.seen), _FOLLOWS[one.follow]])


def _turning(page: int, has_more: bool) -> Sequence[Block]:  # noqa: FBT001
    later = button(actions.HOME_LATER, LATER_LABEL, page_value(page - 1))
    earlier = button(actions.HOME_EARLIER, EARLIER_LABEL, page_value(page + 1))
    return [*([later] if page else []), *([earlier] if has_more else [])]


def _confirm() -> Block:
    return {
        "title": plain_text(CONFIRM),
        "text": plain_text(CONFIRM_TEXT),
        "confirm": plain_text(UNLINK_LABEL),
        "deny": plain_text(KEEP),
        "style": "danger",
    }


def _home(blocks: Sequence[Block]) -> View:
    return {"type": "home", "blocks": list(blocks)}


_FOLLOWS = {
    Follow.ALL: "Follows all messages.",
    Follow.TURNS: "Follows the last message of each turn.",
    Follow.OFF: "Follows no messages.",
}
