"""Messages about sessions that are started from Slack."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from bot.model.people import Others, Standing
from bot.model.replies import Outcome, OutcomeKind, Refusal, Reply, ReplyId
from bot.model.sessions import NamedSession
from bot.text.to_slack import escape, excerpt, quiet
from bot.wording.actions import (
    OPEN_START_FORM,
    START_AGAIN,
    START_WITH,
    START_WITHOUT,
    reply_value,
)
from bot.wording.delivery_reports import WAITING_MARK, words_of
from bot.wording.message import SlackMessage, button
from bot.wording.phrases import ADMIN, named_by, note, plural, session_address, session_link, span

FORM_TITLE = "Start a Devin session"

OPEN = button(OPEN_START_FORM, "Start a session")
"""The button that opens the form, in any place, if a feature has one."""

BUSY = SlackMessage(
    "A session is already being started in this thread, so I didn't start another one."
)

UNDER_WAY = (
    "A new session is being started in this thread. Once Devin has it, I'll link the thread to it, "
    "and replies posted in the meantime will be sent, too. To cancel "
    "it until then, delete the message with which you asked for it, if there is one."
)

NOTHING = SlackMessage(
    "There's no task yet. Write it after `start`, use `start` alone in a thread that describes it, "
    "or press the button for a form.",
    buttons=(OPEN,),
)

NO_TASK = SlackMessage("There's no task yet. After the options, write what Devin should do.")


def nothing(others: Others, *, has_form: bool = True) -> SlackMessage:
    """Say that there is no task, and which messages of the thread don't count."""
    if not others.number:
        return NOTHING if has_form else NO_TASK
    return SlackMessage(f"{left_out(others).text} So there's no task. Write it after `start`.")


def left_out(others: Others) -> SlackMessage:
    """Say how many messages of the thread are not in the prompt, whose, and how to pass one on."""
    what = plural(others.number, "message", "messages")
    authors = plural(others.number, "its author", "their authors")
    return SlackMessage(
        f"I didn't pass on {others.number:,} {what} in this thread, since {authors} may not "
        f"message Devin: {by_whom(others, _named)}.",
        advice="To pass one on, choose *Send to Devin* in its ⋮ menu.",
    )


UNREAD = SlackMessage(
    "Slack doesn't let me read this thread, so Devin has only the message that asked for the "
    "session. Reply with anything else it should know."
)


def with_others(others: Others, message: ReplyId, number: int, *, is_task: bool) -> SlackMessage:
    """Ask before a start whether Devin may read what others wrote; without it, is there a task?"""
    value = reply_value(message, number)
    buttons = [button(START_WITH, "Start with it", value)]
    advice = "Without it, there's no task. To give Devin one, mention me with `start` and the task."
    if is_task:
        buttons.append(button(START_WITHOUT, "Start without it", value))
        advice = (
            "If you start without it, Devin is told only how many messages are missing, and whose."
        )
    return SlackMessage(
        "I haven't started a session yet, since not everyone who wrote in this thread may message "
        f"Devin. Should it also read what they wrote ({by_whom(others, _named, ' message')}), "
        "marked as theirs?",
        advice=advice,
        buttons=tuple(buttons),
    )


CHOSEN: Mapping[str, Callable[[str], str]] = {
    START_WITH: lambda by: f"{quiet(by)} chose *Start with it*.",
    START_WITHOUT: lambda by: f"{quiet(by)} chose *Start without it*.",
}
"""The notes in place of the buttons, by the button that was pressed."""


def by_whom(
    others: Others, named: Callable[[str, str], str], what: str = "", between: str = ", "
) -> str:
    """Say how many messages are by whom, as "1 by the app PagerDuty, 2 by guests".

    `named` returns how an app is called by its name and its id; the first number is of `what`.
    """
    parts = list[str]()
    for one in others.written:
        whose = plural(one.number, *_WHOSE.get(one.standing, _ELSE))
        whose = f"by the app {named(one.name, one.app)}" if one.name else whose
        unit = plural(one.number, what, f"{what}s") if what and not parts else ""
        parts.append(f"{one.number:,}{unit} {whose}")
    return between.join(parts)


_ELSE = "by another person", "by other people"
_WHOSE = {
    Standing.GUEST: ("by a guest", "by guests"),
    Standing.EXTERNAL: ("from another organization", "from other organizations"),
    Standing.BOT: ("by another app", "by other apps"),
    Standing.UNKNOWN: ("by someone Slack doesn't describe", "by people Slack doesn't describe"),
}


def _named(name: str, _: str) -> str:
    return excerpt(name, limit=60)


WITHDRAWN = SlackMessage(
    "I didn't start a session: the message or the reaction that asked for it is gone, or asks for "
    "something else now. To start one after all, mention me in the thread with `start`."
)


OTHERS_REACTED = SlackMessage(
    "I didn't start a session, since the one who reacted first took that reaction away. If you "
    "want one, take yours away and react again, or mention me in the thread with `start`."
)


def waiting(give_up_after: timedelta) -> SlackMessage:
    """Say once that no session can be started now, or that nobody knows yet whether it was."""
    return SlackMessage(
        f":{WAITING_MARK}: There's no confirmation of a new session yet: Devin or Slack isn't "
        f"available. I'll keep trying for {span(give_up_after)}."
    )


def failed(
    message: Reply, number: int, outcome: Outcome, admin: str = ADMIN, *, has_form: bool = True
) -> SlackMessage:
    """Say that no session was started, or that nobody knows, and how to go on."""
    again = "press *Start again*" if has_form else "ask again"
    first = again[0].upper() + again[1:]
    about = f'"{said}"' if (said := named_by(message)) else "this thread"
    words = words_of(outcome, f"the request to start a session for {about}", admin)
    advice = f"No session was started. Once that's fixed, {again}."
    if outcome.kind is OutcomeKind.UNCERTAIN:
        advice = (
            "Check in Devin. If the session is there, mention me here with "
            f"`link &lt;session link or ID&gt;`. If it isn't, {again}."
        )
    elif outcome.kind is OutcomeKind.GIVEN_UP:
        advice = f"{first} once that's over."
    elif outcome.refusal in {Refusal.FORBIDDEN, Refusal.NO_SESSION}:
        words = SlackMessage(
            f"I *couldn't start* a session for {about}: Devin doesn't know one of its options, or "
            f"doesn't let me use it or start sessions ({outcome.status}).",
            quote=outcome.detail,
        )
        advice = (
            f"{first} to change the options, or ask {admin} to check my API key "
            "(for API v3, it needs `ManageOrgSessions`), `DEVIN_API_URL` and `DEVIN_ORG_ID`."
        )
    pressed = button(START_AGAIN, "Start again", reply_value(message.id, number))
    return replace(words, advice=advice, buttons=(pressed,) if has_form else ())


def not_linked(session: NamedSession) -> SlackMessage:
    """Say that a session was started, but that its thread was linked or unlinked meanwhile."""
    return SlackMessage(
        f"Devin started *{session_link(session)}*, but someone changed this thread's link in the "
        "meantime, so this thread isn't linked to it.",
        advice="To link it, mention me with `link &lt;session link or ID&gt;`. If the thread is "
        "linked to another session, mention me with `unlink` first.",
    )


started_again = note("Started again")
started_new = note("New session requested")
continued = note("Continued in a new session")


def going_on(before: NamedSession) -> str:
    """Return the prompt of a session that goes on from one at its cap, as Slack markup."""
    return (
        f"Continue the work of the Devin session {escape(session_address(before))}, which stopped "
        "because it had used up its ACUs. Find out what it has done (its messages, branches and "
        "pull requests), go on from there, and don't repeat what is done."
    )
