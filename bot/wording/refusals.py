"""Answers to people whose request was refused or failed."""

from collections.abc import Mapping

from bot.model import errors
from bot.model.options import BadOptions
from bot.model.people import Standing
from bot.model.replies import Reply
from bot.wording.commands import SAY_HELP
from bot.wording.lifecycle.ending import NOT_STOPPED
from bot.wording.lifecycle.options import bad
from bot.wording.lifecycle.starting import NO_TASK, UNDER_WAY
from bot.wording.message import SlackMessage
from bot.wording.mirror.posts import chosen
from bot.wording.phrases import (
    ADMIN,
    as_code,
    in_minutes,
    linker,
    named_by,
    plural,
    preview,
    session_link,
)


def sorry(error: errors.PersonError, admin: str = ADMIN) -> SlackMessage:  # noqa: C901  (one case for each error)
    """Tell the person what `error` means and what to do; `admin` is who can help."""
    match error:
        case errors.BadSession() if error.is_short:
            words = SlackMessage(
                "I found no session, or more than one, whose ID begins with "
                f"{as_code(preview(error.text))}. Paste the session's link or whole ID."
            )
        case errors.BadSession():
            words = no_session(error.text)
        case errors.LinkedElsewhere():
            words = SlackMessage(
                f"{linker(error.by)} linked this thread to *{session_link(error.to)}*, so nothing "
                "was sent or changed. To switch, mention me in the thread with `unlink` first."
            )
        case errors.NotAllowed():
            words = SlackMessage(_turned_away(error.standing, admin))
        case errors.TooManyStarts():
            words = _enough(error, admin)
        case errors.ContinuedAlready():
            words = SlackMessage(f"It has already been continued in *{session_link(error.to)}*.")
        case errors.AnsweredAlready():
            words = SlackMessage(chosen(error.by, error.text))
        case BadOptions():
            words = bad(error)
        case errors.ChooseSession():
            words = _choose(several=bool(error.links))
        case errors.CannotPost():
            known = _CANNOT_POST.get(error.reason)
            words = SlackMessage(known) if known else refused_by_slack(error.reason, admin)
        case _:
            words = _FIXED[type(error)]
    return words


def _enough(error: errors.TooManyStarts, admin: str) -> SlackMessage:
    """Tell that an hour's sessions and reviews are used up, and when the next may be."""
    things = plural(error.most, "session or review", "sessions or reviews")
    who = "People here have" if error.is_overall else "You've"
    limit = "the limit for everybody together" if error.is_overall else "the limit"
    return SlackMessage(
        f"{who} asked for {error.most} {things} within an hour, which is {limit}, so I didn't "
        f"start another one. The next one may start {in_minutes(error.wait)}. If you need more, "
        f"ask {admin}."
    )


KEPT_ASIDE = SlackMessage(
    "I took this for an aside, so I didn't send it to Devin. If Devin should read it, choose "
    "*Send to Devin* in its ⋮ menu. If a reply begins with a bare `(aside)`, I won't mention it."
)

_FIXED: Mapping[type[errors.PersonError], SlackMessage] = {
    errors.AlreadyDone: SlackMessage(
        "That was already done or asked for. You'll find the result in the thread."
    ),
    errors.BeingStarted: SlackMessage(UNDER_WAY),
    errors.EmptyMessage: SlackMessage(
        "That message has no text or files that I can read, so there's nothing to send. "
        "If you forwarded it from another conversation, copy its text into a new reply."
    ),
    errors.Expired: SlackMessage(
        "This has expired, or it was for someone else, so nothing was sent or changed. Please ask "
        "me again, or post the message again."
    ),
    errors.IsMuted: SlackMessage(
        "This thread is muted, so nothing was sent. "
        "Mention me in the thread with `unmute`, then try again."
    ),
    errors.MessageGone: SlackMessage(
        "That message was deleted or taken back in the meantime, so nothing was sent or changed."
    ),
    errors.MovedOn: SlackMessage(
        "Devin has moved on and is no longer waiting for this answer. Reply in the thread instead."
    ),
    errors.NotLinked: SlackMessage(
        "No Devin session is linked here. To start or link one, mention me with "
        "`start &lt;prompt&gt;` or `link &lt;session link or ID&gt;`."
    ),
    errors.NoTask: NO_TASK,
    errors.NothingToSay: SAY_HELP,
    errors.NotStopped: NOT_STOPPED,
    errors.NotTaken: SlackMessage(
        "I posted your message, but *didn't send it to Devin*: someone just unlinked or muted the "
        "thread. Mention me there with `link &lt;session link or ID&gt;` or `unmute`, then send it "
        "again."
    ),
}
"""The words for errors that say no more than their kind."""


def no_session(typed: str) -> SlackMessage:
    """Say that `typed` isn't a session, and how one is written."""
    if not typed.strip():
        return SlackMessage("Which session? Mention me with `link &lt;session link or ID&gt;`.")
    named = f'"{shown}"' if (shown := preview(typed)) else "That"
    return SlackMessage(
        f"{named} isn't a Devin session. Paste a session link (`https://app.devin.ai/sessions/…`) "
        "or ID (`devin-…`)."
    )


UNCHECKED = SlackMessage(
    "I couldn't check your permissions yet, so Devin doesn't have this message. I'll keep trying "
    "for a while, and pass it on if I can."
)


def never_checked(reply: Reply) -> SlackMessage:
    """Say that a reply was given up, since nobody told whether its author may send it."""
    about = f'"{said}"' if (said := named_by(reply)) else "your message"
    return SlackMessage(
        f"I *didn't send* {about} to Devin: I couldn't check your permissions for too long. "
        "Please send it again."
    )


MAY_NOT = {
    Standing.GUEST: "Guests can't message Devin here",
    Standing.EXTERNAL: "People from other organizations can't message Devin here",
    Standing.BOT: "Bots can't message Devin here",
    Standing.NOT_LISTED: "Only certain people may message Devin here",
    Standing.NOT_STARTER: "Only certain people may start or link sessions here",
    Standing.NOT_APPROVER: "Only certain people may approve, end or archive sessions here",
    Standing.CHANNEL: "Devin Relay isn't enabled in this channel",
    Standing.NO_ACCOUNT: (
        "Here, messages to Devin need a Devin account with the same email address as in Slack"
    ),
    Standing.ACCOUNTS_DENIED: (
        "Here, people message Devin from their own Devin accounts, and I'm not allowed to look "
        "yours up"
    ),
    Standing.NOT_SENDER: (
        "Here, messages go to Devin from their senders' own accounts, and only the person who sent "
        "this one can send it again"
    ),
    Standing.REACTION: (
        "Here, sessions are started from people's own Devin accounts, and a reaction doesn't show "
        "whether you set it yourself"
    ),
    Standing.UNKNOWN: "I couldn't check your permissions with Slack",
}


def ask_for_access(standing: Standing, admin: str) -> str:
    """Return the sentence that tells a person what to do, or sends them to `admin`."""
    if standing is Standing.UNKNOWN:
        return "Please try again in a minute."
    if standing is Standing.NO_ACCOUNT:
        return f"To get an account, ask {admin}. I'll notice it within ten minutes."
    if standing is Standing.ACCOUNTS_DENIED:
        return f"Please ask {admin}: `devin-relay doctor` says what I lack."
    if standing is Standing.REACTION:
        return "To start a session, mention me with `start` in the thread."
    return f"To change that, ask {admin}."


def _turned_away(standing: Standing, admin: str) -> str:
    return f"{MAY_NOT[standing]}, so nothing was sent or changed. {ask_for_access(standing, admin)}"


_CANNOT_POST = {
    "not_in_channel": "I'm not in the channel. Type `/invite @Devin Relay` there, then try again.",
    "channel_not_found": (
        "I can't see the channel. Type `/invite @Devin Relay` there, then try again."
    ),
    "is_archived": "The channel is archived, so I can't post there.",
    "channel_moved": (
        "The channel has a new ID, since another organization has joined it. So I sent nothing to "
        "Devin. If they may read along, do it again in the channel."
    ),
}


def _choose(*, several: bool) -> SlackMessage:
    found = "Several sessions have" if several else "No open session has"
    return SlackMessage(
        f"{found} been active in this channel's threads in the last seven days, muted ones aside, "
        "so nothing was sent. Name one (`/devin-say &lt;session&gt; &lt;message&gt;`), or type "
        "`/devin-say` on its own to pick one."
    )


def passing(error: errors.PassingError) -> SlackMessage:
    """Tell a person that a transient failure of Slack or Redis ended their request."""
    if isinstance(error, errors.NotIdentified):
        return SlackMessage(_turned_away(Standing.UNKNOWN, ADMIN))
    if isinstance(error, errors.UnderWay):
        return SlackMessage("That's already under way. Check in a minute whether it worked.")
    names = {errors.SlackAway: "Slack", errors.DevinAway: "Devin"}
    who = next((who for kind, who in names.items() if isinstance(error, kind)), "my database")
    return SlackMessage(
        f"I couldn't reach {who}, so that may not have worked. "
        "Check, and try again in a minute if it didn't."
    )


def refused_by_slack(reason: str, admin: str = ADMIN) -> SlackMessage:
    """Tell a person that Slack refused their request for good, with its code."""
    return SlackMessage(
        f"Slack didn't let me do that ({as_code(reason)}), so it didn't work. "
        f"If that doesn't explain it, ask {admin}."
    )


def unknown(reference: str, admin: str = ADMIN) -> SlackMessage:
    """Report an unexpected failure; the log has the same reference."""
    return SlackMessage(
        f"Something went wrong on my end. Please give {admin} this reference: `{reference}`."
    )
