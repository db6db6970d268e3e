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

Verdict = tuple[str, str, str]
"""A grade, what became of the message, and what to do."""

OVERDUE_MS, NEW_MS = 10_000, 60_000
"""Milliseconds: what is due longer ago is overdue; a message of less may be on its way."""

UNITS = {10: 1, 13: 1_000, 16: 1_000_000}
"""By the number of digits that a time has today: its units in a second."""

TROUBLE, OPERATIONS = "docs/troubleshooting.md", "docs/operations.md"
NO_REPLY = f"See {TROUBLE}, A reply without a mark or an answer."
DEVINS = f"See {TROUBLE}, Devin's message is not in the thread."
SILENT = f"See {TROUBLE}, A reply with ✅, and no answer."
UNREADABLE = f"Log `sessions not read` has Devin's reason: {OPERATIONS}, RelayReadsFail."
AGAIN = "press Send to Devin in the message's menu."
PUT_OFF = f"Wait. Log `waits` has Devin's reason: {TROUBLE}, A reply that waits."
SLACKS = f"See {OPERATIONS}, RelaySlackErrors."
COUNTS = f"If it is for Devin, {AGAIN}"
ASIDE = f"{COUNTS} If it is about what Devin says: {TROUBLE}, Devin's message is not in the thread."
UNREAD = "Wait: 40 threads a minute are read (log `catching up`), or refused (`thread not read`)."
SOON = "Wait a minute, and ask again. Is a process ready (/readyz)?"

OVERDUE = {"poll": "RelayWatchLate", "words": "RelayWordsWaiting"}
"""For what is due: the alert that says what to do if no process does it; else RelaySlackErrors."""
REJECTED = {"key_rejected": "RelayKeyRejected", "forbidden": "RelayForbidden"}
INVITED, GONE = {"not_in_channel", "channel_not_found"}, {"not there", "thread_not_found"}

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


class MessageAt(NamedTuple):
    """A message, as it was named; the tenant, and the thread that it is in, may be unknown."""

    team: str
    channel: str
    ts: str
    thread_ts: str = ""


def parse_place(text: str) -> MessageAt | None:
    """Parse a permalink, or the ID of a reply or a thread, as the log has it."""
    if found := _ID.fullmatch(text.strip()):
        return MessageAt(found[1], found[2], found[3])
    found = _PERMALINK.fullmatch(text.strip())
    return found and MessageAt("", found[1], f"{found[2]}.{found[3]}", found[4] or "")


async def findings(settings: Settings, place: MessageAt) -> AsyncIterator[Finding]:
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
            yield await _told(client, store.of(place.team), ours, place, settings.give_up_after)
        except StoreAway as error:
            fix = "Start the relay, or ask on its machine, as its user and with its settings."
            fix = REDIS_ERRORS if settings.redis_url else fix
            yield _finding("Redis", ACT, f"can't be read ({error})", fix)


async def _told(
    client: SlackClient,
    store: Store,
    ours: Identity | Finding,
    place: MessageAt,
    patience: timedelta,
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
    if state and reason and not place.thread_ts and kept["thread"]["thread_ts"] == place.ts:
        facts["thread"] = {"not known": True}  # of what Devin has, Slack alone says it
    grade, says, fix = _met(at, facts, patience) if state else _unheard(at, facts)
    if owed := [name for name in ("words", "files", "outcome") if kept["due"].get(name)]:
        grade, says = LOOK if grade == WELL else grade, f"{says}; not told yet: {', '.join(owed)}"
        fix = f"Log `report waits` has Slack's reason: {OPERATIONS}, RelaySlackErrors. {fix}"
    if late := [name for name, due in kept["due"].items() if due and Millis(due) < at - OVERDUE_MS]:
        alerts = ", ".join(dict.fromkeys(OVERDUE.get(name, "RelaySlackErrors") for name in late))
        grade, says = ACT, f"{says}; overdue: {', '.join(late)}"
        fix = f"Is a process ready? See {OPERATIONS}, {alerts}."
    lines = f"{id_} {says}", *(f"{name}: {_listed(one, at)}" for name, one in facts.items())
    return _finding("Message", grade, "\n".join(lines), fix)


def _finding(what: str, grade: str, says: str, fix: str) -> Finding:
    return Finding(what, is_good=grade != ACT, says=says, fix=fix, warns=grade == LOOK)


async def _message(client: SlackClient, place: MessageAt) -> tuple[Mapping[str, Any], str]:
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


def _met(at: Millis, facts: Mapping[str, Facts], patience: timedelta) -> Verdict:
    """Grade what became of a reply, by its record, say it, and what to do."""
    state, kind, refusal = (facts["reply"].get(name) for name in ("state", "kind", "refusal"))
    if state in QUEUED:
        return _queued(at, facts, patience)
    if state == "done" and kind == OutcomeKind.DELIVERED:
        return _delivered(at, facts)
    alert = REJECTED.get(refusal or "")
    rejected = f"See {OPERATIONS}, {alert}; then {AGAIN}" if alert else "The thread has the reason."
    again = "Once Devin takes messages again, press Send again in the thread."
    look = "Look into the session. If it isn't there, press Send again in the thread."
    come, new = "has not come yet, but its edit has", LOOK if _is_new(at, facts) else ACT
    is_done = state == "done"
    rows = (
        (state == "withdrawn", LOOK, "was withdrawn before it was sent, or came", COUNTS),
        (state == "ahead", new, come, f"Wait a minute for it, then {AGAIN}"),
        (is_done and kind in UNCLEAR, ACT, f"was sent, and Devin may have it ({kind})", look),
        (is_done and refusal, ACT, f"was rejected ({refusal})", rejected),
        (is_done and kind == OutcomeKind.GIVEN_UP, ACT, f"wasn't sent ({kind})", again),
        (is_done and kind, ACT, f"wasn't sent ({kind})", f"Link another session, then {AGAIN}"),
        (True, ACT, f"isn't known: a record without meaning here ({state})", NO_REPLY),
    )
    return next(row[1:] for row in rows if row[0])


def _queued(at: Millis, facts: Mapping[str, Facts], patience: timedelta) -> Verdict:
    """Say what a reply waits for, and what comes next."""
    mailbox, is_sent = facts["mailbox"], facts["reply"]["state"] == "sending"
    due, read_until = (Millis(mailbox[name] or 0) for name in ("due", "read_first"))
    slow = f"Wait. After a minute, its files are large, or see {OPERATIONS}, RelayDevinSlow."
    read = f"Wait until {_shown(str(read_until), at)}, at most."
    busy = f"Is a process ready, and has it room? See {OPERATIONS}, RelayMailStuck."
    found = f"Wait half a minute: another process looks for it in the session. {busy}"
    first, until = f"Ask why of {mailbox['first']}.", f"Wait until {_shown(str(due), at)}."
    put_off = f"waits, since Devin has put its session off{_next(at, facts, patience)}"
    rows = (
        (is_sent and mailbox["leased"], LOOK, "is being sent", slow),
        (is_sent and read_until > at, LOOK, "was being sent; waits until threads are read", read),
        (is_sent, ACT, "is being sent, but its process died or froze", found),
        (mailbox["leased"], LOOK, "waits: a process is taking mail of its session", slow),
        ((mailbox["place"] or 0) > 1, LOOK, "waits for the one that is first", first),
        (due < at - OVERDUE_MS, ACT, "waits, and no process has taken it", busy),
        ("failing" in facts["session"], LOOK, put_off, PUT_OFF),
        (read_until > at, LOOK, "waits until its session's threads are read", read),
        (True, LOOK, "waits for its time", until),
    )
    return next(row[1:] for row in rows if row[0])


def _next(at: Millis, facts: Mapping[str, Facts], patience: timedelta) -> str:
    """Say when Devin is asked again, and when the relay gives up."""
    began = str(facts["session"].get("failing")), str(facts["reply"].get("accepted"))
    if not all(one.isdecimal() for one in began):
        return ""
    again, end = str(facts["mailbox"]["due"]), str(max(map(int, began)) + millis(patience))
    return f"; tried again {_shown(again, at)}, given up {_shown(end, at)}"


def _is_new(at: Millis, facts: Mapping[str, Facts]) -> bool:
    return bool(facts["message"]["written"] // 1000 > at - NEW_MS)


def _delivered(at: Millis, facts: Mapping[str, Facts]) -> Verdict:
    """Say what the session of a reply that Devin has is doing, and if Devin has spoken since."""
    seen, sent, link = facts["session"], str(facts["reply"].get("sending_since")), facts["thread"]
    says = "was sent: Devin has it"
    if seen["session"] != facts["reply"].get("session") or not sent.isdecimal():
        return WELL, says, "Look into the session of the reply: the thread has another one now."
    spoke = Millis(seen.get("said_at") or 0) > Millis(int(sent))
    is_read = seen.get("read_at", 0) > int(sent) and not any(seen[name] for name in PARTLY)
    wanted = Millis(seen.get("read_wanted_at") or 0)
    if wanted > Millis(seen.get("read_at", 0)) and at - wanted > NEW_MS:
        return LOOK, f"{says}; its session's messages can't be read", UNREADABLE
    if not spoke and not is_read:
        return WELL, f"{says}; its session's messages haven't been read since", SILENT
    state = f"{seen['state']} ({seen['trouble']})" if seen["trouble"] else seen["state"]
    since, read = _shown(str(seen["since"]), at), _shown(str(seen["read_at"]), at)
    has = "spoken since" if spoke else "said nothing since"
    says = f"{says}, and has {has}; state {state} since {since}, read {read}"
    if spoke and "session" in link and (link["follow"] == "off" or not link["linked"]):
        return LOOK, f"{says}; its thread follows nothing", "To see it: @Devin Relay follow."
    return WELL, says, DEVINS if spoke else SILENT


def _unheard(at: Millis, facts: Mapping[str, Facts]) -> Verdict:
    """Say why a message was never accepted, as far as that is known."""
    message, link, slack = facts["message"], facts["thread"], facts["message"]["slack"]
    # What people say through the bot is its own post, too, and is accepted.
    if message.get("own"):
        return WELL, "was written by the bot, so it isn't for Devin", DEVINS
    allow = f"If they should: docs/configuration.md, Who may message Devin; then {AGAIN}"
    unseen = f"Invite the bot to the channel, then {AGAIN}" if slack in INVITED else SLACKS
    unseen = "Nothing: it is gone." if slack in GONE else unseen
    is_older = message["written"] <= int(link.get("since", 0))
    reasons = (
        (slack, f"Slack doesn't show it ({slack})", unseen),
        (message["turned_away"], "its author may not message Devin", allow),
        (message["answered"], "it was for the bot, which has answered it", "Nothing."),
        ("session" not in link, "its thread isn't linked, or no longer", f"Link it, then {AGAIN}"),
        (message.get("no_reply"), "it is an aside, Slack's own, or no reply in a thread", ASIDE),
        (link.get("muted"), "its thread is muted", f"@Devin Relay unmute, then {AGAIN}"),
        (is_older, "it is older than the link, or unmuting", COUNTS),
        (link["unread"], "its thread is yet to be read for missed replies", UNREAD),
        (_is_new(at, facts), "it may be on its way", SOON),
    )
    if found := next((one[1:] for one in reasons if one[0]), None):
        is_kept = at - message["written"] // 1000 < millis(keep.DONE)
        or_ended = "" if is_kept else ", or ended over 7 days ago"
        return LOOK, f"was never accepted{or_ended}: {found[0]}", found[1]
    says = "isn't known: no event came, it was refused, or it ended over 7 days ago"
    return ACT, says, NO_REPLY


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
    digits = value.removesuffix(" read")  # `linked`, once its thread is caught up
    if not digits.isdecimal() or len(digits) not in UNITS:
        return value
    at = Millis(int(digits) * 1000 // UNITS[len(digits)])
    far, clock = timedelta(milliseconds=abs(now - at)), as_datetime(at)
    return f"{clock:%Y-%m-%d %H:%M:%S} UTC ({span(far)} {'ago' if at <= now else 'from now'})"
