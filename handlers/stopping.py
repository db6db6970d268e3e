"""Slack's *Stop*, which it shows while a thread's session is at work.

Shape: docs.slack.dev/reference/events/agent_session_stopped. Slack sends a press again that was not
acknowledged, so it is claimed once all that it causes is in Redis.
"""

from slack_bolt.async_app import AsyncApp

from bot.model.errors import PersonError
from bot.model.people import UserId, is_id
from bot.model.record import mapping, string
from bot.model.threads import ThreadRef, is_ts
from bot.relay import UseCases
from bot.wording import refusals
from handlers.parse.events import Payload


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to *Stop*."""

    @app.event("agent_session_stopped")
    async def on_stop(body: Payload) -> None:
        stop = parse_stop(body, cases.workspace.team)
        if stop is not None:
            await _obey(cases, *stop)


async def _obey(cases: UseCases, thread: ThreadRef, by: UserId, ts: str) -> None:
    """Have Devin stopped, or tell the person alone why not."""
    claim = f"stop:{thread.channel}:{thread.thread_ts}:{ts}"
    if await cases.state.claims.is_claimed(claim):
        return
    try:
        words = await cases.stopping.stop(thread, by, ts)
    except PersonError as error:
        words = refusals.sorry(error, cases.workspace.admin)
    await cases.stopping.show(thread)
    if words is not None:
        await cases.notices.whisper(thread, by, words, once=claim)
    await cases.state.claims.claim(claim)


def parse_stop(body: Payload, team: str) -> tuple[ThreadRef, UserId, str] | None:
    """Parse a press of *Stop*: the thread, the person, and its time, a `ts`.

    None if one of them is missing. The time may be that of the delivery, which stays the same when
    Slack sends it again.
    """
    event = mapping(body.get("event"))
    channel, root = string(event, "channel"), event.get("thread_ts")
    by, ts = string(event, "user"), string(event, "event_ts") or f"{body.get('event_time')}.000000"
    if not is_id(channel) or not is_id(by) or not is_ts(root) or not is_ts(ts):
        return None
    return ThreadRef(team=team, channel=channel, thread_ts=root), UserId(by), ts
