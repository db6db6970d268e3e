"""Questions, notes and reports about the end of a session, and its *Stop*."""

from collections.abc import Mapping
from dataclasses import replace

from bot.model.replies import Outcome, OutcomeKind, Refusal, Wait
from bot.model.sessions import Closing, NamedSession, SessionId
from bot.model.threads import ThreadRef, link_name
from bot.text.to_slack import quiet
from bot.wording import actions
from bot.wording.delivery_reports import words_of
from bot.wording.message import SlackMessage, button, plain_text, unlinks
from bot.wording.phrases import ADMIN, note, session_link


def ask(how: Closing, thread: ThreadRef, session: NamedSession) -> SlackMessage:
    """Ask whether the session is really to be ended or archived."""
    value = link_name(thread, session.session)
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
    how: Closing, thread: ThreadRef, session: NamedSession, why: Outcome | Wait, admin: str = ADMIN
) -> SlackMessage:
    """Say that the session was not ended or archived, or that nobody knows."""
    if isinstance(why, Wait):
        why = Outcome(kind=OutcomeKind.UNCERTAIN, detail=why.reason)
    said = words_of(why, f"the request to {how} *{session_link(session)}*", admin)
    if why.refusal is Refusal.NO_SESSION:
        return replace(said, buttons=(unlinks(thread, session.session),))
    if why.kind is not OutcomeKind.UNCERTAIN:
        return replace(said, advice=said.advice and f"If that doesn't explain it, ask {admin}.")
    advice = f"Check the session, or press *{_LABELS[how]}* again in a minute; that's safe."
    return replace(said, advice=advice)


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
    end = button(actions.END_SESSION, _LABELS[Closing.END], link_name(thread, session))
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
