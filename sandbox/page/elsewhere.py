"""Sessions that appear on the page without the relay: started elsewhere, or by another session."""

from aiohttp import web
from pydantic import Field

from sandbox.devin.server import DevinSandbox
from sandbox.devin.sessions import NewSession
from sandbox.devin.v3.requests import Origin
from sandbox.page.commands import Command
from sandbox.page.posts import Reply, post


class Appear(Command):
    """Start a session as something else does than the relay, or as the session `parent` does."""

    prompt: str = Field(min_length=1)
    title: str = ""
    origin: Origin = "automation"
    tags: tuple[str, ...] = ()
    repos: tuple[str, ...] = ()
    parent: str | None = None


def elsewhere_routes(devin: DevinSandbox) -> list[web.RouteDef]:
    """Return the route for that."""

    async def on_appear(command: Appear) -> Reply:
        body = {"repos": [*command.repos]}
        wanted = NewSession(command.prompt, command.title, command.tags, body=body)
        session = devin.appear(wanted, origin=command.origin, parent=command.parent)
        return {"session_id": session.session_id}

    return [post("/control/appear", Appear, on_appear)]
