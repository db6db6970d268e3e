"""The sandbox's page and control API can be driven from outside, but only by this machine."""

import asyncio
import json
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.app.manifest import manifest_yaml
from sandbox.__main__ import parse_arguments
from sandbox.demo import bot_environment, child, claimed_home, invitation
from sandbox.devin.answers import Api
from sandbox.devin.server import DevinSandbox
from sandbox.launch import Sandbox, environment_of, free_port, running_sandbox
from sandbox.page.server import FILES, HERE, PageServer
from sandbox.slack.acts.declared import COMMANDS, PROMPTS, SHORTCUTS, STEPS
from sandbox.slack.server import SlackSandbox
from tests.support.slack_apps import BUTTONS, JSON, MODAL, bolt_app, socket_mode
from tests.support.waiting import wait_until

SESSION = "devin-abc123def456"


@dataclass(frozen=True)
class Page:
    """A running page and the parts behind it."""

    slack: SlackSandbox
    devin: DevinSandbox
    client: httpx.AsyncClient

    async def post(self, path: str, **body: Any) -> httpx.Response:
        """Send a command to the control API."""
        return await self.client.post(f"/control/{path}", json=body)

    async def state(self) -> dict[str, Any]:
        """Read the whole snapshot."""
        state: dict[str, Any] = (await self.client.get("/control/state")).json()
        return state

    async def channel(self, name: str = "general") -> dict[str, Any]:
        """Read one channel of the snapshot."""
        channels: list[dict[str, Any]] = (await self.state())["channels"]
        return next(channel for channel in channels if channel["name"] == name)


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with (
        SlackSandbox(retry_delays=()) as slack,
        DevinSandbox(api="v1") as devin,
        PageServer(slack, devin) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as client,
    ):
        devin.add_session(SESSION)
        yield Page(slack, devin, client)


async def test_the_page_is_served_and_names_no_outside_address(page: Page) -> None:
    """It must work without a network, and must not tell anybody that it is open."""
    for path, (_, kind) in FILES.items():
        response = await page.client.get(path)
        assert response.status_code == 200, path
        assert response.headers["Content-Type"].startswith(kind), path
        text = response.text.replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text) == [], path


async def test_the_page_forbids_inline_scripts_and_framing(page: Page) -> None:
    """Text that escaped its escaping could not run, either."""
    response = await page.client.get("/")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", response.text) is None


def test_the_scripts_never_build_html_from_text() -> None:
    """Text reaches the page through text nodes only."""
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    scripts = [name for name, _ in FILES.values() if name.endswith(".js")]
    assert len(scripts) > 5
    for name in scripts:
        assert re.search(forbidden, (HERE / name).read_text(encoding="utf-8")) is None, name


def test_each_file_of_the_page_has_one_subject() -> None:
    """A file has 300 lines at most, like the Python files, and its first line names its subject."""
    for name, _ in FILES.values():
        lines = (HERE / name).read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 300, name
        assert lines[0].startswith(("<!doctype html>", "<svg ", "//", "/*")), name


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "10.0.0.7", ""]
)
async def test_a_foreign_host_is_refused(page: Page, host: str) -> None:
    """With DNS rebinding, the browser believes that it talks to another site."""
    for path in ("/", "/control/state", "/control/events"):
        response = await page.client.get(path, headers={"Host": host})
        assert response.status_code == 403
        assert "127.0.0.1" in response.json()["error"]


async def test_loopback_names_are_accepted(page: Page) -> None:
    """These are the names that a person may type for this machine."""
    for host in ("127.0.0.1", "127.0.0.2:8377", "localhost:8377", "[::1]:8377"):
        assert (await page.client.get("/control/state", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"]
)
async def test_a_post_from_another_site_is_refused(page: Page, origin: str) -> None:
    """With CSRF, a page elsewhere can send a POST, but not with the page's origin."""
    response = await page.client.post(
        "/control/say", json={"text": "forged"}, headers={"Origin": origin}
    )
    assert response.status_code == 403
    assert (await page.channel())["messages"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
async def test_slack_and_devin_answer_no_other_site_either(
    page: Page, headers: dict[str, str]
) -> None:
    """Their tokens are published, so a form of any site could write into the demo."""
    slack, devin = page.slack, page.devin
    form = {"token": slack.bot_token, "channel": "general", "text": "forged"}
    posted = await page.client.post(f"{slack.api_url}chat.postMessage", data=form, headers=headers)
    assert posted.status_code == 403
    assert (await page.channel())["messages"] == []
    key = {"Authorization": f"Bearer {devin.api_key}", **headers}
    address = f"{devin.url}/v3/organizations/{devin.org_id}/sessions"
    before = len(devin.sessions)
    started = await page.client.post(address, json={"prompt": "forged"}, headers=key)
    assert started.status_code == 403
    assert len(devin.sessions) == before


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin"])
async def test_slack_answers_no_image_of_a_page(page: Page, site: str) -> None:
    """Slack takes GET as well, for which a browser names its kind of request alone."""
    query = {"token": page.slack.bot_token, "channel": "general", "text": "forged"}
    address, headers = f"{page.slack.api_url}chat.postMessage", {"Sec-Fetch-Site": site}
    got = await page.client.get(address, params=query, headers=headers)
    assert got.status_code == 403
    assert (await page.channel())["messages"] == []


async def test_a_post_from_the_page_itself_is_accepted(page: Page) -> None:
    """The browser names the page's own origin."""
    origin = str(page.client.base_url).rstrip("/")
    response = await page.client.post(
        "/control/say", json={"text": "mine"}, headers={"Origin": origin}
    )
    assert response.status_code == 200


async def test_somebody_says_something_and_somebody_replies(page: Page) -> None:
    """The snapshot shows a message and a reply by another person."""
    root = (await page.post("say", text="Ship it?", user="ada")).json()["ts"]
    await page.post("say", text="Yes", user="ben", thread=root)
    asked, answered = (await page.channel())["messages"]
    assert (asked["text"], asked["ts"]) == ("Ship it?", root)
    assert (answered["text"], answered["thread_ts"]) == ("Yes", root)
    users = {user["id"]: user["name"] for user in (await page.state())["users"]}
    assert [users[asked["user"]], users[answered["user"]]] == ["ada", "ben"]


async def test_users_of_every_kind_are_told_apart(page: Page) -> None:
    """The page offers to write as each of them, so no two of them have one name."""
    users = (await page.state())["users"]
    assert len({user["shown"] for user in users}) == len(users)
    kinds = {user["name"]: user["kind"] for user in users}
    assert {name: kinds[name] for name in ("ada", "gus", "eve", "bolt-ci")} == {
        "ada": "member",
        "gus": "guest",
        "eve": "external",
        "bolt-ci": "bot",
    }
    assert "app" in kinds.values()


async def test_a_message_can_be_forwarded_into_a_thread(page: Page) -> None:
    """The snapshot shows the quote beside the comment, and no other attachment."""
    said = (await page.post("say", text="Down!", user="ben", channel="random")).json()["ts"]
    root = (await page.post("say", text="Ship it?")).json()["ts"]
    where = {"channel": "random", "ts": said, "to": "general", "thread": root}
    ts = (await page.post("forward", comment="Look", **where)).json()["ts"]
    await page.slack.unfurl("general", ts)
    forwarded = (await page.channel())["messages"][-1]
    assert (forwarded["ts"], forwarded["text"], forwarded["thread_ts"]) == (ts, "Look", root)
    assert [share["text"] for share in forwarded["forwarded"]] == ["Down!"]


async def test_a_message_can_be_edited_and_deleted(page: Page) -> None:
    """The author does it, as in Slack."""
    channel = (await page.channel())["id"]
    ts = (await page.post("say", text="frist")).json()["ts"]
    assert (await page.post("edit", channel=channel, ts=ts, text="first")).status_code == 200
    (message,) = (await page.channel())["messages"]
    assert (message["text"], message["edited"]) == ("first", True)
    assert (await page.post("delete", channel=channel, ts=ts)).status_code == 200
    assert (await page.channel())["messages"] == []


async def test_a_reaction_is_added_and_taken_back(page: Page) -> None:
    """Anybody can do it, including on somebody else's message."""
    where = {"channel": "general", "ts": (await page.post("say", text="look")).json()["ts"]}
    for user in ("ada", "ben"):
        await page.post("react", name="tada", user=user, **where)
    await page.post("react", name="tada", user="ada", remove=True, **where)
    (message,) = (await page.channel())["messages"]
    assert message["reactions"] == {"tada": [page.slack.workspace.user("ben").id]}


async def test_a_session_is_told_how_to_behave_and_shows_what_came(page: Page) -> None:
    """The page has the switch, and the messages beside it."""
    behaved = await page.post(
        "behave", session_id=SESSION, state="rate_limited", retry_after=3, times=1
    )
    assert behaved.status_code == 200
    key = {"Authorization": f"Bearer {page.devin.api_key}"}
    for text in ("one", "two"):
        address = f"{page.devin.url}/v1/sessions/{SESSION}/message"
        await page.client.post(address, json={"message": text}, headers=key)
    (session,) = (await page.state())["sessions"]
    assert session["state"] == "running"
    assert session["received"] == ["two"]
    assert [(request["status"], request["taken"]) for request in session["requests"]] == [
        (429, False),
        (200, True),
    ]


async def test_a_session_can_be_added(page: Page) -> None:
    """It has its canonical id, and any state."""
    added = await page.post("session", session_id="fff", state="suspended", title="Old")
    assert added.status_code == 200
    sessions = (await page.state())["sessions"]
    assert [it["state"] for it in sessions if it["session_id"] == "devin-fff"] == ["suspended"]


async def test_a_slack_method_can_be_made_to_fail(page: Page) -> None:
    """The next call fails, and the one after that does not."""
    assert (await page.post("fail", method="auth.test", error="fatal_error")).status_code == 200
    address = f"{page.slack.api_url}auth.test"
    token = {"Authorization": f"Bearer {page.slack.bot_token}"}
    answers = [(await page.client.post(address, headers=token)).json()["ok"] for _ in range(2)]
    assert answers == [False, True]


async def test_a_slash_command_that_nobody_takes_says_so(page: Page) -> None:
    """Without a bot there is no acknowledgement, and the answer says so."""
    response = await page.post("slash", command="/devin-say", text="hello")
    assert response.status_code == 200
    assert response.json()["acked"] is False


async def test_a_shortcut_opens_a_modal_that_is_used_to_its_end(page: Page) -> None:
    """It is opened, pressed in, refused and closed, each by a POST that the snapshot shows."""
    ts = (await page.post("say", text="look")).json()["ts"]
    app = bolt_app(page.slack)

    @app.shortcut("link_session")
    async def on_shortcut(ack: Any, body: JSON, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @app.view("link_session")
    async def on_submit(ack: Any) -> None:
        await ack(response_action="errors", errors={"session": "no such session"})

    async with socket_mode(page.slack, app):
        where = {"channel": "general", "message_ts": ts}
        ran = await page.post("shortcut", callback_id="link_session", **where)
        assert ran.json()["acked"] is True
        ((view,),) = [views for views in (await page.state())["views"].values() if views]
        submitted = {"view_id": view["id"], "values": {"session_id": "devin-1"}}
        await page.post("submit_view", **submitted)
    views = (await page.state())["views"]
    assert [it[0]["errors"] for it in views.values() if it] == [{"session": "no such session"}]
    assert (await page.post("close_view", view_id=view["id"], user="ben")).status_code == 400
    assert (await page.post("close_view", view_id=view["id"])).status_code == 200
    assert not any((await page.state())["views"].values())


async def test_home_is_opened_and_a_step_is_run(page: Page) -> None:
    """The app receives both events, and the step's end is in the snapshot."""
    app = bolt_app(page.slack)

    @app.event("app_home_opened")
    async def on_home(event: JSON, client: AsyncWebClient) -> None:
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": BUTTONS})

    @app.action("resend")
    async def on_press(ack: Any, body: JSON, client: AsyncWebClient) -> None:
        await ack()
        empty = {"type": "home", "blocks": []}
        await client.views_publish(user_id=body["user"]["id"], view=empty)

    @app.function("send_message")
    async def on_step(complete: Any) -> None:
        await complete(outputs={"outcome": "delivered"})

    async with socket_mode(page.slack, app):
        await page.post("open_home", user="ben")
        await wait_until(lambda: page.slack.home_view("ben"), "a home view")
        view = page.slack.home_view("ben") or {}
        pressed = {"view_id": view["id"], "action_id": "resend", "block_id": "choices"}
        await page.post("press_view", user="ben", **pressed)
        ran = await page.post("run_step", callback_id="send_message", inputs={"message": "hi"})
        await wait_until(lambda: page.slack.step_results, "the step's end")
    state = await page.state()
    assert [home["blocks"] for home in state["homes"].values() if home] == [[]]
    execution = ran.json()["execution_id"]
    assert state["step_results"][execution] == ["success", {"outcome": "delivered"}]


async def test_a_file_goes_with_a_message(page: Page) -> None:
    """Its content is in base64, and the app could download it."""
    files = [{"name": "plan.md", "content": "IyBQbGFu", "mimetype": "text/markdown"}]
    await page.post("say", text="here", files=files)
    (message,) = (await page.channel())["messages"]
    (file,) = message["files"]
    assert (file["name"], file["mimetype"], file["size"]) == ("plan.md", "text/markdown", 6)
    refused = await page.post("say", text="here", files=[{"name": "x", "content": "%"}])
    assert (refused.status_code, refused.json()["error"]) == (400, "the content of x is not base64")


async def test_a_picture_is_shown_and_any_other_file_is_only_saved(page: Page) -> None:
    """A file that a browser could run as a page of the sandbox's origin is not one of these."""
    kinds = {"a.png": "image/png", "b.svg": "image/svg+xml", "c.html": "text/html"}
    files = [{"name": name, "content": "IyBQbGFu", "mimetype": kinds[name]} for name in kinds]
    await page.post("say", text="here", files=files)
    (message,) = (await page.channel())["messages"]
    answers = [await page.client.get(f"/control/files/{one['id']}") for one in message["files"]]
    saved = "application/octet-stream"
    assert [one.headers["Content-Type"] for one in answers] == ["image/png", saved, saved]
    assert [one.headers.get("Content-Disposition") for one in answers] == [
        None,
        "attachment",
        "attachment",
    ]
    assert {one.content for one in answers} == {b"# Plan"}
    assert (await page.client.get("/control/files/F0NONE")).status_code == 404


async def test_devin_speaks_and_opens_pull_requests_on_command(page: Page) -> None:
    """Without an address, a new one is made; the same address again changes its state."""
    await page.post("devin_say", session_id=SESSION, text="On it.")
    made = [(await page.post("pull_request", session_id=SESSION)).json()["url"] for _ in range(2)]
    await page.post("pull_request", session_id=SESSION, url=made[0], state="merged")
    (session,) = (await page.state())["sessions"]
    assert [(one["by"], one["message"]) for one in session["entries"]] == [("devin", "On it.")]
    assert len(set(made)) == 2
    assert session["pull_requests"] == [
        {"url": made[0], "state": "merged", "review": None},
        {"url": made[1], "state": "open", "review": None},
    ]
    unknown = await page.post("devin_say", session_id="devin-0", text="Hello?")
    assert (unknown.status_code, unknown.json()["error"]) == (400, "no session 'devin-0' was added")


async def test_the_retry_after_of_a_session_is_whole_seconds(page: Page) -> None:
    """RFC 9110 has no fractions, and 4 has become 4.0 on its way from the page."""
    await page.post("behave", session_id=SESSION, state="rate_limited", retry_after=4)
    key = {"Authorization": f"Bearer {page.devin.api_key}"}
    address = f"{page.devin.url}/v1/sessions/{SESSION}/message"
    answer = await page.client.post(address, json={"message": "hi"}, headers=key)
    assert answer.headers["Retry-After"] == "4"


def test_what_the_page_offers_is_what_the_manifest_declares() -> None:
    """These are commands, shortcuts, steps and prompts, with their names and inputs."""
    manifest = yaml.safe_load(manifest_yaml("--agent", "--workflow-steps"))
    features = manifest["features"]
    commands = [(it["command"], it["usage_hint"]) for it in features["slash_commands"]]
    assert [(it.command, it.usage_hint) for it in COMMANDS] == commands
    shortcuts = {it["callback_id"]: it["name"] for it in features["shortcuts"]}
    assert {it.callback_id: it.name for it in SHORTCUTS} == shortcuts
    prompts = features["agent_view"]["suggested_prompts"]
    assert [(it["title"], it["message"]) for it in prompts] == list(PROMPTS)
    assert {it.callback_id: (it.title, it.inputs) for it in STEPS} == {
        name: (step["title"], {key: it["is_required"] for key, it in inputs.items()})
        for name, step in manifest["functions"].items()
        if (inputs := step["input_parameters"])
    }


async def test_slack_can_be_told_to_disconnect(page: Page) -> None:
    """This works with nobody connected, too."""
    assert (await page.post("disconnect", reason="warning")).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("say", {}, "text"),
        ("say", {"text": 5}, "text"),
        ("say", {"text": "hi", "colour": "red"}, "colour"),
        ("say", {"text": "hi", "user": "nobody"}, "nobody"),
        ("say", {"text": "hi", "channel": "nowhere"}, "nowhere"),
        ("slash", {"command": "devin-say"}, "command"),
        ("press", {"action_id": "x", "channel": "general", "message_ts": "1.0"}, "1.0"),
        ("edit", {"channel": "general", "ts": "1.0", "text": "x"}, "1.0"),
        ("delete", {"channel": "general", "ts": "1.0"}, "1.0"),
        ("react", {"channel": "general", "ts": "1.0", "name": "tada"}, "1.0"),
        ("react", {"channel": "general", "ts": "1.0", "name": "<b>"}, "name"),
        ("forward", {"channel": "general", "ts": "1.0", "to": "random"}, "1.0"),
        ("forward", {"channel": "general", "ts": "1.0", "to": "nowhere"}, "nowhere"),
        ("behave", {"session_id": SESSION, "state": "sleepy"}, "sleepy"),
        ("behave", {"session_id": "devin-0", "state": "running"}, "devin-0"),
        ("behave", {"session_id": SESSION, "state": "down", "times": 0}, "times"),
        ("session", {"session_id": "../etc"}, "../etc"),
        ("fail", {"method": "auth.test", "status": 9}, "status"),
        ("shortcut", {"callback_id": "x", "channel": "general", "message_ts": "1.0"}, "1.0"),
        ("submit_view", {"view_id": "V1", "values": {}}, "V1"),
        ("press_view", {"view_id": "V1", "action_id": "x"}, "V1"),
        ("suggest", {"view_id": "V1", "action_id": "x"}, "V1"),
        ("open_home", {"user": "nobody"}, "nobody"),
        ("open_home", {"tab": "about"}, "tab"),
        ("stop", {"channel": "general", "thread": "1.0"}, "1.0"),
        ("disconnect", {"reason": "boredom"}, "reason"),
    ],
)
async def test_bad_input_is_400_and_a_sentence(
    page: Page, path: str, body: dict[str, Any], named: str
) -> None:
    """The sentence names the error."""
    response = await page.client.post(f"/control/{path}", json=body)
    assert response.status_code == 400
    assert named in response.json()["error"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
async def test_a_body_that_is_no_object_is_400(page: Page, content: bytes) -> None:
    """There is never a traceback."""
    response = await page.client.post("/control/say", content=content)
    assert response.status_code == 400
    assert response.json()["error"].startswith("The request cannot be used: ")


async def test_changes_of_both_sides_arrive_as_server_sent_events(page: Page) -> None:
    """There is one stream for Slack and Devin, and the page listens to nothing else."""
    async with page.client.stream("GET", "/control/events") as events:
        assert events.headers["Content-Type"] == "text/event-stream"
        lines = events.aiter_lines()
        assert await anext(lines) == ": here"
        await page.post("say", text="hello")
        await page.post("behave", session_id=SESSION, state="down")
        seen: list[str] = []
        while "devin.session" not in seen or "message" not in seen:
            line = await anext(lines)
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: "))["type"])


async def test_the_page_stops_with_a_stream_open() -> None:
    """An open browser tab must not keep the sandbox from ending."""
    async with SlackSandbox() as slack, DevinSandbox(api="v1") as devin:
        server = PageServer(slack, devin)
        await server.__aenter__()
        async with (
            httpx.AsyncClient(trust_env=False) as client,
            client.stream("GET", f"{server.url}/control/events") as events,
        ):
            lines = events.aiter_lines()
            assert await anext(lines) == ": here"
            async with asyncio.timeout(5):
                await server.__aexit__(None, None, None)
                assert [line async for line in lines if line.startswith("error")] == []


async def test_the_page_listens_on_this_machine_only() -> None:
    """Anyone who reaches it can write as anybody."""
    async with SlackSandbox() as slack, DevinSandbox(api="v1") as devin:
        with pytest.raises(ValueError, match="this machine only"):
            PageServer(slack, devin, host="0.0.0.0")


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox("127.0.0.1", 0) as running:
        yield running


async def test_a_taken_port_is_said_and_replaced() -> None:
    """Another program may be on the usual port."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert free_port("127.0.0.1", port) != port
        async with running_sandbox("127.0.0.1", port) as running:
            assert str(port) in running.notes[0]
            assert running.page.url in f"http://127.0.0.1:{running.notes[0].split()[-2]}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--host", "0.0.0.0"],
        ["--host", "example.org"],
        ["--port", "70000"],
        ["--api", "v2"],
        ["dmeo"],
    ],
)
def test_arguments_that_cannot_be_used_end_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A sentence appears on stderr."""
    with pytest.raises(SystemExit) as ended:
        parse_arguments(arguments)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "api"), [([], "v3"), (["--api", "v1"], "v1")])
def test_the_demo_speaks_the_current_generation_unless_it_is_told(
    arguments: list[str], api: str
) -> None:
    """`make demo` is v3, and `make demo API=v1` the legacy one."""
    assert parse_arguments(["demo", *arguments]).api == api


@pytest.mark.parametrize("api", ["v1", "v3"])
async def test_a_bot_is_given_the_key_of_its_generation(api: Api) -> None:
    """The organization is not given, since Devin tells it."""
    async with running_sandbox("127.0.0.1", 0, api=api) as running:
        environment = environment_of(running.slack, running.devin)
    assert environment["DEVIN_API_KEY"] == running.devin.keys[api]
    assert "DEVIN_ORG_ID" not in environment


async def test_the_bot_of_the_demo_gets_the_sandbox_and_nothing_of_the_developers(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A real token in the shell must never reach the demo, nor the demo a real workspace."""
    inherited = {
        "PATH": "/bin",
        "SLACK_BOT_TOKEN": "xoxb-developers",
        "SLACK_CLIENT_ID": "1.2",
        "DEVIN_API_KEY": "apk_developers",
        "REDIS_URL": "rediss://developers",
        "ALLOW_GUESTS": "true",
        "DATA_DIR": "/developers",
        "HTTPS_PROXY": "http://developers",
        "all_proxy": "http://developers",
    }
    environment = bot_environment(inherited, sandbox, tmp_path)
    assert environment["PATH"] == "/bin"
    assert environment_of(sandbox.slack, sandbox.devin).items() <= environment.items()
    assert environment["DATA_DIR"] == str(tmp_path / "data")
    assert environment["ACT_AS"] == "known"
    sandbox.devin.api = "v1"
    assert bot_environment(inherited, sandbox, tmp_path)["ACT_AS"] == "off"
    assert {"REDIS_URL", "ALLOW_GUESTS", "SLACK_CLIENT_ID"}.isdisjoint(environment)
    assert "developers" not in "".join(environment.values())


def test_two_demos_at_once_have_homes_of_their_own(tmp_path: Path) -> None:
    """A home is empty when it is claimed again."""
    with claimed_home(tmp_path / ".demo") as first, claimed_home(tmp_path / ".demo") as second:
        assert first.directory != second.directory
        (first.directory / "leftover").touch()
    with claimed_home(tmp_path / ".demo") as again:
        assert again.directory == first.directory
        assert list(again.directory.iterdir()) == []


async def test_the_child_ends_with_the_block_and_its_output_is_kept(tmp_path: Path) -> None:
    """It is asked to end first, and waited for."""
    script = "import signal; print('up', flush=True); signal.pause()"
    with claimed_home(tmp_path) as home:
        async with child([sys.executable, "-c", script], {}, home) as process:
            assert process.returncode is None
        assert process.returncode == -signal.SIGTERM


def test_the_invitation_is_one_line_with_the_address() -> None:
    """It has what a visitor needs, and no more."""
    line = invitation("http://127.0.0.1:8377")
    assert "http://127.0.0.1:8377" in line
    assert "\n" not in line
