"""`make screenshots` plays one conversation in the real demo and writes the pictures in docs/.

Devin is played from here instead of acting by itself, so that each moment can be waited for.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, async_playwright

from sandbox.demo import run_demo
from sandbox.devin.scripts import CHOICES, PLAN, QUESTION, RESULT, WISH
from sandbox.devin.sessions import DEMO_SESSIONS
from sandbox.launch import Sandbox, running_sandbox
from sandbox.page.server import HERE
from sandbox.slack.api.blocks import interactive_elements
from sandbox.tests.support.browser import MISSING, control, find_chromium, message, posts
from sandbox.tests.support.pictures import DOCS, Camera, missing_fonts, take_icon, take_preview
from tests.support.waiting import wait_until

LOGO = (HERE / "logo.svg").read_text(encoding="utf-8")
TITLE = "Release notes for 2.4"
PULL_REQUEST = "https://github.com/acme/relay/pull/7"


async def main() -> int:
    """Play the conversation and take the pictures; return the exit code."""
    executable = find_chromium()
    if executable is None or (fonts := missing_fonts()):
        why = MISSING if executable is None else f"apt-get install {' '.join(fonts)}"
        sys.stderr.write(f"No pictures were taken: {why}.\n")
        return 1
    async with running_demo() as sandbox, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--font-render-hinting=none"]
        )
        await Story(sandbox, browser).play()
        (DOCS / "logo.svg").write_text(LOGO, encoding="utf-8")
        await take_icon(browser, LOGO.replace(' rx="15"', ""))
        await take_preview(browser, LOGO)
        await browser.close()
    return 0


@asynccontextmanager
async def running_demo() -> AsyncIterator[Sandbox]:
    """Run the demo with a Devin that does nothing by itself."""
    stop, ready = asyncio.Event(), asyncio.Event()
    async with running_sandbox("127.0.0.1", 0) as sandbox:
        demo = asyncio.create_task(run_demo(sandbox, stop, lambda _: ready.set()))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([demo, waiting], return_when=asyncio.FIRST_COMPLETED)
        if demo.done():
            demo.result()
        try:
            yield sandbox
        finally:
            stop.set()
            await demo


class Story:
    """One thread from its first message to Devin's result, with the pictures on the way."""

    def __init__(self, sandbox: Sandbox, browser: Browser) -> None:
        self._devin = sandbox.devin
        self._slack = sandbox.slack
        self._camera = Camera(browser, sandbox.page.url)
        self._session = ""

    async def play(self) -> None:
        """Take every picture."""
        page = await self._camera.open()
        await self._start(page)
        await self._reply(page)
        await self._question(page)
        await self._result(page)
        self._camera.save_films("demo")
        await self._failure(page)
        await self._home(page)

    async def _start(self, page: Page) -> None:
        """Ada mentions the relay, which starts a session and answers with its card."""
        root = await self._slack.say(
            "Can we ship 2.4 today? Only the release notes are missing.", user="ada"
        )
        await page.locator(f"[data-focus='reply-{root}']").dispatch_event("click")
        await self._camera.film(page, 1.0)
        words = "@Devin Relay start Write the release notes for 2.4"
        for length, seconds in ((18, 0.3), (34, 0.3), (len(words), 0.6)):
            await page.locator("#thread-text").fill(words[:length])
            await self._camera.film(page, seconds)
        await page.locator("#thread-text").press("Enter")
        await _marked(page, "start Write the release notes")
        self._session = list(self._devin.sessions)[-1]
        self._devin.rename(self._session, TITLE)
        await posts(page, "card").get_by_text(TITLE).wait_for()
        await page.locator("#replies > .working").wait_for()
        await self._camera.film(page, 1.7)

    async def _reply(self, page: Page) -> None:
        """Ben replies, and Devin gets it."""
        await page.locator("#writer").select_option("ben")
        words = "Please mention the new --json flag."
        await page.locator("#thread-text").fill(words)
        await self._camera.film(page, 0.7)
        await page.locator("#thread-text").press("Enter")
        await _marked(page, words)
        await page.locator(".session .chip.good").wait_for()
        await self._camera.film(page, 1.4)

    async def _question(self, page: Page) -> None:
        """Devin plans and asks, and Ada presses an answer."""
        self._devin.say(self._session, PLAN)
        self._devin.say(self._session, QUESTION)
        self._devin.behave(self._session, "blocked")
        await page.locator("#writer").select_option("ada")
        question = posts(page, "words").filter(has=control(page, "answer_0"))
        await question.wait_for()
        await page.locator("#replies > .working").wait_for(state="detached")
        await self._camera.film(page, 2.5)
        await self._camera.still(page, "question", (question, None))
        await self._camera.phone("phone")
        await control(question, "answer_0").hover()
        await self._camera.film(page, 0.6, at_end=False)
        await control(question, "answer_0").click()
        await _marked(page, CHOICES[0])
        self._devin.behave(self._session, "running")
        await page.locator("#replies > .working").wait_for()
        await self._camera.film(page, 1.3)

    async def _result(self, page: Page) -> None:
        """Devin opens a pull request and finishes, and so does the card."""
        self._devin.open_pull_request(self._session, PULL_REQUEST)
        self._devin.spend(self._session, 2.25)
        self._devin.say(self._session, RESULT.format(url=PULL_REQUEST))
        self._devin.behave(self._session, "idle")
        result = posts(page, "words").filter(has=page.get_by_role("table"))
        await result.locator(f'a[href="{PULL_REQUEST}"]').last.wait_for()
        card = posts(page, "card")
        await card.locator(f'a[href="{PULL_REQUEST}"]').wait_for()
        await page.locator("#replies > .working").wait_for(state="detached")
        await self._camera.film(page, 4.5)
        await self._camera.still(page, "result-dark", (result, None), "dark")
        await self._camera.still(page, "card", (card, card), "bare")

    async def _failure(self, page: Page) -> None:
        """Nobody knows whether Devin got a reply, which the thread says."""
        self._devin.behave(self._session, "server_error")
        await page.locator("#writer").select_option("ben")
        await page.locator("#thread-text").fill("Great! Now tell the team, please.")
        await page.locator("#thread-text").press("Enter")
        await control(posts(page, "outcome"), "send_again").wait_for()
        reply = page.locator("#replies .message", has_text="Now tell the team").first
        await self._camera.still(page, "failure", (reply, None))
        self._devin.behave(self._session, "idle")

    async def _home(self, page: Page) -> None:
        """App Home lists threads whose sessions differ."""
        session, title, _ = DEMO_SESSIONS[1]
        words = "`test_upload` failed again on main."
        root = await self._slack.say(words, user="ben", channel="release-team")
        link = f"<@{self._slack.bot_user_id}> link {session}"
        await self._slack.say(link, user="ada", channel="release-team", thread=root)
        await self._until_last("unlink", root)
        self._devin.say(session, WISH.format(task="Fix `test_upload`"))
        self._devin.behave(session, "approval")
        await self._until_last("approve", root)
        await page.locator("#writer").select_option("ada")
        await page.locator("#apps button").first.dispatch_event("click")
        await page.locator("#home .content", has_text=title).wait_for(state="attached")
        await self._camera.home(page, "home")

    async def _until_last(self, action: str, root: str) -> None:
        """Wait until the last message of a thread in the private channel has that button."""

        def has_it() -> bool:
            last = self._slack.thread("release-team", root)[-1]
            return action in [item["action_id"] for _, item in interactive_elements(last.blocks)]

        await wait_until(has_it, f"{action!r} in the thread")


async def _marked(page: Page, words: str) -> None:
    """Wait until a message has its ✅."""
    await message(page, words).locator(".reaction[data-name=white_check_mark]").wait_for()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
