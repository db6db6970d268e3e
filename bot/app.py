"""The composition root: connects in order, has the parts built, and closes in reverse."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import aiohttp

import handlers
from bot.devin.opening import open_devin
from bot.model.errors import StoreAway
from bot.redis.connection import Store, claim_schema, open_store
from bot.redis.durability import durability
from bot.redis.embedded.server import embedded_valkey
from bot.runtime import metrics
from bot.runtime.http import Health, open_server
from bot.runtime.in_flight import Background, InFlight
from bot.runtime.outgoing import open_session
from bot.runtime.version import version
from bot.settings import Settings
from bot.slack.api import SlackClient
from bot.slack.app.manifest import lacking
from bot.slack.app.workspace import bolt_of, check_app_token, identify
from bot.slack.receiving.endpoint import SlackEndpoint
from bot.slack.receiving.socket_mode import SocketMode
from bot.store.state import measure
from bot.timing import TIMING, Timing
from bot.wiring import Connections, Parts
from handlers.events import Deliveries
from handlers.feature import Feature

log = logging.getLogger(__name__)

SLACK_SECONDS = 10.0
DRAIN_SECONDS = 60.0
"""A delivery that runs into Devin's timeouts takes 45 s, and its reconciliation 14 s. The platform
has to allow 80 s: closing the connections and the embedded Valkey takes a few more."""

SPARE_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Bot:
    """A running bot, and its HTTP server's port."""

    port: int


@asynccontextmanager
async def open_bot(
    settings: Settings,
    *,
    listens: bool = True,
    health: Health | None = None,
    in_flight: InFlight | None = None,
    file_hosts: Collection[str] = (),
    timing: Timing = TIMING,
    features: Sequence[Feature[Any]] = handlers.FEATURES,
) -> AsyncIterator[Bot]:
    """Run everything; without `listens`, only the parts that deliver and report.

    Files are also read at `file_hosts`: a local Slack may serve them at a second address. If Redis
    or Slack is unavailable, the start waits, and `/readyz` says so; what waiting will not fix is an
    `OperatorError`. On exit, it accepts nothing more from Slack, finishes work in progress, and
    closes the parts in reverse.
    """
    metrics.begin(settings.give_up_after)
    health, in_flight = health or Health(), in_flight or InFlight()
    async with AsyncExitStack() as stack:
        endpoint = _endpoint(settings, in_flight) if listens else None
        slack, measuring = endpoint.handle if endpoint else None, metrics.Measuring()
        stack.enter_context(measuring.taking(partial(_measure_readiness, health)))
        port = await stack.enter_async_context(
            open_server(settings.host, settings.port, health, measuring, slack)
        )
        log.info("listening", extra={"host": settings.host, "port": port})
        to = replace(
            await _connect(stack, settings, health, in_flight, timing), file_hosts=file_hosts
        )
        parts = Parts(to, features)
        parts.serve()
        if listens:
            await _listen(stack, to, parts, health, endpoint)
        stack.enter_context(measuring.taking(partial(measure, to.store)))
        stack.push_async_callback(to.background.drain, DRAIN_SECONDS)
        work = parts.poll, parts.cases.polling, *((parts.catch_up,) if listens else ())
        for one in work:
            await stack.enter_async_context(one.running())
        stack.callback(health.note, "shutdown", "shutting down")
        health.note("start", "")
        ids = {"team": to.identity.tenant, "bot": to.identity.user}
        log.info("started", extra={**ids, "version": version()})
        yield Bot(port=port)


@asynccontextmanager
async def open_slack(settings: Settings) -> AsyncIterator[SlackClient]:
    """Open one client with one connection pool for all of Slack's Web API."""
    timeout = aiohttp.ClientTimeout(total=SLACK_SECONDS)
    proxy = settings.slack_proxy
    async with open_session(proxy, refuses_redirects=True, timeout=timeout) as session:
        yield SlackClient(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            session=session,
        )


async def _connect(
    stack: AsyncExitStack, settings: Settings, health: Health, in_flight: InFlight, timing: Timing
) -> Connections:
    tell = partial(health.note, "embedded Valkey")
    url = settings.redis_url
    if url is None:
        url = await stack.enter_async_context(embedded_valkey(settings.data_dir, tell, timing))
    store = await stack.enter_async_context(open_store(url, timing))
    await health.until("Redis", store.ping)
    health.watch("Redis", store.ping)
    client = await stack.enter_async_context(open_slack(settings))
    identity = await health.until("Slack", lambda: identify(client))
    if missing := identity.missing_scopes(settings.manifest_options):
        log.error("scopes missing", extra={"reason": lacking(missing, identity.scopes)})
    store = store.of(identity.tenant)
    await health.until("Redis", partial(claim_schema, store))
    health.watch("Redis", store.ping)
    await _warn_of_losses(store)
    most = settings.delivery_concurrency + SPARE_CONNECTIONS
    devin = await stack.enter_async_context(
        open_devin(
            settings.devin_api_url,
            settings.devin_api_key,
            settings.devin_org_id,
            most,
            timing,
            proxy=settings.devin_proxy,
        )
    )
    await devin.begin()
    return Connections(
        settings=settings,
        timing=timing,
        in_flight=in_flight,
        background=Background(in_flight, timing.soon_seconds),
        store=store,
        client=client,
        identity=identity,
        devin=devin,
    )


async def _warn_of_losses(store: Store) -> None:
    """Log once whether Redis evicts, or doesn't persist; the start goes on."""
    try:
        found = await durability(store)
    except StoreAway as error:
        log.warning("Redis not checked", extra={"reason": str(error)})
        return
    says = [f"{one.what}: {one.says}. {one.fix}" for one in found if one.warns or not one.is_good]
    if says:
        log.warning("Redis may lose data", extra={"reason": " ".join(says)})


async def _listen(
    stack: AsyncExitStack,
    to: Connections,
    parts: Parts,
    health: Health,
    endpoint: SlackEndpoint | None,
) -> None:
    app, cases = bolt_of(to.client, to.identity, is_http=endpoint is not None), parts.cases
    handlers.register(app, cases, parts.features)
    observer = Deliveries(cases)
    await health.until("Redis", cases.listening.begin)
    finding = asyncio.create_task(
        cases.workspace.people.find_groups(to.settings.groups), name="groups"
    )
    stack.callback(finding.cancel)
    token = to.settings.slack_app_token
    if token is not None:
        secret = token.get_secret_value()
        await health.until("Socket Mode", lambda: check_app_token(to.client, secret))
        opening = SocketMode(app, secret, to.in_flight, observer).connected(to.settings.slack_proxy)
        socket = await stack.enter_async_context(opening)
        health.watch("Socket Mode", socket.check)
    elif endpoint is not None:
        endpoint.serve(app, observer, to.client.clock)
        cases.listening.greeted()


async def _measure_readiness(health: Health) -> None:
    metrics.READY.set(not await health.problems())


def _endpoint(settings: Settings, in_flight: InFlight) -> SlackEndpoint | None:
    if settings.mode == "socket" or settings.slack_signing_secret is None:
        return None
    return SlackEndpoint(settings.slack_signing_secret.get_secret_value(), in_flight)
