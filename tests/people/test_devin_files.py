"""Files that Devin sends, and messages that are too long for a post."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from bot.app import Bot
from bot.text.devin_markdown import cut_files
from bot.wording.mirror.posts import file_link
from sandbox.slack.world.live import live
from tests.support.desk import SESSION, Desk, on_both, running
from tests.support.devin_posts import buttons_of, until_devin_said
from tests.support.raw_http import serving, silent
from tests.support.waiting import wait_until


def files(desk: Desk, thread: str) -> list[tuple[str, bytes]]:
    """Return the files that the bot has put into a thread, in order."""
    posts = (one for one in desk.slack.thread("general", thread))
    return [
        (file.name, file.content)
        for post in posts
        if post.user == desk.slack.bot_user_id
        for file in post.files
    ]


def link_to(marker: str) -> str:
    """Return the post that links a file which could not be brought."""
    _, (file,) = cut_files(marker)
    return file_link(file).text


@on_both
async def test_a_file_of_devin_s_is_a_file_in_the_thread(bot: Bot, desk: Desk) -> None:
    """Its marker is cut out of the words, and the key goes to Devin's API only."""
    thread = await desk.linked_thread()
    marker = desk.devin.attach(SESSION, "report.csv", b"a,b\n1,2\n", "text/csv")
    desk.devin.say(SESSION, f"Here is the report.\n{marker}")
    await wait_until(lambda: files(desk, thread), "the file is there")
    assert files(desk, thread) == [("report.csv", b"a,b\n1,2\n")]
    assert [one.strip() for one in desk.words(thread)] == ["Here is the report."]
    assert desk.devin.strays == []


@pytest.mark.parametrize("refusal", ["missing_scope", "file_uploads_disabled"])
async def test_a_file_that_slack_does_not_take_is_linked(
    bot: Bot, desk: Desk, refusal: str
) -> None:
    """The words are there all the same."""
    thread = await desk.linked_thread()
    desk.slack.fail_next("files.getUploadURLExternal", error=refusal)
    marker = desk.devin.attach(SESSION, "report.csv", b"a,b\n1,2\n", "text/csv")
    desk.devin.say(SESSION, f"Here is the report.\n{marker}")
    assert "report.csv" in await desk.until_said(link_to(marker), thread)
    assert files(desk, thread) == []


async def test_a_page_in_place_of_a_file_is_not_posted_as_that_file(bot: Bot, desk: Desk) -> None:
    """It is a form to sign in, or an error; a file that is called so is brought."""
    thread = await desk.linked_thread()
    page, named = (
        desk.devin.attach(SESSION, name, b"<html>Sign in</html>", "text/html")
        for name in ("report.csv", "report.html")
    )
    desk.devin.say(SESSION, f"Here they are.\n{page}\n{named}")
    assert "report.csv" in await desk.until_said(link_to(page), thread)
    await wait_until(lambda: files(desk, thread), "the other is there")
    assert [name for name, _ in files(desk, thread)] == ["report.html"]


async def test_a_file_above_the_limit_is_linked(desk: Desk, environ: dict[str, str]) -> None:
    """One byte less is a file in the thread."""
    async with running(desk, environ, FILE_LIMIT="1KB"):
        thread = await desk.linked_thread()
        larger, largest = (
            desk.devin.attach(SESSION, name, size * b"a", "text/csv")
            for name, size in (("larger.csv", 1_001), ("largest.csv", 1_000))
        )
        desk.devin.say(SESSION, f"Here they are.\n{larger}\n{largest}")
        assert "larger.csv" in await desk.until_said(link_to(larger), thread)
        await wait_until(lambda: files(desk, thread), "the other is there")
    assert files(desk, thread) == [("largest.csv", 1_000 * b"a")]


def fail(desk: Desk, what: str, how: str, goes_on: asyncio.Event) -> None:
    """Let a host fail for every file: Devin's API or its files, Slack's API or its upload."""
    times = 100
    if what.startswith("Devin"):
        status = {"refuses": 403, "breaks": 500}[how]
        failing = {"Devin's API": desk.devin.read_failures["file"]}
        failing.get(what, desk.devin.download_failures).extend([status] * times)
        return
    faults: Mapping[str, Mapping[str, Any]] = {
        "hangs": {"until": goes_on},
        "refuses": {"error": "file_uploads_disabled"},
        "breaks": {"status": 500},
    }
    desk.slack.fail_next(SLACK_S[what], times=times, **faults[how])


SLACK_S = {
    "Slack's API": "files.getUploadURLExternal",
    "Slack's upload": "upload",
    "Slack's last step": "files.completeUploadExternal",
}


@pytest.mark.parametrize("how", ["hangs", "refuses", "breaks"])
@pytest.mark.parametrize("what", ["Devin's API", "Devin's files", *SLACK_S])
async def test_no_question_waits_for_files_whatever_host_fails_them(
    bot: Bot, desk: Desk, what: str, how: str
) -> None:
    """Words wait for words alone; here, a file has an hour until it is linked.

    There are more files than are brought at once.
    """
    number = 20
    thread, goes_on = await desk.linked_thread(), asyncio.Event()
    async with serving(silent) as server:
        markers = [desk.devin.attach(SESSION, f"{n}.csv", b"1") for n in range(number)]
        if what.startswith("Devin") and how == "hangs":
            markers = [f'ATTACHMENT:{{"url": "{server.url}/{n}"}}' for n in range(number)]
        else:
            fail(desk, what, how, goes_on)
        desk.devin.say(SESSION, "\n".join(["Here they are.", *markers]))
        await until_devin_said(desk, "Here they are.", thread)
        desk.devin.say(SESSION, "Which database shall I use?\n\n1. Postgres\n2. SQLite")
        desk.devin.behave(SESSION, "blocked")
        try:
            await wait_until(lambda: "SQLite" in buttons_of(desk, thread), "the question is there")
        finally:
            goes_on.set()


async def test_a_long_message_is_split_and_a_very_long_one_is_a_file(bot: Bot, desk: Desk) -> None:
    """No word is lost: up to 30,000 characters are posted, and all of a longer one is in a file."""
    thread = await desk.linked_thread()
    paragraphs = [f"Paragraph {number}. " + "word " * 150 for number in range(30)]
    desk.devin.say(SESSION, "\n\n".join(paragraphs))
    await until_devin_said(desk, "Paragraph 29.", thread)
    shown = " ".join(desk.words(thread))
    assert [f"Paragraph {number}." in shown for number in range(30)] == [True] * 30
    assert max(map(len, desk.words(thread))) <= 10_000
    assert files(desk, thread) == []

    whole = "\n\n".join(paragraphs * 3)
    desk.devin.say(SESSION, whole)
    await wait_until(lambda: files(desk, thread), "the file is there")
    assert files(desk, thread) == [("message-from-devin.md", whole.encode())]


async def test_devin_s_words_ping_nobody_and_hide_no_link(bot: Bot, desk: Desk) -> None:
    """Nothing that Slack is known to make live is left in them, in blocks or in the fallback."""
    thread = await desk.linked_thread()
    desk.devin.say(
        SESSION, "<!channel> <@U0ADA> @here &lt;!here&gt; [bank.com](https://evil.example)"
    )
    await wait_until(lambda: desk.words(thread), "the words are there")
    posts = [call for call in desk.slack.calls if call.method == "chat.postMessage"]
    said = [call.params for call in posts if "evil.example" in str(call.params)]
    assert len(said) == 1
    assert live(said[0]) == []
