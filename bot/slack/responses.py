"""Answers at a `response_url`, which Slack sends with a press, a choice, a command or a shortcut.

They use the Web API's session, and so its proxy. Bolt's `respond` would take one from the
environment, and follow redirects.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.runtime.reasons import broken
from bot.urls import is_secure


async def respond(client: AsyncWebClient, url: str, answer: Mapping[str, Any]) -> str | None:
    """POST `answer` to `url`; return the reason for a failure, or None."""
    if client.session is None or not is_secure(url):
        return "no usable address"
    try:
        async with client.session.post(url, json=answer) as response:
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return broken(error)
    return None if status == HTTPStatus.OK else f"HTTP {status}"
