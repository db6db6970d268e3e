"""The sandbox's web page: static files from `web/`, and the control API beside them.

Nothing is built, and nothing is loaded from elsewhere; the content security policy makes the
browser enforce that.
"""

from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.devin.server import DevinSandbox
from sandbox.loopback import is_loopback, loopback_only
from sandbox.page.control import Control
from sandbox.slack.server import SlackSandbox

HERE = Path(__file__).parent / "web"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FILES = {"/": ("page.html", "text/html")} | {
    f"/{path.name}": (path.name, _TYPES[path.suffix])
    for path in sorted(HERE.iterdir())
    if path.suffix in _TYPES
}
"""The served files: path -> the file in `web/`, and its type."""
MAX_BODY_BYTES = 16 * 1024**2
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class PageServer:
    """Serves the page and the control API on `url` inside its `async with`.

    Raises `ValueError` for a host that others could reach, and `OSError` if the port is taken.
    """

    def __init__(
        self, slack: SlackSandbox, devin: DevinSandbox, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        if not is_loopback(host):
            raise ValueError(f"the sandbox listens on this machine only, not on {host}")
        self._control = Control(slack, devin)
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[loopback_only], client_max_size=MAX_BODY_BYTES)
        app.add_routes(self._control.routes())
        for path, (name, content_type) in FILES.items():
            app.router.add_get(path, _file(name, content_type))
        app.on_response_prepare.append(_add_headers)
        app.on_shutdown.append(self._end_streams)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """The page's address."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def _end_streams(self, _app: web.Application) -> None:
        self._control.close()


def _file(name: str, content_type: str) -> Handler:
    content = (HERE / name).read_text(encoding="utf-8")

    async def on_file(_request: web.Request) -> web.Response:
        return web.Response(text=content, content_type=content_type)

    return on_file


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
