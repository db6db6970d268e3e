"""A camera for the sandbox's page: framed stills, and a GIF, in few colors; and the preview."""

import base64
import io
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from PIL import Image, ImageChops, ImageDraw
from PIL.ImageFilter import GaussianBlur, MaxFilter, MinFilter
from playwright.async_api import Browser, Locator, Page

from sandbox.devin.sessions import DEMO_SESSIONS

Color = tuple[int, ...]

DOCS = Path(__file__).parents[3] / "docs"
FONTS = {"Inter": "fonts-inter", "JetBrains Mono": "fonts-jetbrains-mono"}
"""The fonts of the pictures, and Debian's package for each."""

_STYLE = Path(__file__).with_name("pictures.css").read_text(encoding="utf-8")
_OTHERS = ", ".join(f'[data-key="{id_}"]' for id_, _, _ in DEMO_SESSIONS)
_NONE_YET = (
    f".devin .log:not(:has(.session:not({_OTHERS})))::before {{ content: 'No session yet'; "
    "display: block; padding: 24px; text-align: center; color: var(--quiet, #8a8599); }"
)
_FRAME = (780, 500)
_THREAD = 440
_PHONE = (390, 720)
_ICON = 512
_HOUR = 10
_COLORS, _AREAS, _APART = 255, 63, 18
_LONGEST_MS = 30_000
_OPENING_SECONDS = 2.0
"""The GIF begins with its end, which is full, and not with an empty thread."""

_MARGIN, _RADIUS, _BORDER, _SHADOW = 40, 20, 2, 14
_GROUNDS = {False: ((242, 239, 250), (214, 208, 228)), True: ((22, 20, 30), (58, 54, 74))}
"""What lies around a picture, and its border, in light and in dark."""

_PREVIEW = (1280, 640)
_PREVIEW_PAGE = Path(__file__).with_name("preview.html").read_text(encoding="utf-8")

# Shows what fits of a session's conversation, and of a still's thread, so that nothing is cut.
_FIT = """() => { for (const log of document.querySelectorAll("#replies, .session > ol")) {
  const whole = document.body.className || log.id !== "replies";
  for (const it of whole ? [...log.children].slice(0, -1) : []) {
    if (log.scrollHeight > log.clientHeight + 1) it.hidden = true;
  }
  const edge = log.getBoundingClientRect().top;
  const tops = [...log.children].map((it) => it.getBoundingClientRect().top - edge);
  log.classList.toggle("cut", log.scrollTop > 4);
  log.style.setProperty("--fade", `${Math.min(30, tops.find((y) => y > 0) ?? 30)}px`);
} }"""
_DRESS = """(it) => { document.body.className = it;
  for (const hidden of document.querySelectorAll(".log [hidden]")) hidden.hidden = false; }"""
_END = "() => document.querySelector('#replies').scrollTo(0, 1e6)"
_ONLY = """([first, last]) => { const all = [...document.querySelectorAll("#replies > *")];
  const [from, to] = [first, last ?? all.at(-1)].map((it) => all.indexOf(it));
  all.forEach((it, at) => { it.hidden = at < from || at > to; });
  return all.reduce((sum, it) => sum + it.offsetHeight, 0); }"""


class Camera:
    """Takes pictures of the page at `url`, at twice its size, and writes them to docs/."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._films: dict[str, list[tuple[bytes, float]]] = {"": [], "-dark": []}

    async def open(self, size: tuple[int, int] = _FRAME) -> Page:
        """Open the page without what drives the sandbox, in the morning."""
        context = await self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            device_scale_factor=2,
            bypass_csp=True,
            timezone_id=_morning(),
        )
        context.set_default_timeout(_LONGEST_MS)
        page = await context.new_page()
        await page.goto(self._url)
        await page.add_style_tag(content=f"{_STYLE} {_OTHERS} {{ display: none; }} {_NONE_YET}")
        await page.locator("#replies .message").first.wait_for()
        return page

    async def film(self, page: Page, seconds: float, *, at_end: bool = True) -> None:
        """Add a frame for that long, light and dark: of the thread's end, or of what is shown."""
        if at_end:
            await page.mouse.move(0, 0)
            await page.evaluate(_END)
        for name, frames in self._films.items():
            frames.append((await _shoot(page, dark=bool(name)), seconds))

    def save_films(self, name: str) -> None:
        """Write the frames as two GIFs."""
        for suffix, frames in self._films.items():
            opening = (frames[-1][0], _OPENING_SECONDS)
            film = [(_framed(png, dark=bool(suffix)), of) for png, of in (opening, *frames)]
            _save_film(film, _said(DOCS / f"{name}{suffix}.gif"))

    async def still(
        self, page: Page, name: str, messages: tuple[Locator, Locator | None], look: str = ""
    ) -> None:
        """Take the messages from the first to the last (None: the thread's last), whole.

        `look` is `dark`, or `bare` for the messages alone.
        """
        is_bare = look == "bare"
        width = _THREAD if is_bare else _FRAME[0]
        await page.evaluate(_DRESS, "still alone bare" if is_bare else "still")
        await page.set_viewport_size({"width": width, "height": _FRAME[1]})
        ends = [None if it is None else await it.element_handle() for it in messages]
        inner = await page.evaluate(_ONLY, ends)
        await page.set_viewport_size({"width": width, "height": inner + (20 if is_bare else 64)})
        dark = look == "dark"
        _save_picture(await _shoot(page, dark=dark), _said(DOCS / f"{name}.png"), dark=dark)
        await page.evaluate(_DRESS, "")
        await page.set_viewport_size({"width": _FRAME[0], "height": _FRAME[1]})
        await page.evaluate(_END)

    async def phone(self, name: str) -> None:
        """Take the end of the newest thread on a phone."""
        page = await self.open(_PHONE)
        await page.evaluate(_DRESS, "alone")
        _save_picture(await _shoot(page), _said(DOCS / f"{name}.png"))
        await page.context.close()

    async def home(self, page: Page, name: str) -> None:
        """Take App Home, as high as it is."""
        await page.evaluate(_DRESS, "alone at-home")
        height = await page.locator("#home > .content").evaluate("it => it.offsetHeight")
        await page.set_viewport_size({"width": _FRAME[0], "height": height + 36})
        _save_picture(await _shoot(page), _said(DOCS / f"{name}.png"))


async def take_icon(browser: Browser, svg: str) -> None:
    """Write a logo as the square picture that Slack asks for."""
    page = await browser.new_page(viewport={"width": _ICON, "height": _ICON})
    await page.set_content(f"<style>body {{ margin: 0; }} svg {{ display: block; }}</style>{svg}")
    await page.screenshot(path=_said(DOCS / "app-icon.png"), omit_background=True)
    await page.close()


async def take_preview(browser: Browser, logo: str) -> None:
    """Write the picture that a link to the repository shows: the name beside the question."""
    shown = base64.b64encode((DOCS / "question.png").read_bytes()).decode()
    width, height = _PREVIEW
    page = await browser.new_page(viewport={"width": width, "height": height})
    filled = _PREVIEW_PAGE.replace("<!-- logo -->", logo).replace("{picture}", shown)
    await page.set_content(filled)
    await page.screenshot(path=_said(DOCS / "social-preview.png"))
    await page.close()


async def _shoot(page: Page, *, dark: bool = False) -> bytes:
    await page.emulate_media(color_scheme="dark" if dark else "light")
    await page.evaluate(_FIT)
    return await page.screenshot(animations="disabled")


def _morning() -> str:
    """Return the time zone in which it is between 10 and 11 o'clock now."""
    ahead = (_HOUR - time.gmtime().tm_hour + 11) % 24 - 11
    return f"Etc/GMT{-ahead:+d}"


def missing_fonts() -> list[str]:
    """Return the Debian packages without which pictures would be set in other fonts."""
    listed = subprocess.run(["fc-list", ":", "family"], capture_output=True, check=True).stdout
    return [package for font, package in FONTS.items() if font not in listed.decode()]


def _save_picture(png: bytes, path: Path, *, dark: bool = False) -> None:
    (image,) = _in_few_colors([_framed(png, dark=dark)])
    image.save(path, optimize=True)


def _framed(png: bytes, *, dark: bool) -> Image.Image:
    """Return a picture with round corners, a border and a soft shadow, on a tinted ground."""
    picture, (ground, border) = _of(png), _GROUNDS[dark]
    size = (picture.width + 2 * _MARGIN, picture.height + 2 * _MARGIN)
    framed = Image.new("RGB", size, ground)
    shadow = _rounded(framed.size, _MARGIN - 2, 8).filter(GaussianBlur(_SHADOW))
    framed.paste((0, 0, 0), mask=shadow.point([at // 5 for at in range(256)]))
    framed.paste(border, mask=_rounded(framed.size, _MARGIN - _BORDER))
    framed.paste(picture, (_MARGIN, _MARGIN), _rounded(picture.size, 0))
    return framed


def _rounded(size: tuple[int, int], inset: int, down: int = 0) -> Image.Image:
    """Return a mask: a rectangle with round corners that far within `size`."""
    right, bottom = size[0] - inset, size[1] - inset + down
    box = (4 * inset, 4 * (inset + down), 4 * right - 1, 4 * bottom - 1)
    four = Image.new("L", (4 * size[0], 4 * size[1]), 0)
    ImageDraw.Draw(four).rounded_rectangle(box, 4 * _RADIUS, fill=255)
    return four.resize(size, Image.Resampling.LANCZOS)


def _save_film(frames: Sequence[tuple[Image.Image, float]], path: Path) -> None:
    """Write an endless GIF, whose frames share one palette, so that only differences are kept."""
    first, *rest = _in_few_colors([image for image, _ in frames])
    first.save(
        path,
        save_all=True,
        append_images=rest,
        duration=[int(seconds * 1000) for _, seconds in frames],
        loop=0,
        optimize=False,
    )


def _in_few_colors(images: Sequence[Image.Image]) -> list[Image.Image]:
    """Return the images with one palette: areas, even small ones, keep their very color."""
    counts: Counter[Color] = Counter()
    areas: Counter[Color] = Counter()
    for image in images:
        counts.update(_counted(image))
        areas.update({it[:3]: count for it, count in _counted(_areas(image)).items() if it[3]})
    kept = [color for color, _ in areas.most_common(_AREAS)]
    for color, _ in counts.most_common():
        if len(kept) < _COLORS and all(_distance(color, other) > _APART for other in kept):
            kept.append(color)
    # Pillow's own `quantize` looks a color up by steps of four, and so finds a neighbor.
    nearest = {it: min((_distance(it, to), at) for at, to in enumerate(kept))[1] for it in counts}
    few = []
    for image in images:
        raw = image.tobytes()
        pixels = zip(raw[::3], raw[1::3], raw[2::3], strict=True)
        few.append(Image.frombytes("P", image.size, bytes(map(nearest.__getitem__, pixels))))
        few[-1].putpalette([channel for color in kept for channel in color])
    return few


def _areas(image: Image.Image) -> Image.Image:
    """Return the image, opaque only where a pixel's neighbors have its color."""
    lightest, darkest = (image.filter(each(3)) for each in (MaxFilter, MinFilter))
    at_edge = ImageChops.difference(lightest, darkest).convert("L").point([0] + [255] * 255)
    areas = image.copy()
    areas.putalpha(ImageChops.invert(at_edge))
    return areas


def _counted(image: Image.Image) -> dict[Color, int]:
    found = image.getcolors(image.width * image.height) or []
    return {cast("Color", color): count for count, color in found}


def _distance(one: Color, other: Color) -> int:
    return abs(one[0] - other[0]) + abs(one[1] - other[1]) + abs(one[2] - other[2])


def _of(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def _said(path: Path) -> Path:
    sys.stdout.write(f"{path.relative_to(DOCS.parent)}\n")
    return path
