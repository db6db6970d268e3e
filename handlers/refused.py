"""What was refused is remembered, so that it is found by reading if Slack brings it no more."""

from bot.gaps import Missed
from bot.listening import Listening
from bot.models import ts_micros
from handlers.payloads import Payload, field, is_ts, mapping, parse_command, parse_thread

MESSAGES = ("message", "app_mention")


def remember(listening: Listening, body: Payload, team: str, bot_user: str) -> None:
    """Remember an event that is not acknowledged, or a time in which Slack brings none.

    Above 30,000 deliveries an hour Slack sends `app_rate_limited` for each minute in which it drops
    events (docs.slack.dev/apis/events-api).
    """
    if body.get("type") == "app_rate_limited":
        minute = body.get("minute_rate_limited")
        listening.missed(minute * 1_000_000 if isinstance(minute, int) else None)
    else:
        listening.refused(parse_missed(mapping(body.get("event")), team, bot_user))


def parse_missed(event: Payload, team: str, bot_user: str) -> Missed | None:
    """Where to read what an event would have brought; None where there is nothing of ours.

    Of an edit or a deletion it is the message that counts.
    """
    inner = mapping(event.get("message")) or mapping(event.get("previous_message")) or event
    message = {**inner, "channel": event.get("channel")}
    thread, ts = parse_thread(message, team), field(message, "ts")
    if event.get("type") not in MESSAGES or thread is None or not is_ts(ts):
        return None
    is_command = parse_command(message, team, bot_user) is not None
    is_reply = thread.thread_ts != ts
    return Missed(thread, ts_micros(ts), is_command) if is_command or is_reply else None
