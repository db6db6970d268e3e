"""Slack's Web API for completing Workflow Builder steps."""

from collections.abc import Mapping

from slack_sdk.web.async_client import AsyncWebClient

from bot.model.errors import SlackRefused
from bot.slack.api import call

OVER = frozenset({"execution_not_in_running_state", "function_execution_not_found"})
"""Slack's codes for a step that was already completed, or whose workflow was canceled."""


class Functions:
    """Completes steps by the app's own token: a step's expires after 15 min (bolt-python#1075)."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def complete(self, execution: str, outputs: Mapping[str, str]) -> None:
        """Tell Slack that a step is done; raises `SlackAway`, or `SlackRefused` for the outputs."""
        await self._tell("functions.completeSuccess", execution, outputs=dict(outputs))

    async def fail(self, execution: str, why: str) -> None:
        """Tell Slack, in a sentence for the workflow's author, that a step cannot be done."""
        await self._tell("functions.completeError", execution, error=why)

    async def _tell(self, method: str, execution: str, **how: object) -> None:
        try:
            await call(self._client, method, function_execution_id=execution, **how)
        except SlackRefused as error:
            if error.reason not in OVER:
                raise
