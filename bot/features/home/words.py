"""App Home in Block Kit: one person's linked threads (docs.slack.dev/reference/views), and words.

Slack accepts 100 blocks a view. A menu carries its thread and its session, and its handler checks
both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.model.people import Standing
from bot.model.replies import Outcome, OutcomeKind
from bot.model.sessions import Follow, NamedSession, SessionId, Watched
from bot.model.threads import TOPIC_LIMIT, Link, ThreadRef, is_id, link_name, parse_link_name
from bot.model.times import Millis
from bot.text.to_slack import excerpt
from bot.wording import message
from bot.wording.forms import LINK_TITLE
from bot.wording.lifecycle.starting import OPEN
from bot.wording.listing import Item, listing
from bot.wording.message import Block, SlackMessage, View
from bot.wording.mirror.card import FOLLOWS, pull_requests, state_line
from bot.wording.phrases import (
    ADMIN,
    SEPARATOR,
    clock_time,
    last_ending,
    mail_waiting,
    plural,
    session_link,
    short_id,
)
from bot.wording.refusals import MAY_NOT, ask_for_access

HOME_MENU = "home_menu"
HOME_UNLINK_FORM = "home_unlink_form"
HOME_MUTE = "home_mute"
HOME_UNMUTE = "home_unmute"
HOME_UNLINK = "home_unlink"

TOPIC_SHOWN = 2 * TOPIC_LIMIT
"""More than `TOPIC_LIMIT`, since escaping lengthens some characters."""

TITLE = "Linked threads"
WAITING_TITLE = "Waiting for someone"
OPEN_THREAD = "Open thread"

EMPTY = SlackMessage(
    "*No linked threads yet.* To begin:\n"
    "• write me `start &lt;prompt&gt;` in our direct message\n"
    "• mention me in a thread with `link &lt;session link or ID&gt;`\n"
    f"• choose *{LINK_TITLE}* in a message's ⋮ menu\n"
    "• type `/devin-say &lt;session&gt; &lt;message&gt;` in a channel\n"
    "Invite me to the channel first: `/invite @Devin Relay`."
)

PARTIAL = (
    "I couldn't check all channels with Slack, so some threads may be missing. Reopening this tab "
    "in a minute may show more."
)

PROMPTS_TITLE = "What would you like to do?"
PROMPTS = (
    ("Start a session", "start"),
    ("List linked threads", "sessions"),
    ("Show all commands", "help"),
)
"""What Slack offers in the app's direct message, each with the message that it sends.

The manifest has them as well. Slack itself runs what begins with a slash, so they are plain words.
"""

HELP = (
    "• `sessions`: list the linked threads that you can see; only you see the list. My *Home* tab "
    "lists them, too"
)
SAY_HELP = "My *Home* tab lists linked threads."

DONE = "Done. I've posted a note in the thread."
GONE = "That thread is no longer linked to that session. Nothing changed."

MOST_SHOWN = 30
"""Each thread takes three blocks, and the view a few more."""


@dataclass(frozen=True, slots=True)
class ThreadShown:
    """A linked thread, with its last traffic, queued replies and last outcome.

    `address` is the thread's permalink in Slack, or empty. `seen` is the session as it was last
    read, and `follow` how much of it the thread has chosen to show.
    """

    thread: ThreadRef
    link: Link
    session: NamedSession
    address: str
    active: Millis
    mail: int
    last: Outcome | None
    seen: Watched
    follow: Follow


def home_value(action: str, thread: ThreadRef, session: SessionId) -> str:
    """Return the value of a menu's option in App Home: an action, a thread and its session."""
    return f"{action}|{link_name(thread, session)}"


def parse_home_value(value: str) -> tuple[str, ThreadRef, SessionId] | None:
    """Read an action, a thread and its session."""
    action, _, link = value.partition("|")
    found = parse_link_name(link)
    if found is None or link != link_name(*found) or not is_id(found[0].channel):
        return None
    return (action, *found)


def only(words: SlackMessage) -> View:
    """Return an App Home that shows `words` and no threads."""
    return _home([message.section(words.text)])


def threads(shown: Sequence[ThreadShown], count: int, note: str, *, has_form: bool = True) -> View:
    """Return the first of `count` threads below a `note`; those that wait come first."""
    blocks: list[Block] = [message.section(note)] if note else []
    blocks += [message.action_row([OPEN])] if has_form else []
    if not shown:
        return _home([*blocks, message.header(TITLE), message.section(EMPTY.text)])
    which = f"{len(shown)} of {count:,}" if len(shown) < count else f"{count}"
    named = plural(count, "thread", "threads, waiting ones first, then by last activity")
    blocks.append(message.context(f"{which} {named}"))
    for title, group in _grouped(shown):
        blocks.append(message.header(title))
        for one in group:
            blocks += [{"type": "divider"}, *_thread(one)]
    return _home(blocks)


def listed(shown: Sequence[ThreadShown], count: int, note: str, *, has_form: bool) -> SlackMessage:
    """Return the first of `count` threads as a message, those that wait for someone first."""
    if not shown:
        return SlackMessage(note or EMPTY.text, buttons=(OPEN,) if has_form else ())
    head, *rest = [
        listing(title, [Item(one.session, one.seen, one.address) for one in group])
        for title, group in _grouped(shown)
    ]
    more = f"My *Home* tab lists up to {MOST_SHOWN} of {count:,}." if count > len(shown) else ""
    return SlackMessage(head, advice="\n".join(rest), footer=_joined(" ", more, note))


def _grouped(shown: Sequence[ThreadShown]) -> Sequence[tuple[str, Sequence[ThreadShown]]]:
    """Return the threads that wait for someone, and the others, each with a title, if any."""
    waiting = [one for one in shown if one.seen.needs_someone]
    others = [one for one in shown if one not in waiting]
    return [(title, group) for title, group in ((WAITING_TITLE, waiting), (TITLE, others)) if group]


def closed(standing: Standing, admin: str = ADMIN) -> SlackMessage:
    """Explain an empty App Home to a person who may not steer Devin."""
    return SlackMessage(f"{MAY_NOT[standing]}. {ask_for_access(standing, admin)}")


def confirm_unlink(thread: ThreadRef, session: SessionId, address: str) -> View:
    """Return the modal that asks before a thread is unlinked; the person is not checked yet."""
    opening = f" · <{address}|{OPEN_THREAD}>" if address else ""
    asked = message.section(
        f"*{short_id(session)}* in {_place(thread)}{opening}\n"
        "Replies won't be sent to Devin and its messages won't be posted anymore. I'll post a note "
        "in the thread."
    )
    value = home_value(HOME_UNLINK, thread, session)
    return message.form("Unlink this thread?", [asked], "Unlink", HOME_UNLINK_FORM, value)


def _place(thread: ThreadRef) -> str:
    return "a direct message with me" if thread.is_direct else f"<#{thread.channel}>"


def _thread(one: ThreadShown) -> Sequence[Block]:
    is_usual = one.last is None or one.last.kind is OutcomeKind.DELIVERED
    standing = _joined(
        " · ",
        f"Last activity {clock_time(one.active)}",
        "" if is_usual else last_ending(one.last),
        mail_waiting(one.mail) if one.mail else "",
    )
    state = state_line(one.seen) if one.seen.is_known else ""
    follows = "" if one.follow is Follow.ALL else f"{FOLLOWS[one.follow]}."
    small = _joined("\n", standing, _joined(" ", *pull_requests(one.seen), follows))
    muted = " · *muted*" if one.link.muted else ""
    head = f"*{session_link(one.session)}* in {_place(one.thread)}{muted}"
    topic = excerpt(one.link.topic.translate(SEPARATOR), limit=TOPIC_SHOWN)
    opens = f"<{one.address}|{topic or OPEN_THREAD}>" if one.address else topic
    named = message.section(_joined("\n", state, head, opens))
    return {**named, "accessory": _menu(one)}, message.context(small)


def _joined(glue: str, *parts: str) -> str:
    return glue.join(filter(None, parts))


def _menu(one: ThreadShown) -> Block:
    mute = ("Unmute", HOME_UNMUTE) if one.link.muted else ("Mute", HOME_MUTE)
    link = one.thread, one.link.session
    choices = (mute, ("Unlink", HOME_UNLINK))
    options = [message.option(label, home_value(action, *link)) for label, action in choices]
    return {"type": "overflow", "action_id": HOME_MENU, "options": options}


def _home(blocks: Sequence[Block]) -> View:
    return {"type": "home", "blocks": list(blocks)}
