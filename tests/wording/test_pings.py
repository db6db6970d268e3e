"""What people and Devin write pings nobody, in any of the bot's messages.

Each function of `bot/wording` that returns a message is called with each ping in each text.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

import bot.features
import bot.wording
from bot.features.digest.digest import Digest, Often
from bot.features.home import words as home
from bot.model.errors import PassingError, PersonError
from bot.model.files import Forwarded
from bot.model.options import BadOptions
from bot.model.people import Standing, UserId
from bot.model.replies import Reply
from bot.model.sessions import NamedSession, Said, SaidKind, SessionId
from bot.model.threads import Link, ThreadRef
from bot.store.traces import LINK_FIELDS
from bot.text.to_slack import escape
from bot.wording import commands
from bot.wording.lifecycle import ending
from bot.wording.message import Block, SlackMessage, button, context
from bot.wording.mirror import posts
from bot.wording.phrases import note
from bot.wording.refusals import MAY_NOT
from tests.wording.foreign import LINK, LONGEST_SESSION, THREAD, pings
from tests.wording.test_refusals import ERRORS

PEOPLE = ["<@U0BEN00000>", "<!subteam^S0ONCALL00>", "<!subteam^S0ONCALL00|@oncall>"]
CHANNEL = ["<!here>", "<!channel|x>", "@here", "(@channel)", "@everyone", "@group", "@Here"]
CHANNEL += ["a@here"]
OURS = {
    "admin": "Ada",
    "about": "it",
    "verb": "digest",
    "commands": "link",
    "note": "Hm.",
    "notes": "Hm.",
}
OURS |= {
    "month": "May",
    "channel": "C0GENERAL0",
    "address": "https://a.test",
    "followed": "",
    "features": "• `review`",
    "reference": "1a2b",
}
"""Parameters and fields that hold words of ours, or what Slack made."""

DUE = datetime(2026, 11, 30, 8, tzinfo=UTC)


def values(kind: Any, ping: str, name: str = "") -> list[Any]:  # noqa: PLR0911  (one for each kind)
    """Return values of a type, with the ping in each text."""
    if kind in KNOWN:
        return KNOWN[kind](ping)
    if isinstance(kind, NewType):
        return values(kind.__supertype__, ping, name)
    if kind is str:
        return [OURS.get(name, ping)]
    arguments = [one for one in get_args(kind) if one is not type(None) and one is not Ellipsis]
    if get_origin(kind) in {UnionType, Union}:
        return [one for each in arguments for one in values(each, ping, name)]
    if issubclass(get_origin(kind) or kind, Mapping):
        keys, held = (values(each, ping, name)[0] for each in arguments)
        return [{keys: held}]
    if get_origin(kind) is not None:
        made = values(arguments[0], ping, name)
        return [get_origin(kind)(made) if get_origin(kind) in {tuple, frozenset} else made]
    if issubclass(kind, Enum):
        return list(kind)
    assert is_dataclass(kind) or issubclass(kind, BaseModel), f"no values for {kind}"
    build = getattr(kind, "model_construct", kind)
    return [build(**given) for given in calls(kind, ping)]


def calls(takes: Any, ping: str) -> Iterator[dict[str, Any]]:
    """Yield arguments for a function or a class, so that each value occurs once or more."""
    made = {name: values(kind, ping, name) for name, kind in fields(takes).items()}
    for at in range(max(map(len, made.values()), default=1)):
        yield {name: found[at % len(found)] for name, found in made.items()}


@cache
def fields(takes: Any) -> Mapping[str, Any]:
    """Return a function's parameters, or a class's fields, with their types."""
    names = getattr(takes, "model_fields", None) or inspect.signature(takes).parameters
    return {name: kind for name, kind in get_type_hints(takes).items() if name in names}


WORDS = [
    name
    for name, field in Link.model_fields.items()
    if field.annotation is str and name not in LINK_FIELDS
]
"""The fields of a link that may hold what somebody wrote."""

KNOWN: dict[Any, Callable[[str], list[Any]]] = {
    bool: lambda _: [True, False],
    int: lambda _: [7],
    float: lambda _: [7.5],
    timedelta: lambda _: [timedelta(hours=2)],
    datetime: lambda _: [DUE],
    date: lambda _: [DUE.date()],
    SessionId: lambda _: [LONGEST_SESSION],
    UserId: lambda _: [LINK.by],
    ThreadRef: lambda _: [THREAD],
    Standing: lambda _: [*MAY_NOT],
    Link: lambda ping: [
        LINK.model_copy(update=dict.fromkeys(WORDS, ping) | {"muted": m}) for m in (True, False)
    ],
    Digest: lambda _: [Digest(often=Often.DAILY, by=LINK.by)],
    PersonError: lambda ping: [make(ping) for make in ERRORS.values()],
    BadOptions: lambda ping: [ERRORS[BadOptions](ping)],
    Reply: lambda ping: [
        Reply(thread=THREAD, ts="1764000001.000200", author=LINK.by, text=text, forwarded=(quote,))
        for text in (ping, escape(ping), "")
        for quote in values(Forwarded, ping)
    ],
    Forwarded: lambda ping: [Forwarded(text=ping, name=ping)],
    Block: lambda _: [button("offer", "Offer")],
    PassingError: lambda ping: [PassingError(ping)],
}


def messages() -> Iterator[Callable[..., SlackMessage]]:
    """Yield each function that words a message, of the core or of a feature."""
    for module in [
        *pkgutil.walk_packages(bot.wording.__path__, "bot.wording."),
        *pkgutil.walk_packages(bot.features.__path__, "bot.features."),
    ]:
        for name, one in vars(importlib.import_module(module.name)).items():
            is_ours = inspect.isfunction(one) and one.__module__ == module.name
            if is_ours and name[0] != "_" and get_type_hints(one)["return"] is SlackMessage:
                yield one


def others(ping: str) -> Iterator[Mapping[str, Any]]:
    """Yield what else is shown: notes in place of buttons, Devin's posts, App Home."""
    notes = [note("Ended")(ping), posts.chosen(ping, ping), ending.kept_by(ping)]
    yield from ({"text": one, "blocks": [context(one)]} for one in notes)
    framing = posts.Framing(THREAD, values(NamedSession, ping)[0])
    said = [Said(kind=one, text=ping, options=(ping,)) for one in SHOWN]
    yield from (one.params() for one in posts.compose(said, framing))
    shown = values(home.ThreadShown, ping)
    yield home.threads(shown, len(shown), "")


SHOWN = (SaidKind.MESSAGE, SaidKind.QUESTION, SaidKind.APPROVAL, SaidKind.PULL_REQUEST)


def test_nobody_s_words_ping_anybody() -> None:
    """Only a person's own message to Devin pings the people that it names, as they meant."""
    live, count = set[tuple[str, str]](), 0
    for ping in PEOPLE + CHANNEL:
        for says in messages():
            skips = {"message": ""} if says is commands.said and ping in PEOPLE else {}
            for given in calls(says, ping):
                found = pings(says(**given | skips).params())
                live |= {(f"{says.__module__}.{says.__name__}", one) for one in found}
                count += 1
        live |= {("others", one) for params in others(ping) for one in pings(params)}
    assert live == set()
    assert count > 700, "each function is called with each ping"
