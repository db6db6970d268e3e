"""Questions, notes and reports about sessions that are ended or archived from Slack."""

from collections.abc import Mapping

from bot.model.outcomes import Outcome, OutcomeKind, Wait
from bot.model.sessions import Closing, NamedSession
from bot.model.threads import ThreadRef
from bot.text.characters import cut
from bot.text.to_slack import escape
from bot.wording import actions
from bot.wording.blocks import button
from bot.wording.button_values import link_value
from bot.wording.message import SlackMessage
from bot.wording.phrases import as_code, session_link

NO_ARCHIVE = SlackMessage(
    "The version of Devin's API that I use (v1) can't archive a session. Mention me with `end` to "
    "end it, or archive it in Devin."
)


def ask(how: Closing, thread: ThreadRef, session: NamedSession) -> SlackMessage:
    """Ask whether the session is really to be ended or archived."""
    value = link_value(thread, session.session)
    end = {**button(ACTIONS[how], _LABELS[how], value), "style": "danger"}
    keep = button(actions.KEEP_SESSION, "Keep it", value)
    return SlackMessage(_QUESTIONS[how].format(session=session_link(session)), buttons=(end, keep))


def ended_already(session: NamedSession) -> SlackMessage:
    """Say that there is nothing to end."""
    return SlackMessage(f"Devin's session {session_link(session)} has ended already.")


def closed_by(how: Closing, by: str) -> str:
    """Return the note that replaces the buttons once the session is ended or archived."""
    return f"{_DONE[how]} by {escape(by)}."


def kept_by(by: str) -> str:
    """Return the note that replaces the buttons once *Keep it* is pressed."""
    return f"Kept by {escape(by)}."


def failed(how: Closing, session: NamedSession, why: Outcome | Wait) -> SlackMessage:
    """Say that the session was not ended or archived, or that nobody knows."""
    name, done = session_link(session), _DONE[how].lower()
    if isinstance(why, Wait):
        return SlackMessage(
            f"Devin is unavailable at the moment ({as_code(why.reason)}), so {name} was "
            f"*not {done}*. Press the button again in a minute."
        )
    if why.kind is OutcomeKind.UNCERTAIN:
        return SlackMessage(
            f"I *don't know whether* {name} was {done}: there was no clear answer "
            f"({as_code(why.detail)}).",
            advice="Look in the session, or press the button again: a second time does no harm.",
        )
    return SlackMessage(
        f"Devin *refused*, so {name} was not {done} (HTTP {why.status}). Devin says:",
        quote=cut(" ".join(why.detail.split()), 200) or "(nothing)",
        advice="If you can't tell why, ask whoever runs Devin Relay.",
    )


ACTIONS: Mapping[Closing, str] = {
    Closing.END: actions.END_SESSION,
    Closing.ARCHIVE: actions.ARCHIVE_SESSION,
}

_LABELS = {Closing.END: "End the session", Closing.ARCHIVE: "Archive the session"}

_DONE = {Closing.END: "Ended", Closing.ARCHIVE: "Archived"}

_QUESTIONS = {
    Closing.END: (
        "End Devin's session {session} for good? It can't be resumed, and takes no more messages."
    ),
    Closing.ARCHIVE: (
        "Archive Devin's session {session}? That ends it for good: it can still be read in Devin, "
        "but can't be resumed, and takes no more messages."
    ),
}
