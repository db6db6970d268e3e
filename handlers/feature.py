"""What a feature adds to the relay, whose core imports none and works whole without any.

`handlers/reviews.py`, over `bot/features/reviews/`, is the smallest, and the example for the next.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from slack_bolt.async_app import AsyncApp

from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.sessions import Watched
from bot.model.verbs import Command, Verb
from bot.relay import Obey, Open, Tell, UseCases
from bot.reporting.outcomes import Completes, ReplyResult
from bot.store.outbox import Teller
from bot.wording.message import Block, SlackMessage, View

U = TypeVar("U")


def _nothing(*_: object) -> tuple[()]:
    return ()


async def _ignore(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Running:
    """A feature at work in a process."""

    listens: Callable[[AsyncApp, UseCases], object]
    obeys: Mapping[str, Obey]
    says: Mapping[str, Tell]
    new_form: Open | None
    tellers: Sequence[Teller]
    completes: Completes


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature(Generic[U]):
    """A feature, by the use case that it builds on the core, and what calls on that.

    `listens` registers its listeners: buttons, forms, events, steps. Those of the core are asked
    first, so it takes what none of them does. `verbs` are its commands by mention, and `obeys`
    carries them out. `says` answers words behind `/devin-say` that are no message, by the channel
    and the person. `help` and `say_help` are the lines about these. `new_form` returns the form for
    a new session, by the person and the channel; only with one does the core offer forms. Its use
    case has the `tellers` of what it owes, and `completes` what waits for a reply's result
    (`Reply.step`). `offers` are the buttons and menus that it adds to the card of a session, and
    `offers_child` is the action and the label of the one beside a child there. `events` are its
    names in the audit trail.
    """

    builds: Callable[[UseCases], U]
    listens: Callable[[AsyncApp, UseCases, U], object] = _nothing
    verbs: Mapping[str, Verb] = field(default_factory=dict)
    obeys: Mapping[str, Callable[[U, Command], Awaitable[SlackMessage | None]]] = field(
        default_factory=dict
    )
    help: str = ""
    says: Mapping[str, Callable[[U, str, UserId], Awaitable[SlackMessage]]] = field(
        default_factory=dict
    )
    say_help: str = ""
    new_form: Callable[[U, UserId, str], Coroutine[Any, Any, View]] | None = None
    tellers: Callable[[U], Sequence[Teller]] = _nothing
    completes: Callable[[U, Reply, ReplyResult], Awaitable[None]] = _ignore
    offers: Callable[[Watched], Sequence[Block]] = _nothing
    offers_child: tuple[str, str] | None = None
    events: Sequence[str] = ()

    def begin(self, cases: UseCases) -> Running:
        """Build its use case on the core of this process."""
        use = self.builds(cases)
        return Running(
            lambda app, cases: self.listens(app, cases, use),
            {verb: partial(obey, use) for verb, obey in self.obeys.items()},
            {word: partial(tell, use) for word, tell in self.says.items()},
            self.new_form and partial(self.new_form, use),
            self.tellers(use),
            partial(self.completes, use),
        )


Features = Sequence[Feature[Any]]
