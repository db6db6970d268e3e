"""A browser that looks at the sandbox's page."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest

from sandbox import Sandbox
from sandbox.page.server import PageServer

if TYPE_CHECKING:
    from tests.support.browser import Screens


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One browser for all of these tests; without one, they are reported as not run."""
    from tests.support.browser import (  # noqa: PLC0415  (`make test` needs no Playwright, half a second)
        MISSING,
        find_chromium,
        running_chromium,
    )

    executable = find_chromium()
    if executable is None:
        pytest.skip(MISSING)
    with running_chromium(executable, tmp_path_factory.mktemp("profile")) as address:
        yield address


@pytest.fixture
async def screens(chromium: str, box: Sandbox) -> AsyncIterator["Screens"]:
    """The page of this test's sandbox. No page may log an error or contact another machine."""
    from playwright.async_api import async_playwright, expect  # noqa: PLC0415  (as above)

    from tests.support.browser import Screens  # noqa: PLC0415  (as above)

    expect.set_options(timeout=25_000)
    async with PageServer(box.slack, box.devin) as server, async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(chromium)
        screens = Screens(browser, server.url)
        yield screens
        await screens.close()
        await browser.close()
    assert screens.complaints == []
