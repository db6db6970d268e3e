"""Questions, notes and reports about the end of a session, its *Stop*, and the ways on."""

from collections.abc import Mapping, Sequence

from bot.model.replies import Outcome, OutcomeKind, Wait
from bot.model.sessions import Closing, NamedSession, SessionId
from bot.model.threads import ThreadRef
from bot.text.to_slack import cut, quiet
from bot.wording import actions
from bot.wording.actions import START_NEW, link_value
from bot.wording.message import Block, SlackMessage, button, opens, plain_text, unlinks
from bot.wording.phrases import ADMIN, as_code, note, session_link

NO_ARCHIVE = SlackMessage(
    "I use version 1 of Devin's API, which can't archive sessions. Mention me with `end` to end "
    "this session, or archive it in Devin."
)


def ask(how: Closing, thread: ThreadRef, session: NamedSession) -> SlackMessage:
    """Ask whether the session is really to be ended or archived."""
    value = link_value(thread, session.session)
    end = {**button(ACTIONS[how], _LABELS[how], value), "style": "danger"}
    keep = button(actions.KEEP_SESSION, "Cancel", value)
    return SlackMessage(_QUESTIONS[how].format(session=session_link(session)), buttons=(end, keep))


def ended_already(session: NamedSession) -> SlackMessage:
    """Say that there is nothing to end."""
    return SlackMessage(f"*{session_link(session)}* has already ended.")


def closed_by(how: Closing, by: str) -> str:
    """Return the note that replaces the buttons once the session is ended or archived."""
    return note(_DONE[how])(by)


kept_by = note("Canceled")


def failed(
    how: Closing, session: NamedSession, why: Outcome | Wait, admin: str = ADMIN
) -> SlackMessage:
    """Say that the session was not ended or archived, or that nobody knows."""
    name, done = session_link(session), _DONE[how].lower()
    if isinstance(why, Wait) or why.kind is OutcomeKind.UNCERTAIN:
        reason = why.reason if isinstance(why, Wait) else why.detail
        return SlackMessage(
            f"I *couldn't confirm* that {name} was {done} ({as_code(reason)}).",
            advice=f"Check the session, or press *{_LABELS[how]}* again in a minute; that's safe.",
        )
    return SlackMessage(
        f"I *couldn't {how}* *{name}* (HTTP {why.status}). Devin's response:",
        quote=cut(" ".join(why.detail.split()), 200) or "(no details)",
        advice=f"If that doesn't explain it, ask {admin}.",
    )


STOP = "Please stop now and wait for further instructions."
"""What Devin is told when somebody presses Slack's *Stop*."""

STOPPED_ALREADY = SlackMessage(
    "Devin was already asked to stop, less than a minute ago. If it doesn't, press *End session*."
)

NOT_STOPPED = SlackMessage(
    "I didn't ask Devin to stop: it isn't working right now, or I couldn't pass on your *Stop* "
    "within a minute. If it's still working, please press *Stop* again."
)


def stopped(by: str, thread: ThreadRef, session: SessionId) -> SlackMessage:
    """Tell the thread who pressed *Stop*; the session can be ended from there."""
    end = button(actions.END_SESSION, _LABELS[Closing.END], link_value(thread, session))
    confirm = {
        "title": plain_text("End this session for good?"),
        "text": plain_text(_FOR_GOOD),
        "confirm": plain_text(_LABELS[Closing.END]),
        "deny": plain_text("Cancel"),
        "style": "danger",
    }
    return SlackMessage(
        f"*{quiet(by)}* pressed *Stop*:",
        quote=STOP,
        buttons=({**end, "style": "danger", "confirm": confirm},),
    )


ACTIONS: Mapping[Closing, str] = {
    Closing.END: actions.END_SESSION,
    Closing.ARCHIVE: actions.ARCHIVE_SESSION,
}

_LABELS = {Closing.END: "End session", Closing.ARCHIVE: "Archive session"}

_DONE = {Closing.END: "Ended", Closing.ARCHIVE: "Archived"}

_FOR_GOOD = "It can't be resumed, and Devin won't get any more messages."

_QUESTIONS = {
    Closing.END: f"End *{{session}}* for good? {_FOR_GOOD}",
    Closing.ARCHIVE: (
        "Archive *{session}*? That ends it for good. You can still read it in Devin, but it can't "
        "be resumed, and Devin won't get any more messages."
    ),
}


ADVICE = (
    "To continue, press *Start a new session*, or mention me with `start &lt;prompt&gt;` or "
    "`link &lt;session link or ID&gt;`."
)


def buttons(thread: ThreadRef, session: NamedSession) -> Sequence[Block]:
    """Return the buttons below the report that the session of `thread` has ended."""
    value = link_value(thread, session.session)
    return (
        button(START_NEW, "Start a new session", value),
        opens(session),
        unlinks(thread, session.session),
    )
