"""The published contract, the relay's models and the sandbox's Devin agree."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from pydantic import BaseModel, SecretStr

from bot.devin.v1.client import open_devin
from bot.devin.v1.responses import (
    HTTPValidationError,
    MessageSentResponse,
    PostMessageParams,
    ValidationProblem,
)
from bot.model.sessions import SessionId
from sandbox import DevinSandbox
from sandbox.devin.answers import STATES
from tests.support.desk import SESSION

Schema = Mapping[str, Any]

CONTRACT: Schema = yaml.safe_load(
    (Path(__file__).parents[1] / "contract" / "devin-v1.openapi.yaml").read_text()
)
PATH = "/v1/sessions/{session_id}/message"
OPERATION: Schema = CONTRACT["paths"][PATH]["post"]
SCHEMAS: Schema = CONTRACT["components"]["schemas"]
ANSWERS: Schema = {
    status: answer["content"]["application/json"]["schema"]
    for status, answer in OPERATION["responses"].items()
}

TYPES = {"string": str, "integer": int, "array": list, "object": dict, "null": type(None)}


def problems(value: object, schema: Schema, where: str = "$") -> list[str]:
    """Return the parts of `value` that violate `schema`, by the contract's keywords."""
    unknown = schema.keys() - {
        *("$ref", "anyOf", "type", "title", "description"),
        *("required", "properties", "items"),
    }
    assert not unknown, f"the contract uses words that this check does not know: {unknown}"
    if "$ref" in schema:
        return problems(value, SCHEMAS[schema["$ref"].rpartition("/")[2]], where)
    if "anyOf" in schema:
        tried = [problems(value, one, where) for one in schema["anyOf"]]
        return [] if [] in tried else [f"{where} is none of {len(tried)}"]
    if not isinstance(value, TYPES[schema["type"]]) or isinstance(value, bool):
        return [f"{where} is not {schema['type']}"]
    found: list[str] = []
    if isinstance(value, dict):
        found += [
            f"{where}.{key} missing" for key in schema.get("required", ()) if key not in value
        ]
        for key, part in schema.get("properties", {}).items():
            found += problems(value[key], part, f"{where}.{key}") if key in value else []
    if isinstance(value, list):
        for number, one in enumerate(value):
            found += problems(one, schema["items"], f"{where}[{number}]")
    return found


def essence(schema: Schema, definitions: Schema) -> Any:
    """Return a schema without prose and defaults, with its references resolved."""
    if "$ref" in schema:
        return essence(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            plain[key] = {name: essence(part, definitions) for name, part in value.items()}
        elif key == "items":
            plain[key] = essence(value, definitions)
        elif key not in {"description", "default", "$defs"}:
            plain[key] = value
    return plain


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (PostMessageParams, "PostMessageParams"),
        (MessageSentResponse, "MessageSentResponse"),
        (HTTPValidationError, "HTTPValidationError"),
        (ValidationProblem, "ValidationError"),
    ],
)
def test_a_model_has_the_schema_of_the_contract(model: type[BaseModel], name: str) -> None:
    """Fields, types, titles and required lists are the same; only prose and defaults may differ."""
    ours = model.model_json_schema()
    assert essence(ours, ours.get("$defs", {})) == essence(SCHEMAS[name], SCHEMAS)


def test_the_contract_has_one_operation_and_it_is_the_one_that_is_built_on() -> None:
    """A contract that grows needs a decision, not silence."""
    assert list(CONTRACT["paths"]) == [PATH]
    assert list(CONTRACT["paths"][PATH]) == ["post"]
    assert set(ANSWERS) == {"200", "422"}
    assert CONTRACT["components"]["securitySchemes"]["bearerAuth"]["scheme"] == "bearer"


async def test_the_relay_calls_the_operation_of_the_contract() -> None:
    """It makes one POST on the path, with a bearer token and a body of just the parameters."""
    async with DevinSandbox(api="v1") as sandbox:
        sandbox.add_session(SESSION)
        async with open_devin(sandbox.url, SecretStr(sandbox.api_key), 1) as devin:
            await devin.post_message(SessionId(SESSION), "Grüße, 世界 🚀\n")
        (request,) = sandbox.requests
    assert sandbox.strays == []
    assert (request.session_id, request.authorized, request.status) == (SESSION, True, 200)
    assert request.headers["Content-Type"] == "application/json"
    assert request.body == {"message": "Grüße, 世界 🚀\n"}
    schema = OPERATION["requestBody"]["content"]["application/json"]["schema"]
    assert problems(request.body, schema) == []


CHECKED = {
    *("running", "blocked", "approval", "idle"),
    *("suspended", "finished", "failed", "archived", "rejects"),
}


@pytest.mark.parametrize("state", sorted(CHECKED))
async def test_the_sandbox_answers_what_the_contract_describes(state: str) -> None:
    """Each state whose status the contract describes has a body of the contract's schema."""
    async with DevinSandbox(api="v1") as sandbox, aiohttp.ClientSession() as client:
        sandbox.add_session(SESSION, state)
        status, body = await post(client, sandbox, {"message": "hello"})
    assert problems(body, ANSWERS[str(status)]) == []


@pytest.mark.parametrize("body", [{}, {"message": 1}, {"message": None}, [], "text", None])
async def test_the_sandbox_refuses_a_malformed_body_as_the_contract_describes(body: object) -> None:
    """A body that is not a `PostMessageParams` gets a 422 of the contract's schema."""
    schema = OPERATION["requestBody"]["content"]["application/json"]["schema"]
    assert problems(body, schema) != []
    async with DevinSandbox(api="v1") as sandbox, aiohttp.ClientSession() as client:
        sandbox.add_session(SESSION)
        status, answer = await post(client, sandbox, body)
    assert status == 422
    assert problems(answer, ANSWERS["422"]) == []


def test_no_state_of_the_sandbox_breaks_the_contract_unnoticed() -> None:
    """Of all states with a described status, only `garbage` breaks the contract, on purpose."""
    described = {name for name, one in STATES.items() if str(one.status) in ANSWERS}
    alike = {"slow", "drops", "half", "refuses"}  # a good answer, but late or incomplete
    assert described == CHECKED | alike | {"garbage"}


async def post(
    client: aiohttp.ClientSession, sandbox: DevinSandbox, body: object
) -> tuple[int, object]:
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    url = sandbox.url + PATH.format(session_id=SESSION)
    async with client.post(url, json=body, headers=headers) as answer:
        assert answer.content_type == "application/json"
        return answer.status, await answer.json()
