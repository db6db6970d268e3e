"""People see a session's title and address wherever the relay names it, in both API generations."""

from collections.abc import AsyncIterator

import pytest

from bot.app import Bot
from bot.model.errors import LinkedElsewhere
from bot.model.sessions import NamedSession, SessionId
from bot.wording import refusals, thread_links
from bot.wording.phrases import session_address, session_link, short_id
from sandbox import Sandbox
from sandbox.devin.answers import Api
from tests.support.bots import ACK_SECONDS, DEVIN_HANGS
from tests.support.desk import OTHER_SESSION, SESSION, Desk
from tests.support.devin_posts import linked, until_card
from tests.support.waiting import wait_until

HEX = SESSION.removeprefix("devin-")
ACME = "https://acme.devinenterprise.com"
BARE = session_link(NamedSession(SessionId(SESSION)))
"""The session as it is shown while nothing is known of it."""


@pytest.fixture(params=["v1", "v3"])
async def box(request: pytest.FixtureRequest, *, is_org: bool) -> AsyncIterator[Sandbox]:
    """A local Slack and a Devin of a dedicated deployment, with one titled session."""
    api: Api = request.param
    async with Sandbox(devin_api=api, ack_timeout=ACK_SECONDS, org=is_org) as sandbox:
        sandbox.devin.add_session(SESSION, title="Release notes")
        sandbox.devin.session(SESSION).web_app = ACME
        yield sandbox


def shown(desk: Desk, title: str = "Release notes") -> str:
    """Return the session as people see it: only v3 tells its address."""
    web_app = ACME if desk.devin.api == "v3" else "https://app.devin.ai"
    return f"<{web_app}/sessions/{HEX}|{title}> (devin-01234567)"


def named(desk: Desk) -> NamedSession:
    """Return the session as the relay knows it."""
    url = desk.devin.session(SESSION).url if desk.devin.api == "v3" else ""
    return NamedSession(SessionId(SESSION), "Release notes", url)


async def at_home(desk: Desk) -> list[str]:
    """Open the Home tab as Ada, and return its threads."""
    before = desk.slack.home_view("ada")
    await desk.slack.open_home("ada")
    await wait_until(lambda: desk.slack.home_view("ada") != before, "the home is published")
    view = desk.slack.home_view("ada") or {}
    sections = [block["text"]["text"] for block in view["blocks"] if block["type"] == "section"]
    return [text for text in sections if "/sessions/" in text]


async def test_a_link_is_confirmed_and_ended_by_title(bot: Bot, desk: Desk) -> None:
    """Whoever tries another session is told which one the thread has."""
    thread = await desk.linked_thread()
    begun = await desk.until_linked(thread)
    await desk.mention(f"link {OTHER_SESSION}", thread=thread)
    session = named(desk)
    elsewhere = refusals.sorry(LinkedElsewhere(session, "ada"))
    told = [begun, await desk.until_said(elsewhere, thread)]
    told.append(await desk.answer("unlink", thread, thread_links.unlinked(session)))
    assert linked(session) in begun
    assert [shown(desk) in one for one in told] == [True, True, True]


async def test_a_title_that_is_known_is_not_asked_for(bot: Bot, desk: Desk) -> None:
    """Another link of the same session has it although Devin tells nothing."""
    assert shown(desk) in await desk.until_linked(await desk.linked_thread())
    await desk.devin.go_offline()
    assert shown(desk) in await desk.until_linked(await desk.linked_thread())


async def test_a_title_that_comes_later_is_shown_from_then_on(bot: Bot, desk: Desk) -> None:
    """Devin names a session in its first minutes; until then it is shown by its id."""
    desk.devin.session(SESSION).title = ""
    thread = await desk.linked_thread()
    assert f"|{short_id(SessionId(SESSION))}>" in await desk.until_linked(thread)
    desk.devin.session(SESSION).title = "Release notes"
    assert shown(desk) in await desk.until_linked(await desk.linked_thread())


async def test_status_shows_the_title_that_was_read_last(bot: Bot, desk: Desk) -> None:
    """The watch knows it, so nobody asks Devin for that."""
    thread = await desk.linked_thread()
    desk.devin.rename(SESSION, "Release 2.0")
    await until_card(desk, "Release 2.0", thread)
    assert "ada" in await desk.answer("status", thread, shown(desk, "Release 2.0"))


@pytest.mark.times(**DEVIN_HANGS)
@pytest.mark.parametrize("trouble", ["away", "hanging"])
async def test_without_devin_a_session_is_shown_by_its_id(
    bot: Bot, desk: Desk, trouble: str
) -> None:
    """A link is made and told all the same, and every event is acknowledged at once."""
    if trouble == "away":
        await desk.devin.go_offline()
    else:
        desk.devin.read_seconds = 20.0
    thread = await desk.linked_thread()
    status = await desk.answer("status", thread, BARE)
    await desk.until_heard()
    card = await desk.until_linked(thread)
    assert linked(NamedSession(SessionId(SESSION))) in card
    assert BARE in card
    assert "ada" in status
    assert [BARE in one for one in await at_home(desk)] == [True]


async def test_a_hostile_title_is_shown_as_text(bot: Bot, desk: Desk) -> None:
    """It pings nobody, is not formatted, and is no label, since it looks like an address."""
    desk.devin.session(SESSION).title = "<!channel> *now* | <https://evil.example|ok>\n@here"
    thread = await desk.linked_thread()
    (row,) = await at_home(desk)
    for text in (await desk.until_linked(thread), row):
        assert "*&lt;!channel&gt; ∗now∗ ¦ &lt;https" in text  # noqa: RUF001  (on purpose)
        assert f"(<{session_address(named(desk))}|{short_id(SessionId(SESSION))}>)" in text
        assert "<!channel>" not in text
        assert "evil.example|" not in text
        assert "@here" not in text
