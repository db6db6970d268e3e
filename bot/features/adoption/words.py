"""What is said of a channel's rules, and where sessions get threads of their own."""

from collections.abc import Mapping, Sequence

from bot.features.adoption.rules import MOST_RULES, Rule
from bot.model.people import UserId
from bot.model.sessions import NamedSession
from bot.model.times import Millis
from bot.text.to_slack import cut, quiet
from bot.wording.message import SlackMessage
from bot.wording.phrases import as_code, codes, local_time, own_thread, plural, session_link

FOLLOW = "follow_child"
"""The action of the button beside a child session."""

OFFER = FOLLOW, "Follow"
"""That and its label."""

HELP = (
    "• `adopt tag:oncall`, `adopt repo:owner/name`, `adopt origin:automation`, `adopt none`: give "
    "each matching session that starts elsewhere a thread in this channel (`adopt` shows what is "
    "set)"
)

SHARED = SlackMessage(
    "I *didn't change* anything: other organizations share this channel, or may share it, and "
    "would read along, so it can't adopt sessions."
)

TOO_MANY = SlackMessage(
    f"I *didn't change* anything: a channel can have {MOST_RULES} rules at most. `adopt none` "
    "removes those that it has."
)

HOW = (
    "To give matching ones threads, mention me with `adopt tag:oncall`, `adopt repo:owner/name` or "
    "`adopt origin:automation`."
)

END = "To stop this, mention me with `adopt none`."

NAME_LIMIT = 40
"""The part of a name that a list shows, so that the longest one fits into a section."""

NONE = SlackMessage(f"Sessions that start elsewhere don't get threads here. {HOW}")


def shown(rules: Sequence[Rule], names: Mapping[UserId, str]) -> SlackMessage:
    """Show a channel's rules, each with who set it, and when."""
    if not rules:
        return NONE
    lines = [_line(one, names[one.by]) for one in rules]
    head = "New sessions that match any of these rules get a thread here:"
    return SlackMessage(head, advice="\n".join(lines), footer=END)


def _line(rule: Rule, by: str) -> str:
    set_by = f"set by {quiet(cut(by, NAME_LIMIT))} ({local_time(Millis(rule.since * 1000))})"
    return f"• {as_code(rule.written)}, {set_by}"


def changed(added: Sequence[Rule], rules: Sequence[Rule], by: str) -> SlackMessage:
    """Tell the channel who added rules, or ended all of them, and which there are now."""
    if not added:
        return SlackMessage(f"*{quiet(by)}* ended adoption: new sessions won't get threads here.")
    fit = codes([one.written for one in rules])
    return SlackMessage(
        f"*{quiet(by)}* changed adoption: new sessions that match {fit} get a thread here. {END}"
    )


def waiting(count: int) -> SlackMessage:
    """Say that so many sessions get their threads later."""
    more = f"{count:,} more {plural(count, 'session matches', 'sessions match')}"
    return SlackMessage(
        f"{more} this channel's rules. I open at most ten threads an hour, so "
        f"{plural(count, 'it gets its thread', 'they get theirs')} later."
    )


def rests(rule: str, by: str) -> SlackMessage:
    """Say that a rule does not apply while its maker may not start sessions."""
    return SlackMessage(
        f"New sessions that match {as_code(rule)} don't get threads here: {quiet(by)}, who set "
        "that rule, may no longer start sessions here. Someone who's allowed to can mention me "
        "with `adopt none`, and then set the channel's rules again."
    )


def adopted(session: NamedSession, rule: str, by: str) -> SlackMessage:
    """Begin the thread of a session that fits a rule of the person `by`."""
    return SlackMessage(
        f"New session: *{session_link(session)}*",
        footer=f"It matches the rule {as_code(rule)}, which {quiet(by)} set with `adopt`.",
    )


def child(session: NamedSession, parent: NamedSession, by: str) -> SlackMessage:
    """Begin the thread of a child session that `by` follows."""
    return SlackMessage(
        f"Child session: *{session_link(session)}*",
        footer=f"*{session_link(parent)}* started it, and {quiet(by)} follows it here.",
    )


def refused(session: NamedSession, why: str) -> SlackMessage:
    """Say that Slack doesn't let the bot post in the channel, so there is no such thread."""
    return SlackMessage(
        f"*{session_link(session)}* gets no thread in this channel: Slack won't let me post here "
        f"({as_code(why)})."
    )


def followed(session: NamedSession, by: str, address: str) -> SlackMessage:
    """Tell the parent's thread that a child has its own."""
    return SlackMessage(
        f"*{quiet(by)}* is following *{session_link(session)}* in {own_thread(address)}."
    )


def has_thread(session: NamedSession, address: str) -> SlackMessage:
    """Tell a person that a child has a thread in the channel already."""
    return SlackMessage(
        f"*{session_link(session)}* already has {own_thread(address)} in this channel."
    )
