"""Writes the data directory that a killed bot leaves behind, with much under way.

    python -m tests.data.write_snapshot <new directory>

Beside Valkey's files, which are the bot's, it writes `seen.json`: what Slack and Devin had by then,
and the `ts` of the messages that `tests/away/test_upgrade.py` asks for by name.
"""

import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from bot.wording import commands, corrections, thread_links
from sandbox import Sandbox
from sandbox.devin.sessions import DevinSession
from sandbox.launch import environment_of
from sandbox.slack.transport.deliveries import Delivery
from tests.support.desk import SESSION, Desk, muted
from tests.support.processes import BotProcess, bot_process
from tests.support.waiting import wait_until

OTHER, DOWN = "devin-07e7", "devin-d035"
BROKEN, GOT, LOST = "devin-b0c3", "devin-6075", "devin-1057"
SESSIONS = (SESSION, OTHER, DOWN, BROKEN, GOT, LOST)
UNANSWERED = ("chat.postMessage", "chat.postEphemeral", "reactions.add", "conversations.replies")
MAIL_RESTS_SECONDS = 60
"""A `Retry-After` so long that no attempt is under way when the bot is killed."""


class Scene:
    """Everything that happens; `ts` has the messages that matter, by name."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.slack, self.devin = desk.slack, desk.devin
        self.ts: dict[str, str] = {}
        self.again: dict[str, Delivery] = {}

    async def threads(self) -> None:
        """Link one thread, mute one, unlink one, and give a channel a default session."""
        desk = self.desk
        self.ts["linked"] = linked = await desk.linked_thread()
        self.again["link"] = self.slack.deliveries[-1]
        self.ts["done"] = await desk.reply("Please rebase", linked)
        self.again["reply"] = self.slack.deliveries[-1]
        await desk.until_marked("white_check_mark", self.ts["done"])
        self.ts["muted"] = await desk.linked_thread()
        await desk.mention("mute", thread=self.ts["muted"])
        await desk.until_said(muted(), self.ts["muted"])
        self.ts["unlinked"] = await desk.linked_thread()
        self.ts["stranded"] = await self.slack.say(
            "Slack is late", thread=self.ts["unlinked"], deliver=False
        )
        await desk.mention("unlink", thread=self.ts["unlinked"])
        await desk.until_said(thread_links.unlinked(desk.named()), self.ts["unlinked"])
        self.devin.behave(OTHER, "suspended", times=1)
        self.ts["asleep"] = await desk.linked_thread(OTHER, channel="shared")
        self.ts["not got"] = await desk.reply("Wake up", self.ts["asleep"], channel="shared")
        await desk.offering("send_again", self.ts["asleep"], channel="shared")
        default = await desk.mention(f"default {SESSION}", channel="shared")
        await desk.until_said(commands.default_chosen(desk.named()), default, channel="shared")

    async def questions(self) -> None:
        """Leave an offer, two forms, a menu and a correction unanswered."""
        slack, desk = self.slack, self.desk
        address = f"https://app.devin.ai/sessions/{SESSION.removeprefix('devin-')}"
        self.ts["offered"] = await slack.say(f"I have started {address}", user="ben")
        await desk.until_whispered(thread_links.offer(desk.named(), ""), "ben")
        self.ts["asked"] = await slack.say("The build is red")
        await slack.shortcut(
            "send_to_devin", channel="general", message_ts=self.ts["asked"], user="ben"
        )
        await wait_until(lambda: slack.open_views("ben")[-1]["submit"], "ben sees a form")
        self.again["say"] = await slack.slash("/devin-say", f"{SESSION} Said once")
        await desk.until_received("Said once")
        await slack.slash("/devin-say", "From the menu")
        await desk.until_whispered("From the menu", "ada")
        await slack.slash("/devin-say", "")
        await wait_until(lambda: slack.open_views("ada")[-1]["submit"], "ada sees a form")
        ts = await desk.reply("Please tag 1.2", self.ts["linked"], user="ben")
        await desk.until_marked("white_check_mark", ts)
        await slack.edit("general", ts, "Please tag 1.3")
        await desk.until_whispered(corrections.correction_offered("", was_taken=True), "ben")

    async def mail(self) -> None:
        """Leave replies waiting for a session that is down; the channel of one moves."""
        slack, desk = self.slack, self.desk
        moved = await desk.linked_thread(DOWN, channel="secrets")
        thread = await desk.linked_thread(DOWN)
        self.devin.behave(DOWN, "down", retry_after=MAIL_RESTS_SECONDS)
        self.ts["one"] = await desk.reply("One, fürs Erste", thread)
        self.ts["two"] = await slack.say("Two has a file", thread=thread, files=["plan.md"])
        self.ts["three"] = await desk.reply("Three", thread)
        self.ts["four"] = await desk.reply("Four", moved, channel="secrets")
        await slack.edit("general", self.ts["three"], "Three, as edited")
        await desk.until_marked("pencil2", self.ts["three"])
        await slack.share("secrets")
        await desk.until_said(
            thread_links.channel_moved(desk.named(DOWN)), moved, channel="secrets"
        )

    async def trouble(self) -> None:
        """Let Devin hang or fail, and let Slack take nothing more."""
        slack, desk, forever = self.slack, self.desk, asyncio.Event()
        threads = {one: await desk.linked_thread(one) for one in (BROKEN, GOT, LOST)}
        self.devin.behave(BROKEN, "server_error")
        self.devin.behave(GOT, "running", until=forever)
        self.devin.behave(LOST, "running", until=forever, takes=False)
        for session, name in ((GOT, "got"), (LOST, "lost")):
            self.ts[f"{name} thread"] = threads[session]
            self.ts[name] = await desk.reply(f"Before the end ({name})", threads[session])
            after = await desk.reply(f"After the end ({name})", threads[session])
            self.ts[f"after {name}"] = after
        for method in UNANSWERED:
            slack.fail_next(method, until=forever, times=1000)
        self.ts["broken"] = threads[BROKEN]
        self.ts["uncertain"] = await desk.reply("Nobody knows", threads[BROKEN])
        self.ts["unmarked"] = await desk.reply("Not marked yet", self.ts["linked"])
        await desk.mention("status", thread=self.ts["muted"])
        await desk.reply("May I?", self.ts["linked"], user="gus")
        step = {"session": SESSION, "message": "From a workflow"}
        self.ts["step"] = await slack.run_step(
            "send_message", step | {"channel": slack.workspace.channel("general").id}
        )
        await desk.until_heard()
        await desk.until_received("Not marked yet")
        await wait_until(lambda: self.devin.in_flight == 2, "Devin hangs twice")
        self.devin.say(SESSION, "Said while Slack took nothing")


async def write(home: Path, snapshot: Path) -> None:
    """Play everything in `home`, kill the bot, and keep the result in `snapshot`."""
    async with Sandbox(devin_api="v1") as box, AsyncExitStack() as stack:
        for session in SESSIONS:
            box.devin.add_session(session)
        environ = {**environment_of(box.slack, box.devin), "HOST": "127.0.0.1", "PORT": "0"}
        async with bot_process({**environ, "DATA_DIR": str(home / "data")}, home, "run") as bot:
            await box.slack.wait_connected()
            scene = Scene(Desk(box))
            redis = await stack.enter_async_context(valkey_of(home / "data"))
            await scene.threads()
            await lose_connection(scene.desk, redis, "read")
            await scene.mail()
            await scene.questions()
            await scene.trouble()
            await until_owed(redis)
            scene.devin.say(SESSION, "Said after that")
            await until_words(redis)
            await lose_connection(scene.desk, redis, "unread")
            await rewrite(redis)
            await end(bot, home / "data")
        seen = seen_by(scene)
    shutil.copytree(home / "data" / "appendonlydir", snapshot / "appendonlydir")
    text = json.dumps(seen, indent=0, separators=(",", ":"), ensure_ascii=False)
    (snapshot / "seen.json").write_text(f"{text}\n")


def valkey_of(data: Path) -> Redis:
    """Return the server that the bot has started there."""
    return Redis(unix_socket_path=(data / "socket").read_text(), decode_responses=True)


async def lose_connection(desk: Desk, redis: Redis, then: str) -> None:
    """Make the bot miss events, and wait until its threads are noted as `then`."""

    async def is_there() -> bool:
        return bool(await redis.exists(f"{{devin-relay:T0SANDBOX}}:{then}:T0SANDBOX"))

    await desk.until_heard()
    desk.slack.drop_connections()
    await wait_until(is_there, f"threads are {then}")
    await desk.slack.wait_connected()


async def until_owed(redis: Redis) -> None:
    """Wait until everything that Slack does not take is in Redis."""
    wanted = {"answer": 2, "notice": 1, "outcome": 2, "step": 1}

    async def is_owed() -> bool:
        owed = [str(one) for one in await redis.zrange("{devin-relay:T0SANDBOX}:untold", 0, -1)]
        listeners = await redis.hlen("{devin-relay:T0SANDBOX}:listeners:T0SANDBOX")
        kinds = Counter(one.rpartition("|")[2] for one in owed)
        return wanted.items() <= kinds.items() and kinds["words"] > 0 and listeners > 1

    await wait_until(is_owed, "Slack is owed everything")


async def until_words(redis: Redis) -> None:
    """Wait until words wait behind those that are being posted."""

    async def they_wait() -> bool:
        return bool([key async for key in redis.scan_iter("{devin-relay:T0SANDBOX}:words:*")])

    await wait_until(they_wait, "words wait")


async def rewrite(redis: Redis) -> None:
    """Have Valkey rewrite its file, as it does occasionally, but as text throughout."""

    async def is_rewritten() -> bool:
        return not (await redis.info("persistence"))["aof_rewrite_in_progress"]

    await redis.config_set("aof-use-rdb-preamble", "no")
    await redis.bgrewriteaof()
    await wait_until(is_rewritten, "the file is rewritten")


async def end(bot: BotProcess, data: Path) -> None:
    """Kill the bot; its Valkey then exits, and removes its pid file."""
    assert await bot.stop(signal.SIGKILL) == -signal.SIGKILL
    await wait_until(lambda: not (data / "valkey.pid").exists(), "Valkey has ended")


def seen_by(scene: Scene) -> Mapping[str, Any]:
    """Return the state of Slack and Devin, for a sandbox that continues from it."""
    return {
        "at": time.time(),
        "address": scene.slack.api_url.removesuffix("/api/").removeprefix("http://"),
        "ts": scene.ts,
        "again": {name: repeatable(one) for name, one in scene.again.items()},
        "slack": scene.slack.keep(),
        "devin": {one.session_id: record(one) for one in scene.devin.sessions.values()},
    }


def repeatable(delivery: Delivery) -> Mapping[str, Any]:
    payload = {name: value for name, value in delivery.payload.items() if name != "token"}
    return {"kind": delivery.kind, "event_id": delivery.event_id, "payload": payload}


def record(session: DevinSession) -> Iterable[Mapping[str, Any]]:
    return [{"text": one.text, "at": one.at.timestamp()} for one in session.messages]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(write(Path(place), Path(sys.argv[1])))
