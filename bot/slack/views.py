"""Modals, App Home, and prompts: what only one person sees."""

from collections.abc import Iterable

from slack_sdk.web.async_client import AsyncWebClient

from bot.model.record import mapping, string
from bot.slack.api import call
from bot.wording.message import View

SUGGEST = "assistant.threads.setSuggestedPrompts"


class Views:
    """Opens, changes and publishes views (docs.slack.dev/reference/methods, views.*)."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def open(self, trigger: str, view: View) -> str:
        """Open a modal for the person behind `trigger`, within 3 s; return its id, if known."""
        answer = await call(self._client, "views.open", trigger_id=trigger, view=view)
        return string(mapping(answer.get("view")), "id")

    async def update(self, view_id: str, view: View) -> None:
        """Replace an open modal with `view`."""
        await call(self._client, "views.update", view_id=view_id, view=view)

    async def publish(self, user: str, view: View) -> None:
        """Show `view` as the App Home of `user`."""
        await call(self._client, "views.publish", user_id=user, view=view)

    async def suggest(self, direct: str, title: str, prompts: Iterable[tuple[str, str]]) -> None:
        """Show messages to send, by their titles, at the top of the direct message `direct`.

        Without a `thread_ts`, they stay there (docs.slack.dev/reference/methods, `SUGGEST`).
        """
        offered = [{"title": name, "message": message} for name, message in prompts]
        await call(self._client, SUGGEST, channel_id=direct, title=title, prompts=offered)
