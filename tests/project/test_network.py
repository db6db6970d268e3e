"""The relay reaches Slack and Devin through the proxies that are set, and goes nowhere else."""

import ast
import base64
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp

from bot.app import open_slack
from bot.devin.api import Unread
from bot.devin.files import HOSTS
from bot.devin.opening import open_devin
from bot.model.errors import AlreadyDone, SlackAway
from bot.model.files import AttachedFile, FileLeftOut
from bot.model.replies import Wait
from bot.model.sessions import SessionId
from bot.redis.connection import Store
from bot.runtime.in_flight import InFlight
from bot.runtime.outgoing import REDIRECTED
from bot.settings import load_settings
from bot.slack.api import SlackClient, call, respond
from bot.slack.files import FILE_HOSTS, GOVSLACK, GOVSLACK_FILE_HOSTS, SlackFiles, Uploads
from bot.slack.receiving.socket_mode import NO_TLS, SocketMode
from bot.slack.threads import Threads
from bot.wording import refusals
from tests.people import test_edits, test_shortcuts
from tests.support.desk import SESSION, Desk
from tests.support.observers import Observed
from tests.support.processes import bot_process, command, free_port
from tests.support.raw_http import RawServer, answering, serving, whole
from tests.support.schedules import unmoved
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
REFUSAL = "proxy: HTTP 403"
VARIABLES = [f"{name}_PROXY" for name in ("HTTPS", "HTTP", "ALL", "WS", "WSS")]
ENOUGH = {
    "SLACK_BOT_TOKEN": "xoxb-1-secret",
    "SLACK_APP_TOKEN": "xapp-1-secret",
    "DEVIN_API_KEY": "cog_secret",
}


@asynccontextmanager
async def proxy() -> AsyncIterator[RawServer]:
    """Run a proxy that records what it is asked for, and refuses it."""
    async with serving(answering(whole("403 Forbidden"))) as server:
        yield server


def address(server: RawServer) -> str:
    """Return a proxy's address, with a password that has to be quoted in it."""
    return f"http://ada:p%40ss-4711@127.0.0.1:{server.port}"


def asked(server: RawServer) -> list[str]:
    """Return the hosts and ports that a proxy was asked to connect, each time with the password."""
    told = base64.b64encode(b"ada:p@ss-4711")
    assert all(b"\r\nProxy-Authorization: Basic " + told in one for one in server.requests)
    found = [re.match(rb"CONNECT (\S+) HTTP/1\.1\r\n", one) for one in server.requests]
    assert all(found), server.requests
    return [one[1].decode() for one in found if one]


@asynccontextmanager
async def slack_through(server: RawServer, **more: str) -> AsyncIterator[SlackClient]:
    """Open the Web API's client as the relay does, with a proxy."""
    settings = load_settings({**ENOUGH, "SLACK_PROXY": address(server), **more}, None)
    async with open_slack(settings) as client:
        yield client


@asynccontextmanager
async def socket_mode(slack: str, behind: str = "") -> AsyncIterator[SocketMode]:
    """Run Socket Mode alone, with a Web API on this machine."""
    client = SlackClient(token="xoxb-1", base_url=f"{slack}/api/")
    way = SecretStr(behind) if behind else None
    app = AsyncApp(client=client, request_verification_enabled=False)
    opening = SocketMode(app, "xapp-1", InFlight(), Observed()).connected(way)
    async with opening as running:
        yield running


def naming(url: str) -> bytes:
    """Return Slack's answer to `apps.connections.open`."""
    return whole("200 OK", f'{{"ok": true, "url": "{url}"}}'.encode())


async def says(socket: SocketMode, why: str) -> bool:
    """Return True if Socket Mode isn't connected for that reason."""
    try:
        await socket.check()
    except SlackAway as error:
        return why in str(error)
    return False


async def chunk() -> AsyncIterator[bytes]:
    yield b"x"


async def test_calls_of_slack_go_through_its_proxy(store: Store) -> None:
    """The Web API's, and those for files and answers; nothing was sent if it refuses."""
    async with proxy() as server, slack_through(server) as client:
        with pytest.raises(SlackAway, match=REFUSAL) as away:
            await call(client, "chat.postMessage", channel="C0", text="hello")
        assert not away.value.maybe_done
        file = AttachedFile(name="a", permalink="", url="https://files.slack.com/files-pri/T0-F0/a")
        with pytest.raises(FileLeftOut, match=REFUSAL):
            async with SlackFiles(client).opened(file, 9):
                pass
        uploads = Uploads(client, Threads(client, unmoved, store))
        with pytest.raises(SlackAway, match=REFUSAL):
            await uploads.send("a", 1, chunk())
        assert await respond(client, "https://hooks.slack.com/actions/1", {}) == REFUSAL
        hosts = ("slack.com", "files.slack.com", "slack.com", "hooks.slack.com")
        assert asked(server) == [f"{host}:443" for host in hosts]


async def test_socket_mode_goes_through_slack_s_proxy() -> None:
    """Its address is one that Slack names."""
    named = naming("wss://wss-primary.slack.com/link/?ticket=1")
    async with (
        proxy() as server,
        serving(answering(named)) as slack,
        socket_mode(slack.url, address(server)) as socket,
    ):
        await wait_until(lambda: says(socket, REFUSAL), "it says why it isn't connected")
        assert asked(server)[0] == "wss-primary.slack.com:443"


async def test_calls_of_devin_go_through_its_proxy() -> None:
    """The API's, and those for files; a message that the proxy refused may be sent again."""
    key = SecretStr("cog_secret")
    async with proxy() as server:
        way = SecretStr(address(server))
        async with open_devin("https://api.devin.ai", key, "org-1", 1, proxy=way) as devin:
            assert await devin.post_message(SessionId(SESSION), "hello") == Wait(REFUSAL)
            for host in ("api.devin.ai", "app.devin.ai"):
                async with devin.open_file(f"https://{host}/attachments/1") as file:
                    assert file == Unread(why=REFUSAL)
        hosts = ("api.devin.ai", "api.devin.ai", "app.devin.ai")
        assert asked(server) == [f"{host}:443" for host in hosts]


async def test_a_proxy_without_a_password_is_told_no_key() -> None:
    """It learns hosts and ports; what is for Slack and Devin is in the TLS connection."""
    key = SecretStr("cog_secret")
    async with (
        proxy() as server,
        serving(answering(naming("wss://wss-primary.slack.com/"))) as slack,
        slack_through(server, SLACK_PROXY=server.url) as client,
        socket_mode(slack.url, server.url) as socket,
        open_devin("https://api.devin.ai", key, "org-1", 1, proxy=SecretStr(server.url)) as devin,
    ):
        await wait_until(lambda: says(socket, REFUSAL), "it says why it isn't connected")
        with pytest.raises(SlackAway, match=REFUSAL):
            await call(client, "auth.test")
        assert await devin.post_message(SessionId(SESSION), "hello") == Wait(REFUSAL)
        assert isinstance(await devin.survey([SessionId(SESSION)]), Unread)
        assert await devin.end(SessionId(SESSION)) == Wait(REFUSAL)
        async with devin.open_file("https://api.devin.ai/attachments/1") as file:
            assert file == Unread(why=REFUSAL)
        told = b"".join(server.requests)
    assert told.count(b"CONNECT ") > 5
    assert b"uthorization" not in told
    assert b"secret" not in told


async def test_a_proxy_that_is_away_is_told_from_slack() -> None:
    """An operator must know which of the two to look at."""
    async with proxy() as server:
        pass
    async with slack_through(server) as client:
        with pytest.raises(SlackAway, match="proxy: connection refused") as away:
            await call(client, "chat.postMessage", channel="C0", text="hello")
    assert not away.value.maybe_done


async def test_a_proxy_is_never_used_for_this_machine(
    environ: dict[str, str], desk: Desk, tmp_path: Path
) -> None:
    """Neither those that are set nor those of the environment, by a bot that does everything."""
    async with proxy() as server:
        names = ["SLACK_PROXY", "DEVIN_PROXY", *VARIABLES, *map(str.lower, VARIABLES)]
        environ |= dict.fromkeys(names, address(server)) | {"PORT": str(free_port())}
        async with bot_process(environ, tmp_path, "run"):
            await desk.slack.wait_connected()
            thread, ts = await test_edits.delivered(desk)
            await test_shortcuts.run(desk, test_shortcuts.SEND, ts)
            await desk.until_whispered(refusals.sorry(AlreadyDone()), "ada")
            desk.devin.say(SESSION, desk.devin.attach(SESSION, "plan.md", b"# Plan"))
            await wait_until(lambda: files(desk, thread) == ["plan.md"], "a file is there")
        assert server.connections == 0


def files(desk: Desk, thread: str) -> list[str]:
    """Return the names of the files in a thread."""
    return [file.name for one in desk.slack.thread("general", thread) for file in one.files]


async def test_the_proxies_of_the_environment_are_not_used(
    environ: dict[str, str], desk: Desk, tmp_path: Path
) -> None:
    """They may be another program's; the start says that they have no effect."""
    async with proxy() as server:
        variables = dict.fromkeys([*VARIABLES, *map(str.lower, VARIABLES)], address(server))
        environ |= variables | {"PORT": str(free_port())}
        async with bot_process(environ, tmp_path, "run") as process:
            await desk.slack.wait_connected()
            thread = await desk.linked_thread()
            await desk.until_delivered(await desk.reply("Please rebase", thread))
            await process.until_logged("HTTPS_PROXY: not used")
        assert server.connections == 0


async def test_doctor_goes_through_the_proxies_and_keeps_their_password(
    redis_url: str, tmp_path: Path
) -> None:
    """It tests what the relay will do, and says what is wrong."""
    async with proxy() as slack, proxy() as devin:
        ways = {"SLACK_PROXY": address(slack), "DEVIN_PROXY": address(devin)}
        environ = ENOUGH | ways | {"REDIS_URL": redis_url, "LOG_LEVEL": "DEBUG"}
        code, out, err = await command(environ, tmp_path, "doctor")
        assert code == 1
        assert set(asked(slack)) == {"slack.com:443"}
        assert set(asked(devin)) == {"api.devin.ai:443"}
    assert out.count(REFUSAL) == 3
    assert "SLACK_PROXY" in out
    assert "DEVIN_PROXY" in out
    for form in ("p%40ss", "p@ss"):
        assert form not in out + err


@pytest.mark.parametrize("method", ["chat.postMessage", "users.info", "auth.test"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_of_slack_s_is_followed(method: str, status: int) -> None:
    """It would take words to another place, or ask there who may speak; the reason is told."""
    params: Mapping[str, Mapping[str, str]] = {
        "chat.postMessage": {"channel": "C0", "text": "confidential"},
        "users.info": {"user": "U0"},
    }
    async with serving(answering(whole("200 OK", b'{"ok": true}'))) as elsewhere:
        there = whole(f"{status} Elsewhere", b"", f"Location: {elsewhere.url}/api/{method}")
        async with (
            serving(answering(there, closes=False)) as slack,
            proxy() as unused,
            slack_through(unused, SLACK_API_URL=f"{slack.url}/api/") as client,
        ):
            with pytest.raises(SlackAway, match=REDIRECTED):
                await call(client, method, **params.get(method, {}))
            assert await respond(client, f"{slack.url}/response/1", {}) == REDIRECTED
        assert elsewhere.connections == 0


async def test_no_redirect_of_socket_mode_is_followed() -> None:
    """It would bring all of a workspace's events from another place."""
    async with (
        serving(answering(b"")) as elsewhere,
        serving(answering(whole("302 Found", b"", f"Location: {elsewhere.url}/"))) as link,
        serving(answering(naming(f"ws://127.0.0.1:{link.port}/"))) as slack,
        socket_mode(slack.url) as socket,
    ):
        await wait_until(lambda: says(socket, REDIRECTED), "it says why it isn't connected")
        assert elsewhere.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "ws://wss-primary.slack.com/link/",
        "ws://192.0.2.1/link/",
        "http://wss-primary.slack.com/link/",
        "wss://ada@wss-primary.slack.com/link/",
        "wss:///link/",
        "",
    ],
)
async def test_socket_mode_needs_tls(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Except on this machine; an operator reads it as an ERROR and in `/readyz`."""
    async with (
        serving(answering(naming(url))) as slack,
        proxy() as unused,
        socket_mode(slack.url, address(unused)) as socket,
    ):
        await wait_until(lambda: says(socket, NO_TLS), "it says why it isn't connected")
        assert unused.connections == 0
    assert [one.levelname for one in caplog.records if one.getMessage() == "no connection"] == [
        "ERROR"
    ]


def test_the_page_lists_the_hosts_and_ports_that_the_code_connects_to() -> None:
    """A firewall is opened by it; Slack names some hosts only while the relay runs."""
    page = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.*) \| 443 \|", page.partition("## Firewall")[2], re.MULTILINE)
    told = {host for row in rows for host in re.findall(r"`([^`]+)`", row)}
    defaults = load_settings(ENOUGH, None)
    urls = [defaults.slack_api_url, defaults.devin_api_url, *FILE_HOSTS, *GOVSLACK_FILE_HOSTS]
    assert {urlsplit(url).scheme for url in urls} == {"https"}
    known = {urlsplit(url).netloc for url in urls} | {GOVSLACK} | {f"*.{one}" for one in HOSTS}
    named = {"*.slack.com", "wss-primary.slack.com", "hooks.slack.com", f"*.{GOVSLACK}"}
    assert told == known | named


def name_of(function: ast.expr) -> str:
    """Return the last part of what a call names."""
    return str(getattr(function, "attr", "") or getattr(function, "id", ""))


def test_every_session_comes_from_one_place() -> None:
    """Another one would have its own mind about proxies and redirects.

    None has headers, which a proxy would read.
    """
    makers = {"ClientSession", "AsyncWebhookClient", "AsyncRespond", "AsyncWebClient", "urlopen"}
    calls = [
        (path.relative_to(ROOT).as_posix(), name_of(node.func), node)
        for part in ("bot", "handlers")
        for path in (ROOT / part).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]
    assert {path for path, name, _ in calls if name in makers} == {"bot/runtime/outgoing.py"}
    given = [
        {one.arg for one in node.keywords} for _, name, node in calls if name == "open_session"
    ]
    assert given
    assert not any("headers" in one for one in given)
    assert "respond: AsyncRespond" not in "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "handlers").rglob("*.py")
    )
