"""Answers to people whose request was refused or failed."""

from collections.abc import Mapping

from bot.model.errors import (
    AlreadyClosed,
    AlreadySent,
    AnsweredAlready,
    BadSession,
    BadStep,
    CannotPost,
    ChooseSession,
    DevinAway,
    EmptyMessage,
    FormGone,
    IsMuted,
    LinkedElsewhere,
    MovedOn,
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
    StartGone,
    StillSaying,
    StillSending,
    TicketGone,
)
from bot.model.people import Standing
from bot.model.replies import Change
from bot.model.sessions import NamedSession
from bot.text.to_slack import escape
from bot.wording.devin_say import USAGE
from bot.wording.message import SlackMessage
from bot.wording.mirror import notices as mirror_notices
from bot.wording.phrases import as_code, preview, session_link
from bot.wording.workflows import FLAWS


def sorry(error: PersonError) -> SlackMessage:  # noqa: C901  (one case for each error)
    """Tell the person what `error` means and what to do."""
    if words := _FIXED.get(type(error)):
        return words
    match error:
        case BadSession():
            words = no_session(error.text)
        case LinkedElsewhere():
            words = _linked_elsewhere(error.to, error.by)
        case NotAllowed():
            words = SlackMessage(_turned_away(error.standing))
        case NotTaken():
            words = SlackMessage(_NOT_TAKEN[error.change])
        case NoSuchReply():
            words = _SENT_AGAIN if error.already_sent else _REPLY_GONE
        case AnsweredAlready():
            words = SlackMessage(mirror_notices.chosen(error.by, error.text))
        case BadStep():
            words = SlackMessage(FLAWS[error.flaw])
        case ChooseSession():
            words = _choose(several=bool(error.links))
        case CannotPost():
            words = SlackMessage(_CANNOT_POST.get(error.reason, _cannot_post(error.reason)))
        case _:
            words = _FIXED[type(error)]
    return words


_NOT_LINKED = SlackMessage(
    "This thread is not linked to a Devin session. Mention me with "
    "`link &lt;session id or address&gt;` first."
)

_EMPTY_MESSAGE = SlackMessage(
    "That message has no text or files that I can read, so there was nothing to send to Devin. "
    "If you forwarded it from another conversation, copy its text into a new reply."
)

_IS_MUTED = SlackMessage(
    "This thread is muted, so nothing was sent to Devin. "
    "Mention me in the thread with `unmute`, then try again."
)

_OUTDATED = SlackMessage(
    "Somebody changed this thread's link after you asked for that and before I heard it, so I "
    "didn't do it. If you still want it, mention me again."
)

_FORM_GONE = SlackMessage("I no longer keep that message. Type `/devin-say` and write it again.")

_STILL_SAYING = SlackMessage(
    "I may still be posting this. Look in the channel in a minute: if it is not there, try "
    "again, or type `/devin-say` and write it again."
)

_TICKET_GONE = SlackMessage(
    "This is more than a day old, or it was made for somebody else. Choose it anew from "
    "the message's menu, or mention me with `link &lt;session id or address&gt;`."
)

_ALREADY_SENT = SlackMessage("That was sent before, so it is not sent a second time.")

_STILL_SENDING = SlackMessage(
    "I may still be posting that. Look in the thread in a minute: if it is not there, reply "
    "with what Devin should know."
)

_MOVED_ON = SlackMessage(
    "Devin has moved on: it doesn't wait for this answer any more. Reply in the thread with what "
    "it should know."
)

_START_GONE = SlackMessage(
    "I no longer keep what that session was to be started with. Mention me with `start` again."
)

_ALREADY_CLOSED = SlackMessage("That is done already.")

_SENT_AGAIN = SlackMessage("That reply was already sent again.")

_REPLY_GONE = SlackMessage("That reply is no longer kept. Please write it again.")


_FIXED: Mapping[type[PersonError], SlackMessage] = {
    AlreadyClosed: _ALREADY_CLOSED,
    AlreadySent: _ALREADY_SENT,
    EmptyMessage: _EMPTY_MESSAGE,
    FormGone: _FORM_GONE,
    IsMuted: _IS_MUTED,
    MovedOn: _MOVED_ON,
    NotLinked: _NOT_LINKED,
    NothingToSay: USAGE,
    Outdated: _OUTDATED,
    StartGone: _START_GONE,
    StillSaying: _STILL_SAYING,
    StillSending: _STILL_SENDING,
    TicketGone: _TICKET_GONE,
}
"""The words for errors that say no more than their kind."""


def _linked_elsewhere(session: NamedSession, by: str) -> SlackMessage:
    return SlackMessage(
        f"This thread is already linked to {session_link(session)}, by {escape(by)}. "
        "Mention me with `unlink` first to change that."
    )


def no_session(typed: str) -> SlackMessage:
    """Say that `typed` isn't a session, and how one is written."""
    named = f"“{shown}”" if (shown := preview(typed)) else "That"
    return SlackMessage(
        f"{named} isn't a Devin session. Use its id, like `devin-0123abcd…`, or its address, like "
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

ASK_OPERATOR = "Whoever runs Devin Relay can change that."

MAY_NOT = {
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
    return f"{MAY_NOT[standing]}, so nothing was sent to Devin. {ASK_OPERATOR}"


_CANNOT_POST = {
    "not_in_channel": "I'm not in this channel. Type `/invite @Devin Relay`, then try again.",
    "channel_not_found": "I can't see this channel. Type `/invite @Devin Relay`, then try again.",
    "is_archived": "This channel is archived, so I can't post here.",
}


def _cannot_post(reason: str) -> str:
    return (
        f"Slack does not let me post here ({as_code(reason)}), so nothing was sent to Devin. "
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
    """Tell a person that a transient failure of Slack or Redis ended their request."""
    if isinstance(error, NotIdentified):
        return SlackMessage(_turned_away(Standing.UNKNOWN))
    names = {SlackAway: "Slack", DevinAway: "Devin"}
    who = next((who for kind, who in names.items() if isinstance(error, kind)), "my database")
    return SlackMessage(
        f"That did not work just now: {who} did not answer. "
        "Look whether it happened all the same, and try again in a minute if not."
    )


def unknown(reference: str) -> SlackMessage:
    """Report an unexpected failure; the log has the same reference."""
    return SlackMessage(
        "Something went wrong that I did not expect. Please tell whoever runs Devin Relay: "
        f"the log has it as `{reference}`."
    )
