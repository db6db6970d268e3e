"""A real Chromium for the page: found on this machine, never downloaded."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Locator, Page, Route

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "chromium is not here: apt-get install chromium"

CONTRASTS = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
"""Evaluates to the texts that do not stand out from their ground."""
OVERFLOWING = """() => [...document.querySelectorAll("body *")]
  .filter((node) => node.checkVisibility() && !node.closest(".skip, .scroller > *"))
  .filter((node) => node.getBoundingClientRect().right > innerWidth + 0.5)
  .map((node) => node.outerHTML.slice(0, 80))"""
"""Evaluates to the nodes that are wider than the window, save in what is scrolled by itself."""

_ARGUMENTS = (
    *("--headless=new", "--no-sandbox", "--remote-debugging-port=0", "--no-first-run"),
    *("--no-proxy-server", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-dev-shm-usage", "--disable-gpu", "about:blank"),
)
_ELSEWHERE = re.compile(r"^(?!http://127\.0\.0\.1[:/])(?!data:)(?!blob:http://127\.0\.0\.1[:/])")


def find_chromium() -> str | None:
    """Return Chromium's path, if it is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextlib.contextmanager
def running_chromium(executable: str, profile: Path) -> Iterator[str]:
    """Run one headless browser, and yield the address that Playwright connects to."""
    command = [executable, f"--user-data-dir={profile}", *_ARGUMENTS]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True) as process:
        try:
            yield f"http://127.0.0.1:{_port(profile / 'DevToolsActivePort', process)}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _port(written: Path, process: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + 30
    while not (written.exists() and written.read_text().strip()):
        assert process.poll() is None, "Chromium did not start"
        assert time.monotonic() < deadline, "Chromium said no port"
        time.sleep(0.02)
    return written.read_text().split()[0]


class Screens:
    """Opens the page as often as a test likes, and records forbidden behavior.

    `complaints` are errors in the console and requests that would have left this machine; those
    are blocked.
    """

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.url = url
        self.complaints: list[str] = []

    async def open(
        self, *, width: int = 1280, height: int = 800, dark: bool = False, query: str = ""
    ) -> Page:
        """Open the page in a window of that size, for a person with a fresh browser."""
        context = await self._browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        self._contexts.append(context)
        context.set_default_timeout(15_000)
        await context.route(_ELSEWHERE, self._refuse)
        page = await context.new_page()
        page.on("console", lambda line: self._complain(line.type, line.text))
        page.on("pageerror", lambda error: self._complain("error", str(error)))
        await page.goto(f"{self.url}/{query}")
        await page.locator("#writer option").first.wait_for(state="attached")
        return page

    async def close(self) -> None:
        """Close every window."""
        for context in self._contexts:
            await context.close()

    async def _refuse(self, route: Route) -> None:
        self.complaints.append(f"a request to {route.request.url}")
        await route.abort()

    def _complain(self, kind: str, words: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(f"console: {words}")


def message(page: Page, words: str) -> Locator:
    """Return the message with these words, in the log that is in front."""
    return page.locator(".message:visible", has_text=words).last


def posts(page: Page, kind: str) -> Locator:
    """Return the relay's messages of that kind (`OwedKind`), in the thread that is open."""
    return page.locator(f"#replies .message[data-kind={kind}]")


def control(scope: Page | Locator, action: str) -> Locator:
    """Return the buttons and links with that action id."""
    return scope.locator(f"[data-action={action}]")


async def write(page: Page, label: str, words: str) -> None:
    """Type into a message box and press Enter."""
    box = page.get_by_label(label, exact=True)
    await box.fill(words)
    await box.press("Enter")


async def choose(page: Page, words: str, action: str) -> None:
    """Choose from the menu of a message."""
    await message(page, words).hover()
    await message(page, words).get_by_label("More actions").click()
    await page.get_by_role("menuitem", name=action).click()
