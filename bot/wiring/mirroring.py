"""The mirror: what polls sessions, and what posts their words and states."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.mirror.audience import Audience
from bot.mirror.card import CardTeller
from bot.mirror.files import SentFiles
from bot.mirror.poll import SessionPoll
from bot.mirror.polling import Polling
from bot.mirror.posting import Ways
from bot.mirror.status import StatusLines
from bot.mirror.words import WordsTeller
from bot.model.generation import generation_of
from bot.model.threads import ThreadRef
from bot.reporting.notices import Notices
from bot.schedule.local import LocalDispatch
from bot.slack.app.workspace import Workspace
from bot.slack.posts import Posts
from bot.slack.status_line import StatusLine
from bot.slack.uploads import Uploads
from bot.store.mirror.reads import Reads
from bot.store.mirror.words import Words
from bot.wording.message import SlackMessage

if TYPE_CHECKING:
    from bot.wiring.parts import Connections, Kept


@dataclass(frozen=True, slots=True)
class Mirror:
    """The polls, the tellers of what it finds, and what decides who may read it."""

    polling: Polling
    words: WordsTeller
    cards: CardTeller
    audience: Audience


@dataclass(frozen=True, slots=True)
class Base:
    """The parts that the mirror is built on."""

    to: "Connections"
    kept: "Kept"
    workspace: Workspace
    schedule: LocalDispatch
    posts: Posts
    notices: Notices


def mirror_of(base: Base) -> Mirror:
    """Build the mirror."""
    settings, kept = base.to.settings, base.kept
    audience = Audience(
        links=kept.links,
        channels=base.workspace.channels,
        people=base.workspace.people,
        default=settings.mirror,
        allows_external=settings.mirror_external,
    )
    lines = StatusLines(StatusLine(base.to.client), kept.watches, audience, base.to.background)
    return Mirror(
        polling=Polling(
            _sessions(base, lines),
            kept.watches,
            base.to.background,
            base.to.timing,
        ),
        words=_words(base, audience, lines),
        cards=_cards(base, audience, lines),
        audience=audience,
    )


def _sessions(base: Base, lines: StatusLines) -> SessionPoll:
    settings = base.to.settings
    return SessionPoll(
        devin=base.to.devin,
        watches=base.kept.watches,
        reads=Reads(base.to.store, settings.devin_reads),
        names=base.kept.names,
        status_lines=lines,
        schedule=base.schedule,
        default=settings.mirror,
        api=str(generation_of(settings.devin_api_key.get_secret_value())),
        pause=base.to.timing.watch_pause,
    )


def _words(base: Base, audience: Audience, lines: StatusLines) -> WordsTeller:
    words = Words(base.to.store)

    files = SentFiles(
        devin=base.to.devin,
        uploads=Uploads(base.to.client, base.workspace.threads),
        words=words,
        limit=base.to.settings.file_limit,
    )

    async def say(thread: ThreadRef, said: SlackMessage, once: str) -> None:
        await base.notices.say(thread, said, once=once)

    return WordsTeller(
        words=words,
        cards=base.kept.cards,
        watches=base.kept.watches,
        names=base.kept.names,
        audience=audience,
        ways=Ways(words, base.posts, files, base.to.timing.post_pause),
        status_lines=lines,
        schedule=base.schedule,
        say=say,
        notifies=base.to.settings.notify,
        clock=base.workspace.clock,
    )


def _cards(base: Base, audience: Audience, lines: StatusLines) -> CardTeller:
    return CardTeller(
        cards=base.kept.cards,
        outbox=base.kept.outbox,
        watches=base.kept.watches,
        names=base.kept.names,
        audience=audience,
        people=base.workspace.people,
        posts=base.posts,
        status_lines=lines,
        schedule=base.schedule,
    )
