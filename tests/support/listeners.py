"""The relay's real listeners in a real Bolt, without a transport or any work beside them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

import handlers
from bot.app import open_slack
from bot.devin.opening import open_devin
from bot.redis.connection import Store
from bot.relay import UseCases
from bot.runtime.in_flight import Background, InFlight
from bot.settings import Settings
from bot.slack.app.workspace import bolt_of, identify
from bot.slack.receiving.socket_mode import TRIPS, is_malformed
from bot.wiring import Connections, Parts
from handlers.events import Deliveries
from tests.support.bots import BRISK
from tests.support.builders import JSON


@dataclass(frozen=True)
class Listeners:
    """The listeners, the use cases that they call, and the observer that is asked before them."""

    app: AsyncApp
    cases: UseCases
    observer: Deliveries

    async def status(self, payload: JSON) -> int:
        """Dispatch a payload as Socket Mode does, and return the status of its answer."""
        try:
            request = AsyncBoltRequest(body=payload, mode="socket_mode")
            answer: BoltResponse = await self.app.async_dispatch(request)
        except TRIPS as error:
            if not is_malformed(error):
                raise
            return HTTPStatus.OK
        return answer.status


@asynccontextmanager
async def listeners(settings: Settings, store: Store, url: str) -> AsyncIterator[Listeners]:
    """Connect the listeners to the sandbox and to the Redis at `url`."""
    in_flight = InFlight()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(open_slack(settings))
        devin = await stack.enter_async_context(
            open_devin(
                settings.devin_api_url,
                settings.devin_api_key,
                settings.devin_org_id,
                8,
                BRISK,
            )
        )
        await devin.begin()
        to = Connections(
            settings=settings,
            timing=BRISK,
            in_flight=in_flight,
            background=Background(in_flight, BRISK.soon_seconds),
            store=store,
            client=client,
            identity=await identify(client),
            devin=devin,
        )
        parts = Parts(to)
        parts.serve()
        app = bolt_of(client, to.identity, is_http=False)
        handlers.register(app, parts.cases, parts.features)
        yield Listeners(app, parts.cases, Deliveries(parts.cases))
