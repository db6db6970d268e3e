"""A reaction with START_EMOJI; Slack brings reactions only to an app with `manifest --emoji`."""

from slack_bolt.async_app import AsyncApp

from bot.features.reactions.use import Reaction, Reactions
from bot.model.errors import PersonError, SlackAway, SlackRefused
from bot.model.people import UserId
from bot.model.record import mapping, string
from bot.model.replies import Reply
from bot.model.threads import ThreadRef, is_id
from bot.model.times import is_ts
from bot.relay import UseCases
from bot.slack.app.workspace import Workspace
from handlers.answering import in_words_by_now
from handlers.feature import Feature
from handlers.parse.messages import Payload, is_own, is_said, parse_message


def parse_reaction(event: Payload, workspace: Workspace) -> Reaction | None:
    """Parse a reaction with START_EMOJI, in any skin tone, where that starts sessions."""
    item, settings = mapping(event.get("item")), workspace.settings
    by, emoji = string(event, "user"), string(event, "reaction").partition("::")[0]
    channel, ts, at = string(item, "channel"), string(item, "ts"), string(event, "event_ts")
    is_start = emoji == settings.start_emoji and channel in settings.start_emoji_channels
    if not (is_start and is_id(by) and is_ts(ts) and is_ts(at)) or by == workspace.identity.user:
        return None
    return Reaction(UserId(by), emoji, channel, ts, at)


def listen(app: AsyncApp, cases: UseCases, reactions: Reactions) -> None:
    """Listen to reactions."""

    @app.event("reaction_added")
    async def on_reaction(event: Payload) -> None:
        if (reaction := parse_reaction(event, cases.workspace)) is None:
            return
        place = cases.workspace.place(reaction.channel)
        try:
            is_bot = (await cases.workspace.people.person(reaction.by)).is_bot
            message = None if is_bot else await _message(cases, reaction)
            if message is not None:
                place = message.thread
                await reactions.start(reaction, message)
        except (PersonError, SlackAway, SlackRefused) as error:
            told = in_words_by_now(cases, error, reaction.by, reaction.at)
            once = f"emoji:{reaction.at}"
            await cases.notices.whisper(place, reaction.by, told, once=once, at=reaction.ts)


async def _message(cases: UseCases, reaction: Reaction) -> Reply | None:
    """Return the message as it is now; None if it's gone, or our own, or no one's."""
    workspace, ts = cases.workspace, reaction.ts
    place = ThreadRef(team=workspace.team, channel=reaction.channel, thread_ts=ts)
    found = await workspace.threads.message(place, ts)
    if found is None or not is_said(found) or is_own(found, workspace.identity):
        return None
    return parse_message({**found, "channel": reaction.channel}, workspace.team)


REACTIONS = Feature(builds=Reactions, listens=listen)
