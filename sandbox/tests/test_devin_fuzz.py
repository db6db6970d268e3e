"""The sandbox's Devin is tested against the published contract with generated requests.

`schemathesis` generates them from the contract, valid and invalid ones, and checks the status,
headers and body of every answer. They go over a real socket, to a Devin in a separate thread.
"""

import copy
from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest
import schemathesis
from requests import Session
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

from sandbox import DevinSandbox
from sandbox.devin.answers import STATES
from sandbox.tests.support.devin_thread import serving_in_a_thread
from tests.support.contracts import CONTRACTS, SENDING

PATH, CONTRACT = SENDING["v1"], CONTRACTS["v1"]

Case: TypeAlias = schemathesis.Case[Any]

PLAIN: dict[str, Any] = {"type": "object", "required": ["detail"]}
PLAIN["properties"] = {"detail": {"type": "string"}}
HEADER = {"required": True, "schema": {"type": "string"}}
FASTAPI: dict[str, dict[str, Any]] = {
    "400": {},
    "401": {"headers": {"WWW-Authenticate": HEADER}},
    "403": {},
    "404": {},
    "405": {"headers": {"Allow": HEADER}},
    "429": {},
    "503": {},
}
"""FastAPI's other answers, since it publishes contracts like this one: always a `detail`."""


def contract() -> dict[str, Any]:
    """The published contract with FastAPI's own answers."""
    whole: dict[str, Any] = copy.deepcopy(dict(CONTRACT))
    content = {"application/json": {"schema": PLAIN}}
    whole["paths"][PATH]["post"]["responses"] |= {
        status: {"description": "FastAPI's own", "content": content, **more}
        for status, more in FASTAPI.items()
    }
    return whole


GENERATION = {
    "deterministic": True,
    "max-examples": 40,
    "database": "none",
    "with-security-parameters": False,  # the key is given below, or its check would find none
}
CHECKS = {"not_a_server_error": {"expected-statuses": ["2xx", "4xx", "503"]}}
CONFIG = schemathesis.Config.from_dict({"generation": GENERATION, "checks": CHECKS})
SCHEMA = schemathesis.openapi.from_dict(contract(), config=CONFIG)

SESSIONS = {state: f"devin-{number:032x}" for number, state in enumerate(STATES)}
ANSWERING = [state for state, answer in STATES.items() if answer.ending == "answers"]
BEYOND = ["server_error", "gateway", "timeout", "garbage", "teapot", "other"]
"""States that exist because a gateway, or a broken server, does not keep to a contract."""


@pytest.fixture(scope="module")
def devin() -> Iterator[DevinSandbox]:
    """A Devin with a session in each state."""
    with serving_in_a_thread(DevinSandbox(api="v1")) as sandbox:
        for state, session in SESSIONS.items():
            sandbox.add_session(session)
            sandbox.behave(session, state, delay=0)
        yield sandbox


@pytest.fixture(scope="module")
def client() -> Iterator[Session]:
    """A client with persistent connections."""
    with Session() as session:
        yield session


def ask(
    case: Case,
    state: str | None,
    devin: DevinSandbox,
    client: Session,
    unasked: list[schemathesis.CheckFunction] | None = None,
) -> schemathesis.Response:
    """Send the request to the session in that state; raise if the answer breaks the contract."""
    if state is not None:
        case.path_parameters = {"session_id": SESSIONS[state]}
    key = {"Authorization": f"Bearer {devin.api_key}"}
    return case.call_and_validate(
        base_url=devin.url, session=client, headers=key, excluded_checks=unasked
    )


@pytest.mark.parametrize("state", [one for one in ANSWERING if one not in {*BEYOND, "rejects"}])
@SCHEMA.parametrize()
def test_every_answer_is_one_that_the_contract_describes(
    case: Case, state: str, devin: DevinSandbox, client: Session
) -> None:
    """Malformed requests are refused, others answered by state; without the key it is 401."""
    ask(case, state, devin, client)


@SCHEMA.parametrize()
def test_a_session_that_rejects_does_so_in_the_words_of_the_contract(
    case: Case, devin: DevinSandbox, client: Session
) -> None:
    """It refuses everything, including what the contract allows, since that is its purpose."""
    ask(case, "rejects", devin, client, [positive_data_acceptance])


@SCHEMA.parametrize()
def test_a_session_that_is_not_there_is_a_404(
    case: Case, devin: DevinSandbox, client: Session
) -> None:
    """Another defect of the request may be reported; a message is never taken."""
    assert ask(case, None, devin, client).status_code >= 400


@pytest.mark.parametrize(
    "body", [b"\xff", b"[" * 100_000, b"9" * 5_000], ids=["bytes", "deep", "long"]
)
def test_a_body_that_nobody_can_read_is_a_400(
    body: bytes, devin: DevinSandbox, client: Session
) -> None:
    """FastAPI's parser fails without a location."""
    path = PATH.format(session_id=SESSIONS["running"])
    key = {"Authorization": f"Bearer {devin.api_key}", "Content-Type": "application/json"}
    answer = client.post(devin.url + path, data=body, headers=key)
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "There was an error parsing the body"},
    )


@pytest.mark.parametrize("state", BEYOND)
def test_what_keeps_to_no_contract_would_be_noticed(
    state: str, devin: DevinSandbox, client: Session
) -> None:
    """The same check fails for each state that is meant to break the contract."""
    operation = SCHEMA[PATH]["POST"]
    case = operation.Case(body={"message": "hello"}, media_type="application/json")
    with pytest.raises(FailureGroup):
        ask(case, state, devin, client)
