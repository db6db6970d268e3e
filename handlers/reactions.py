"""Reactions with the emoji that starts sessions: each message starts one, whoever reacts to it.

What keeps a reaction from that is told to the person who reacted alone.
"""

from slack_bolt.async_app import AsyncApp

from bot.model.errors import PersonError, SlackRefused
from bot.model.replies import Reply
from bot.model.threads import ThreadRef
from bot.relay import UseCases
from bot.slack.threads import NO_SUCH_THREAD
from bot.wording import refusals
from handlers.parse.events import (
    Payload,
    Reaction,
    is_own,
    is_said,
    parse_message,
    parse_reaction,
)


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to reactions; Slack sends them only to an app with `manifest --emoji`."""

    @app.event("reaction_added")
    async def on_reaction(event: Payload) -> None:
        reaction = parse_reaction(event, cases.workspace)
        if reaction is None or (await cases.workspace.people.person(reaction.by)).is_bot:
            return
        message = await _message(cases, reaction)
        if message is None:
            return
        by, ts, at = reaction.by, reaction.ts, reaction.at
        sent = message if by == message.author else message.model_copy(update={"sent_by": by})
        try:
            await cases.starting.start(sent, is_talk=True, pressed=at, emoji=reaction.emoji)
        except PersonError as error:
            told = refusals.sorry(error, cases.workspace.admin)
            await cases.notices.whisper(message.thread, by, told, once=f"emoji:{at}", at=ts)


async def _message(cases: UseCases, reaction: Reaction) -> Reply | None:
    """Return the message as it is now; None if it's gone, or our own, or no one's.

    Slack finds a message of a thread by its own `ts`, too
    (docs.slack.dev/reference/methods/conversations.replies).
    """
    workspace, ts = cases.workspace, reaction.ts
    place = ThreadRef(team=workspace.team, channel=reaction.channel, thread_ts=ts)
    try:
        found = await workspace.threads.message(place, ts)
    except SlackRefused as error:
        if error.reason in NO_SUCH_THREAD:
            return None
        raise
    if found is None or not is_said(found) or is_own(found, workspace.identity):
        return None
    return parse_message({**found, "channel": reaction.channel}, workspace.team)
