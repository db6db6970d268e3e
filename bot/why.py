"""`devin-relay why` says what became of one message, and what to do next; it changes nothing.

It reads Redis, and asks Slack who the bot is, and for the message. The output has ids, times and
states, and nothing that people or Devin wrote.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.app import open_slack
from bot.doctor import REDIS_ERRORS, who_is
from bot.model.errors import SlackAway, SlackRefused, StoreAway
from bot.model.findings import Finding
from bot.model.record import string
from bot.model.replies import FOR_OPERATOR, OutcomeKind, reply_id
from bot.model.threads import Link, ThreadRef, ts_micros
from bot.redis.connection import Store, check_schema, millis, open_store
from bot.redis.embedded.home import ValkeyHome
from bot.settings import Settings
from bot.slack.api import SlackClient, call
from bot.slack.app.workspace import Identity
from bot.slack.threads import NO_SUCH_CHANNEL, NO_SUCH_THREAD
from bot.store.claims import Claims
from bot.store.outbox import OwedKind
from bot.store.traces import ReplyTrace, SessionTrace, trace_reply, trace_session, trace_thread
from bot.wording.phrases import plural, span
from handlers.mentions import claim_of
from handlers.parse import messages

Row = tuple[bool, str, str, str]
"""A possible finding: whether it holds, its grade, what it says, and what to do."""

WELL, LOOK, ACT = "well", "look", "act"

GONE = "gone"
NOT_IN = frozenset({"not_in_channel", NO_SUCH_CHANNEL})
SECOND, LATE, STUCK, OLD, DAY = 1_000, 10_000, 60_000, 300_000, 86_400_000

SEND = "*Send to Devin* in the message's menu sends it."
LOG = "See its lines in the log (docs/troubleshooting.md, Find a reply)."
ALERT = "See docs/operations.md, {}."
ALLOW = f"Allow that (docs/configuration.md, Who may message Devin). {SEND}"
LATER = "Ask again in a few seconds."
AGAIN = ("Devin may have it", "Look into the session; if it isn't there, press *Send again*.")

ENDS: Mapping[OutcomeKind, tuple[str, str]] = {
    OutcomeKind.DELIVERED: ("Devin has it", ""),
    OutcomeKind.UNCERTAIN: AGAIN,
    OutcomeKind.UNCONFIRMED: AGAIN,
    OutcomeKind.SUSPENDED: AGAIN,
    OutcomeKind.GIVEN_UP: ("Devin took nothing for too long", "Press *Send again* in the thread."),
    OutcomeKind.ENDED: ("its session takes no more", f"Link or start another one. {SEND}"),
    OutcomeKind.REFUSED: ("Devin rejected it", "The thread has the reason."),
}
"""What each outcome means, and what to do."""

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


@dataclass(frozen=True, slots=True)
class Place:
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
    """Tell of the message, its thread, its delivery and its reports, and of the session."""
    url = settings.redis_url or ValkeyHome(settings.data_dir.resolve()).url
    async with open_slack(settings) as client, open_store(url) as store:
        known = await who_is(client)
        if isinstance(known, Finding):
            yield known
        ours = known if isinstance(known, Identity) else None
        team = ours.tenant if ours else place.team
        if not team:
            fix = "Name it as the log does: T0123ABCD:C0123ABCD:1764000000.000100."
            yield _finding("Message", ACT, "its workspace isn't known without Slack", fix)
            return
        (event, hidden), own = await _shown(client, place), store.of(team)
        try:
            if not await check_schema(own):
                fix = "Check REDIS_URL and DATA_DIR: they have to be those of the relay."
                yield _finding("Redis", ACT, f"no relay of {team} has used it", fix)
                return
            look = await _read(own, replace(place, team=team), event, hidden, ours)
        except StoreAway as error:
            where = settings.data_dir.resolve()
            says = f"none runs in {where}, so the relay doesn't, or isn't here ({error})"
            fix = "Start it, or ask on its machine, as its user and with its settings."
            if settings.redis_url:
                says, fix = f"can't be read ({error})", REDIS_ERRORS
            yield _finding("Redis" if settings.redis_url else "Embedded Valkey", ACT, says, fix)
            return
    for finding in look.told(settings):
        yield finding


async def _shown(client: SlackClient, place: Place) -> tuple[Mapping[str, Any], str]:
    """Return the message as Slack shows it, or nothing, and Slack's reason, or `GONE`."""
    only = {"oldest": place.ts, "latest": place.ts, "inclusive": True}
    start, where = place.thread_ts or place.ts, place.channel
    try:
        page = await call(client, "conversations.replies", channel=where, ts=start, **only)
    except (SlackRefused, SlackAway) as error:
        return {}, GONE if error.reason in NO_SUCH_THREAD else error.reason
    found = next((one for one in page["messages"] if one.get("ts") == place.ts), None)
    return ({**found, "channel": where}, "") if found else ({}, GONE)


async def _read(
    store: Store, place: Place, event: Mapping[str, Any], hidden: str, ours: Identity | None
) -> "_Look":
    id_, claims = reply_id(place.team, place.channel, place.ts), Claims(store)
    reply = await trace_reply(store, id_)
    told = string(event, "thread_ts")
    root = told or place.thread_ts or place.ts
    thread = ThreadRef(team=place.team, channel=place.channel, thread_ts=root)
    thread = thread if told or reply.thread is None else reply.thread
    (link, is_unread), is_turned_away, is_answered = await asyncio.gather(
        trace_thread(store, thread),
        claims.is_claimed(f"turned away:{id_}"),
        claims.is_claimed(claim_of(thread, place.ts)),
    )
    waits = reply.state in {"waiting", "sending"}
    session = link.session if link and not waits else reply.session
    traced = await trace_session(store, session, thread) if session else None
    rest = reply, thread, link, is_unread, is_turned_away, is_answered, traced
    return _Look(id_, ts_micros(place.ts), event, hidden, ours, *rest)


@dataclass(frozen=True, slots=True)
class _Look:
    """What is known of the message that was written at `ts` (us); see `_shown`."""

    id: str
    ts: int
    event: Mapping[str, Any]
    hidden: str
    ours: Identity | None
    reply: ReplyTrace
    thread: ThreadRef
    link: Link | None
    is_unread: bool
    is_turned_away: bool
    is_answered: bool
    session: SessionTrace | None

    def told(self, settings: Settings) -> Iterator[Finding]:
        """Judge all of it."""
        # What people say through the bot is its own post, and goes to Devin all the same.
        is_own = self.ours is not None and messages.is_own(self.event, self.ours)
        is_own = is_own and not self.reply.state
        yield _first("Message", self._message(is_own=is_own))
        if not self.thread.is_nowhere:
            yield _first("Thread", self._thread())
        if not is_own:
            is_known = bool(self.reply.state)
            rows = self._delivery(settings) if is_known else self._unheard(settings)
            yield _first("Reply", rows)
            for owed, due in self.reply.reports.items():
                if owed.number == self.reply.round:
                    yield _first("Report", self._report(owed.kind, due))
        if self.session is not None:
            yield _first("Session", self._polls(self.session))
            if not self.thread.is_nowhere:
                yield _first("Devin's words", self._words(self.session))

    def _at(self, at: int) -> str:
        """Say a time by the clock, and how long ago, or in which time, it is."""
        clock, far = datetime.fromtimestamp(at / 1000, UTC), abs(self.reply.at - at)
        lasts = span(timedelta(milliseconds=far))
        passed = "now" if far < SECOND else f"{lasts} ago" if at < self.reply.at else f"in {lasts}"
        return f"{clock:{'%Y-%m-%d ' if far > DAY else ''}%H:%M:%S} UTC ({passed})"

    def _message(self, *, is_own: bool) -> Iterator[Row]:
        says = f"{self.id}, written at {self._at(self.ts // 1000)}"
        event, hidden, fix = self.event, self.hidden, f"/invite it there. {SEND}"
        outside = f"{says}; the bot isn't in its channel, and hears nothing there"
        yield hidden in NOT_IN, ACT, outside, fix
        yield hidden == GONE, LOOK, f"{says}; it is no longer in Slack, or never was", ""
        yield bool(hidden), LOOK, f"{says}; Slack doesn't show it ({hidden})", ""
        yield is_own, WELL, f"{says} by the bot itself, so it isn't for Devin", ""
        yield True, WELL, f"{says} by {string(event, 'user') or string(event, 'bot_id')}", ""

    def _thread(self) -> Iterator[Row]:
        name, link = self.thread.thread_ts, self.link
        if link is None:
            fix = f"Mention the bot in it with `link` and the session. {SEND}"
            yield True, LOOK, f"{name} isn't linked to a session", fix
            return
        says = f"{name} is linked to {link.session}, by {link.by} at {self._at(link.at * 1000)}"
        says = f"{says}; it follows {link.follow}" if link.follow else says
        fix = f"Mention the bot in it with `unmute`. {SEND}"
        yield link.muted, LOOK, f"{says}; it is muted, so nothing in it goes to Devin", fix
        yield True, WELL, says, ""

    def _delivery(self, settings: Settings) -> Iterator[Row]:
        """List what may be said of a reply that was accepted."""
        reply, session = self.reply, self.session
        if reply.state == "done" and reply.outcome is not None:
            kind, refusal = reply.outcome.kind, reply.outcome.refusal
            means, fix = ENDS[kind]
            says = f"ended as {kind} for {reply.session}: {means}"
            says = f"{says} ({refusal})" if refusal else says
            yield refusal in FOR_OPERATOR, ACT, says, "Run `devin-relay doctor`."
            yield True, WELL if kind is OutcomeKind.DELIVERED else ACT, says, fix
        is_gone = reply.state == "withdrawn"
        yield is_gone, LOOK, "was deleted, or made an aside, before it was sent", ""
        is_ahead, fix = reply.state == "ahead", f"Wait for Slack. {SEND}"
        yield is_ahead, LOOK, "was edited or deleted, and hasn't come itself yet", fix
        if session is not None and reply.state == "sending":
            says = f"is being sent to {session.id}, which began at {self._at(reply.sending_since)}"
            is_new = self._is_within(reply.sending_since)
            slow = "" if is_new else ALERT.format("RelayDevinSlow")
            yield session.is_leased, WELL if is_new else ACT, says, slow
            fix = "Within 20 seconds, another process looks into the session; else start one."
            yield True, LOOK if is_new else ACT, f"{says}; its process died or froze", fix
        if session is not None and reply.state == "waiting":
            yield from self._queued(session, millis(settings.give_up_after))
        yield True, ACT, f"is in no state that this release knows ({reply.state})", LOG

    def _queued(self, session: SessionTrace, longest: int) -> Iterator[Row]:
        """List what may hold up a reply: another one, a process, Devin, or threads to read."""
        reply, mail, due = self.reply, session.mail, session.due or self.reply.at
        says = f"has waited for {session.id} since {self._at(reply.accepted)}"
        first, place = next(iter(mail), ""), 1 + [*mail, self.id].index(self.id)
        behind = f"{says}, as number {place} of {len(mail)}; {first} is first"
        yield first not in {"", self.id}, LOOK, behind, "Ask why that one waits."
        yield session.is_leased or not first, LOOK, f"{says}; a process is taking it", LATER
        stuck = f"{says}; it was due at {self._at(due)}, and no process takes it"
        yield due < reply.at - LATE, ACT, stuck, ALERT.format("RelayMailStuck")
        tries = f"{session.attempts} {plural(session.attempts, 'try', 'tries')}"
        ends = self._at(max(session.failing, reply.accepted) + longest)
        away = f"{says}; Devin has put it off since {self._at(session.failing)}, {tries} so far"
        away = f"{away}; it is tried next at {self._at(due)}, and given up at {ends} or later"
        yield bool(session.failing), LOOK, away, "Wait. Log `waits` has Devin's reason."
        unread = f"{says}; its session's threads are read first, until {self._at(due)} at most"
        yield bool(session.behind), LOOK, unread, "Wait. Log `catching up` tells of it."
        yield True, LOOK, f"{says}; it is due at {self._at(due)}", LATER

    def _unheard(self, settings: Settings) -> Iterator[Row]:
        """List what may have kept a message from being accepted, the certain reasons first."""
        not_ = "was never accepted: "
        user, link, event = self.ours.user if self.ours else "", self.link, self.event
        said = messages.parse_message(event, self.thread.team)
        is_aside = said is not None and messages.is_aside(said, user)
        is_foreign = said is not None and said.bots and not settings.allow_bots & {*said.bots}
        is_root = self.ts == ts_micros(self.thread.thread_ts)
        channels, is_new = settings.allow_channels, self._is_within(self.ts // 1000)
        is_barred = bool(channels) and self.thread.channel not in channels
        since = 0 if link is None else link.since
        yield self.hidden == GONE, LOOK, f"{not_}it isn't in Slack", ""
        yield self.hidden in NOT_IN, LOOK, f"{not_}Slack sends no events from that channel", ""
        is_notice = bool(event) and not messages.is_said(event)
        yield is_notice, LOOK, f"{not_}it is a system message from Slack", ""
        yield is_aside, LOOK, f"{not_}it is an aside", SEND
        fix = f"Log `turned away` has the rule. {ALLOW}"
        yield self.is_turned_away, LOOK, f"{not_}its author may not message Devin", fix
        yield self.is_answered, LOOK, f"{not_}it was for the bot, which has answered it", ""
        yield is_root, LOOK, f"{not_}it begins its thread, and only replies go to Devin", SEND
        yield link is None, LOOK, f"{not_}its thread isn't linked", ""
        takes = link is not None and link.takes_replies
        yield not takes, LOOK, f"{not_}its thread takes no replies, as it is muted", ""
        earlier = f"{not_}its thread was linked or unmuted later, at {self._at(since // 1000)}"
        yield self.ts <= since, LOOK, earlier, SEND
        yield is_barred, LOOK, f"{not_}its channel isn't in ALLOW_CHANNELS", ALLOW
        yield bool(is_foreign), LOOK, f"{not_}a bot that isn't in ALLOW_BOTS wrote it", ALLOW
        fix = "Wait. Log `catching up` tells of it; log `thread not read` has Slack's reason."
        yield self.is_unread, LOOK, f"{not_}its thread is yet to be read for missed replies", fix
        yield is_new, LOOK, f"{not_}it may be on its way", "Ask again in a minute."
        lost = f"{not_}no event came, it was refused, or it ended more than 7 days ago"
        fix = f"{LOG} Without any, mention the bot there; if it's silent, reinstall the app. {SEND}"
        yield True, ACT, lost, fix

    def _is_within(self, at: int) -> bool:
        return self.reply.at - at < STUCK

    def _report(self, kind: OwedKind, due: int) -> Iterator[Row]:
        is_open = self.reply.state in {"waiting", "sending"}
        fix, at = ALERT.format("RelayReportsWaiting"), self._at(due)
        what = "its outcome" if kind is OwedKind.OUTCOME else "⏳, or its removal,"
        yield (
            due < self.reply.at - LATE,
            ACT,
            f"{what} was due at {at}, and no process tells it",
            fix,
        )
        yield kind is OwedKind.DELAY and is_open, WELL, f"⏳ and its message are due at {at}", ""
        fix = f"Log `report waits` has Slack's reason, if it refused. {fix}"
        yield True, LOOK, f"{what} isn't in the thread yet; it is tried next at {at}", fix

    def _polls(self, session: SessionTrace) -> Iterator[Row]:
        seen, polled = session.seen, session.polled
        read = f"read last at {self._at(seen.read_at)}" if seen.read_at else "not read yet"
        state = "not found by Devin" if seen.is_missing else seen.state.value
        says = f"{session.id} is {state}, {read}; {len(session.mail)} queued"
        over = f"{says}; not polled any more, as it has ended, or no thread follows it"
        yield polled is None, LOOK, over, "A reply has it read again."
        polled = polled or 0
        late = f"{says}; its poll was due at {self._at(polled)}, and no process makes it"
        yield polled < self.reply.at - LATE, ACT, late, ALERT.format("RelayWatchLate")
        yield True, WELL, f"{says}; polled next at {self._at(polled)}", ""

    def _words(self, session: SessionTrace) -> Iterator[Row]:
        due, is_followed = session.words_due, session.is_followed
        read = "all that was read for this thread is in it, or was left out for good"
        yield due is None and is_followed, WELL, read, ""
        yield due is None, LOOK, f"this thread doesn't follow {session.id}", ""
        due = due or 0
        since = session.words_since or due
        says = f"have waited since {self._at(since)}; they are tried next at {self._at(due)}"
        says = f"{says}; {session.posting} of them are being posted" if session.posting else says
        is_late = due < self.reply.at - LATE or since < self.reply.at - OLD
        yield True, ACT if is_late else LOOK, says, ALERT.format("RelayWordsWaiting")


def _first(what: str, rows: Iterable[Row]) -> Finding:
    """Return the first row that holds."""
    return _finding(what, *next(row[1:] for row in rows if row[0]))


def _finding(what: str, grade: str, says: str, fix: str) -> Finding:
    return Finding(what, is_good=grade != ACT, says=says, fix=fix, warns=grade == LOOK)
