"""The script a user would write instead: one listener, links in a dict, one POST to Devin."""

import asyncio
import os

import httpx
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

LINKS: dict[str, str] = {}  # thread_ts -> session id


async def main() -> None:
    """Relay threaded replies until killed."""
    client = AsyncWebClient(os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
    app = AsyncApp(client=client)
    path = os.environ["MESSAGE_PATH"]  # of a message, for either generation of Devin's API
    headers = {"Authorization": f"Bearer {os.environ['DEVIN_API_KEY']}"}
    devin = httpx.AsyncClient(base_url=os.environ["DEVIN_API_URL"], headers=headers, timeout=30)

    @app.event("app_mention")
    async def on_link(event: dict[str, str]) -> None:
        LINKS[event["thread_ts"]] = event["text"].split()[-1]

    @app.event("message")
    async def on_message(event: dict[str, str]) -> None:
        session = LINKS.get(event.get("thread_ts", ""))
        if session and " link " not in event["text"]:
            await devin.post(path.format(session=session), json={"message": event["text"]})

    await AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).start_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped


if __name__ == "__main__":
    asyncio.run(main())
