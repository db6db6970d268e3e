"""`make screenshots` takes pictures of the main moments of the tour for docs/, in the real demo."""

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from sandbox.demo import run_demo
from sandbox.launch import running_sandbox
from tests.support.browser import MISSING, find_chromium

DOCS = Path(__file__).parents[2] / "docs"
MOMENTS = {
    "wide": ("plan", "question", "finished", "card", "trouble"),
    "dark": ("finished",),
    "phone": ("question",),
}
SIZES = {"wide": (1280, 820), "dark": (1280, 820), "phone": (400, 820)}
PACE = 0.4
LONGEST_MS = 90_000


async def main() -> int:
    """Play the demo and take the pictures; return the exit code."""
    executable = find_chromium()
    if executable is None:
        sys.stderr.write(f"No pictures were taken: {MISSING}.\n")
        return 1
    stop, ready = asyncio.Event(), asyncio.Event()
    async with (
        running_sandbox("127.0.0.1", 0, pace=PACE) as sandbox,
        async_playwright() as playwright,
    ):
        demo = asyncio.create_task(run_demo(sandbox, stop, lambda _: ready.set()))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([demo, waiting], return_when=asyncio.FIRST_COMPLETED)
        if demo.done():
            demo.result()
        browser = await playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox"]
        )
        for name in MOMENTS:
            await _play(browser, sandbox.page.url, name)
        await _home(browser, sandbox.page.url)
        await browser.close()
        stop.set()
        await demo
    return 0


async def _open(browser: Browser, url: str, name: str) -> Page:
    width, height = SIZES[name]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if name == "dark" else "light",
    )
    page = await context.new_page()
    await page.goto(f"{url}/?pace={PACE}")
    await page.locator(".message:visible").first.wait_for()
    return page


async def _play(browser: Browser, url: str, name: str) -> None:
    """Play one tour, to its end or to the last requested moment."""
    page = await _open(browser, url, name)
    await page.get_by_role("button", name="Tour").click()
    for moment in MOMENTS[name]:
        shown = f"#tour[data-step={moment}][data-status=shown]"
        await page.wait_for_selector(shown, timeout=LONGEST_MS)
        await _shoot(page, f"{name}-{moment}")
    await page.get_by_role("button", name="Stop").click()
    await page.context.close()


async def _home(browser: Browser, url: str) -> None:
    page = await _open(browser, url, "wide")
    await page.locator("#apps button").first.click()
    await page.locator("#home .actions").first.wait_for()
    await _shoot(page, "wide-home")
    await page.context.close()


async def _shoot(page: Page, name: str) -> None:
    await page.mouse.move(0, 0)
    path = DOCS / f"page-{name}.png"
    await page.screenshot(path=path, animations="disabled")
    sys.stdout.write(f"{path.relative_to(DOCS.parent)}\n")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
