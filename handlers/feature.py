"""What a feature adds to the relay, whose core imports none and works whole without any.

`handlers/reviews.py`, over `bot/features/reviews/`, is the smallest, and the example for the next.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, update_wrapper
from typing import Generic, TypeVar

from slack_bolt.async_app import AsyncApp

from bot.model.sessions import Watched
from bot.model.verbs import Command, Verb
from bot.relay import Obey, UseCases
from bot.store.outbox import Teller
from bot.wording.message import Block, SlackMessage
from handlers.answering import on_press
from handlers.parse.interactions import Press

U = TypeVar("U")
Pressed = Callable[[Press], Awaitable[SlackMessage | str | None]]


@dataclass(frozen=True, slots=True)
class Running:
    """A feature at work in a process."""

    obeys: Mapping[str, Obey]
    presses: Mapping[str, Pressed]
    tellers: Sequence[Teller]

    def register(self, app: AsyncApp, cases: UseCases) -> None:
        """Listen to its buttons; `mentions` brings its commands."""
        for action, do in self.presses.items():
            on_press(app, cases, action)(do)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature(Generic[U]):
    """A feature, by the use case that it builds on the core, and what calls on that.

    `verbs` are its commands, and `obeys` carries them out. `help` is a line for each. `presses`
    answers its buttons by their actions, as `on_press` asks. Its use case has the `tellers` of what
    it owes. `offers` are the buttons and menus that it adds to the card of a session. `events` are
    its names in the audit trail.
    """

    builds: Callable[[UseCases], U]
    verbs: Mapping[str, Verb]
    obeys: Mapping[str, Callable[[U, Command], Awaitable[SlackMessage | None]]]
    help: str
    presses: Mapping[str, Callable[[U, Press], Awaitable[SlackMessage | str | None]]]
    tellers: Callable[[U], Sequence[Teller]]
    offers: Callable[[Watched], Sequence[Block]]
    events: Sequence[str]

    def begin(self, cases: UseCases) -> Running:
        """Build its use case on the core of this process."""
        use = self.builds(cases)
        return Running(
            {verb: partial(obey, use) for verb, obey in self.obeys.items()},
            {one: update_wrapper(partial(do, use), do) for one, do in self.presses.items()},
            self.tellers(use),
        )
