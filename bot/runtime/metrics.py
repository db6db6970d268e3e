"""The numbers of `/metrics`, for operators' questions; gauges are measured at each request."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from prometheus_client import Counter, Gauge, Histogram

from bot.model.replies import OutcomeKind, Refusal
from bot.model.sessions import SessionState
from bot.runtime.in_flight import guarded
from bot.runtime.version import version

log = logging.getLogger(__name__)

FRESH_SECONDS = 5.0
"""The age up to which a measurement is shown again: anybody may ask, however often."""

BUDGET = "budget"
"""The reason of a read that `DEVIN_READS`, or the wait after a 429, has put off."""

OTHER = "other"
"""The state of sessions that were not opened to be counted."""

ACCEPTED = Counter(
    "relay_replies_total", "Replies that came in, by what became of them", ["change"]
)
TURNED_AWAY = Counter(
    "relay_turned_away_total", "Replies of people who may not steer Devin, by why", ["standing"]
)
OVERALL = "too_many_starts_overall"
OUTCOMES = Counter(
    "relay_outcomes_total", "Deliveries that ended, by how, and why refused", ["outcome", "refusal"]
)
LOOKS = Counter("relay_looks_total", "Looks for a reply whose answer was lost, by result", ["look"])
WAITS = Counter("relay_waits_total", "Deliveries put off, by Devin's reason", ["reason"])
REPORTS = Counter("relay_reports_total", "Reports to threads, by what became of them", ["result"])
SLACK_ERRORS = Counter("relay_slack_errors_total", "Failed Slack calls", ["method", "reason"])
CAUGHT_UP = Counter(
    "relay_catch_up_threads_total",
    "Threads looked into after a gap: read, or Slack's reason why not",
    ["result"],
)
LATE_REPLIES = Counter("relay_late_replies_total", "Replies that came in by looking, after a gap")
REDIS_ERRORS = Counter("relay_redis_errors_total", "Failed Redis calls, by their kind", ["error"])
FILES = Counter(
    "relay_files_total", "Files of replies: uploaded, or why they went as links", ["result"]
)
DEVIN_READS = Counter(
    "relay_devin_reads_total", "Reads of Devin's API, by what was asked for", ["kind"]
)
READS_PUT_OFF = Counter(
    "relay_devin_reads_put_off_total",
    "Reads for the watch that were put off: by the budget, or by Devin's reason",
    ["reason"],
)
ODD_ANSWERS = Counter(
    "relay_devin_odd_answers_total",
    "Devin's answers that are not as its documents say, by what is odd",
    ["what"],
)
ACUS = Counter("relay_acus_total", "ACUs that sessions used, as the polls found it")
MIRRORED = Counter("relay_mirrored_total", "Messages of Devin's that were posted in a thread")
MIRROR_LAG_SECONDS = Histogram(
    "relay_mirror_lag_seconds",
    "From when Devin wrote a message to its post, in threads that follow each message",
    buckets=(0.5, 1, 2, 3, 4, 6, 8, 10, 15, 30, 60, 300, 3600),
)
FILES_SENT = Counter(
    "relay_sent_files_total", "Files of Devin's for threads: uploaded, or linked", ["result"]
)
SESSIONS_WATCHED = Gauge(
    "relay_sessions_watched",
    "Sessions that are watched, by their state; `other` are those beyond the first 1,000",
    ["state"],
)
WATCH_LATE_SECONDS = Gauge(
    "relay_watch_late_seconds", "For how long the most overdue session waits for its poll"
)
WORDS_WAITING = Gauge(
    "relay_words_waiting",
    "Threads that wait for words of Devin's, of the 1,000 entries of the outbox due first",
)
WORDS_OLDEST_SECONDS = Gauge(
    "relay_words_oldest_seconds", "For how long one of these threads has waited, at most"
)
DELIVERY_SECONDS = Histogram(
    "relay_delivery_seconds",
    "From the POST to Devin's answer",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 45),
)
ACK_SECONDS = Histogram(
    "relay_ack_seconds",
    "From a request of Slack's to its acknowledgement",
    ["kind"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3),
)
BUILD = Gauge("relay_build_info", "1, with the version that runs as a label", ["version"])
READY = Gauge("relay_ready", "1 when this process can do its work, as /readyz says")
MAIL_WAITING = Gauge(
    "relay_mail_waiting", "Replies that wait; sessions beyond the first 1,000 count as one reply"
)
MAIL_OLDEST_SECONDS = Gauge(
    "relay_mail_oldest_seconds", "For how long the first reply of a mailbox waits, at most"
)
GIVE_UP_AFTER_SECONDS = Gauge(
    "relay_give_up_after_seconds", "The setting GIVE_UP_AFTER: how long a reply is retried"
)
SESSIONS_WITH_MAIL = Gauge("relay_sessions_with_mail", "Sessions that have replies waiting")
REPORTS_WAITING = Gauge(
    "relay_reports_waiting",
    "Reports that threads have not seen yet; beyond the first 1,000, those that are due",
)


def begin(give_up_after: timedelta) -> None:
    """Show 0 for what hasn't happened: Prometheus sees no increase in a series that starts at 1."""
    BUILD.labels(version()).set(1)
    GIVE_UP_AFTER_SECONDS.set(give_up_after.total_seconds())
    for kind in OutcomeKind:
        OUTCOMES.labels(kind, "")
    for refusal in Refusal:
        OUTCOMES.labels(OutcomeKind.REFUSED, refusal)
    for metric, labels in (
        (TURNED_AWAY, (OVERALL,)),
        (REPORTS, ("told", "moot", "dropped", "refused")),
        (FILES_SENT, ("uploaded", "linked")),
        (DEVIN_READS, ("states", "messages", "session", "list", "self", "file")),
        (DEVIN_READS, ("repositories", "playbooks", "members", "review")),
        (READS_PUT_OFF, (BUDGET, "HTTP 401", "HTTP 429")),
        (SESSIONS_WATCHED, (*SessionState, OTHER)),
    ):
        for label in labels:
            metric.labels(label)


Measure = Callable[[], Awaitable[None]]
"""A measure sets its gauges, to NaN where it cannot tell."""


class Measuring:
    """The measures that `/metrics` takes first."""

    def __init__(self) -> None:
        self._measures: Sequence[Measure] = ()
        self._taken_at = -math.inf
        self._one_at_a_time = asyncio.Lock()

    @contextmanager
    def taking(self, *measures: Measure) -> Iterator[None]:
        """Take `measures`, too, inside this context."""
        before = self._measures
        self._measures, self._taken_at = (*before, *measures), -math.inf
        try:
            yield
        finally:
            self._measures = before

    async def done(self) -> None:
        """Take the measures, unless they were taken within `FRESH_SECONDS`."""
        async with self._one_at_a_time:
            now = asyncio.get_running_loop().time
            if now() - self._taken_at >= FRESH_SECONDS:
                await asyncio.gather(*(guarded(one(), log) for one in self._measures))
                self._taken_at = now()
