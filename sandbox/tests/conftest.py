"""A browser that looks at the sandbox's page."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import async_playwright, expect

from sandbox import Sandbox
from sandbox.page.server import PageServer
from sandbox.tests.support.browser import MISSING, Screens, find_chromium, running_chromium


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One browser for all of these tests; without one, they are reported as not run."""
    executable = find_chromium()
    if executable is None:
        pytest.skip(MISSING)
    with running_chromium(executable, tmp_path_factory.mktemp("profile")) as address:
        yield address


@pytest.fixture
async def screens(chromium: str, box: Sandbox) -> AsyncIterator[Screens]:
    """The page of this test's sandbox. No page may log an error or contact another machine."""
    expect.set_options(timeout=25_000)
    async with PageServer(box.slack, box.devin) as server, async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(chromium)
        screens = Screens(browser, server.url)
        yield screens
        await screens.close()
        await browser.close()
    assert screens.complaints == []
