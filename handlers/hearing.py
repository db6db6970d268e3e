"""Notes what Slack delivers and what is refused, so that catch-up can read what is missing.

Events that no listener would act on are acknowledged before Bolt builds a request, which takes it
longer than all the rest. The listeners' own parsers decide that; what is in doubt is theirs.
"""

from bot.model.errors import StoreAway
from bot.model.record import first_of, mapping, string
from bot.model.threads import is_ts, ts_micros
from bot.relay import UseCases
from bot.relay.listening import Listening
from bot.store.checkpoints import Missed
from handlers import edits, events, replies
from handlers.parse.commands import parse_command, parse_spoken
from handlers.parse.events import Payload, is_in_thread, is_own, parse_reaction, parse_thread


class Hearing:
    """The `Observer` of the app: it parses a payload, and `Listening` keeps the result."""

    def __init__(self, listening: Listening, cases: UseCases) -> None:
        self._listening = listening
        self._cases = cases
        self._team = cases.workspace.team
        self._bot_user = cases.workspace.identity.user

    def brought(self, payload: Payload) -> None:
        """Learn Slack's time from a payload, and a gap from `app_rate_limited`.

        Above 30,000 deliveries an hour Slack sends `app_rate_limited` for each minute in which it
        drops events (docs.slack.dev/apis/events-api).
        """
        if (at := _time_of(payload)) is not None:
            self._cases.workspace.clock.told(at)
        if payload.get("type") == "app_rate_limited":
            minute = payload.get("minute_rate_limited")
            self._listening.missed(minute * 1_000_000 if isinstance(minute, int) else None)

    async def is_foreign(self, payload: Payload) -> bool:
        """Whether no listener would act on a payload; False if Redis must say so, and cannot.

        Only reactions and messages are judged: of these, the bot's own, changes that nobody made
        to a reply, and talk outside of linked threads.
        """
        event = mapping(payload.get("event"))
        if payload.get("type") == "event_callback" and event.get("type") == "reaction_added":
            return parse_reaction(event, self._cases.workspace) is None
        if payload.get("type") != "event_callback" or event.get("type") != "message":
            return False
        ours = self._cases.workspace.identity
        if is_own(event, ours):
            return True
        if events.shared_channel(event, payload) or events.changed_channel(event):
            return False
        if event.get("subtype") in edits.CHANGES:
            return edits.parse_change(event, ours.tenant, ours.user) is None
        return await _is_talk(self._cases, event)

    def ended(self, payload: Payload, *, is_kept: bool) -> None:
        """Let an event that is kept vouch for earlier ones; have the thread of any other read."""
        event = mapping(payload.get("event"))
        if not is_kept and (missed := parse_missed(event, self._team, self._bot_user)):
            self._listening.refused(missed)
        if is_kept and event and (at := _time_of(payload)) is not None:
            self._listening.kept(at)

    def missed(self) -> None:
        """Have every thread read."""
        self._listening.missed()


async def _is_talk(cases: UseCases, event: Payload) -> bool:
    """Whether a message is neither for the bot, nor names a session, nor is in a linked thread."""
    ours = cases.workspace.identity
    thread, is_answer = parse_thread(event, ours.tenant), is_in_thread(event)
    if thread is None or (is_answer and cases.replies.is_known(thread)):
        return False
    if replies.names_session(event) or parse_spoken(event, ours.tenant, ours.user) is not None:
        return False
    if not is_answer:
        return True
    try:
        return not await cases.replies.is_linked(thread)
    except StoreAway:
        return False


def parse_missed(event: Payload, team: str, bot_user: str) -> Missed | None:
    """Find the place to read after a refused event; None if it is not ours.

    For an edit or a deletion, that is the place of the message, if it is a reply or a command.
    """
    inner = mapping(event.get("message")) or mapping(event.get("previous_message")) or event
    message = {**inner, "channel": event.get("channel")}
    thread, ts = parse_thread(message, team), string(message, "ts")
    if event.get("type") not in events.KINDS or thread is None or not is_ts(ts):
        return None
    is_command = parse_command(message, team, bot_user) is not None
    is_for_bot = is_command or parse_spoken(event, team, bot_user) is not None
    is_reply = thread.thread_ts != ts
    return Missed(thread, ts_micros(ts), is_for_bot) if is_for_bot or is_reply else None


def _time_of(payload: Payload) -> int | None:
    """The time that Slack gives for a payload, in microseconds; None for a submitted form."""
    action = first_of(payload.get("actions")) or payload
    ts = string(mapping(payload.get("event")), "event_ts") or string(action, "action_ts")
    return ts_micros(ts) if is_ts(ts) else None
