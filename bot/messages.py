"""Every sentence that a person can read in Slack.

Each says what happened and what to do. Text from outside passes through `markup` before it stands
in one: what Devin says can ping nobody and carries no markup of its own. Buttons carry ids only,
and whoever handles one checks them against where it was pressed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from bot.errors import (
    BadSession,
    CannotPost,
    ChooseSession,
    LinkedElsewhere,
    NoSuchReply,
    NotAllowed,
    NothingToSay,
    NotLinked,
    PassingError,
    PersonError,
    SlackAway,
)
from bot.markup import escape, excerpt, to_markdown
from bot.models import (
    SENDABLE_AGAIN,
    Link,
    Outcome,
    OutcomeKind,
    Refusal,
    Reply,
    SessionId,
    Standing,
    ThreadRef,
)
from bot.words import QUOTE_LIMIT, Words, button, cut

SEND_AGAIN = "send_again"
UNLINK = "unlink"

DELIVERED_MARK = "white_check_mark"
WAITING_MARK = "hourglass_flowing_sand"
MARKS: Mapping[OutcomeKind, str] = {
    OutcomeKind.DELIVERED: DELIVERED_MARK,
    OutcomeKind.SUSPENDED: "zzz",
    OutcomeKind.REFUSED: "x",
}

# What a report says.


def report(outcome: Outcome, reply: Reply, number: int, sent_to: SessionId) -> Words | None:
    """How a delivery ended, for its thread; None where the mark on the reply says it all."""
    if outcome.kind is OutcomeKind.DELIVERED:
        return None
    words = _REPORTS[outcome.kind](outcome, _about(reply))
    buttons: list[Mapping[str, Any]] = []
    if outcome.kind in SENDABLE_AGAIN:
        buttons.append(button(SEND_AGAIN, "Send again", f"{reply.id}|{number}"))
    if outcome.refusal is Refusal.NO_SESSION:
        thread = reply.thread
        where = f"{thread.team}:{thread.channel}:{thread.thread_ts}"
        buttons.append(button(UNLINK, "Unlink", f"{where}|{sent_to}"))
    return replace(words, buttons=tuple(buttons))


def _about(reply: Reply) -> str:
    said = _shown(reply.text)
    if said:
        return f"“{said}”"
    return "a file" if reply.files else "a reply"


def _shown(markup: str) -> str:
    """The beginning of what somebody wrote, as it looked to them, in one inert line."""
    return excerpt(to_markdown(markup), limit=80)


def _suspended(outcome: Outcome, about: str) -> Words:
    return Words(
        f"Devin's session is *suspended*, so {about} may not have been read. Devin says:",
        quote=outcome.detail or "(nothing)",
        advice="Wake the session in Devin, then send it again.",
    )


def _refused(outcome: Outcome, about: str) -> Words:
    match outcome.refusal:
        case Refusal.INVALID:
            lines = [f"{one.where}: {one.what} ({one.type})" for one in outcome.problems]
            return Words(
                f"Devin *refused* {about} as not valid, so it was not taken:",
                quote="\n".join(lines),
                advice="Please write it again, changed.",
            )
        case Refusal.KEY_REJECTED:
            return Words(
                f"Devin *rejected the relay's key* (401), so {about} was not sent. "
                "Whoever runs Devin Relay must set a valid `DEVIN_API_KEY`."
            )
        case Refusal.FORBIDDEN:
            return Words(
                f"The relay's key *may not write to this session* (403), so {about} was not sent. "
                "Whoever runs Devin Relay must use a key of the organisation that owns the session."
            )
        case Refusal.NO_SESSION:
            return Words(
                f"Devin knows *no such session* (404), so {about} was not sent. "
                "Unlink this thread, then link it to a session that exists."
            )
        case _:
            return _refused_otherwise(outcome, about)


def _refused_otherwise(outcome: Outcome, about: str) -> Words:
    quote = cut(" ".join(outcome.detail.split()), 200) or "(nothing)"
    if outcome.status == HTTPStatus.OK:
        return Words(
            f"I can't read Devin's answer to {about} (HTTP 200), so I count it as *refused*. "
            "Devin says:",
            quote=quote,
            advice="Look in the session, and write it again if it is not there.",
        )
    return Words(
        f"Devin *refused* {about} (HTTP {outcome.status}), so it was not taken. Devin says:",
        quote=quote,
        advice="If you can't tell why, ask whoever runs Devin Relay.",
    )


def _uncertain(outcome: Outcome, about: str) -> Words:
    return Words(
        f"I *don't know whether Devin got* {about}: there was no clear answer "
        f"({_code(outcome.detail)}). I did not send it a second time.",
        advice="Look in the session, and send it again if it is not there.",
    )


def _given_up(outcome: Outcome, about: str) -> Words:
    return Words(
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


def late(replies: int, commands: Sequence[str], *, hushed: bool) -> Words:
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
    return Words(said)


def waiting(reply: Reply, give_up_after: timedelta) -> Words:
    """The one notice that a reply waits."""
    return Words(
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

HELP = Words(
    "I bring the replies of a thread to a Devin session. In a thread, mention me with:\n"
    "• `link &lt;session id or address&gt;`: link this thread to a session\n"
    "• `unlink`: end the link\n"
    "• `status`: the session, what waits, and how the last reply ended\n"
    "• `mute` and `unmute`: stop and go on bringing replies to Devin\n"
    "Once a thread is linked, just reply in it. A reply that starts with `(aside)` stays here. "
    "From a channel, `/devin-say &lt;session&gt; &lt;message&gt;` starts a linked thread."
)


def linked(link: Link, *, already: bool) -> Words:
    """The thread has that link."""
    how = "is linked to" if already else "is now linked to"
    return Words(f"This thread {how} {session(link.session)}. Replies here go to Devin.")


def unlinked(link: Link) -> Words:
    """The thread's link is gone."""
    return Words(
        f"This thread is no longer linked to {session(link.session)}. "
        "Replies that were already accepted are still delivered."
    )


def muted(link: Link) -> Words:
    """Whether the thread is muted."""
    if link.muted:
        return Words("Muted: replies here stay here, until somebody mentions me with `unmute`.")
    return Words("Unmuted: replies here go to Devin again.")


def status(link: Link, by: str, mail: int, last: Outcome | None) -> Words:
    """How a linked thread stands."""
    when = f"<!date^{link.at}^{{date_short_pretty}} at {{time}}|some time ago>"
    mute = " It is *muted*." if link.muted else ""
    waits = (
        "No reply waits." if not mail else f"{mail} {_plural(mail, 'reply waits', 'replies wait')}."
    )
    ended = f"The last reply was {_LAST[last.kind]}." if last else "No reply has been sent yet."
    return Words(
        f"Linked to {session(link.session)} by {escape(by)}, {when}.{mute} {waits} {ended}"
    )


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


def said(by: str, message: str) -> Words:
    """What `/devin-say` posts into the channel for a person; `message` is Slack markup."""
    return Words(cut(f"*{escape(by)}* to Devin:\n{message}", QUOTE_LIMIT))


# What refusals and failures say.

USAGE = Words(
    "Type `/devin-say &lt;session&gt; &lt;message&gt;`, for instance "
    "`/devin-say devin-0123abcd Please rebase`. Without a session, the channel's one active "
    "session is meant."
)


def sorry(error: PersonError, linked_by: str = "") -> Words:
    """What the person must know and do about `error`; `linked_by` names who made a link."""
    match error:
        case BadSession():
            named = f"“{shown}” names no" if (shown := _shown(error.text)) else "That names no"
            words = Words(
                f"{named} Devin session. Use its id, like `devin-0123abcd…`, or its address, like "
                "`https://app.devin.ai/sessions/0123abcd…`."
            )
        case NotLinked():
            words = Words(
                "This thread is not linked to a Devin session. Mention me with "
                "`link &lt;session id or address&gt;` first."
            )
        case LinkedElsewhere():
            words = Words(
                f"This thread is already linked to {session(error.link.session)}, by "
                f"{escape(linked_by or error.link.by)}. Mention me with `unlink` first to change "
                "that."
            )
        case NotAllowed():
            words = Words(_STANDINGS[error.standing])
        case NothingToSay():
            words = USAGE
        case NoSuchReply():
            words = Words(_ALREADY if error.already_sent else _GONE)
        case ChooseSession():
            words = _choose(error.links)
        case CannotPost():
            words = Words(_CANNOT_POST.get(error.reason, _cannot_post(error.reason)))
        case _:
            raise AssertionError(f"no words for {type(error).__name__}")
    return words


_ALREADY = "That reply was already sent again."
_GONE = "That reply is no longer kept. Please write it again."

_STANDINGS = {
    Standing.GUEST: "Guests can't steer Devin from here, so nothing was sent to Devin.",
    Standing.EXTERNAL: (
        "People from other organisations can't steer Devin from here, so nothing was sent to Devin."
    ),
    Standing.BOT: "Bots can't steer Devin from here, so nothing was sent to Devin.",
    Standing.NOT_LISTED: (
        "You are not among those who may steer Devin from here, so nothing was sent to Devin."
    ),
    Standing.CHANNEL: ("Devin Relay is not allowed in this channel, so nothing was sent to Devin."),
    Standing.UNKNOWN: (
        "I could not find out from Slack who you are, so nothing was sent to Devin. "
        "Please try again in a minute."
    ),
}

LISTED = 10
"""As many sessions as one answer lists, the latest first."""

_CANNOT_POST = {
    "not_in_channel": "I'm not in this channel. Type `/invite @Devin Relay`, then try again.",
    "channel_not_found": "I can't see this channel. Type `/invite @Devin Relay`, then try again.",
    "is_archived": "This channel is archived, so I can't post here.",
}


def _cannot_post(reason: str) -> str:
    return f"Slack does not let me post here ({_code(reason)}). Nothing was sent to Devin."


def _choose(links: "Sequence[tuple[ThreadRef, Link]]") -> Words:
    sessions = list(dict.fromkeys(link.session for _, link in links))
    if not sessions:
        return Words(
            "No session was active in this channel in the last seven days. "
            "Type `/devin-say &lt;session&gt; &lt;message&gt;`."
        )
    listed = "\n".join(f"• {session(one)}" for one in sessions[:LISTED])
    return Words(
        "Several sessions are active here. "
        f"Type `/devin-say &lt;session&gt; &lt;message&gt;` with one of:\n{listed}"
    )


def passing(error: PassingError) -> Words:
    """The relay's own trouble, to the person whose request it ended."""
    who = "Slack" if isinstance(error, SlackAway) else "my store (Redis)"
    return Words(
        f"That did not work just now: {who} did not answer. "
        "Look whether it happened all the same, and try again in a minute if not."
    )


def unknown(reference: str) -> Words:
    """A failure that nobody foresaw; the log has the same reference."""
    return Words(
        f"Something went wrong that I did not expect. Whoever runs Devin Relay finds it in the log "
        f"as `{reference}`."
    )


def session(id_: SessionId) -> str:
    """A session's id as a link to its page in Devin."""
    return f"<https://app.devin.ai/sessions/{id_.removeprefix('devin-')}|{id_}>"


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
