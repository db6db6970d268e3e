"""When more reports wait than Slack takes, only success marks are given up."""

from datetime import timedelta

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.links import Links
from bot.mailbox import Head, Mailbox
from bot.models import Link, Outcome, OutcomeKind, Reply, ReplyId, SessionId, ThreadRef, UserId
from bot.reports import ReportId, ReportKind, Reports
from bot.store import Store, reply_key
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

    is_full = False

    async def tell(
        self, report: ReportId, after: float = 0.0, attempt: int = 1, *, is_mark: bool = False
    ) -> None:
        """Note it."""
        assert not is_mark
        self.told.append((report, after * attempt))


class NoSteps:
    """No workflow waits."""

    async def begin(self, id_: ReplyId, *, again: bool) -> None:
        """There is none to begin."""
        raise AssertionError(f"{id_} was begun {again}")

    async def end(self, reply: Reply, outcome: Outcome) -> None:
        """There is none to complete."""
        raise AssertionError(f"{reply.step} was completed: {outcome.kind}")


async def finished(store: Store, outcome: Outcome, *, is_owed: bool = True) -> ReportId:
    """A reply that ended so, and the report that is owed for it."""
    thread = ThreadRef(team="T0TEAM", channel="C0GENERAL0", thread_ts="1764000000.000100")
    await Links(store, TTL).create(thread, Link(session=ID, by=UserId("U0ADA"), at=1))
    mailbox = Mailbox(store, TTL)
    reply = Reply(thread=thread, ts="1764000001.000100", author=UserId("U0ADA"), text="hello")
    await mailbox.accept(reply, ID, timedelta(0))
    head = await mailbox.take(ID, "token")
    assert isinstance(head, Head)
    await mailbox.finish(ID, "token", head, outcome, is_owed=is_owed, go_on=False)
    return ReportId(reply.id, 1, ReportKind.OUTCOME)


def telling_with(client: AsyncWebClient, reports: Reports, planned: Planned) -> Telling:
    """What tells threads, in a workspace without workflows."""
    return Telling(
        reports=reports,
        threads=Threads(client),
        steps=NoSteps(),
        schedule=planned,
        give_up_after=TTL,
    )


@pytest.mark.parametrize("kind", [OutcomeKind.DELIVERED, OutcomeKind.SUSPENDED])
async def test_only_success_marks_are_shed(store: Store, box: Sandbox, kind: OutcomeKind) -> None:
    """A ✅ is dropped without a call to Slack; what people must know is told a little later."""
    report = await finished(store, Outcome(kind=kind, detail="asleep"))
    planned, reports = Planned(), Reports(store)
    client = AsyncWebClient(box.slack.bot_token, base_url=box.slack.api_url)
    await telling_with(client, reports, planned).shed(report, 1)
    assert box.slack.calls == []
    still_owed = await reports.begin(report)
    if kind is OutcomeKind.DELIVERED:
        assert (still_owed, planned.told) == (None, [])
    else:
        assert still_owed is not None
        assert not still_owed.begun
        assert planned.told == [(report, 1.0)]


async def test_a_mark_that_would_come_too_late_is_not_owed(store: Store) -> None:
    """So in a flood it costs nothing; the reply is finished all the same."""
    report = await finished(store, Outcome(kind=OutcomeKind.DELIVERED), is_owed=False)
    assert await Reports(store).begin(report) is None
    assert await store.field(reply_key(report.reply), "state") == "done"


async def test_a_mark_that_slack_does_not_take_is_owed_until_it_does(
    store: Store, box: Sandbox
) -> None:
    """The short way of a mere mark forgets nothing."""
    report = await finished(store, Outcome(kind=OutcomeKind.DELIVERED))
    planned, reports = Planned(), Reports(store)
    client = AsyncWebClient(box.slack.bot_token, base_url=box.slack.api_url)
    box.slack.fail_next("reactions.add", status=429, retry_after=7)
    await telling_with(client, reports, planned).mark(report)
    assert [one for one, _ in planned.told] == [report]
    still_owed = await reports.begin(report)
    assert still_owed is not None
