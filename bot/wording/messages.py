"""Every sentence that a person can read in Slack.

Each says what happened and what to do. Text from outside passes through `to_slack` before it stands
in one: what Devin says can ping nobody and carries no markup of its own. Buttons carry ids only,
and whoever handles one checks them against where it was pressed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.model.errors import (
    AlreadySent,
    BadSession,
    BadStep,
    CannotPost,
    ChooseSession,
    EmptyMessage,
    FormGone,
    IsMuted,
    LinkedElsewhere,
    NoSuchReply,
    NotAllowed,
    NothingToSay,
    NotIdentified,
    NotLinked,
    NotTaken,
    Outdated,
    PassingError,
    PersonError,
    SlackAway,
    StillSaying,
    StillSending,
    TicketGone,
)
from bot.model.files import Upload, WhyLink
from bot.model.outcomes import SENDABLE_AGAIN, Outcome, OutcomeKind, Refusal
from bot.model.people import Standing
from bot.model.replies import Change, Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link
from bot.model.workflow_steps import Flaw
from bot.text.characters import cut
from bot.text.to_devin import to_markdown
from bot.text.to_slack import disarmed, escape, excerpt
from bot.wording.message import QUOTE_LIMIT, SlackMessage, button, plain

SEND_AGAIN = "send_again"
UNLINK = "unlink"
LINK_OFFERED = "link_offered"

DELIVERED_MARK = "white_check_mark"
WAITING_MARK = "hourglass_flowing_sand"
MARKS: Mapping[OutcomeKind, str] = {
    OutcomeKind.DELIVERED: DELIVERED_MARK,
    OutcomeKind.SUSPENDED: "zzz",
    OutcomeKind.REFUSED: "x",
}

# What a report says.


def report(outcome: Outcome, reply: Reply, number: int, sent_to: SessionId) -> SlackMessage | None:
    """How a delivery ended, for its thread; None where the mark on the reply says it all."""
    if outcome.is_plain:
        return None
    if outcome.kind is OutcomeKind.DELIVERED:
        return _left_out(outcome.left_out)
    words = _REPORTS[outcome.kind](outcome, _about(reply))
    buttons: list[Mapping[str, Any]] = []
    if outcome.kind in SENDABLE_AGAIN:
        buttons.append(button(SEND_AGAIN, "Send again", f"{reply.id}|{number}"))
    if outcome.refusal is Refusal.NO_SESSION:
        thread = reply.thread
        where = f"{thread.team}:{thread.channel}:{thread.thread_ts}"
        buttons.append(button(UNLINK, "Unlink", f"{where}|{sent_to}"))
    return replace(words, buttons=tuple(buttons))


def _left_out(files: Sequence[Upload]) -> SlackMessage:
    """Which files Devin got as links only."""
    lines = [f"{cut(one.file.name, 80)}: {_why(one)}" for one in files]
    what = _plural(len(lines), "this file", "these files")
    return SlackMessage(
        f"Devin got the message, but only a *link* to {what}, which it may not be able to open:",
        quote="\n".join(lines),
        advice="If Devin needs the content, give it another way.",
    )


def _why(brought: Upload) -> str:
    code = f" ({brought.detail[:60]})" if brought.detail else ""
    return _HITCHES[brought.hitch or WhyLink.ELSEWHERE].format(code=code)


_HITCHES = {
    WhyLink.ELSEWHERE: "it is not kept in Slack",
    WhyLink.FOREIGN: "its address isn't on a file host I trust{code}, so I didn't open it",
    WhyLink.TOO_LARGE: "it is larger than I may pass on",
    WhyLink.SIGN_IN: "Slack did not let me read it; either I am not in the conversation that it is "
    "from, or whoever runs Devin Relay must install the app again, with the scope files:read",
    WhyLink.SLACK: "Slack did not give it to me{code}",
    WhyLink.DEVIN: "Devin did not take it{code}",
    WhyLink.SLOW: "it took too long",
}


def _about(reply: Reply) -> str:
    texts = (reply.text, *(one.text for one in reply.forwarded))
    if said := next(filter(None, map(_shown, texts)), ""):
        return f"“{said}”"
    return "a file" if reply.all_files else "a reply"


def _shown(markup: str) -> str:
    """The beginning of what somebody wrote, as it looked to them, in one inert line."""
    return excerpt(to_markdown(markup), limit=80)


def _suspended(outcome: Outcome, about: str) -> SlackMessage:
    return SlackMessage(
        f"Devin's session is *suspended*, so {about} may not have been read. Devin says:",
        quote=outcome.detail or "(nothing)",
        advice="Wake the session in Devin, then send it again.",
    )


def _refused(outcome: Outcome, about: str) -> SlackMessage:
    match outcome.refusal:
        case Refusal.INVALID:
            lines = [f"{one.where}: {one.what} ({one.type})" for one in outcome.problems]
            return SlackMessage(
                f"Devin *refused* {about} as not valid, so it was not taken:",
                quote="\n".join(lines),
                advice="Please write it again, changed.",
            )
        case Refusal.KEY_REJECTED:
            return SlackMessage(
                f"Devin *rejected my key* (401), so {about} was not sent. "
                "Whoever runs Devin Relay must set a valid `DEVIN_API_KEY`."
            )
        case Refusal.FORBIDDEN:
            return SlackMessage(
                f"My key *may not write to this session* (403), so {about} was not sent. "
                "Whoever runs Devin Relay must use a key of the organization that owns the session."
            )
        case Refusal.NO_SESSION:
            return SlackMessage(
                f"Devin knows *no such session* (404), so {about} was not sent. "
                "Unlink this thread, then link it to a session that exists."
            )
        case _:
            return _refused_otherwise(outcome, about)


def _refused_otherwise(outcome: Outcome, about: str) -> SlackMessage:
    if outcome.status is None:
        return SlackMessage(
            f"I *couldn't read* my saved copy of {about}, so I can't send it "
            f"({_code(outcome.detail)}).",
            advice="Check the session. If it isn't there, post it again.",
        )
    quote = cut(" ".join(outcome.detail.split()), 200) or "(nothing)"
    if outcome.is_unread:
        return SlackMessage(
            f"I can't read Devin's answer to {about} (HTTP {outcome.status}), so I count it as "
            "*refused*. Devin says:",
            quote=quote,
            advice="Look in the session, and write it again if it is not there.",
        )
    return SlackMessage(
        f"Devin *refused* {about} (HTTP {outcome.status}), so it was not taken. Devin says:",
        quote=quote,
        advice="If you can't tell why, ask whoever runs Devin Relay.",
    )


def _uncertain(outcome: Outcome, about: str) -> SlackMessage:
    return SlackMessage(
        f"I *don't know whether Devin got* {about}: there was no clear answer "
        f"({_code(outcome.detail)}). I did not send it a second time.",
        advice="Look in the session, and send it again if it is not there.",
    )


def _given_up(outcome: Outcome, about: str) -> SlackMessage:
    return SlackMessage(
        f"I *gave up* on {about}: Devin took no messages for too long "
        f"({_code(outcome.detail)}). It was not sent.",
        advice="Send it again when Devin is back.",
    )


_REPORTS = {
    OutcomeKind.SUSPENDED: _suspended,
    OutcomeKind.REFUSED: _refused,
    OutcomeKind.UNCERTAIN: _uncertain,
    OutcomeKind.GIVEN_UP: _given_up,
}


def late(replies: int, commands: Sequence[str], *, hushed: bool) -> SlackMessage:
    """What was found in a thread after the relay was away."""
    said = "I was away"
    if replies:
        found = _plural(replies, "1 reply", f"{replies} replies")
        way = _plural(replies, "it is on its way", "they are on their way")
        said += f" and found {found} late; {way} to Devin now."
    else:
        said += "."
    if commands:
        asked = ", ".join(f"`{verb}`" for verb in commands)
        said += f" I did not hear {asked} meanwhile: please mention me again."
    if hushed:
        said += " The replies after that stayed here."
    return SlackMessage(said)


def stranded(replies: int) -> SlackMessage:
    """What came, or was found, only after its thread was unlinked, muted or linked anew."""
    found = _plural(replies, "1 reply", f"{replies} replies")
    left = _plural(replies, "it was", "they were")
    return SlackMessage(
        f"{found} reached me only after somebody had unlinked, muted or relinked this thread, so "
        f"{left} not sent to Devin."
    )


def waiting(reply: Reply, give_up_after: timedelta) -> SlackMessage:
    """The one notice that a reply waits."""
    return SlackMessage(
        f":{WAITING_MARK}: Devin takes no messages at the moment, so {_about(reply)} waits, and so "
        f"do the replies after it. I keep trying for {span(give_up_after)}."
    )


def sent_again(by: str) -> str:
    """What takes the place of a pressed *Send again*."""
    return f"Sent again by {escape(by)}."


def unlinked_by(by: str) -> str:
    """What takes the place of a pressed *Unlink*."""
    return f"Unlinked by {escape(by)}."


# What commands answer.

HELP = SlackMessage(
    "I bring the replies of a thread to a Devin session. In a thread, mention me with:\n"
    "• `link &lt;session id or address&gt;`: link this thread to a session\n"
    "• `unlink`: end the link\n"
    "• `status`: the session, what waits, and how the last reply ended\n"
    "• `mute`: replies stay here; `unmute`: they go to Devin again\n"
    "• `default &lt;session id or address&gt;`: choose where `/devin-say` in this channel goes; "
    "`default` shows it, `default none` ends it\n"
    "Once a thread is linked, just reply in it. A reply that starts with `(aside)` stays here.\n"
    "The menu of any message has *Send to Devin* and *Link to a Devin session*. In a channel, "
    "`/devin-say` starts a linked thread. My *Home* tab lists the threads that are linked."
)


def linked(link: Link, *, already: bool, by: str = "") -> SlackMessage:
    """The thread has that link; `by` names who made it, where nobody sees that."""
    how = "is linked to" if already else "is now linked to"
    whose = f", by {escape(by)}" if by else ""
    return SlackMessage(
        f"This thread {how} {session(link.session)}{whose}. Replies here go to Devin."
    )


def unlinked(link: Link) -> SlackMessage:
    """The thread's link is gone."""
    return SlackMessage(
        f"This thread is no longer linked to {session(link.session)}. "
        "Replies that wait are still sent."
    )


def channel_moved(link: Link) -> SlackMessage:
    """The thread's channel is shared with another organization, so its link has ended."""
    return SlackMessage(
        f"This channel was shared with another organization, so I ended this thread's link to "
        f"{session(link.session)}: replies here no longer go to Devin. Replies that wait are still "
        "sent. To link the thread again, mention me with `link`."
    )


def muted(link: Link) -> SlackMessage:
    """Whether the thread is muted."""
    if link.muted:
        return SlackMessage(
            "Muted: replies here stay here, until somebody mentions me with `unmute`."
        )
    return SlackMessage("Unmuted: replies here go to Devin again.")


def status(link: Link, by: str, mail: int, last: Outcome | None) -> SlackMessage:
    """How a linked thread stands."""
    mute = " It is *muted*." if link.muted else ""
    return SlackMessage(
        f"Linked to {session(link.session)} by {escape(by)}, {_date(link.at)}.{mute} "
        f"{_waits(mail)} {_ended(last)}"
    )


def _date(at: int) -> str:
    """A time in Unix seconds, in the reader's own zone."""
    return f"<!date^{at}^{{date_short_pretty}} at {{time}}|some time ago>"


def _waits(mail: int) -> str:
    if not mail:
        return "No reply waits."
    return f"{mail} {_plural(mail, 'reply waits', 'replies wait')}."


def _ended(last: Outcome | None) -> str:
    return f"The last reply was {_LAST[last.kind]}." if last else "No reply has been sent yet."


_LAST = {
    OutcomeKind.DELIVERED: "delivered",
    OutcomeKind.SUSPENDED: "answered with “suspended”",
    OutcomeKind.REFUSED: "refused",
    OutcomeKind.UNCERTAIN: "sent, but without an answer",
    OutcomeKind.GIVEN_UP: "given up",
}


def harmless(markup: str) -> str:
    """What somebody typed, as Slack markup, without the mentions that ping a whole channel."""
    return _PING_ALL.sub(r"@\1", markup)


_PING_ALL = re.compile(r"<!(here|channel|everyone)(?:\|[^<>]*)?>")


def said(by: str, message: str) -> SlackMessage:
    """What `/devin-say` posts into the channel for a person; `message` is Slack markup."""
    return SlackMessage(cut(f"*{escape(by)}* to Devin:\n{message}", QUOTE_LIMIT))


# What the message shortcuts and their modals say, and what is offered where a session is named.

ASK_SESSION = "ask_session"
SESSION_FIELD = "session"

SEND_TITLE = "Send to Devin"
LINK_TITLE = "Link to a Devin session"
ASK_LABEL = "Devin session"
ASK_LINK = "Link"
ASK_LINK_AND_SEND = "Link and send"
ASK_CANCEL = "Cancel"
ASK_CLOSE = "Close"
ASK_HINT = "Its id, or its address at app.devin.ai"
SHOWN_CHARACTERS = 300


def ask_to_send(message: Reply) -> SlackMessage:
    """Why the modal asks for a session, above the beginning of the message."""
    quoted = (to_markdown(one.text, one.blocks) for one in message.forwarded)
    text = " ".join(" ".join((to_markdown(message.text, message.blocks), *quoted)).split())
    files = ", ".join(file.name for file in message.all_files)
    return SlackMessage(
        "This thread is not linked to a Devin session yet. I link it, so that its replies go to "
        "Devin from then on, and send this message:",
        quote=cut(text or files, SHOWN_CHARACTERS),
    )


ASK_TO_LINK = SlackMessage("Replies in this thread go to the Devin session that you link it to.")

ONE_MOMENT = SlackMessage("One moment, please: this takes longer than usual.")

SENT_BEFORE = SlackMessage(
    "I took that message for Devin before, so it is not sent a second time. "
    "Its mark, or my answer in the thread, says how it ended; without one, it still waits."
)

SENT = SlackMessage(
    "On its way to Devin. A mark on the message, or my answer in the thread, will say how it ends."
)


def linked_before(link: Link, by: str) -> SlackMessage:
    """The thread has a link, and stays with it."""
    return SlackMessage(
        f"This thread is linked to {session(link.session)}, by {escape(by)}. "
        "To change that, mention me in the thread with `unlink` first."
    )


def offer(session_id: SessionId, ticket: str) -> SlackMessage:
    """Somebody wrote a session's address into a thread that is not linked."""
    return SlackMessage(
        f"You named {session(session_id)}. Link this thread to it, and replies here go to Devin.",
        buttons=(button(LINK_OFFERED, "Link this thread", ticket),),
    )


def offer_taken(session_id: SessionId) -> SlackMessage:
    """What takes the place of a pressed offer."""
    return SlackMessage(f"This thread is linked to {session(session_id)}.")


SLOW = SlackMessage("That takes longer than usual. Please try again: nothing is done twice.")

TOO_LATE = SlackMessage(
    "That took so long that Slack no longer lets me open the form. Please try again in a minute."
)


# What `/devin-say` asks back: a form, or a menu of sessions. Forms parse no markup.

SAY_TITLE = "Say to Devin"
SAY_SUBMIT = "Send"
SAY_CLOSE = "Close"
SAY_CANCEL = "Send nothing"
SAY_SESSION = "Devin session"
SAY_TYPED = "Or another session"
SAY_TYPED_HINT = "Its id, like devin-0123abcd…, or its address at app.devin.ai"
SAY_MESSAGE = "Message"
SAY_CHOOSE = "Choose a session"
SAY_HERE = "In this channel"
SAY_ELSEWHERE = "Devin's latest"

SAY_BOTH = "Choose a session above or type one here, not both."
SAY_NO_SESSION = "Choose a session, or type its id or address."
SAY_NO_MESSAGE = "Write what Devin shall read."

SAY_NOWHERE = SlackMessage("Nothing was sent to Devin.")


def which_session(text: str) -> SlackMessage:
    """The question where several sessions could be meant; `text` is what is to be said."""
    return SlackMessage(f"Several sessions are active here. Which one shall read “{_shown(text)}”?")


def said_to(session_id: SessionId, text: str) -> SlackMessage:
    """What takes the place of that question."""
    return SlackMessage(f"“{_shown(text)}” is on its way to {session(session_id)}.")


# What a channel's default session is.


NO_DEFAULT = SlackMessage(
    "This channel has no default session. Mention me with "
    "`default &lt;session id or address&gt;` to choose one."
)


def default_is(session_id: SessionId, by: str) -> SlackMessage:
    """What a `/devin-say` without a session means; `by` names who chose that."""
    return SlackMessage(
        f"This channel's default session is {session(session_id)}, chosen by {escape(by)}. "
        "`/devin-say &lt;message&gt;` goes there."
    )


def default_chosen(session_id: SessionId) -> SlackMessage:
    """The channel has another default now."""
    return SlackMessage(
        f"`/devin-say &lt;message&gt;` in this channel now goes to {session(session_id)}. "
        "Mention me with `default none` to end that."
    )


DEFAULT_CLEARED = SlackMessage("This channel has no default session now.")


# What App Home shows: one person's linked threads.

HOME_TITLE = "Threads linked to Devin"
HOME_MUTE = "Mute"
HOME_UNMUTE = "Unmute"
HOME_UNLINK = "Unlink"
HOME_EARLIER = "Earlier threads"
HOME_LATER = "Later threads"

HOME_EMPTY = SlackMessage(
    "No thread that you can see is linked to a Devin session yet. There are three ways to link "
    "one:\n"
    "• In a thread, mention me with `link &lt;session id or address&gt;`.\n"
    f"• In the menu of any message, choose *{LINK_TITLE}*.\n"
    "• In a channel, type `/devin-say &lt;session&gt; &lt;message&gt;`: that starts a linked "
    "thread.\n"
    "I must be in the channel: type `/invite @Devin Relay` there. From then on, replies in the "
    "thread go to Devin, and a mark on each says how that ended."
)

HOME_PARTIAL = (
    "I couldn't check some channels with Slack, so some threads may be missing. Please open this "
    "tab again in a minute."
)

HOME_CONFIRM = "Unlink this thread?"
HOME_CONFIRM_TEXT = "Replies there will no longer go to Devin. The thread is told."
HOME_KEEP = "Keep it"


def home_closed(standing: Standing) -> SlackMessage:
    """What App Home says to somebody who may not steer Devin."""
    if standing is Standing.UNKNOWN:
        return SlackMessage(
            "I could not find out from Slack who you are. Please open this tab again in a minute."
        )
    return SlackMessage(f"{_MAY_NOT[standing]}, so there is nothing for me to show you. {_ASK}")


def home_count(first: int, last: int, all_: int) -> str:
    """Which of how many threads are shown."""
    shown = f"{first} to {last} of {all_:,}" if last - first + 1 < all_ else f"{all_}"
    return f"{shown} {_plural(all_, 'thread', 'threads')}, the latest first."


def home_thread(session_id: SessionId, channel: str, address: str, *, is_muted: bool) -> str:
    """What a thread is linked to, and where it is; `address` may be empty."""
    where = "a direct message with me" if channel.startswith("D") else f"<#{channel}>"
    thread = f"<{address}|Thread>" if address else "Thread"
    muted = " · *muted*" if is_muted else ""
    return f"*{session(session_id)}* · {thread} in {where}{muted}"


def home_standing(active: int, mail: int, last: Outcome | None) -> str:
    """How a thread stands; `active` is its last traffic, in Unix seconds."""
    return f"{_date(active)}: {_ended(last)} {_waits(mail)}"


def home_muted(*, muted: bool) -> str:
    """What was done by a press in App Home."""
    done = "Muted: replies in that thread stay in Slack." if muted else "Unmuted."
    return f"{done} I said so in the thread."


HOME_UNLINKED = "Unlinked. I said so in the thread."
HOME_GONE = "That thread has no such link any more, so nothing was changed."


def muted_at_home(by: str, *, muted: bool) -> SlackMessage:
    """What a thread is told when it was muted or unmuted from App Home."""
    if muted:
        return SlackMessage(
            f"Muted by {escape(by)}: replies here stay here, until somebody mentions me with "
            "`unmute`."
        )
    return SlackMessage(f"Unmuted by {escape(by)}: replies here go to Devin again.")


def unlinked_at_home(link: Link, by: str) -> SlackMessage:
    """What a thread is told when it was unlinked from App Home."""
    return SlackMessage(
        f"{escape(by)} has unlinked this thread from {session(link.session)}. "
        "Replies that wait are still sent."
    )


# What is said of edits and deletions.

SEND_CORRECTION = "send_correction"

CHANGED_MARK = "pencil2"
WITHDRAWN_MARK = "wastebasket"


def correction_offered(ticket: str, *, was_taken: bool) -> SlackMessage:
    """Somebody edited a message after it was sent."""
    return SlackMessage(
        "That message had gone to Devin before you edited it, so Devin does not see the edit."
        if was_taken
        else "Devin did not take that message as it was, and does not see the edit by itself.",
        buttons=(button(SEND_CORRECTION, "Send the correction", ticket),),
    )


CORRECTION_SENT = SlackMessage("Sent: it stands in the thread, in your name.")


def corrected(by: str, message: str) -> SlackMessage:
    """What is posted for somebody who sends a correction; `message` is foreign text."""
    return SlackMessage(f"*{escape(by)}* corrects an earlier message:", quote=message)


def read_already(*, is_certain: bool) -> SlackMessage:
    """Somebody deleted a message, or made it an aside, after it was sent."""
    has = "already has" if is_certain else "may already have"
    return SlackMessage(
        f"Devin {has} that message, so it cannot be taken back. "
        "If it matters, reply here what Devin should do instead."
    )


# What steps of Workflow Builder post, and tell their workflow. The latter is shown without markup.

LINKED_NOW = "Replies in the thread go to Devin."
LINKED_BEFORE = "The thread was linked to this session before."


def said_by_workflow(by: str, message: str) -> SlackMessage:
    """What a step posts: `message` is foreign text, `by` on whose behalf, if that was said."""
    who = f"*{escape(by)}*, through a workflow," if by else "*A workflow*"
    return SlackMessage(f"{who} to Devin:", quote=message)


def linked_by_workflow(link: Link, by: str) -> SlackMessage:
    """A step has linked the thread."""
    who = f"{escape(by)}, through a workflow," if by else "A workflow"
    return SlackMessage(
        f"{who} linked this thread to {session(link.session)}. Replies here go to Devin. "
        "To change that, mention me with `unlink`."
    )


def step_detail(outcome: Outcome) -> str:
    """How a delivery ended beyond its kind, for the next steps; harmless wherever they put it."""
    if outcome.kind is OutcomeKind.DELIVERED:
        return ""
    words = _REPORTS[outcome.kind](outcome, "the message")
    parts = [plain(words.text).replace("*", ""), cut(words.quote, QUOTE_LIMIT)]
    return disarmed("\n".join(part for part in parts if part))


def step_failed(error: PersonError) -> str:
    """Why a step cannot be done, for whoever made the workflow."""
    match error:
        case BadStep():
            why = _FLAWS[error.flaw]
        case BadSession():
            why = _FLAWS[Flaw.SESSION]
        case NothingToSay():
            why = "The step's Message is empty, so nothing was sent."
        case LinkedElsewhere():
            why = (
                f"That thread is linked to another session, {error.link.session}. In the thread, "
                "mention Devin Relay with “unlink” first."
            )
        case IsMuted() | NotTaken() | Outdated():
            why = (
                "That thread is muted, or was unlinked just now, so nothing was sent. In the "
                "thread, mention Devin Relay with “status”."
            )
        case CannotPost():
            other = f"Slack does not let Devin Relay post there ({error.reason})."
            why = _CANNOT_POST_STEP.get(error.reason, other)
        case NotAllowed():
            why = _STEP_STANDINGS[error.standing]
        case _:
            raise AssertionError(f"no words for {type(error).__name__} in a step")
    return why


_FLAWS = {
    Flaw.UNKNOWN: "This version of Devin Relay has no such step. Ask whoever runs it.",
    Flaw.SESSION: (
        "The step's Session names no Devin session. Use its id, like devin-0123abcd…, or its "
        "address, like https://app.devin.ai/sessions/0123abcd…"
    ),
    Flaw.MESSAGE: "The step's Message is no text, so nothing was sent.",
    Flaw.CHANNEL: "The step's Channel is no channel of this workspace.",
    Flaw.THREAD: (
        "The step's Thread is no message. Use the timestamp of a message, or the link to it."
    ),
    Flaw.THREAD_ALONE: "The step has a Thread but no Channel. Fill in both.",
    Flaw.NO_THREAD: "There is no such message in that channel. Check Channel and Thread.",
    Flaw.USER: "The step's Person is no user of this workspace.",
}

_CANNOT_POST_STEP = {
    "not_in_channel": "Devin Relay is not in that channel. Type /invite @Devin Relay there.",
    "channel_not_found": "Devin Relay cannot see that channel. Type /invite @Devin Relay there.",
    "is_archived": "That channel is archived.",
}

_STEP_STANDINGS = {
    Standing.GUEST: "The step's Person is a guest, and guests can't steer Devin.",
    Standing.EXTERNAL: (
        "The step's Person is of another organization, and may not steer Devin from here."
    ),
    Standing.BOT: "The step's Person is a bot, and bots can't steer Devin.",
    Standing.NOT_LISTED: (
        "Only certain people may steer Devin from here. Fill in the step's Person with one of them."
    ),
    Standing.CHANNEL: (
        "Devin Relay works in certain channels only. Fill in the step's Channel with one of them."
    ),
    Standing.UNKNOWN: "Devin Relay could not find out from Slack who the step's Person is.",
}


# What refusals and failures say.

USAGE = SlackMessage(
    "Type `/devin-say &lt;session&gt; &lt;message&gt;`, for instance:\n"
    "• `/devin-say devin-0123abcd Please rebase`: starts a thread that is linked to that session\n"
    "• `/devin-say Please rebase`: goes to the channel's default session, or into the thread of "
    "its one active session; I ask you if there are several\n"
    "• `/devin-say`: opens a form, with the sessions to choose from\n"
    "A session is named by its id or its address at app.devin.ai. To choose the channel's default, "
    "mention me with `default &lt;session id or address&gt;`.\n"
    "In a thread, just reply once it is linked, or choose *Send to Devin* in a message's menu. My "
    "*Home* tab lists the threads that are linked."
)


def sorry(error: PersonError, linked_by: str = "") -> SlackMessage:
    """What the person must know and do about `error`; `linked_by` names who made a link."""
    if type(error) in _SORRY:
        return _SORRY[type(error)]
    match error:
        case BadSession():
            words = no_session(error.text)
        case LinkedElsewhere():
            words = SlackMessage(
                f"This thread is already linked to {session(error.link.session)}, by "
                f"{escape(linked_by or error.by or error.link.by)}. "
                "Mention me with `unlink` first to change that."
            )
        case NotAllowed():
            words = SlackMessage(_turned_away(error.standing))
        case NotTaken():
            words = SlackMessage(_NOT_TAKEN[error.change])
        case BadStep():
            words = SlackMessage(_FLAWS[error.flaw])
        case NoSuchReply():
            words = SlackMessage(_ALREADY if error.already_sent else _GONE)
        case ChooseSession():
            words = _choose(several=bool(error.links))
        case CannotPost():
            words = SlackMessage(_CANNOT_POST.get(error.reason, _cannot_post(error.reason)))
        case _:
            raise AssertionError(f"no words for {type(error).__name__}")
    return words


_SORRY: Mapping[type[PersonError], SlackMessage] = {
    NotLinked: SlackMessage(
        "This thread is not linked to a Devin session. Mention me with "
        "`link &lt;session id or address&gt;` first."
    ),
    NothingToSay: USAGE,
    AlreadySent: SlackMessage("That was sent before, so it is not sent a second time."),
    StillSending: SlackMessage(
        "I may still be posting that. Look in the thread in a minute: if it is not there, reply "
        "with what Devin should know."
    ),
    EmptyMessage: SlackMessage(
        "That message has no text or files that I can read, so there was nothing to send to Devin. "
        "If you forwarded it from another conversation, copy its text into a new reply."
    ),
    IsMuted: SlackMessage(
        "This thread is muted, so the message was not sent. "
        "Mention me in the thread with `unmute`, then send it again."
    ),
    Outdated: SlackMessage(
        "Somebody changed this thread's link after you asked for that and before I heard it, so I "
        "didn't do it. If you still want it, mention me again."
    ),
    StillSaying: SlackMessage(
        "I may still be posting this. Look in the channel in a minute: if it is not there, try "
        "again, or type `/devin-say` and write it again."
    ),
    FormGone: SlackMessage("I no longer keep that message. Type `/devin-say` and write it again."),
    TicketGone: SlackMessage(
        "This is more than a day old, or it was made for somebody else. Choose it anew from "
        "the message's menu, or mention me with `link &lt;session id or address&gt;`."
    ),
}


def no_session(typed: str) -> SlackMessage:
    """What was typed in the place of a session is none."""
    named = f"“{shown}” names no" if (shown := _shown(typed)) else "That names no"
    return SlackMessage(
        f"{named} Devin session. Use its id, like `devin-0123abcd…`, or its address, like "
        "`https://app.devin.ai/sessions/0123abcd…`."
    )


_NOT_TAKEN = {
    Change.UNLINKED: (
        "Your message is in the thread, but was *not sent to Devin*: somebody unlinked the thread "
        "just now. Say it again with the session that you mean."
    ),
    Change.MUTED: (
        "Your message is in the thread, but was *not sent to Devin*: somebody muted the thread "
        "just now. Mention me there with `unmute`, then say it again."
    ),
}

_ALREADY = "That reply was already sent again."
_GONE = "That reply is no longer kept. Please write it again."

_ASK = "Whoever runs Devin Relay can change that."

_MAY_NOT = {
    Standing.GUEST: "Guests can't steer Devin from here",
    Standing.EXTERNAL: "People from other organizations can't steer Devin from here",
    Standing.BOT: "Bots can't steer Devin from here",
    Standing.NOT_LISTED: "You are not among those who may steer Devin from here",
    Standing.CHANNEL: "I am not allowed in this channel",
}


def _turned_away(standing: Standing) -> str:
    if standing is Standing.UNKNOWN:
        return (
            "I could not find out from Slack who you are, so nothing was sent to Devin. "
            "Please try again in a minute."
        )
    return f"{_MAY_NOT[standing]}, so nothing was sent to Devin. {_ASK}"


_CANNOT_POST = {
    "not_in_channel": "I'm not in this channel. Type `/invite @Devin Relay`, then try again.",
    "channel_not_found": "I can't see this channel. Type `/invite @Devin Relay`, then try again.",
    "is_archived": "This channel is archived, so I can't post here.",
}


def _cannot_post(reason: str) -> str:
    return (
        f"Slack does not let me post here ({_code(reason)}), so nothing was sent to Devin. "
        "If you can't tell why, ask whoever runs Devin Relay."
    )


def _choose(*, several: bool) -> SlackMessage:
    found = "Several sessions are" if several else "No session was"
    since = "" if several else " in the last seven days"
    return SlackMessage(
        f"{found} active in this channel{since}. "
        "Type `/devin-say &lt;session&gt; &lt;message&gt;`, or `/devin-say` alone for a form."
    )


def passing(error: PassingError) -> SlackMessage:
    """The relay's own trouble, to the person whose request it ended."""
    if isinstance(error, NotIdentified):
        return SlackMessage(_turned_away(Standing.UNKNOWN))
    who = "Slack" if isinstance(error, SlackAway) else "my database"
    return SlackMessage(
        f"That did not work just now: {who} did not answer. "
        "Look whether it happened all the same, and try again in a minute if not."
    )


def logged(reference: str) -> str:
    """The detail of an outcome that nobody foresaw; the log has the same reference."""
    return f"unexpected error, logged as {reference}"


def unknown(reference: str) -> SlackMessage:
    """A failure that nobody foresaw; the log has the same reference."""
    return SlackMessage(
        "Something went wrong that I did not expect. Please tell whoever runs Devin Relay: "
        f"the log has it as `{reference}`."
    )


def session(id_: SessionId) -> str:
    """A session's id as a link to its page in Devin."""
    return f"<{address(id_)}|{id_}>"


def address(id_: SessionId) -> str:
    """The address of a session's page in Devin."""
    return f"https://app.devin.ai/sessions/{id_.removeprefix('devin-')}"


def span(duration: timedelta) -> str:
    """A duration in words."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    if minutes >= 120:  # noqa: PLR2004  (two hours: from there on hours read better)
        return f"{minutes // 60} hours"
    if minutes:
        return f"{minutes} {_plural(minutes, 'minute', 'minutes')}"
    return f"{seconds} {_plural(seconds, 'second', 'seconds')}"


def _plural(number: int, one: str, many: str) -> str:
    return one if number == 1 else many


def _code(text: str) -> str:
    """One of the few words that are ours or an error code, as code."""
    return f"`{escape(text.replace('`', ''))[:120]}`"
