"""The body that starts a session, and the parts of its record that both generations have.

A missing or mistyped value of a record counts as empty; nothing raises.
"""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from bot.devin.api import DevinMessage
from bot.model.options import Options, Playbook
from bot.model.record import string
from bot.model.sessions import PullRequest, SessionId, parse_session

MOST_PULL_REQUESTS = 20
"""The first of a session's pull requests; a thread shows fewer."""

MOST_CHILDREN = 20

ID_LIMIT = 200
"""Most characters of an id of Devin's, which has about 40; a longer one counts as none."""

_REPOSITORY = re.compile(r"[\w.-]+(?:/[\w.-]+)+", re.ASCII)
_PLAYBOOK = re.compile(r"playbook[-_][\w-]+", re.ASCII)
_MACRO = re.compile(r"![A-Za-z][\w-]*", re.ASCII)
_ADDRESS = re.compile(r"https?://[!-~]{1,1992}", re.IGNORECASE)
_TIME: TypeAdapter[datetime] = TypeAdapter(datetime)
_STATE = re.compile(r"[a-z][a-z_]{0,39}", re.ASCII)


def creation(prompt: str, options: Options, tag: str, as_user: str = "") -> bytes:
    """Return the body that starts a session, without the fields that nobody chose."""
    fields = {
        "title": options.title,
        "repos": options.repos,
        "devin_mode": options.mode,
        "playbook_id": options.playbook,
        "max_acu_limit": options.max_acu,
        "create_as_user_id": as_user,
    }
    chosen = {name: value for name, value in fields.items() if value}
    return to_json({"prompt": prompt, "tags": (tag, *options.tags), **chosen})


def pull_requests(found: Iterable[tuple[str, str]]) -> tuple[PullRequest, ...]:
    """Return pull requests of these addresses and states, without those that have no address."""
    usable = {url: state for url, state in found if _ADDRESS.fullmatch(url)}
    return tuple(
        PullRequest(url, word(state)) for url, state in list(usable.items())[:MOST_PULL_REQUESTS]
    )


def word(value: object) -> str:
    """Return a word of Devin's in lower case; "" for anything else."""
    found = value.lower() if isinstance(value, str) else ""
    return found if _STATE.fullmatch(found) else ""


def children(value: object) -> tuple[SessionId, ...]:
    """Return the ids of the first `MOST_CHILDREN` of a session's children."""
    listed = value if isinstance(value, list) else []
    found = (parse_session(one) for one in listed if isinstance(one, str))
    return tuple(dict.fromkeys(one for one in found if one is not None))[:MOST_CHILDREN]


def tags(value: object) -> frozenset[str]:
    """Return the tags of a session; none for anything that is no list."""
    listed = value if isinstance(value, list) else []
    return frozenset(one for one in listed if isinstance(one, str))


def repositories(records: Iterable[Mapping[str, Any]]) -> Sequence[str]:
    """Return the usual names of repositories (`repo_path`), each once, in their order."""
    found = dict.fromkeys(string(one, "repo_path") for one in records)
    return [one for one in found if len(one) <= ID_LIMIT and _REPOSITORY.fullmatch(one)]


def playbooks(records: Iterable[Mapping[str, Any]]) -> Sequence[Playbook]:
    """Return the playbooks, each once, in their order, without those whose ID is an unusual one."""
    found: dict[str, Playbook] = {}
    for one in records:
        id_, macro = string(one, "playbook_id"), string(one, "macro")
        if len(id_) <= ID_LIMIT and _PLAYBOOK.fullmatch(id_):
            is_usable = len(macro) <= ID_LIMIT and _MACRO.fullmatch(macro)
            title = " ".join(string(one, "title").split()) or id_
            found.setdefault(id_, Playbook(id_, title, macro if is_usable else ""))
    return list(found.values())


def amount(value: object) -> float | None:
    """Return a number of ACUs; None for anything that is no amount."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def iso_time(value: object) -> datetime | None:
    """Return an ISO time or a Unix one, in UTC unless it has a zone; None for anything else."""
    try:
        at = _TIME.validate_python(value)
    except ValidationError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def identified(
    messages: Iterable[DevinMessage | None],
) -> tuple[Sequence[DevinMessage], int]:
    """Return each message once and with an id, in their order, and the number of Nones."""
    found: dict[str, DevinMessage] = {}
    equals: Counter[DevinMessage] = Counter()
    left_out = 0
    for message in messages:
        if message is None:
            left_out += 1
            continue
        one = message
        if not message.id or len(message.id) > ID_LIMIT:
            nameless = replace(message, id="")
            one = replace(message, id=_made_id(nameless, equals[nameless]))
            equals[nameless] += 1
        found.setdefault(one.id, one)
    return list(found.values()), left_out


def _made_id(message: DevinMessage, number: int) -> str:
    parts = (str(number), message.at.isoformat(), message.source, message.text)
    return "-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
