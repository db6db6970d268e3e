"""The composition root: builds every part once, in order, and closes them in reverse.

The same `open_bot` serves production and the tests.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
from docket import Docket

import handlers
from bot.catch_up.listening import Listening
from bot.catch_up.runner import CatchUp
from bot.delivery.attachments import Files
from bot.delivery.deliverer import NOTICE_AFTER, Deliverer
from bot.delivery.reconcile import LOOK_AFTER_SECONDS, Reconciler
from bot.devin.client import open_devin
from bot.redis.connection import Store, open_store
from bot.redis.embedded.server import embedded_valkey
from bot.relay.permissions import Permissions
from bot.reporting.reporter import Reporter
from bot.runtime import metrics
from bot.runtime.health import Health
from bot.runtime.http import open_server
from bot.runtime.intake import Intake
from bot.schedule.docket import (
    DocketSchedule,
    let_go_of_dead,
    open_docket,
    open_worker,
    register,
    work,
)
from bot.schedule.local import LocalDispatch
from bot.settings import Settings
from bot.slack.api import SlackClient
from bot.slack.files import SlackFiles
from bot.slack.identity import check_app_token, identify
from bot.slack.manifest import lacking
from bot.slack.people import People
from bot.slack.receiving.endpoint import SlackEndpoint
from bot.slack.receiving.socket_mode import open_socket_mode
from bot.store.attachments import Attachments
from bot.store.backlog import measured
from bot.store.mailbox import Mailbox
from bot.store.outbox import Outbox
from bot.wiring import Parts, bolt_of, catch_up_of, checkpoints_of, relay_of, steps_of, threads_of
from handlers.hearing import Hearing

log = logging.getLogger(__name__)

SLACK_SECONDS = 10.0
DRAIN_SECONDS = 62.0
"""Longer than a delivery that meets Devin's timeouts and is looked for: 45 s and 14 s."""

SPARE_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Bot:
    """A running bot: its HTTP server's port, and its worker's task, which ends only by a bug."""

    port: int
    working: asyncio.Task[None]


@asynccontextmanager
async def open_bot(
    settings: Settings,
    *,
    listens: bool = True,
    health: Health | None = None,
    intake: Intake | None = None,
    notice_after: timedelta = NOTICE_AFTER,
    look_after: Sequence[float] = LOOK_AFTER_SECONDS,
    file_hosts: Collection[str] = (),
) -> AsyncIterator[Bot]:
    """Everything, running; without `listens` only what delivers and reports.

    Files are read at `file_hosts`, too: a local Slack may keep them at a second address.
    Redis or Slack being away is waited for, while `/readyz` says so. Leaving takes no more from
    Slack, finishes what was begun, and closes the parts in reverse.

    Raises:
        OperatorError: something that waiting will not mend.
    """
    metrics.begin()
    health, intake = health or Health(), intake or Intake()
    async with AsyncExitStack() as stack:
        endpoint = _endpoint(settings, intake) if listens else None
        port = await stack.enter_async_context(
            open_server(settings.host, settings.port, health, endpoint.handle if endpoint else None)
        )
        log.info("listening", extra={"host": settings.host, "port": port})
        parts = await _connect(stack, settings, health, intake)
        _deliver(parts, notice_after, look_after, SlackFiles(parts.client, file_hosts))
        working = await stack.enter_async_context(_working(parts.docket, parts.store))
        catch_up = await _listen(stack, parts, endpoint) if listens else None
        await stack.enter_async_context(measured(parts.store, health))
        stack.push_async_callback(intake.drain, DRAIN_SECONDS)
        if catch_up is not None:
            await stack.enter_async_context(catch_up.running())
        stack.callback(health.closing)
        health.started()
        log.info("started", extra={"team": parts.identity.team, "bot": parts.identity.user})
        yield Bot(port=port, working=working)


@asynccontextmanager
async def open_slack(settings: Settings) -> AsyncIterator[SlackClient]:
    """One client with one connection pool for all of Slack's Web API."""
    timeout = aiohttp.ClientTimeout(total=SLACK_SECONDS)
    # slack_sdk takes a proxy from the environment; aiohttp's trust_env would beside that read
    # ~/.netrc in a thread for each call.
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield SlackClient(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            session=session,
        )


@asynccontextmanager
async def open_redis(settings: Settings) -> AsyncIterator[str]:
    """The address of Redis: the one that is set, or that of an embedded Valkey."""
    if settings.redis_url:
        yield settings.redis_url
    else:
        async with embedded_valkey(settings.data_dir) as url:
            yield url


async def _connect(
    stack: AsyncExitStack, settings: Settings, health: Health, intake: Intake
) -> Parts:
    url = await stack.enter_async_context(open_redis(settings))
    store = await stack.enter_async_context(open_store(url))
    await health.until("Redis", store.ping)
    health.watch("Redis", store.ping)
    client = await stack.enter_async_context(open_slack(settings))
    identity = await health.until("Slack", lambda: identify(client))
    if identity.missing_scopes:
        log.error("scopes missing", extra={"reason": lacking(identity.missing_scopes)})
    docket = await stack.enter_async_context(open_docket(url))
    devin = await stack.enter_async_context(
        open_devin(
            settings.devin_api_url,
            settings.devin_api_key,
            settings.delivery_concurrency + SPARE_CONNECTIONS,
        )
    )
    gaps = checkpoints_of(settings, store, identity)
    people = People(client, identity.team, identity.enterprise)
    return Parts(
        settings=settings,
        listening=Listening(gaps, client.clock),
        gaps=gaps,
        health=health,
        intake=intake,
        store=store,
        client=client,
        identity=identity,
        people=people,
        permissions=Permissions(settings, people),
        docket=docket,
        devin=devin,
        schedule=LocalDispatch(DocketSchedule(docket), intake, settings.delivery_concurrency),
    )


def _deliver(
    parts: Parts, notice_after: timedelta, look_after: Sequence[float], slack_files: SlackFiles
) -> None:
    settings, devin = parts.settings, parts.devin
    reports = Outbox(parts.store)
    deliveries = Deliverer(
        mailbox=Mailbox(parts.store, settings.link_ttl),
        devin=devin,
        reconciler=Reconciler(devin, look_after),
        files=Files(
            slack=slack_files,
            devin=devin,
            uploads=Attachments(parts.store),
            limit=settings.file_limit,
        ),
        people=parts.people,
        schedule=parts.schedule,
        intake=parts.intake,
        give_up_after=settings.give_up_after,
        notice_after=notice_after,
    )
    telling = Reporter(
        reports=reports,
        threads=threads_of(parts),
        steps=steps_of(parts),
        schedule=parts.schedule,
        give_up_after=settings.give_up_after,
    )
    parts.schedule.serve(deliveries, telling, reports)
    register(parts.docket, parts.schedule, reports)


@asynccontextmanager
async def _working(docket: Docket, store: Store) -> AsyncIterator[asyncio.Task[None]]:
    async with open_worker(docket) as worker:
        working = asyncio.create_task(work(worker), name="worker")
        try:
            yield working
        finally:
            # docket's way to stop: it takes no more and waits for the tasks that it has. When Redis
            # fails it meanwhile, docket 0.27 forgets that and starts anew, unless it is closed.
            working.cancel()
            letting_go = asyncio.create_task(let_go_of_dead(docket, store, working))
    await asyncio.gather(working, return_exceptions=True)
    await letting_go


async def _listen(
    stack: AsyncExitStack, parts: Parts, endpoint: SlackEndpoint | None
) -> CatchUp | None:
    app, relay = bolt_of(parts), relay_of(parts)
    handlers.register(app, relay)
    catch_up, listening = catch_up_of(parts, relay), parts.listening
    ear = Hearing(listening, parts.identity.team, parts.identity.user)
    await parts.health.until("Redis", listening.begin)
    token = parts.settings.slack_app_token
    if token is not None:
        secret = token.get_secret_value()
        await parts.health.until("Socket Mode", lambda: check_app_token(parts.client, secret))
        opening = open_socket_mode(app, secret, parts.intake, ear)
        socket = await stack.enter_async_context(opening)
        parts.health.watch("Socket Mode", socket.check)
    elif endpoint is not None:
        endpoint.serve(app, ear)
        listening.wanted.set()
    return catch_up


def _endpoint(settings: Settings, intake: Intake) -> SlackEndpoint | None:
    if settings.mode == "socket" or settings.slack_signing_secret is None:
        return None
    return SlackEndpoint(settings.slack_signing_secret.get_secret_value(), intake)
