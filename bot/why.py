"""`devin-relay why` says what became of one message, and shows what Redis keeps of it.

It changes nothing, and asks Slack only who the bot is, and for the message. What it shows are ids,
times and states, by the names of the fields in docs/architecture/redis.md and of `trace`, and
nothing that anybody wrote.
"""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from bot.app import open_slack
from bot.doctor import REDIS_ERRORS, who_is
from bot.model.errors import SlackAway, SlackRefused, StoreAway
from bot.model.findings import Finding
from bot.model.record import string
from bot.model.replies import QUEUED, UNCLEAR, OutcomeKind, reply_id
from bot.model.threads import ThreadRef, is_id
from bot.model.times import Millis, as_datetime, ts_micros
from bot.redis import keep
from bot.redis.connection import Store, check_schema, millis, open_store
from bot.redis.embedded.home import ValkeyHome
from bot.settings import Settings
from bot.slack.api import SlackClient, call
from bot.slack.app.workspace import Identity
from bot.store.claims import Claims
from bot.store.traces import PARTLY, Facts, trace
from bot.wording.phrases import span
from handlers.mentions import claim_of
from handlers.parse import messages

WELL, LOOK, ACT = "well", "look", "act"

OVERDUE_MS, NEW_MS = 10_000, 60_000
"""Milliseconds: what is due longer ago is overdue; a message of less may be on its way."""

UNITS = {10: 1, 13: 1_000, 16: 1_000_000}
"""By the number of digits that a time has today: its units in a second."""

NO_REPLY, WAITS = "A reply without a mark or an answer", "A reply that waits"
DEVINS, SILENT = "Devin's message is not in the thread", "A reply with ✅, and no answer"

_PERMALINK = re.compile(
    r"https://[\w.-]+/archives/([A-Z0-9]{1,32})/p([0-9]{10})([0-9]{6})/?"
    r"(?:\?(?:thread_ts=([0-9]{10}\.[0-9]{6})\b)?\S*)?"
)
_ID = re.compile(r"([A-Z0-9]{1,32}):(-?[A-Za-z0-9]{1,32}):([0-9]{10}\.[0-9]{6})")
NO_MESSAGE = (
    "That names no message; expected a permalink in quotes, such as "
    '"https://acme.slack.com/archives/C0123ABCD/p1764000000000100", or an ID, such as '
    "T0123ABCD:C0123ABCD:1764000000.000100"
)


class Place(NamedTuple):
    """A message, as it was named; the tenant, and the thread that it is in, may be unknown."""

    team: str
    channel: str
    ts: str
    thread_ts: str = ""


def parse_place(text: str) -> Place | None:
    """Parse a permalink, or the ID of a reply or a thread, as the log has it."""
    if found := _ID.fullmatch(text.strip()):
        return Place(found[1], found[2], found[3])
    found = _PERMALINK.fullmatch(text.strip())
    return found and Place("", found[1], f"{found[2]}.{found[3]}", found[4] or "")


async def findings(settings: Settings, place: Place) -> AsyncIterator[Finding]:
    """Tell of the message, or what keeps that from being known."""
    url = settings.redis_url or ValkeyHome(settings.data_dir.resolve()).url
    async with open_slack(settings) as client, open_store(url) as store:
        ours = await who_is(client)
        if isinstance(ours, Finding):
            yield ours
            if not place.team:
                fix = "Name it as the log does: T0123ABCD:C0123ABCD:1764000000.000100."
                yield _finding("Message", ACT, "its workspace isn't known without Slack", fix)
                return
        else:
            place = place._replace(team=place.team or ours.tenant)
        try:
            yield await _told(client, store.of(place.team), ours, place)
        except StoreAway as error:
            fix = "Start the relay, or ask on its machine, as its user and with its settings."
            fix = REDIS_ERRORS if settings.redis_url else fix
            yield _finding("Redis", ACT, f"can't be read ({error})", fix)


async def _told(
    client: SlackClient, store: Store, ours: Identity | Finding, place: Place
) -> Finding:
    if not await check_schema(store):
        fix = "Check REDIS_URL and DATA_DIR: they have to be those of the relay."
        return _finding("Redis", ACT, f"no relay of {place.team} has used it", fix)
    event, reason = await _message(client, place)
    root = string(event, "thread_ts") or place.thread_ts or place.ts
    thread = ThreadRef(team=place.team, channel=place.channel, thread_ts=root)
    id_, claims = reply_id(*place[:3]), Claims(store)
    at, kept = await trace(store, id_, thread)
    message: dict[str, object] = {
        "written": ts_micros(place.ts),
        "by": string(event, "user") or string(event, "bot_id"),
        "slack": reason,
        "turned_away": await claims.is_claimed(f"turned away:{id_}"),
        "answered": await claims.is_claimed(claim_of(thread, place.ts)),
    }
    if event and isinstance(ours, Identity):
        message["own"] = messages.is_own(event, ours)
        message["no_reply"] = messages.parse_reply(event, ours) is None
    facts, state = {"message": message, **kept}, kept["reply"].get("state")
    grade, says = _met(at, facts) if state else _unheard(at, facts)
    page = WAITS if state in QUEUED else NO_REPLY if grade != WELL else SILENT if state else DEVINS
    if late := [name for name, due in kept["due"].items() if due and due < at - OVERDUE_MS]:
        grade, says = ACT, f"{says}; overdue: {', '.join(late)}"
    lines = f"{id_} {says}", *(f"{name}: {_listed(one, at)}" for name, one in facts.items())
    return _finding("Message", grade, "\n".join(lines), f"See docs/troubleshooting.md, {page}.")


def _finding(what: str, grade: str, says: str, fix: str) -> Finding:
    return Finding(what, is_good=grade != ACT, says=says, fix=fix, warns=grade == LOOK)


async def _message(client: SlackClient, place: Place) -> tuple[Mapping[str, Any], str]:
    """Return the message as Slack shows it, or nothing, and why; a workflow's step is nowhere."""
    if not is_id(place.channel):
        return {}, ""
    only = {"oldest": place.ts, "latest": place.ts, "inclusive": True}
    start = place.thread_ts or place.ts
    try:
        page = await call(client, "conversations.replies", channel=place.channel, ts=start, **only)
    except (SlackRefused, SlackAway) as error:
        return {}, error.reason
    found = next((one for one in page["messages"] if one.get("ts") == place.ts), None)
    return ({**found, "channel": place.channel}, "") if found else ({}, "not there")


def _met(at: Millis, facts: Mapping[str, Facts]) -> tuple[str, str]:
    """Grade what became of a reply, by its record, and say it."""
    reply, mailbox, kind = facts["reply"], facts["mailbox"], facts["reply"].get("kind")
    state, is_done, due = reply["state"], reply["state"] == "done", Millis(mailbox["due"] or 0)
    cause, has_it = reply.get("refusal") or kind, "was sent: Devin has it"
    is_behind = Millis(mailbox["behind"] or 0) > at
    rows = (
        (is_done and kind == OutcomeKind.DELIVERED, WELL, f"{has_it}{_since(at, facts)}"),
        (is_done and kind in UNCLEAR, ACT, f"was sent, and Devin may have it ({kind})"),
        (is_done and kind == OutcomeKind.REFUSED, ACT, f"was rejected ({cause})"),
        (is_done and kind, ACT, f"wasn't sent ({kind})"),
        (state == "withdrawn", LOOK, "was withdrawn before it was sent, or came"),
        (
            state == "ahead",
            LOOK if _is_new(at, facts) else ACT,
            "has not come yet, but its edit has",
        ),
        (state not in QUEUED, ACT, f"isn't known: a record without meaning here ({state})"),
        (state == "sending" and mailbox["leased"], LOOK, "is being sent"),
        (state == "sending" and is_behind, LOOK, "was being sent; waits until threads are read"),
        (state == "sending", ACT, "is being sent, but its process died or froze"),
        (mailbox["leased"], LOOK, "waits: a process is taking mail of its session"),
        ((mailbox["place"] or 0) > 1, LOOK, "waits for the one that is first"),
        (due < at - OVERDUE_MS, ACT, "waits, and no process takes it"),
        ("failing" in facts["session"], LOOK, "waits, since Devin has put its session off"),
        (is_behind, LOOK, "waits until its session's threads are read"),
        (True, LOOK, "waits for its time"),
    )
    return next((grade, says) for holds, grade, says in rows if holds)


def _is_new(at: Millis, facts: Mapping[str, Facts]) -> bool:
    return bool(facts["message"]["written"] // 1000 > at - NEW_MS)


def _since(at: Millis, facts: Mapping[str, Facts]) -> str:
    """Say what the session of a reply that Devin has is doing, and if Devin has spoken since."""
    seen, sent = facts["session"], str(facts["reply"].get("sending_since"))
    if seen["session"] != facts["reply"].get("session") or not sent.isdecimal():
        return ""
    spoke = (seen.get("said_at") or 0) > int(sent)
    is_read = seen.get("read_at", 0) > int(sent) and not any(seen[name] for name in PARTLY)
    if not spoke and not is_read:
        return "; its session's messages haven't been read since"
    state = f"{seen['state']} ({seen['trouble']})" if seen["trouble"] else seen["state"]
    said = "has spoken since" if spoke else "has said nothing since"
    since, read = _shown(str(seen["since"]), at), _shown(str(seen["read_at"]), at)
    return f", and {said}; state {state} since {since}, read {read}"


def _unheard(at: Millis, facts: Mapping[str, Facts]) -> tuple[str, str]:
    """Say why a message was never accepted, as far as that is known."""
    message, link = facts["message"], facts["thread"]
    # What people say through the bot is its own post, too, and is accepted.
    if message.get("own"):
        return WELL, "was written by the bot, so it isn't for Devin"
    reasons = (
        (message["slack"], f"Slack doesn't show it ({message['slack']})"),
        (message["turned_away"], "its author may not message Devin"),
        (message["answered"], "it was for the bot, which has answered it"),
        ("session" not in link, "its thread isn't linked"),
        (message.get("no_reply"), "it is an aside, Slack's own, or no reply in a thread"),
        (link.get("muted"), "its thread is muted"),
        (message["written"] <= int(link.get("since", 0)), "it is older than the link, or unmuting"),
        (link["unread"], "its thread is yet to be read for missed replies"),
        (_is_new(at, facts), "it may be on its way"),
    )
    if reason := next((says for holds, says in reasons if holds), ""):
        is_kept = at - message["written"] // 1000 < millis(keep.DONE)
        or_ended = "" if is_kept else ", or ended over 7 days ago"
        return LOOK, f"was never accepted{or_ended}: {reason}"
    return ACT, "isn't known: no event came, it was refused, or it ended over 7 days ago"


def _listed(facts: Facts, now: Millis) -> str:
    """Name the facts that hold."""
    known = {name: value for name, value in facts.items() if value not in {None, "", False}}
    listed = ", ".join(
        name if value is True else f"{name} {_shown(str(value), now)}"
        for name, value in known.items()
    )
    return listed or "nothing"


def _shown(value: str, now: Millis) -> str:
    """Say a time by the clock, and how far from `now` it is; else return the value."""
    digits = value.removesuffix(" read")  # `joined`, once its thread is caught up
    if not digits.isdecimal() or len(digits) not in UNITS:
        return value
    at = Millis(int(digits) * 1000 // UNITS[len(digits)])
    far, clock = timedelta(milliseconds=abs(now - at)), as_datetime(at)
    return f"{clock:%Y-%m-%d %H:%M:%S} UTC ({span(far)} {'ago' if at <= now else 'from now'})"
