"""Reports on deliveries, and notices about replies that wait or were late."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.model.files import Upload, WhyLink
from bot.model.outcomes import SENDABLE_AGAIN, Outcome, OutcomeKind, Problem, Refusal
from bot.model.replies import Reply
from bot.model.sessions import NamedSession, SessionState
from bot.text.characters import cut
from bot.text.to_slack import escape, excerpt
from bot.wording.actions import OPEN_SESSION, SEND_AGAIN, UNLINK
from bot.wording.blocks import Block, button, link_button
from bot.wording.button_values import link_value, reply_value
from bot.wording.message import SlackMessage
from bot.wording.phrases import as_code, plural, preview, session_address, span

DELIVERED_MARK = "white_check_mark"
WAITING_MARK = "hourglass_flowing_sand"
MARKS: Mapping[OutcomeKind, str] = {
    OutcomeKind.DELIVERED: DELIVERED_MARK,
    OutcomeKind.SUSPENDED: "zzz",
    OutcomeKind.REFUSED: "x",
}


def report(outcome: Outcome, reply: Reply, number: int, sent_to: NamedSession) -> SlackMessage:
    """Report an outcome to its thread; a plain one needs only the mark on the reply."""
    buttons: list[Block] = []
    if outcome.kind in SENDABLE_AGAIN and not outcome.is_ended:
        buttons.append(button(SEND_AGAIN, "Send again", reply_value(reply.id, number)))
    if outcome.is_ended or outcome.refusal is Refusal.NO_SESSION:
        buttons.append(button(UNLINK, "Unlink", link_value(reply.thread, sent_to.session)))
    buttons.append(_open(sent_to))
    return replace(words_of(outcome, _about(reply)), buttons=tuple(buttons))


def words_of(outcome: Outcome, about: str) -> SlackMessage:
    """Describe an outcome, without buttons; `about` stands for the message."""
    if outcome.is_ended:
        return _ended(outcome, about)
    return replace(_REPORTS[outcome.kind](outcome, about), footer=_in_doubt(outcome))


def _left_out(outcome: Outcome, _about: str) -> SlackMessage:
    """List the files that Devin received only as links."""
    lines = [f"{cut(one.file.name, 80)}: {_why(one)}" for one in outcome.left_out]
    what = plural(len(lines), "this file", "these files")
    return SlackMessage(
        f"Devin got the message, but only a *link* to {what}, which it may not be able to open:",
        quote="\n".join(lines),
        advice="If Devin needs the content, give it another way.",
    )


def _in_doubt(outcome: Outcome) -> str:
    """Name the files that Devin has only as links, if it has the message at all."""
    if outcome.kind is OutcomeKind.DELIVERED or not outcome.left_out:
        return ""
    what = plural(len(outcome.left_out), "this file", "these files")
    names = excerpt(", ".join(one.file.name for one in outcome.left_out), limit=600)
    return f"If Devin got the message, it has only a *link* to {what}: {names}"


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
    if said := next(filter(None, map(preview, texts)), ""):
        return f"“{said}”"
    return "a file" if reply.all_files else "a reply"


def _ended(outcome: Outcome, about: str) -> SlackMessage:
    """Tell of a session that is over, with what Devin says about that, if anything."""
    said = f"Devin's session *has ended*, so {about} won't be read."
    return SlackMessage(
        f"{said} Devin says:" if outcome.detail else said,
        quote=outcome.detail,
        advice="Unlink this thread, then link it to another session.",
    )


def _not_confirmed(outcome: Outcome, about: str) -> SlackMessage:
    """Tell of an answer that did not confirm the message; only the session's state says why."""
    if outcome.state is SessionState.SUSPENDED:
        said = f"Devin's session is *suspended*, so {about} may not have been read. Devin says:"
        advice = "Wake the session in Devin, then press *Send again*."
    else:
        said = f"Devin *did not confirm* {about}, so it may not have been read. Devin says:"
        advice = "Look in the session. If the message isn't there, press *Send again*."
    return SlackMessage(said, quote=outcome.detail or "(nothing)", advice=advice)


def _refused(outcome: Outcome, about: str) -> SlackMessage:
    match outcome.refusal:
        case Refusal.INVALID:
            lines = [_line(one) for one in outcome.problems]
            return SlackMessage(
                f"Devin *refused* {about} as not valid, so it was not taken:",
                quote="\n".join(lines),
                advice="Please edit it and send it again.",
            )
        case Refusal.KEY_REJECTED:
            return SlackMessage(
                f"Devin *rejected my key* (401), so {about} was not sent. "
                "Whoever runs Devin Relay must set a valid `DEVIN_API_KEY`."
            )
        case Refusal.FORBIDDEN:
            return SlackMessage(
                f"My key *may not write to this session* ({outcome.status}), so {about} was not "
                "sent. "
                "Whoever runs Devin Relay must use a key of the organization that owns the "
                "session, with the permission to manage its sessions."
            )
        case Refusal.NO_SESSION:
            return SlackMessage(
                f"Devin knows *no such session* (404), so {about} was not sent. "
                "Unlink this thread, then link it to a session that exists."
            )
        case Refusal.OTHER | None:
            return _refused_otherwise(outcome, about)


def _line(problem: Problem) -> str:
    where = f"{problem.where}: " if problem.where else ""
    return f"{where}{problem.what}" + (f" ({problem.type})" if problem.type else "")


def _refused_otherwise(outcome: Outcome, about: str) -> SlackMessage:
    if outcome.status is None:
        return SlackMessage(
            f"I *couldn't read* my saved copy of {about}, so I can't send it "
            f"({as_code(outcome.detail)}).",
            advice="Check the session. If it isn't there, post it again.",
        )
    if outcome.is_unread:
        return _unread(outcome, about)
    return SlackMessage(
        f"Devin *refused* {about} (HTTP {outcome.status}), so it was not taken. Devin says:",
        quote=_excerpt(outcome),
        advice="If you can't tell why, ask whoever runs Devin Relay.",
    )


def _unread(outcome: Outcome, about: str) -> SlackMessage:
    return SlackMessage(
        f"I *don't know whether Devin got* {about}: I can't read the answer (HTTP "
        f"{outcome.status}). I did not send it a second time. Devin says:",
        quote=_excerpt(outcome),
        advice="Look in the session, and send it again if it is not there.",
    )


def _excerpt(outcome: Outcome) -> str:
    return cut(" ".join(outcome.detail.split()), 200) or "(nothing)"


def _uncertain(outcome: Outcome, about: str) -> SlackMessage:
    if outcome.is_unread:
        return _unread(outcome, about)
    return SlackMessage(
        f"I *don't know whether Devin got* {about}: there was no clear answer "
        f"({as_code(outcome.detail)}). I did not send it a second time.",
        advice="Look in the session, and send it again if it is not there.",
    )


def _given_up(outcome: Outcome, about: str) -> SlackMessage:
    return SlackMessage(
        f"I *gave up* on {about}: Devin took no messages for too long "
        f"({as_code(outcome.detail)}). It was not sent.",
        advice="Send it again when Devin is back.",
    )


_REPORTS: Mapping[OutcomeKind, Callable[[Outcome, str], SlackMessage]] = {
    OutcomeKind.DELIVERED: _left_out,
    OutcomeKind.SUSPENDED: _not_confirmed,
    OutcomeKind.REFUSED: _refused,
    OutcomeKind.UNCERTAIN: _uncertain,
    OutcomeKind.GIVEN_UP: _given_up,
}


def late(replies: int, commands: Sequence[str], *, hushed: bool) -> SlackMessage:
    """Summarize what a catch-up found in a thread after an outage."""
    said = "I was away"
    if replies:
        found = plural(replies, "1 reply", f"{replies} replies")
        way = plural(replies, "it is on its way", "they are on their way")
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
    """Count the replies that arrived after their thread was unlinked, muted or relinked."""
    found = plural(replies, "1 reply", f"{replies} replies")
    left = plural(replies, "it was", "they were")
    return SlackMessage(
        f"{found} reached me only after somebody had unlinked, muted or relinked this thread, so "
        f"{left} not sent to Devin."
    )


def waiting(reply: Reply, give_up_after: timedelta, sent_to: NamedSession) -> SlackMessage:
    """Say once that a reply waits, and for how long delivery is retried."""
    return SlackMessage(
        f":{WAITING_MARK}: Devin takes no messages at the moment, so {_about(reply)} waits, and so "
        f"do the replies after it. I keep trying for {span(give_up_after)}.",
        buttons=(_open(sent_to),),
    )


def _open(session: NamedSession) -> Block:
    return link_button(OPEN_SESSION, "Open session", session_address(session))


def sent_again(by: str) -> str:
    """Return the note that replaces a pressed *Send again* button."""
    return f"Sent again by {escape(by)}."


def unlinked_by(by: str) -> str:
    """Return the note that replaces a pressed *Unlink* button."""
    return f"Unlinked by {escape(by)}."


def logged(reference: str) -> str:
    """Return the detail of an unexpected outcome; the log has the same reference."""
    return f"unexpected error, logged as {reference}"
