"""The faults and their times, drawn from a seed, so that the same seed makes the same plan.

The machine decides how the processes run between the acts, so a seed repeats a plan, not a run.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.devin.answers import Api, Read

CALM_START, CALM_END = 1.0, 2.0
LONGER_THAN_A_HOLD = (10.5, 14.0)
OTHER_ACTS_A_SECOND = 0.7
API_ACTS_A_SECOND = 0.7
SPEECH_ACTS_A_SECOND = 1.0

KILLS = {"run": 4, "worker": 4, "valkey": 3}
OTHERS = {
    "freeze": 4,
    "freeze long": 3,
    "roll": 4,
    "freeze valkey": 2,
    "disconnect": 4,
    "cut": 4,
    "refuse": 2,
    "devin": 24,
    "devin offline": 4,
    "devin upload": 4,
    "slack": 16,
}
SCENES = ("silence", "authors", "names", "hours", "herd", "orders", "edits")
"""Faults that coincide with people's actions; `scenes.py` plays them."""

SCENE_SECONDS = 12.0
"""Average interval between scenes."""

HALF = 0.5

READS = "devin reads"
SPEECH = {
    "slack words": 12,
    READS: 4,
    "devin file": 4,
    "devin late list": 3,
    "devin unmoved": 2,
}
"""Faults between Devin's words and the threads."""

ACTING = "devin acting"
"""From the middle of a run on, the relay may not write as a member of Devin's organization."""

LIMIT, SLACK_FILE, STARTS = "devin limit", "slack file", "devin starts"
REFUSALS = {LIMIT: 1, SLACK_FILE: 3, STARTS: 2}
"""Refusals that pass: Devin's limit on the messages to all sessions, and Slack's of a file; and
what becomes of one request for a session."""

START_FAULTS = ("rate_limited", "refuses", "drops", "half", "server_error", "gateway")

REFUSALS_A_SECOND = 0.3

WAITS = ("nan", "1e300", "-3", "soon")
"""Waits that no service should ask for, each once in a run; those of minutes would outlast it."""
ABSURD = ("devin absurd", "slack absurd")

EVERYTHING = (
    *(*KILLS, *OTHERS, *SPEECH, *REFUSALS, ACTING, *ABSURD, *SCENES),
    *("pages", "strangers", "crowd"),
)
"""Everything that can go wrong; the last three separately, at the end of a run."""

Mode = Literal["socket", "http"]
MODES: Sequence[Mode] = ("socket", "http")

DEVIN_FAULTS: Sequence[dict[str, Any]] = (
    {"state": "rate_limited", "retry_after": 1, "times": 2},
    {"state": "rate_limited", "times": 1},
    {"state": "down", "times": 2},
    {"state": "drops", "times": 1},
    {"state": "drops", "times": 3},
    {"state": "half", "times": 1},
    {"state": "refuses", "times": 1},
    {"state": "gateway", "times": 1},
    {"state": "gateway", "takes": True, "times": 1},
    {"state": "timeout", "takes": True, "delay": 1.0, "times": 1},
    {"state": "server_error", "times": 1},
    {"state": "slow", "delay": 0.5, "times": 3},
    {"state": "slow", "delay": 5.0, "times": 1},
    {"state": "suspended", "times": 1},
    {"state": "rejects", "times": 1},
)
OF_EITHER: Sequence[dict[str, Any]] = (
    {"state": "finished", "times": 1},
    {"state": "failed", "times": 1},
    {"state": "archived", "times": 1},
    {"state": "rate_limited", "retry_after": 0.7, "times": 2},
    {"state": "rate_limited", "retry_after": 1.5, "times": 1},
    {"state": "server_error", "takes": True, "times": 1},
    {"state": "gateway", "takes": True, "times": 1},
)
TAKEN_BEHIND_503 = {"state": "down", "takes": True, "times": 1}
API_FAULTS: Mapping[Api, Sequence[dict[str, Any]]] = {
    "v1": OF_EITHER,
    "v3": (*OF_EITHER, TAKEN_BEHIND_503, TAKEN_BEHIND_503),
}
"""Faults by generation of Devin's API: only v1 promises that nothing was taken behind a 503."""

API_READS: Mapping[Api, Sequence[Read]] = {
    "v1": ("session", "sessions"),
    "v3": ("self", "sessions", "session", "messages", "members", "reviews"),
}
READ_FAILURES = (429, 500, 503)
ONE_IN_THREE = 1 / 3
UPLOAD_FAILURES = (429, 500, 503, 413)
SLACK_FAULTS: Sequence[dict[str, Any]] = (
    {"method": "chat.postMessage", "retry_after": 1},
    {"method": "chat.postMessage", "status": 500},
    {"method": "chat.postMessage", "drop_after": True},
    {"method": "chat.postMessage", "drop_after": True, "delay": 2.0},
    {"method": "chat.postMessage", "drop": True},
    {"method": "conversations.replies", "status": 500},
    {"method": "conversations.replies", "retry_after": 1},
    {"method": "conversations.info", "status": 500},
    {"method": "functions.completeSuccess", "status": 500},
    {"method": "functions.completeSuccess", "drop_after": True},
    {"method": "views.publish", "retry_after": 1},
    {"method": "chat.postEphemeral", "drop_after": True},
    {"method": "reactions.add", "retry_after": 2, "times": 3},
    {"method": "reactions.add", "drop_after": True},
    {"method": "apps.connections.open", "status": 500},
    {"method": "auth.test", "status": 503},
)
WORDS_FAULTS: Sequence[dict[str, Any]] = (
    {"method": "chat.postMessage", "drop_after": True, "times": 2},
    {"method": "chat.postMessage", "drop_after": True, "delay": 2.0},
    {"method": "chat.postMessage", "retry_after": 2},
    {"method": "chat.postMessage", "status": 503, "times": 2},
    {"method": "chat.update", "drop_after": True},
    {"method": "chat.update", "status": 500, "times": 2},
    {"method": "chat.update", "retry_after": 2},
    {"method": "conversations.replies", "status": 503, "times": 2},
    {"method": "conversations.info", "status": 503, "times": 3},
    {"method": "conversations.info", "retry_after": 3},
    {"method": "files.getUploadURLExternal", "status": 500},
    {"method": "files.getUploadURLExternal", "drop_after": True},
    {"method": "files.completeUploadExternal", "drop_after": True},
    {"method": "files.completeUploadExternal", "drop_after": True, "delay": 2.0},
    {"method": "files.completeUploadExternal", "status": 500},
    {"method": "files.completeUploadExternal", "retry_after": 1},
    {"method": "agents.sessions.setStatus", "status": 500},
    {"method": "agents.sessions.setStatus", "drop_after": True},
    {"method": "agents.sessions.setStatus", "retry_after": 1},
)
"""Faults of the methods that bring Devin's words."""

SLACK_FILE_FAULTS: Sequence[dict[str, Any]] = (
    {"method": "download", "retry_after": 1},
    {"method": "download", "status": 500},
    {"method": "download", "status": 503},
    {"method": "download", "drop": True},
    {"method": "upload", "status": 503},
    {"method": "upload", "drop": True},
)
"""One refusal of a file, on its way to Devin or to a thread."""

LIMIT_CALLS, LIMIT_SECONDS = (1, 4), (1.0, 2.0)
"""Devin takes so many messages in so many seconds, of all sessions together."""

FILE_FAILURES = (404, 429, 500, 503, "cut")
READ_RETRY_AFTER = (1.0, 4.0)
LATE_LIST_SECONDS = (0.2, 1.5)
"""The time after which a message is listed, less than a voice is silent before a change."""


@dataclass(frozen=True, slots=True)
class Act:
    """One fault: it starts `at` that many seconds, lasts `seconds`, and hits number `where`."""

    at: float
    what: str
    where: int = 0
    seconds: float = 0.0
    fault: dict[str, Any] = field(default_factory=dict)

    @property
    def is_kill(self) -> bool:
        """True if it is a kill -9."""
        return self.what in KILLS


def plan(
    seed: int,
    seconds: float,
    kills: int,
    sessions: int,
    only: Collection[str] = (),
    api: Api = "v3",
) -> Sequence[Act]:
    """Return all faults of a run, in order of time; limited to those in `only`, if any.

    Those of a generation of Devin's API are drawn apart: the others are the same with either.
    """
    rng = random.Random(seed)  # noqa: S311  (repeatable, not secret)
    span = seconds - CALM_START - CALM_END
    acts = []
    for number in range(kills):
        at = CALM_START + span * (number + rng.random()) / kills
        acts.append(Act(at, _drawn(rng, KILLS), rng.randrange(2), rng.uniform(0.1, 2.0)))
    others = range(round(span * OTHER_ACTS_A_SECOND))
    acts += [_other(rng, CALM_START + span * rng.random(), sessions) for _ in others]
    acts += _scenes(rng, span, only)
    acts += _of_api(random.Random(f"{api} {seed}"), span, sessions, api)  # noqa: S311  (as above)
    acts += _of_speech(random.Random(f"speech {seed}"), span, api)  # noqa: S311  (as above)
    acts += _refusals(random.Random(f"refusals {seed}"), span)  # noqa: S311  (as above)
    acts += _absurd(random.Random(f"absurd {seed}"), span)  # noqa: S311  (as above)
    acts += [Act(seconds / 2, ACTING)] if api == "v3" else []
    return sorted((act for act in acts if not only or act.what in only), key=lambda act: act.at)


def _scenes(rng: random.Random, span: float, only: Collection[str]) -> list[Act]:
    """Draw as many scenes as there is time for, each as often as any other."""
    count = max(4, round(span / SCENE_SECONDS))
    wanted = [scene for scene in SCENES if not only or scene in only]
    drawn: list[str] = []
    while wanted and len(drawn) < count:
        drawn += rng.sample(wanted, len(wanted))
    return [
        Act(
            CALM_START + span * place / count,
            what,
            seconds=rng.uniform(3.0, 12.0),
            fault={"is_frozen": rng.random() < HALF},
        )
        for place, what in enumerate(drawn[:count])
    ]


def _other(rng: random.Random, at: float, sessions: int) -> Act:
    what = _drawn(rng, OTHERS)
    where, seconds = rng.randrange(4), rng.uniform(0.5, 4.0)
    fault: dict[str, Any] = {}
    if what == "freeze long":
        seconds = rng.uniform(*LONGER_THAN_A_HOLD)
    elif what == "devin":
        where, fault = rng.randrange(sessions), rng.choice(DEVIN_FAULTS)
    elif what == "devin upload":
        fault = {"status": rng.choice(UPLOAD_FAILURES)}
    elif what == "slack":
        fault = rng.choice(SLACK_FAULTS)
    elif what == "disconnect":
        fault = {"reason": rng.choice(("refresh_requested", "warning"))}
    return Act(at, what, where, seconds, fault)


def _of_api(rng: random.Random, span: float, sessions: int, api: Api) -> list[Act]:
    """Draw the faults that a generation of Devin's API has: of its sessions, or of a read."""
    acts = []
    for _ in range(round(span * API_ACTS_A_SECOND)):
        at, where = CALM_START + span * rng.random(), rng.randrange(sessions)
        if rng.random() < ONE_IN_THREE:
            statuses = [rng.choice(READ_FAILURES)] * rng.randint(1, 2)
            fault = {"read": rng.choice(API_READS[api]), "statuses": statuses}
            acts.append(Act(at, READS, fault=fault))
        else:
            acts.append(Act(at, "devin", where, fault=rng.choice(API_FAULTS[api])))
    return acts


def _of_speech(rng: random.Random, span: float, api: Api) -> list[Act]:
    """Draw the faults between Devin's words and the threads."""
    acts = []
    for _ in range(round(span * SPEECH_ACTS_A_SECOND)):
        at, what, seconds = CALM_START + span * rng.random(), _drawn(rng, SPEECH), rng.uniform(2, 8)
        chance, fault = rng.random(), dict[str, Any]()
        if what == "slack words":
            fault = rng.choice(WORDS_FAULTS)
        elif what == "devin file":
            fault = {"failure": rng.choice(FILE_FAILURES)}
        elif what == "devin late list":
            fault = {"delay": rng.uniform(*LATE_LIST_SECONDS)}
        elif what == READS:
            reads = API_READS[api]
            read = reads[int(chance * len(reads))]
            fault = {"read": read, "statuses": [(429, rng.uniform(*READ_RETRY_AFTER))]}
        acts.append(Act(at, what, 0, seconds, fault))
    return acts


def _refusals(rng: random.Random, span: float) -> list[Act]:
    """Draw the refusals that pass, after which everything must get through all the same."""
    acts = []
    for _ in range(round(span * REFUSALS_A_SECOND)):
        at, what, seconds = CALM_START + span * rng.random(), _drawn(rng, REFUSALS), 0.0
        fault: dict[str, Any] = rng.choice(SLACK_FILE_FAULTS)
        if what == LIMIT:
            seconds = rng.uniform(3.0, 8.0)
            fault = {"calls": rng.randint(*LIMIT_CALLS), "seconds": rng.uniform(*LIMIT_SECONDS)}
        elif what == STARTS:
            fault = {"state": rng.choice(START_FAULTS)}
        acts.append(Act(at, what, 0, seconds, fault))
    return acts


def _absurd(rng: random.Random, span: float) -> list[Act]:
    """Draw when each service asks for each of the absurd `WAITS`."""
    acts = []
    for wait in WAITS:
        devin: dict[str, Any] = {"retry_after": wait}
        slack: dict[str, Any] = {"method": "chat.postMessage", "retry_after": wait}
        for what, fault in zip(ABSURD, (devin, slack), strict=True):
            acts.append(Act(CALM_START + span * rng.random(), what, fault=fault))
    return acts


def _drawn(rng: random.Random, weights: dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]
