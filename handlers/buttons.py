"""The buttons that everybody in a thread sees: under reports, cards and questions, and to end it.

Slack's own *Stop*, which it shows while a thread's session is at work, is an event
(docs.slack.dev/reference/events/agent_session_stopped). Slack sends one again that was not
acknowledged, so it is claimed once all that it causes is in Redis.
"""

import re

from slack_bolt.async_app import AsyncApp

from bot.model.errors import AnsweredAlready, MovedOn, PersonError, SlackAway
from bot.model.people import UserId
from bot.model.record import mapping, string
from bot.model.sessions import Closing, Follow
from bot.model.threads import ThreadRef, is_id
from bot.model.times import is_ts
from bot.relay import UseCases
from bot.wording import actions, delivery_reports, thread_links
from bot.wording.lifecycle import ending
from bot.wording.mirror import posts as mirror_notices
from handlers.answering import in_words_by_now, on_press
from handlers.parse.interactions import Press, parse_answer, send_again_of, session_of
from handlers.parse.messages import Payload

OPTION = re.compile(rf"{actions.ANSWER}_[0-9]")


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to all of them."""
    _register_links(app, cases)
    _register_endings(app, cases)
    _register_stopping(app, cases)

    @on_press(app, cases, actions.SEND_AGAIN)
    async def on_send_again(press: Press) -> str:
        await cases.edits.send_again(*send_again_of(press), press.thread, press.by)
        return delivery_reports.sent_again(await cases.workspace.people.name(press.by))

    @on_press(app, cases, OPTION, actions.APPROVE)
    async def on_answer(press: Press) -> None:
        found, pressed = parse_answer(press), string(press.message, "ts")
        if found is None:
            raise MovedOn
        # Buttons that answer nothing any more give way at once.
        try:
            await cases.speaking.answer(press.thread, pressed, *found, press.by)
        except AnsweredAlready as error:
            chosen = mirror_notices.chosen(error.by, error.text)
            cases.notices.press(press.message, press.channel, chosen)
            raise
        except MovedOn:
            cases.notices.press(press.message, press.channel, mirror_notices.MOVED_ON)
            raise


def _register_links(app: AsyncApp, cases: UseCases) -> None:
    @on_press(app, cases, actions.UNLINK)
    async def on_unlink(press: Press) -> str | None:
        thread = press.thread
        link = await cases.linking.unlink(thread, press.by, session_of(press))
        by = await cases.workspace.people.name(press.by)
        if not await cases.state.cards.is_at(thread, link, string(press.message, "ts")):
            return delivery_reports.unlinked_by(by)
        named = await cases.audience.named(link.session, thread.channel, link.by)
        await cases.notices.say(thread, thread_links.unlinked(named, by))
        return None

    @on_press(app, cases, actions.FOLLOW, actions.UNFOLLOW)
    async def on_follow(press: Press) -> None:
        how = Follow.ALL if press.button == actions.FOLLOW else Follow.OFF
        await cases.linking.follow(press.thread, press.by, how, session_of(press))


def _register_endings(app: AsyncApp, cases: UseCases) -> None:
    @on_press(app, cases, actions.KEEP_SESSION)
    async def on_keep(press: Press) -> str:
        await cases.accepting.check(press.by, press.channel)
        return ending.kept_by(await cases.workspace.people.name(press.by))

    @on_press(app, cases, actions.END_SESSION, actions.ARCHIVE_SESSION)
    async def on_close(press: Press) -> str | None:
        how = Closing.END if press.button == actions.END_SESSION else Closing.ARCHIVE
        asked, thread = string(press.message, "ts"), press.thread
        failure = await cases.ending.close(how, thread, session_of(press), press.by, asked)
        if failure is None:
            return ending.closed_by(how, await cases.workspace.people.name(press.by))
        await cases.notices.say(thread, failure)
        return None


def _register_stopping(app: AsyncApp, cases: UseCases) -> None:

    @app.event("agent_session_stopped")
    async def on_stop(body: Payload) -> None:
        stop = parse_stop(body, cases.workspace.team)
        if stop is None:
            return
        thread, by, ts = stop
        claim = f"stop:{thread.channel}:{thread.thread_ts}:{ts}"
        if await cases.state.claims.is_claimed(claim):
            return
        try:
            words = await cases.ending.stop(thread, by, ts)
        except (PersonError, SlackAway) as error:
            words = in_words_by_now(cases, error, by, ts)
        if words is not None:
            await cases.notices.whisper(thread, by, words, once=claim)
        await cases.ending.show(thread)
        await cases.state.claims.claim(claim)


def parse_stop(body: Payload, team: str) -> tuple[ThreadRef, UserId, str] | None:
    """Parse a press of *Stop*: the thread, the person, and its time, or that of the delivery."""
    event = mapping(body.get("event"))
    channel, root = string(event, "channel"), event.get("thread_ts")
    by, ts = string(event, "user"), string(event, "event_ts") or f"{body.get('event_time')}.000000"
    if not is_id(channel) or not is_id(by) or not is_ts(root) or not is_ts(ts):
        return None
    return ThreadRef(team=team, channel=channel, thread_ts=root), UserId(by), ts
