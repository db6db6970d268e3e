"""Reads what answers of both generations of the API have: refusals, limits, failures, records.

Errors come as FastAPI's `{"detail": …}`, text or a list, or as an RFC 9457 `ProblemDetail` with
`title`, `detail` and `errors` (docs.devin.ai/sdk, "ProblemDetail"). A lost connection is a `Wait`
only if nothing was sent, so that the same call may be repeated; else the outcome is uncertain. A
missing or mistyped value of a record counts as empty; nothing raises. What is not as Devin's
documents say is logged and counted.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any, TypeGuard, TypeVar

import aiohttp
import httpx
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from bot.devin.api import LATE, DevinMessage, Failure, Unread
from bot.model.findings import Finding
from bot.model.options import Options, Playbook
from bot.model.record import encodable, mappings, parse_object, string
from bot.model.replies import FOR_OPERATOR, Outcome, OutcomeKind, Refusal, Wait
from bot.model.sessions import PullRequest, SessionState
from bot.runtime import metrics
from bot.runtime.outgoing import NOT_SENT, broken

T = TypeVar("T")

log = logging.getLogger(__name__)

READ_LIMIT = 4 * 1024 * 1024
"""The part of an answer to a read that is used, in bytes: 700,000 words.

Parsed, each of them may become 30, as with many empty objects; a container has 256 MB, and the
process takes 85 (docs/deploying.md).
"""

CONNECTION_ERRORS = (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, OSError)
"""The errors of a broken exchange; httpx-aiohttp lets some of aiohttp's errors through."""

MOST_SKEW = timedelta(days=1)

LIMITED = frozenset({HTTPStatus.TOO_MANY_REQUESTS})
"""Only a rate limit certainly processed nothing; Devin's own client also repeats no other POST
(CognitionAI/terraform-provider-devin, `client.go`)."""

AWAY = LIMITED | {HTTPStatus.SERVICE_UNAVAILABLE}
"""The statuses after which an upload is repeated, and on version 1 all else but a start."""

DETAIL_LIMIT = 32_000
"""Most characters that are kept of Devin's text; a thread shows fewer, and is told the number."""

PROBLEM_LIMIT = 20

LONGEST_PAUSE = 600.0
"""The longest wait, in seconds, that Devin or a proxy can ask for: a call after it does no harm."""

REFUSALS: Mapping[int, Refusal] = {
    HTTPStatus.UNAUTHORIZED: Refusal.KEY_REJECTED,
    HTTPStatus.FORBIDDEN: Refusal.FORBIDDEN,
    HTTPStatus.NOT_FOUND: Refusal.NO_SESSION,
}

KEY = "Devin API key"
REJECTED = "Devin rejected DEVIN_API_KEY (401)"
MAY_NOT_LIST = "Devin doesn't let DEVIN_API_KEY list sessions (403)"
NEW_KEY = (
    "Check that it was copied in full and hasn't expired, or create a new key (cog_…) in Devin's "
    "settings, under Service users."
)
CHECK_URL = "Check DEVIN_API_URL and DEVIN_PROXY."

_SECONDS = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_ADDRESS = re.compile(r"https?://[!#-~]{1,2070}")


class Read(StrEnum):
    """What a read asks for, as `/metrics` counts it."""

    STATES = "states"
    MESSAGES = "messages"
    SESSION = "session"
    LIST = "list"
    SELF = "self"
    FILE = "file"
    REPOSITORIES = "repositories"
    PLAYBOOKS = "playbooks"
    MEMBERS = "members"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer's requested part; Devin's clock was ahead of the caller's by `skew`.

    `is_cut`: there may be more of it than was read.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    skew: timedelta = timedelta(0)
    is_cut: bool = False


def failure(error: Exception) -> Failure:
    """Return the outcome of a write that raised `error`."""
    why = reason(error)
    # httpx-aiohttp 0.2 maps *every* lost connection to httpx.ConnectTimeout, even one that was lost
    # after sending, so the cause counts, not the httpx class.
    if isinstance(_cause(error), NOT_SENT):
        return Wait(why)
    return Outcome(kind=OutcomeKind.UNCERTAIN, detail=why)


def reason(error: Exception) -> str:
    """Say how the exchange that raised `error` broke."""
    cause = _cause(error)
    if isinstance(cause, aiohttp.ConnectionTimeoutError):
        return "no connection in time"
    if isinstance(cause, NOT_SENT):
        return broken(cause)
    return LATE if isinstance(cause, TimeoutError) else "connection lost"


def _cause(error: Exception) -> BaseException:
    # asyncio.timeout raises its TimeoutError from a CancelledError, which says nothing.
    is_final = isinstance(error, TimeoutError | aiohttp.ClientError)
    return error if is_final else error.__cause__ or error


def unsent(why: Unread) -> Failure:
    """Return the outcome of a write for which a read had to come first, and failed."""
    if why.status == HTTPStatus.UNAUTHORIZED:
        rejected = Refusal.KEY_REJECTED
        return Outcome(kind=OutcomeKind.REFUSED, refusal=rejected, status=why.status)
    return Wait(why.reason, why.retry_after)


def skew(headers: Mapping[str, str], now: datetime) -> timedelta:
    """Read the clock skew, to the second, from an answer's `Date` (RFC 9110); 0 without one."""
    date = _http_date(headers.get("date", ""))
    found = timedelta(0) if date is None else date - now
    return found if abs(found) < MOST_SKEW else timedelta(0)


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
        return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def failed(answer: Answer, passing: frozenset[int]) -> Outcome | Wait:
    """Interpret an answer that is not the success of the contract.

    After the statuses in `passing`, nothing was processed. A success that cannot be read leaves
    open what became of the call.
    """
    status, body = answer.status, answer.body
    if status in passing:
        return Wait(f"HTTP {status}", retry_after(answer.headers))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Outcome(kind=OutcomeKind.UNCERTAIN, detail=f"HTTP {status}", status=status)
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome(kind=OutcomeKind.UNCERTAIN, detail=plain(body)[:DETAIL_LIMIT], status=status)
    problems = _problems(body) if status == HTTPStatus.UNPROCESSABLE_ENTITY else ""
    return Outcome(
        kind=OutcomeKind.REFUSED,
        refusal=Refusal.INVALID if problems else REFUSALS.get(status, Refusal.OTHER),
        status=status,
        detail=problems or plain(body)[:DETAIL_LIMIT],
    )


def written(
    answer: Answer | Failure, parse: Callable[[bytes], T | None], passing: frozenset[int] = LIMITED
) -> T | Failure:
    """Return what a write brought, as `parse` has it, or else what `failed` does."""
    if not isinstance(answer, Answer):
        return answer
    found = parse(answer.body) if httpx.codes.is_success(answer.status) else None
    if found is not None and answer.status != HTTPStatus.OK:
        note_odd(f"HTTP {answer.status}")
    return failed(answer, passing) if found is None else found


def confirmed(answer: Answer | Failure, passing: frozenset[int] = LIMITED) -> Failure | None:
    """Return None if Devin has done what it was asked, or else what `failed` does."""
    found = written(answer, lambda body: body, passing)
    return None if isinstance(found, bytes) else found


def address(text: str) -> str | None:
    """Return the address of an uploaded file if Devin takes it."""
    return text if _ADDRESS.fullmatch(text) else None


def may_be_over(outcome: Outcome | Wait) -> TypeGuard[Outcome]:
    """Return True if the message was not taken, perhaps because its session has ended."""
    if isinstance(outcome, Wait) or outcome.refusal in FOR_OPERATOR:
        return False
    is_refused = outcome.kind is OutcomeKind.REFUSED
    is_by_devin = is_refused and (outcome.status or 0) >= HTTPStatus.BAD_REQUEST
    return is_by_devin or outcome.kind is OutcomeKind.UNCONFIRMED


def explained(outcome: Outcome, state: SessionState | None) -> Outcome:
    """Explain an outcome by the session's `state` just after it; None if it could not be read."""
    if state is SessionState.ENDED:
        return outcome.model_copy(update={"kind": OutcomeKind.ENDED, "refusal": None})
    if outcome.kind is OutcomeKind.UNCONFIRMED and state is SessionState.SUSPENDED:
        return outcome.model_copy(update={"kind": OutcomeKind.SUSPENDED})
    if state is not None and outcome.refusal is Refusal.NO_SESSION:
        return outcome.model_copy(update={"refusal": Refusal.OTHER})
    return outcome


def plain(body: bytes) -> str:
    """Return the text of an error: its `detail`, else its `title`, else all of the body."""
    found = parse_object(body) or {}
    said = (found.get(name) for name in ("detail", "title"))
    whole = body.decode(errors="replace")
    return next((encodable(one) for one in said if isinstance(one, str)), whole)


def unread(status: int, headers: Mapping[str, str]) -> Unread:
    """Return the failure of a read that was answered with `status`."""
    is_timed = status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    return Unread(status, retry_after=retry_after(headers) if is_timed else None)


def parsed(answer: Answer | Unread, parse: Callable[[bytes], T | None]) -> T | Unread:
    """Return what a read brought, as `parse` has it; `Unread` also if that is None."""
    if isinstance(answer, Unread):
        return answer
    found = parse(answer.body)
    return Unread(answer.status, is_too_long=answer.is_cut) if found is None else found


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Parse `Retry-After` (RFC 9110) in seconds, also from a date, if the answer has its own.

    It is `LONGEST_PAUSE` at most, and None for no wait.
    """
    value = headers.get("retry-after", "")
    when, date = _http_date(value), _http_date(headers.get("date", ""))
    if _SECONDS.fullmatch(value.strip()):
        seconds = float(value)
    else:
        seconds = (when - date).total_seconds() if when and date else 0.0
    return min(seconds, LONGEST_PAUSE) if seconds > 0 else None


def _problems(body: bytes) -> str:
    """Return a line for each problem that a 422 lists."""
    found = parse_object(body) or {}
    listed = found.get("detail") if isinstance(found.get("detail"), list) else found.get("errors")
    return "\n".join(map(_problem, mappings(listed)[:PROBLEM_LIMIT]))


def _problem(entry: Mapping[str, Any]) -> str:
    texts = (string(entry, name) for name in ("msg", "message", "detail", "type", "code"))
    what = next(filter(None, texts), "not valid")[:500]
    places = entry["loc"] if isinstance(entry.get("loc"), list) else [entry.get("pointer", "")]
    shown = (str(one) for one in places if isinstance(one, str | int) and one != "body")
    where = encodable(" → ".join(shown))[:200]
    return f"{what} ({where})" if where else what


def untested(found: Unread) -> Finding:
    """Say that Devin denies the key a list, or gave no answer that a test of it can use."""
    denied: dict[int, str] = {401: REJECTED, 403: MAY_NOT_LIST}
    if says := denied.get(found.status):
        return Finding(KEY, is_good=False, says=says, fix=NEW_KEY)
    says = f"no usable answer from Devin ({found.reason})"
    return Finding(KEY, is_good=False, says=says, fix=remedy(found))


def remedy(found: Unread) -> str:
    """Say what to do about a read that failed, apart from permissions."""
    return "Try again later." if found.status and found.is_passing else CHECK_URL


ID_LIMIT = 200
"""Most characters of an id of Devin's, which has about 40; a longer one counts as none."""

_PLAYBOOK = re.compile(r"playbook[-_][\w-]+", re.ASCII)
_MACRO = re.compile(r"![A-Za-z][\w-]*", re.ASCII)
_PULL_REQUEST = re.compile(r"https?://[!-~]{1,1992}", re.IGNORECASE)
_TIME: TypeAdapter[datetime] = TypeAdapter(datetime)
_TOLD = re.compile(r"[a-z][\w -]{0,39}", re.IGNORECASE | re.ASCII)
_WORD = re.compile(r"[a-z][a-z_]{0,39}", re.ASCII)


def word(value: object) -> str:
    """Return a word of Devin's in lower case; "" for anything else."""
    found = value.lower() if isinstance(value, str) else ""
    return found if _WORD.fullmatch(found) else ""


def words(*values: object) -> str:
    """Return words of Devin's as an operator reads them, without anything else; or "none"."""
    return " ".join(filter(None, map(word, values))) or "none"


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
    usable = {url: state for url, state in found if _PULL_REQUEST.fullmatch(url)}
    return tuple(
        PullRequest(url, state.lower() if _TOLD.fullmatch(state) else "")
        for url, state in usable.items()
    )


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


def time_of(value: object) -> datetime | None:
    """Return an ISO time, or a Unix one in seconds or (from some 2 * 10**10 on) milliseconds.

    It is in UTC unless it has a zone; None for anything else.
    """
    try:
        at = _TIME.validate_python(value)
    except ValidationError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def identified(messages: Iterable[DevinMessage | None]) -> tuple[Sequence[DevinMessage], int]:
    """Return each message once and with an id, in their order, and the number of Nones."""
    found: dict[str, DevinMessage] = {}
    left_out = 0
    for one in messages:
        if one is None:
            left_out += 1
        else:
            id_ = one.id if 0 < len(one.id) <= ID_LIMIT else _made_id(one)
            found.setdefault(id_, replace(one, id=id_))
    return list(found.values()), left_out


def _made_id(message: DevinMessage) -> str:
    parts = (message.at.isoformat(), message.source, message.text)
    return "-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def note_odd(what: str, level: int = logging.WARNING) -> None:
    """Log and count an answer that is not as Devin's documents say."""
    log.log(level, "odd answer", extra={"reason": what})
    metrics.ODD_ANSWERS.labels(what).inc()


def usable(found: Sequence[T], listed: Sequence[object]) -> Sequence[T] | None:
    """Return the sessions `found` in a list; None if none of those `listed` has a known id."""
    if found or not listed:
        return found
    note_odd("sessions without ids", logging.ERROR)
    return None
