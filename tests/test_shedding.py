"""When more reports wait than Slack takes, only success marks are given up."""

from datetime import timedelta

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.links import Links
from bot.mailbox import Head, Mailbox
from bot.models import Link, Outcome, OutcomeKind, Reply, SessionId, ThreadRef, UserId
from bot.reports import ReportId, ReportKind, Reports
from bot.store import Store
from bot.telling import Telling
from bot.threads import Threads
from sandbox import Sandbox
from tests.people import SESSION

ID = SessionId(SESSION)
TTL = timedelta(days=1)


class Planned:
    """A schedule that only notes what it is asked for."""

    def __init__(self) -> None:
        self.told: list[tuple[ReportId, float]] = []

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Nothing here has mail."""
        raise AssertionError(f"{session} was woken after {after} s")

    async def tell(self, report: ReportId, after: float = 0.0, attempt: int = 1) -> None:
        """Note it."""
        self.told.append((report, after * attempt))


async def finished(store: Store, outcome: Outcome) -> ReportId:
    """A reply that ended so, and the report that is owed for it."""
    thread = ThreadRef(team="T0TEAM", channel="C0GENERAL0", thread_ts="1764000000.000100")
    await Links(store, TTL).create(thread, Link(session=ID, by=UserId("U0ADA"), at=1))
    mailbox = Mailbox(store, TTL)
    reply = Reply(thread=thread, ts="1764000001.000100", author=UserId("U0ADA"), text="hello")
    await mailbox.accept(reply, ID, timedelta(0))
    head = await mailbox.take(ID, "token")
    assert isinstance(head, Head)
    await mailbox.finish(ID, "token", head, outcome, go_on=False)
    return ReportId(reply.id, 1, ReportKind.OUTCOME)


@pytest.mark.parametrize("kind", [OutcomeKind.DELIVERED, OutcomeKind.SUSPENDED])
async def test_only_success_marks_are_shed(store: Store, box: Sandbox, kind: OutcomeKind) -> None:
    """A ✅ is dropped without a call to Slack; what people must know is told a little later."""
    report = await finished(store, Outcome(kind=kind, detail="asleep"))
    planned, reports = Planned(), Reports(store)
    client = AsyncWebClient(box.slack.bot_token, base_url=box.slack.api_url)
    telling = Telling(reports=reports, threads=Threads(client), schedule=planned, give_up_after=TTL)
    await telling.shed(report, 1)
    assert box.slack.calls == []
    still_owed = await reports.begin(report)
    if kind is OutcomeKind.DELIVERED:
        assert (still_owed, planned.told) == (None, [])
    else:
        assert still_owed is not None
        assert not still_owed.begun
        assert planned.told == [(report, 1.0)]
