"""`devin-relay why` says what became of one message, and what to do next; it changes nothing.

It reads Redis, and asks Slack who the bot is, and for the message. The output has ids, times and
states, and nothing that people or Devin wrote.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from bot.app import open_slack
from bot.doctor import REDIS_ERRORS, who_is
from bot.model.errors import SlackAway, SlackRefused, StoreAway
from bot.model.findings import Finding
from bot.model.record import string
from bot.model.replies import OutcomeKind, Refusal, ReplyId, reply_id
from bot.model.sessions import Follow, SessionState
from bot.model.threads import ThreadRef, ts_micros
from bot.redis import keep
from bot.redis.connection import Store, check_schema, millis, open_store
from bot.redis.embedded.home import ValkeyHome
from bot.settings import Settings
from bot.slack.api import SlackClient, call
from bot.slack.app.workspace import Identity
from bot.slack.threads import NO_SUCH_CHANNEL, NO_SUCH_THREAD
from bot.store.claims import Claims
from bot.store.outbox import OwedKind
from bot.store.traces import Trace, trace
from bot.wording.phrases import plural, span
from handlers.mentions import claim_of
from handlers.parse import messages

Rows = Iterator[tuple[str, str, str]]
"""Possible findings, of which the first counts: the grade, what it says, and what to do."""

WELL, LOOK, ACT = "well", "look", "act"

GONE, STEP = "gone", "step"
NOT_IN = frozenset({"not_in_channel", NO_SUCH_CHANNEL})
SECOND, LATE, STUCK, OLD, DAY = 1_000, 10_000, 60_000, 300_000, 86_400_000

SEND = "*Send to Devin* in the message's menu sends it."
LOG = "See its lines in the log (docs/troubleshooting.md, Find a reply)."
SEE = "See docs/operations.md,"
ALLOW = f"Allow that (docs/configuration.md, Who may message Devin). {SEND}"
NAME_ALL = "Name it as the log does: T0123ABCD:C0123ABCD:1764000000.000100."
LATER = "Ask again in a few seconds."
NAME = "Ask with a permalink that has thread_ts, as Copy link of a reply gives it."
AGAIN = ("Devin may have it", "Look into the session; if it isn't there, press *Send again*.")

ENDS: Mapping[OutcomeKind | Refusal, tuple[str, str]] = {
    OutcomeKind.DELIVERED: ("Devin has it", ""),
    OutcomeKind.UNCERTAIN: AGAIN,
    OutcomeKind.UNCONFIRMED: AGAIN,
    OutcomeKind.SUSPENDED: AGAIN,
    OutcomeKind.GIVEN_UP: ("Devin took nothing for too long", "Press *Send again* in the thread."),
    OutcomeKind.ENDED: ("its session takes no more", f"Link or start another one. {SEND}"),
    OutcomeKind.REFUSED: ("Devin rejected it", "The thread has the reason."),
    Refusal.KEY_REJECTED: ("Devin rejects the key", f"{SEE} RelayKeyRejected."),
    Refusal.FORBIDDEN: ("Devin rejected it", f"{SEE} RelayForbidden."),
    Refusal.ACTING: ("Devin rejected it", "Run `devin-relay doctor`, and see ACT_AS."),
}
"""What each outcome means, and what to do; some refusals have a row of their own."""

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

    @property
    def id(self) -> ReplyId:
        """The key of the reply that it may be."""
        return reply_id(self.team, self.channel, self.ts)


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
        if not team or place.team not in {"", team}:
            says, fix = (
                f"its workspace is {place.team}, and the bot's is {team}",
                "Ask with the settings of its relay.",
            )
            if not team:
                says, fix = "its workspace isn't known without Slack", NAME_ALL
            yield _finding("Message", ACT, says, fix)
            return
        own, place = store.of(team), replace(place, team=team)
        try:
            if not await check_schema(own):
                fix = "Check REDIS_URL and DATA_DIR: they have to be those of the relay."
                yield _finding("Redis", ACT, f"no relay of {team} has used it", fix)
                return
            look = await _look(client, own, settings, ours, place)
        except StoreAway as error:
            fix = "Start the relay, or ask on its machine, as its user and with its settings."
            fix = REDIS_ERRORS if settings.redis_url else fix
            yield _finding("Redis", ACT, f"can't be read ({error})", fix)
            return
    for what, rows in look.told():
        yield _finding(what, *next(rows))


def _finding(what: str, grade: str, says: str, fix: str) -> Finding:
    return Finding(what, is_good=grade != ACT, says=says, fix=fix, warns=grade == LOOK)


async def _shown(client: SlackClient, place: Place) -> tuple[Mapping[str, Any], str]:
    """Return the message as Slack shows it, or nothing, and Slack's reason, `GONE` or `STEP`."""
    where, start = place.channel, place.thread_ts or place.ts
    if where.startswith("-"):
        return {}, STEP
    only = {"oldest": place.ts, "latest": place.ts, "inclusive": True}
    try:
        page = await call(client, "conversations.replies", channel=where, ts=start, **only)
    except (SlackRefused, SlackAway) as error:
        return {}, GONE if error.reason in NO_SUCH_THREAD else error.reason
    found = next((one for one in page["messages"] if one.get("ts") == place.ts), None)
    return ({**found, "channel": where}, "") if found else ({}, GONE)


async def _look(
    client: SlackClient, store: Store, settings: Settings, ours: Identity | None, place: Place
) -> "_Look":
    event, hidden = await _shown(client, place)
    root = string(event, "thread_ts") or place.thread_ts
    root = root or (place.ts if event or hidden == STEP else "")
    thread = ThreadRef(team=place.team, channel=place.channel, thread_ts=root)
    claims = Claims(store)
    return _Look(
        settings=settings,
        ours=ours,
        place=place,
        event=event,
        hidden=hidden,
        trace=await trace(store, place.id, thread if root else None),
        is_turned_away=await claims.is_claimed(f"turned away:{place.id}"),
        is_answered=await claims.is_claimed(claim_of(thread, place.ts)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What is known of a message; `event` and `hidden` are as `_shown` returns them."""

    settings: Settings
    ours: Identity | None
    place: Place
    event: Mapping[str, Any]
    hidden: str
    trace: Trace
    is_turned_away: bool
    is_answered: bool

    def told(self) -> Iterator[tuple[str, Rows]]:
        """Judge all of it."""
        state = self.trace.reply.state
        # What people say through the bot is its own post, and goes to Devin all the same.
        is_own = self.ours is not None and messages.is_own(self.event, self.ours) and not state
        yield "Message", self._message(is_own=is_own)
        if self.hidden != STEP:
            yield "Thread", self._thread()
        if not is_own:
            yield "Reply", self._accepted() if state else self._unheard()
        for kind, due in self.trace.reports.items():
            yield "Report", self._report(kind, due)
        if self.trace.session:
            yield "Session", self._polls()
            if self.trace.thread is not None and self.hidden != STEP:
                yield "Devin's words", self._words()

    def _at(self, at: int) -> str:
        """Say a time by the clock, and how long ago, or in which time, it is."""
        try:
            clock, far = datetime.fromtimestamp(at / 1000, UTC), abs(self.trace.at - at)
        except (ValueError, OverflowError, OSError):
            return "a time that can't be read"
        lasts = span(timedelta(milliseconds=far))
        passed = "now" if far < SECOND else f"{lasts} ago" if at < self.trace.at else f"in {lasts}"
        return f"{clock:{'%Y-%m-%d ' if far > DAY else ''}%H:%M:%S} UTC ({passed})"

    def _message(self, *, is_own: bool) -> Rows:
        event, hidden, fix = self.event, self.hidden, f"/invite it there. {SEND}"
        says = f"{self.place.id}, written at {self._at(ts_micros(self.place.ts) // 1000)}"
        if hidden in NOT_IN:
            yield ACT, f"{says}; the bot isn't in its channel, and hears nothing there", fix
        elif hidden == GONE:
            yield LOOK, f"{says}; it is no longer in Slack, or never was", ""
        elif hidden == STEP:
            yield WELL, f"{says} for a workflow's step", ""
        elif hidden:
            yield LOOK, f"{says}; Slack doesn't show it ({hidden})", f"{SEE} RelaySlackErrors."
        elif is_own:
            yield WELL, f"{says} by the bot itself, so it isn't for Devin", ""
        else:
            yield WELL, f"{says} by {string(event, 'user') or string(event, 'bot_id')}", ""

    def _thread(self) -> Rows:
        thread, link = self.trace.thread, self.trace.link
        if thread is None:
            yield LOOK, "isn't known, as Slack doesn't show the message", NAME
        elif link is None:
            fix = f"Mention the bot in it with `link` and the session. {SEND}"
            yield LOOK, f"{thread.thread_ts} isn't linked to a session", fix
        else:
            says = f"{thread.thread_ts} is linked to {link.session}, by {link.by} at"
            says = f"{says} {self._at(link.at * 1000)}; it follows {self._follow}"
            says = says if link.follow else f"{says}, as MIRROR has it"
            if link.muted:
                fix = f"Mention the bot in it with `unmute`. {SEND}"
                yield LOOK, f"{says}; it is muted, so nothing in it goes to Devin", fix
            yield WELL, says, ""

    @property
    def _follow(self) -> str:
        link = self.trace.link
        return (link and link.follow) or self.settings.mirror

    def _accepted(self) -> Rows:
        reply, outcome = self.trace.reply, self.trace.reply.outcome
        if reply.state == "done" and outcome is not None:
            kind, refusal = outcome.kind, outcome.refusal
            means, fix = ENDS.get(refusal or kind, ENDS[kind])
            means = f"{means} ({refusal})" if refusal else means
            grade = WELL if kind is OutcomeKind.DELIVERED else ACT
            yield grade, f"ended as {kind} for {reply.session}: {means}", fix
        elif reply.state == "waiting":
            yield from self._queued()
        elif reply.state == "sending":
            is_new = self.trace.at - reply.sending_since < STUCK
            says = f"is being sent to {reply.session}, since {self._at(reply.sending_since)}"
            if self.trace.is_leased:
                fix = f"Large files take long; else: {SEE} RelayDevinSlow."
                yield WELL if is_new else LOOK, says, "" if is_new else fix
            fix = "Within 20 seconds, another process looks into the session; else start one."
            yield LOOK if is_new else ACT, f"{says}; its process died or froze", fix
        elif reply.state in {"withdrawn", "ahead"}:
            yield LOOK, "was deleted, or edited, before it was sent or came itself", SEND
        else:
            yield ACT, f"has a record that this release can't read ({reply.state})", LOG

    def _queued(self) -> Rows:
        """Tell what holds up a reply: another one, a process, Devin, or threads to read."""
        known, accepted, due = self.trace, self.trace.reply.accepted, self.trace.due
        says, last = f"has waited for {known.session} since", accepted + millis(keep.BEHIND)
        says = f"{says} {self._at(accepted)}"
        if known.is_leased or known.mail.rank is None:
            yield LOOK, f"{says}; a process is taking mail of its session", LATER
        elif known.mail.rank:
            says = f"{says}, as number {known.mail.rank + 1} of {known.mail.length}"
            yield LOOK, f"{says}; {known.mail.first} is first", "Ask why that one waits."
        elif due is None or due < known.at - LATE:
            says = f"{says}; it was due at {'no time' if due is None else self._at(due)}"
            yield ACT, f"{says}, and no process takes it", f"{SEE} RelayMailStuck."
        elif since := known.failing:
            tries = f"{known.attempts} {plural(known.attempts, 'try', 'tries')}"
            ends = self._at(max(since, accepted) + millis(self.settings.give_up_after))
            says = f"{says}; Devin has put it off since {self._at(since)}, {tries} so far; it is"
            says = f"{says} tried next at {self._at(due)}, and given up at {ends} or later"
            yield LOOK, says, "Wait. Log `waits` has Devin's reason."
        elif known.behind is not None and last > known.at:
            says = f"{says}; its session's threads are read first, until {self._at(last)} at most"
            yield LOOK, says, "Wait. Log `catching up` tells of it."
        else:
            yield LOOK, f"{says}; it is due at {self._at(due)}", LATER

    def _unheard(self) -> Rows:
        """Tell what kept a message from being accepted, the certain reasons first."""
        known, place, settings = self.trace, self.place, self.settings
        thread, link, ts = known.thread, known.link, ts_micros(place.ts)
        said = messages.parse_message(self.event, place.team)
        is_aside = said and messages.is_aside(said, self.ours.user if self.ours else "")
        is_foreign = said and said.bots and not settings.allow_bots & {*said.bots}
        is_barred = settings.allow_channels and place.channel not in settings.allow_channels
        rule = f"Log `turned away` has the rule. {ALLOW}"
        wait = "Wait. Log `catching up` tells of it; log `thread not read` has Slack's reason."
        reasons: Sequence[tuple[object, str, str]] = (
            (self.hidden == GONE, "it isn't in Slack", ""),
            (self.hidden in NOT_IN, "Slack sends no events from that channel", ""),
            (self.event and not messages.is_said(self.event), "it is a message of Slack's own", ""),
            (is_aside, "it is an aside", SEND),
            (self.is_turned_away, "its author may not message Devin", rule),
            (self.is_answered, "it was for the bot, which has answered it", ""),
            (is_barred, "its channel isn't in ALLOW_CHANNELS", ALLOW),
            (is_foreign, "a bot that isn't in ALLOW_BOTS wrote it", ALLOW),
            (not thread, "its thread would tell why", NAME),
            (not link, "its thread isn't linked", ""),
            (link and not link.takes_replies, "its thread takes no replies, as it is muted", ""),
            (link and ts <= link.since, "its thread was linked or unmuted after it", SEND),
            (known.is_unread, "its thread is yet to be read for missed replies", wait),
            (known.at - ts // 1000 < STUCK, "it may be on its way", "Ask again in a minute."),
        )
        for _, says, fix in filter(itemgetter(0), reasons):
            yield LOOK, f"was never accepted: {says}", fix
        lost = "was never accepted: no event came, it was refused, or it ended over 7 days ago"
        fix = f"{LOG} Without any, mention the bot there; if it's silent, reinstall the app. {SEND}"
        yield ACT, lost, fix

    def _report(self, kind: OwedKind, due: int) -> Rows:
        if kind is OwedKind.DELAY and due > self.trace.at:
            yield WELL, f"⏳ comes at {self._at(due)}, if it still waits then", ""
        what = "its outcome" if kind is OwedKind.OUTCOME else "⏳, or its removal,"
        grade = ACT if due < self.trace.at - LATE else LOOK
        fix = f"Log `report waits` has Slack's reason. {SEE} RelayReportsWaiting."
        yield grade, f"{what} isn't in the thread yet; it is due at {self._at(due)}", fix

    def _polls(self) -> Rows:
        known, seen, now = self.trace, self.trace.seen, self.trace.at
        read = f"read last at {self._at(seen.read_at)}" if seen.read_at else "not read yet"
        state = "not found by Devin" if seen.is_missing else seen.state.value
        says = f"{known.session} is {state}, {read}; {known.mail.length} queued"
        if known.polled is None:
            says = f"{says}; not polled any more, as it has ended, or no thread follows it"
            yield LOOK, says, "A reply has it read again."
        elif known.polled < now - LATE:
            says = f"{says}; its poll was due at {self._at(known.polled)}, and no process makes it"
            yield ACT, says, f"{SEE} RelayWatchLate."
        else:
            says = f"{says}; polled next at {self._at(known.polled)}"
            is_working = bool(seen.read_at) and seen.state is SessionState.WORKING
            since = seen.read_at if is_working else known.read_wanted_at
            if seen.is_missing or seen.read_at <= since < now - STUCK:
                yield LOOK, says, f"{SEE} RelayReadsFail."
            yield WELL, says, ""

    def _words(self) -> Rows:
        known, due = self.trace, self.trace.words
        if due is not None:
            since = known.words_since or due
            is_late = due < known.at - LATE or since < known.at - OLD
            says = f"have waited since {self._at(since)}; they are tried next at {self._at(due)}"
            yield ACT if is_late else LOOK, says, f"{SEE} RelayWordsWaiting."
        if not known.is_followed or self._follow == Follow.OFF:
            fix = "Mention the bot in it with `follow`."
            yield LOOK, f"this thread doesn't follow {known.session}, or not its words", fix
        says = "all that was read for this thread is in it, or was left out for good"
        bars = "" if self.settings.mirror_external else "; `status` tells if its channel bars them"
        yield WELL, f"{says}{bars}", ""
