"""Both contracts, the relay's requests and the sandbox's answers agree."""

from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.devin.opening import open_devin
from bot.model.options import Options
from bot.model.replies import OutcomeKind
from bot.model.sessions import NamedSession, SessionId
from sandbox import DevinSandbox
from sandbox.devin.answers import STATES, Api
from tests.support.contracts import CONTRACTS, SENDING, answer_schema, body_schema, problems
from tests.support.desk import SESSION

APIS: list[Api] = ["v1", "v3"]
CREATING = "/v3/organizations/{org_id}/sessions"

ALL_OPTIONS = Options(
    repos=("acme/api",),
    mode="fast",
    playbook="playbook-1",
    max_acu=10,
    tags=("oncall",),
    title="Build",
)

each_api = pytest.mark.parametrize("api", APIS)


def test_version_1_has_one_operation_and_it_is_the_one_that_is_built_on() -> None:
    """A contract that grows needs a decision, not silence."""
    path = SENDING["v1"]
    assert {where: list(what) for where, what in CONTRACTS["v1"]["paths"].items()} == {
        path: ["post"]
    }
    assert set(CONTRACTS["v1"]["paths"][path]["post"]["responses"]) == {"200", "422"}


@each_api
def test_a_check_that_cannot_fail_is_none(api: Api) -> None:
    """The contract's own schemas reject what they should."""
    assert problems({}, body_schema(api, SENDING[api]), api)
    assert problems({"message": 7}, body_schema(api, SENDING[api]), api)
    assert problems({"odd": 1}, answer_schema(api, SENDING[api], "200"), api)


@each_api
async def test_the_relay_calls_the_operation_of_the_contract(api: Api) -> None:
    """It makes one POST on the path, with a bearer token and a body of just the parameters."""
    address = "https://api.devin.ai/v3/organizations/org-1/attachments/1/plan.md"
    async with DevinSandbox(api=api) as sandbox:
        sandbox.add_session(SESSION)
        async with open_devin(sandbox.url, SecretStr(sandbox.api_key), None, 1) as devin:
            await devin.post_message(SessionId(SESSION), "Grüße, 世界 🚀\n")
            await devin.post_message(SessionId(SESSION), "With a file", [address])
        requests = sandbox.requests
    assert sandbox.strays == []
    for request in requests:
        assert (request.session_id, request.authorized, request.status) == (SESSION, True, 200)
        assert (request.headers["Content-Type"], request.api) == ("application/json", api)
        assert problems(request.body, body_schema(api, SENDING[api]), api) == []
    assert requests[0].body == {"message": "Grüße, 世界 🚀\n"}


async def test_a_session_is_created_by_the_operation_of_the_contract() -> None:
    """Only with the parameters that were given."""
    seen: list[dict[str, Any]] = []

    async def hold(request: web.Request) -> web.Response:
        seen.append(await request.json())
        return web.json_response({"session_id": SESSION})

    app = web.Application()
    app.router.add_post(CREATING, hold)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with open_devin(url, SecretStr("cog_x"), "org-1", 1) as devin:
        made = await devin.create("Fix it", Options(), "relay-1")
        assert made == NamedSession(SessionId(SESSION))
        made = await devin.create("Fix it", ALL_OPTIONS, "relay-1")
        assert made == NamedSession(SessionId(SESSION), "Build")
    await runner.cleanup()
    assert seen == [
        {"prompt": "Fix it", "tags": ["relay-1"]},
        {
            "prompt": "Fix it",
            "title": "Build",
            "tags": ["relay-1", "oncall"],
            "repos": ["acme/api"],
            "devin_mode": "fast",
            "playbook_id": "playbook-1",
            "max_acu_limit": 10,
        },
    ]
    assert [problems(one, body_schema("v3", CREATING), "v3") for one in seen] == [[], []]


@each_api
@pytest.mark.parametrize("state", [name for name, one in STATES.items() if one.ending == "answers"])
async def test_what_the_sandbox_answers_with_a_described_status_is_as_described(
    api: Api, state: str
) -> None:
    """Only `garbage` breaks the contract, on purpose, and the relay is left in doubt."""
    async with DevinSandbox(api=api) as sandbox, aiohttp.ClientSession() as client:
        sandbox.add_session(SESSION)
        sandbox.behave(SESSION, state, delay=0)
        status, body = await post(client, sandbox, {"message": "hello"})
        sandbox.behave(SESSION, state, delay=0)
        async with open_devin(sandbox.url, SecretStr(sandbox.api_key), None, 1) as devin:
            outcome = await devin.post_message(SessionId(SESSION), "hello")
    described = CONTRACTS[api]["paths"][SENDING[api]]["post"]["responses"]
    if state == "garbage":
        assert isinstance(body, str)
        assert getattr(outcome, "kind", None) is OutcomeKind.UNCERTAIN
    elif str(status) in described:
        assert problems(body, answer_schema(api, SENDING[api], str(status)), api) == []


@each_api
@pytest.mark.parametrize("body", [{}, {"message": 1}, {"message": None}, [], "text", None])
async def test_the_sandbox_refuses_a_malformed_body_as_the_contract_describes(
    api: Api, body: object
) -> None:
    """A body that the contract does not allow gets a 422 of its schema."""
    assert problems(body, body_schema(api, SENDING[api]), api) != []
    async with DevinSandbox(api=api) as sandbox, aiohttp.ClientSession() as client:
        sandbox.add_session(SESSION)
        status, answer = await post(client, sandbox, body)
    assert status == 422
    assert problems(answer, answer_schema(api, SENDING[api], "422"), api) == []


async def post(
    client: aiohttp.ClientSession, sandbox: DevinSandbox, body: object
) -> tuple[int, object]:
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    path = SENDING[sandbox.api].format(session_id=SESSION, org_id=sandbox.org_id, devin_id=SESSION)
    async with client.post(sandbox.url + path, json=body, headers=headers) as answer:
        text = await answer.text()
        is_json = answer.content_type.endswith("json")
        try:
            return answer.status, await answer.json(content_type=None) if is_json else text
        except ValueError:
            return answer.status, text
