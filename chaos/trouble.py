"""Faults in the processes, Redis, Devin, Slack, and the network between them."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

from chaos.carrier import LOOK_SECONDS
from chaos.front import Balancer
from chaos.ledger import Ledger
from chaos.processes import Post, ValkeyProcess, is_ready
from chaos.schedule import ACTING, LIMIT, READS, SLACK_FILE, STARTS, Act
from sandbox import Sandbox
from sandbox.devin.answers import answer_in
from sandbox.limits import CallLimit

IMPERSONATE = "ImpersonateOrgSessions"
"""The permission to write as a member."""

LISTENERS = 2
"""The number of posts, from the first, that listen to Slack."""


class Outage:
    """Outages of Redis, one at a time."""

    def __init__(self, valkey: ValkeyProcess) -> None:
        self._valkey = valkey
        self._one = asyncio.Lock()

    @asynccontextmanager
    async def of_redis(self, *, is_frozen: bool = False) -> AsyncIterator[None]:
        """Keep Redis dead, or frozen with all its connections open, inside the block."""
        async with self._one:
            if is_frozen:
                self._valkey.freeze()
            else:
                await self._valkey.kill()
            try:
                yield
            finally:
                if is_frozen:
                    self._valkey.thaw()
                else:
                    await self._valkey.start()


class Front:
    """The connections from Slack to the listeners: its sockets, or a balancer if there is one.

    Nobody can know of events that no listener heard, or that a process refused if it was killed
    before it could tell another. Holding `quiet` keeps all listeners alive and reachable.
    """

    def __init__(
        self,
        box: Sandbox,
        balancer: Balancer | None,
        listeners: Sequence[Post],
        ports: Sequence[int],
    ) -> None:
        self.quiet = asyncio.Lock()
        self._slack = box.slack
        self._balancer = balancer
        self._listeners = listeners
        self._ports = ports

    async def until_open(self) -> None:
        """Wait until each listener hears Slack, over its socket or on its port, and none ends."""
        while not await self._is_open():
            if deaths := [one.name for one in self._listeners if one.deaths]:
                raise RuntimeError(f"{deaths} ended by themselves")
            await asyncio.sleep(LOOK_SECONDS * 5)

    def cut(self) -> None:
        """Cut all connections without notice."""
        if self._balancer is not None:
            self._balancer.drop()
        else:
            self._slack.drop_connections()

    async def disconnect(self, reason: str) -> None:
        """End all connections as Slack does; a balancer just cuts them."""
        if self._balancer is not None:
            self._balancer.drop()
        elif reason == "warning":
            await self._slack.disconnect("warning")
        else:
            await self._slack.disconnect("refresh_requested")

    def refuse(self, refused: bool) -> None:  # noqa: FBT001 - on or off is all it says
        """Accept no new connections, or accept them again."""
        if self._balancer is not None:
            self._balancer.is_refusing = refused
        else:
            self._slack.refuse_connections(refused)

    async def _is_open(self) -> bool:
        if any(one.is_ending for one in self._listeners):
            return False
        if not self._ports:
            return self._slack.connections >= len(self._listeners)
        return all([await is_ready(port) for port in self._ports])


class Trouble:
    """Causes the faults."""

    def __init__(
        self,
        box: Sandbox,
        posts: Sequence[Post],
        sessions: Sequence[str],
        ledger: Ledger,
        outage: Outage,
        front: Front,
    ) -> None:
        self._box = box
        self._posts = posts
        self._sessions = sessions
        self._ledger = ledger
        self._outage = outage
        self._front = front

    async def cause(self, act: Act) -> None:
        """Cause one fault, and wait until it is over."""
        if act.what in {"valkey", "freeze valkey"}:
            async with self._outage.of_redis(is_frozen=not act.is_kill):
                await asyncio.sleep(act.seconds)
        elif "devin" in act.what:
            await self._disturb_devin(act)
        elif act.what in {"slack", "slack words", "slack absurd"}:
            self._box.slack.fail_next(**act.fault)
        elif act.what == SLACK_FILE:
            # One refusal for a file: a few in a row are final for the relay.
            self._box.slack.fail_no_more(act.fault["method"])
            self._box.slack.fail_next(**act.fault)
        elif act.what == "worker":
            await self._posts[LISTENERS + act.where].end(signal.SIGKILL)
        else:
            async with self._front.quiet:
                await self._disturb_listening(act)

    async def _disturb_listening(self, act: Act) -> None:
        match act.what:
            case "run":
                await self._posts[act.where].end(signal.SIGKILL)
            case "roll":
                await self._posts[act.where].end(signal.SIGTERM)
            case "freeze" | "freeze long":
                await self._posts[act.where].freeze(act.seconds)
            case "disconnect":
                await self._front.disconnect(**act.fault)
            case "cut":
                self._front.cut()
            case "refuse":
                self._front.cut()
                self._front.refuse(True)
                await asyncio.sleep(act.seconds)
                self._front.refuse(False)
            case _:
                raise AssertionError(act.what)

    async def _disturb_devin(self, act: Act) -> None:
        devin = self._box.devin
        if act.what == "devin upload":
            status = act.fault["status"]
            # One refusal for a file, as of Slack's.
            devin.upload_failures[:] = [status]
            self._ledger.refused += status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            return
        if act.what in {"devin file", "devin late list", "devin unmoved"}:
            await self._disturb_speech(act)
            return
        if act.what == LIMIT:
            devin.message_limit = CallLimit(**act.fault)
            await asyncio.sleep(act.seconds)
            devin.message_limit = None
            return
        if act.what in {READS, STARTS, ACTING}:
            self._let_fail(act)
            return
        if act.what == "devin absurd":
            self._ask_absurdly(**act.fault)
            return
        if act.what == "devin":
            fault = dict(act.fault)
            devin.behave(self._sessions[act.where], fault.pop("state"), **fault)
            return
        await devin.go_offline()
        await asyncio.sleep(act.seconds)
        await devin.go_online()

    def _ask_absurdly(self, *, retry_after: str) -> None:
        """Let Devin refuse the next survey, and the next message to each session, for that long."""
        devin = self._box.devin
        devin.read_failures["sessions"].append((HTTPStatus.TOO_MANY_REQUESTS, retry_after))
        for session in self._sessions:
            devin.behave(session, "rate_limited", retry_after=retry_after, times=1)

    def _let_fail(self, act: Act) -> None:
        """Let reads or the next start fail, or take away the permission to act as people."""
        devin = self._box.devin
        if act.what == READS:
            devin.read_failures[act.fault["read"]] += act.fault["statuses"]
        elif act.what == STARTS:
            devin.creations[:] = [answer_in(act.fault["state"])]
        else:
            devin.permissions.discard(IMPERSONATE)

    async def _disturb_speech(self, act: Act) -> None:
        """Let downloads fail, or messages be listed late, or not move `updated_at`, for a while."""
        devin = self._box.devin
        match act.what:
            case "devin file":
                failure = act.fault["failure"]
                self._ledger.speech.refused += failure == HTTPStatus.NOT_FOUND
                if failure == "cut":
                    devin.download_failures.append(failure)
                else:
                    devin.read_failures["file"].append(failure)
            case "devin late list":
                devin.listing_delay = act.fault["delay"]
                await asyncio.sleep(act.seconds)
                devin.listing_delay = 0.0
            case _:
                devin.moves_updated_at = False
                await asyncio.sleep(act.seconds)
                devin.moves_updated_at = True
