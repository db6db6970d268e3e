"""Reports on deliveries, and notices about replies that wait, were late, edited or deleted."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.model.files import Upload, WhyLink
from bot.model.replies import FOR_OPERATOR, SENDABLE_AGAIN, Outcome, OutcomeKind, Refusal, Reply
from bot.model.sessions import NamedSession
from bot.model.threads import ThreadRef, link_name
from bot.text.to_slack import cut, excerpt, quiet
from bot.wording import actions
from bot.wording.message import Block, SlackMessage, button, opens, unlinks
from bot.wording.phrases import ADMIN, as_code, named_by, note, plural, span

DELIVERED_MARK = "white_check_mark"
WAITING_MARK = "hourglass_flowing_sand"
SUSPENDED_MARK = "zzz"
MARKS: Mapping[OutcomeKind, str] = {
    OutcomeKind.DELIVERED: DELIVERED_MARK,
    OutcomeKind.UNCONFIRMED: SUSPENDED_MARK,
    OutcomeKind.SUSPENDED: SUSPENDED_MARK,
    OutcomeKind.ENDED: "x",
    OutcomeKind.REFUSED: "x",
}
"""The reaction on a reply by its outcome; the others get none."""


def report(
    outcome: Outcome, reply: Reply, number: int, sent_to: NamedSession, admin: str = ADMIN
) -> SlackMessage:
    """Report an outcome to its thread; a plain one needs only the reaction on the reply."""
    said = words_of(outcome, _about(reply), admin)
    if outcome.kind is OutcomeKind.ENDED:
        return replace(said, buttons=ways_on(reply.thread, sent_to))
    if outcome.refusal in FOR_OPERATOR:
        said = replace(said, advice=_ONCE_FIXED)
    buttons: list[Block] = []
    if outcome.kind in SENDABLE_AGAIN:
        value = actions.reply_value(reply.id, number)
        buttons.append(button(actions.SEND_AGAIN, "Send again", value))
    buttons.append(opens(sent_to))
    if outcome.refusal is Refusal.NO_SESSION:
        buttons.append(unlinks(reply.thread, sent_to.session))
    return replace(said, buttons=tuple(buttons))


_ONCE_FIXED = "Once that's fixed, choose *Send to Devin* in the message's ⋮ menu."

WAYS_ON = (
    "To continue, press *Start a new session*, or mention me with `start &lt;prompt&gt;` or "
    "`link &lt;session link or ID&gt;`."
)


def ways_on(thread: ThreadRef, session: NamedSession) -> tuple[Block, ...]:
    """Return the buttons below what says that the session of `thread` has ended."""
    value = link_name(thread, session.session)
    start = button(actions.START_NEW, "Start a new session", value)
    return (start, opens(session), unlinks(thread, session.session))


def words_of(outcome: Outcome, about: str, admin: str = ADMIN) -> SlackMessage:
    """Describe an outcome, without buttons; `about` stands for the message."""
    if outcome.kind is OutcomeKind.DELIVERED:
        return _left_out(outcome)
    if outcome.kind is OutcomeKind.ENDED:
        ended = f"This session *has ended*, so Devin won't see {about}."
        ended = f"{ended} {_RESPONSE}" if outcome.detail else ended
        return SlackMessage(ended, quote=outcome.detail, advice=WAYS_ON)
    is_refused = outcome.kind is OutcomeKind.REFUSED
    said = _refused(outcome, about, admin) if is_refused else _in_doubt(outcome, about)
    if not outcome.left_out:
        return said
    names = excerpt(", ".join(map(_name, outcome.left_out)), limit=600)
    lacks = f"If Devin got the message, it lacks the contents of {_files(outcome)}: {names}"
    return replace(said, footer=" · ".join(filter(None, (said.footer, lacks))))


def _left_out(outcome: Outcome) -> SlackMessage:
    lines = [f"{cut(_name(one), 80)}: {_why(one)}" for one in outcome.left_out]
    return SlackMessage(
        f"Devin got the message, but *not the contents* of {_files(outcome)}:",
        quote="\n".join(lines),
        advice="If Devin needs them, share them another way.",
    )


def _files(outcome: Outcome) -> str:
    return plural(len(outcome.left_out), "this file", "these files")


def _name(brought: Upload) -> str:
    return brought.file.name or "A file"


def _why(brought: Upload) -> str:
    code = f" ({brought.detail[:60]})" if brought.detail else ""
    return _HITCHES[brought.hitch or WhyLink.ELSEWHERE].format(code=code)


_HITCHES = {
    WhyLink.ELSEWHERE: "stored outside Slack",
    WhyLink.HIDDEN: "Slack doesn't give it to me; it may be deleted, hidden or not shared with me",
    WhyLink.FOREIGN: "its address isn't on a file host I trust{code}, so I didn't open it",
    WhyLink.TOO_LARGE: "larger than the file size limit",
    WhyLink.SIGN_IN: "Slack didn't let me read it; either I'm not in the conversation it's from, "
    "or your Devin Relay admin needs to reinstall the app with the scope files:read",
    WhyLink.SLACK: "I couldn't download it from Slack{code}",
    WhyLink.DEVIN: "Devin didn't accept it{code}",
    WhyLink.SLOW: "timed out",
    WhyLink.TOO_MANY: "too many files for one message",
}


def _about(reply: Reply) -> str:
    if said := named_by(reply):
        return f'"{said}"'
    return "your file" if reply.all_files else "your reply"


_RESPONSE = "Devin's response:"
_NO_DETAILS = "(no details)"
_CHECK = "Check the session. If the message isn't there, press *Send again*."


def _in_doubt(outcome: Outcome, about: str) -> SlackMessage:
    said, quote, advice = f"I *couldn't confirm* that Devin got {about}", "", _CHECK
    match outcome.kind:
        case OutcomeKind.SUSPENDED:
            said = f"Devin may not have seen {about}: the session is *suspended*. {_RESPONSE}"
            quote = outcome.detail or _NO_DETAILS
            advice = "Wake the session in Devin, then press *Send again*."
        case OutcomeKind.UNCONFIRMED:
            said = f"Devin *didn't confirm* {about}, so it may not have seen it. {_RESPONSE}"
            quote = outcome.detail or _NO_DETAILS
        case OutcomeKind.GIVEN_UP:
            said = (
                f"I *couldn't send* {about}: Devin or Slack was unavailable for too long "
                f"({as_code(outcome.detail)})."
            )
            advice = "Press *Send again* once that's over."
        case _ if outcome.is_unread:
            status = f"HTTP {outcome.status}"
            said += f": I couldn't read its response ({status}). I haven't resent it. {_RESPONSE}"
            quote = _excerpt(outcome)
        case _:
            said += f" ({as_code(outcome.detail)}), and I haven't resent it."
    return SlackMessage(said, quote=quote, advice=advice)


def _refused(outcome: Outcome, about: str, admin: str) -> SlackMessage:
    couldnt = f"I *couldn't send* {about}"
    match outcome.refusal:
        case Refusal.INVALID:
            return SlackMessage(
                f"Devin *rejected* {about} as invalid:",
                quote=outcome.detail or _NO_DETAILS,
                advice="Fix that, then post it as a new reply.",
                footer=f"HTTP {outcome.status}",
            )
        case Refusal.KEY_REJECTED:
            return SlackMessage(
                f"{couldnt}: Devin rejected my API key (401). "
                f"Ask {admin} to set a valid `DEVIN_API_KEY`."
            )
        case Refusal.FORBIDDEN | Refusal.ACTING:
            said = f"{couldnt}: {_forbidden(outcome)}. Ask {admin} for help."
            is_quoted = outcome.refusal is Refusal.ACTING and outcome.status
            return SlackMessage(said, quote=_excerpt(outcome) if is_quoted else "")
        case Refusal.NO_SESSION:
            return SlackMessage(
                f"{couldnt}: Devin can't find this session ({outcome.status}). "
                "Press *Unlink*, then mention me with `link &lt;session link or ID&gt;`."
            )
    if outcome.status is None:
        return SlackMessage(
            f"I *couldn't read* my saved copy of {about}, so I won't send it "
            f"({as_code(outcome.detail)}).",
            advice="If it isn't in the session already, post it again.",
        )
    return SlackMessage(
        f"Devin *rejected* {about} (HTTP {outcome.status}). {_RESPONSE}",
        quote=_excerpt(outcome),
        advice=f"If that doesn't explain it, ask {admin}.",
    )


def _forbidden(outcome: Outcome) -> str:
    if outcome.refusal is Refusal.FORBIDDEN:
        return (
            f"my API key doesn't have access to this session ({outcome.status}). The session may "
            "belong to another Devin organization, or the key may lack permission to manage "
            "sessions"
        )
    no_account = (
        "I can't find a Devin account with your email address, or may not look for one, or you "
        "wrote through an app"
    )
    forbidden = (
        f"Devin doesn't let me write as you ({outcome.status}). My API key may lack "
        "`ImpersonateOrgSessions`, or `ManageOrgSessions`"
    )
    why = forbidden if outcome.status else no_account
    return f"here, everyone has to write to Devin from their own account, and {why}"


def _excerpt(outcome: Outcome) -> str:
    """Return the beginning of an answer; of a proxy's web page, its words."""
    is_page = _PAGE.match(outcome.detail)
    words = _TAG.sub(" ", outcome.detail) if is_page else outcome.detail
    return cut(" ".join(words.split()), 200) or _NO_DETAILS


_PAGE, _TAG = re.compile(r"\s*<(?:!doctype )?html\b", re.IGNORECASE), re.compile("<[^<>]*>")


def late(replies: int, commands: Sequence[str], *, silenced: bool) -> SlackMessage:
    """Summarize what a catch-up found in a thread."""
    said = []
    if replies:
        missed = plural(replies, "1 reply", f"{replies} replies")
        said.append(f"I was offline and missed {missed}, which I'm sending now.")
    if commands:
        asked = ", ".join(f"`{verb}`" for verb in commands)
        said.append(f"I was offline and missed {asked}. Please repeat what you still need.")
    if silenced:
        sent = f"except those with :{DELIVERED_MARK}:"
        said.append(f"Replies posted after that command weren't sent, {sent}.")
    return SlackMessage(" ".join(said))


def waiting(reply: Reply, give_up_after: timedelta, sent_to: NamedSession) -> SlackMessage:
    """Say once that a reply is queued, and for how long delivery is retried."""
    return SlackMessage(
        f":{WAITING_MARK}: Devin isn't accepting messages right now, so {_about(reply)} and any "
        f"later replies are queued. I'll keep trying for {span(give_up_after)}.",
        buttons=(opens(sent_to),),
    )


def waited(sent_to: NamedSession) -> SlackMessage:
    """Return what takes the place of `waiting` once the reply has an outcome, or was withdrawn."""
    return SlackMessage(
        "Devin wasn't accepting messages for a while, so replies were queued.",
        buttons=(opens(sent_to),),
    )


sent_again, unlinked_by = note("Sent again"), note("Unlinked")


def logged(reference: str) -> str:
    """Return the detail of an unexpected outcome; the log has the same reference."""
    return f"unexpected error, logged as {reference}"


CHANGED_MARK = "pencil2"
WITHDRAWN_MARK = "wastebasket"

CORRECTION_SENT = SlackMessage("Sending it. I'm posting it in the thread with your name.")


ANSWERED_BEFORE = SlackMessage(
    "I don't act twice on a message, so your edit may change nothing. If what you asked for hasn't "
    "happened, please post it as a new message."
)


def correction_offered(ticket: str) -> SlackMessage:
    """Offer to send an edit that Devin has not seen; the button carries `ticket`."""
    return SlackMessage(
        "Devin won't see your edit unless you send it.",
        buttons=(button(actions.SEND_CORRECTION, "Send correction", ticket),),
    )


def corrected(by: str, message: str) -> SlackMessage:
    """Present a correction in its author's name; `message` is foreign text."""
    return SlackMessage(f"*{quiet(by)}* corrected an earlier message:", quote=message)


READ_ALREADY = SlackMessage(
    "Devin already has that message, or may have it, so I can't recall it. "
    "If it matters, reply here with what Devin should do instead."
)
