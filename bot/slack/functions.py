"""Slack's Web API for the end of a Workflow Builder step."""

from collections.abc import Mapping

from slack_sdk.web.async_client import AsyncWebClient

from bot.model.errors import SlackRefused
from bot.slack.api import call

OVER = frozenset({"execution_not_in_running_state", "function_execution_not_found"})
"""Slack's codes for a step that was completed before, or whose workflow was cancelled."""


class Functions:
    """Slack's side of the steps that were started."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def complete(self, execution: str, outputs: Mapping[str, str]) -> None:
        """Tell Slack that a step is done; it may be told already.

        With the app's own token, since a step's dies after some 15 minutes (bolt-python#1075).

        Raises:
            SlackRefused: Slack does not take these outputs, or our token.
            SlackAway: it must be told again.
        """
        await self._tell("functions.completeSuccess", execution, outputs=dict(outputs))

    async def fail(self, execution: str, why: str) -> None:
        """Tell Slack that a step cannot be done, in a sentence for the workflow's author.

        Raises:
            SlackRefused, SlackAway: as `complete`.
        """
        await self._tell("functions.completeError", execution, error=why)

    async def _tell(self, method: str, execution: str, **how: object) -> None:
        try:
            await call(self._client, method, function_execution_id=execution, **how)
        except SlackRefused as error:
            if error.reason not in OVER:
                raise
