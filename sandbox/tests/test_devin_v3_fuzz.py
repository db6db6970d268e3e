"""The sandbox's v3 is tested against its contract with generated requests, as v1 is.

The contract is assembled from Devin's documentation, and says less than its API does. The copy
that is used here is completed by what the documentation says elsewhere: every operation may
answer a `ProblemDetail`, and a null in a query means that the parameter is left out.
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
from sandbox.devin.answers import ENDED
from sandbox.devin.organization import ORG_ID
from sandbox.tests.support.devin_thread import serving_in_a_thread
from sandbox.tests.test_devin_fuzz import ANSWERING, BEYOND, GENERATION
from tests.support.contracts import CONTRACTS

Case: TypeAlias = schemathesis.Case[Any]

CONTRACT = dict(CONTRACTS["v3"])
ORGANIZATION = "/v3/organizations/{org_id}"
MESSAGES = f"{ORGANIZATION}/sessions/{{devin_id}}/messages"
TAGS = f"{ORGANIZATION}/sessions/{{devin_id}}/tags"
SESSION = "devin-abc123def456"

HEADER = {"required": True, "schema": {"type": "string"}}
MORE: dict[str, dict[str, Any]] = {
    "401": {"headers": {"WWW-Authenticate": HEADER}},
    "405": {"headers": {"Allow": HEADER}},
} | {status: {} for status in ("400", "403", "404", "409", "422", "429", "503")}
"""What each operation answers beside what the contract says of it."""


def contract() -> dict[str, Any]:
    """The contract as it is completed; `after` is left to the tests by hand, being opaque."""
    whole = copy.deepcopy(CONTRACT)
    problem = whole["components"]["responses"]["Problem"]
    del whole["paths"][TAGS]  # not in the sandbox, since no relay sets tags later
    for path in whole["paths"].values():
        for verb in path.keys() & {"get", "post", "delete"}:
            operation = path[verb]
            operation["responses"] |= {status: problem | more for status, more in MORE.items()}
            operation["parameters"] = [
                _given(one) for one in operation.get("parameters", ()) if one["name"] != "after"
            ]
    return whole


def _given(parameter: dict[str, Any]) -> dict[str, Any]:
    schema = dict(parameter["schema"])
    if isinstance(schema["type"], list):
        (schema["type"],) = set(schema["type"]) - {"null"}
    return parameter | {"schema": schema}


CHECKS = {
    "not_a_server_error": {"expected-statuses": ["2xx", "307", "4xx", "503"]},
    # 400 is for a mode that no schema lists, and for an address of no pull request.
    "positive_data_acceptance": {
        "expected-statuses": ["2xx", "307", "400", "401", "403", "404", "409", "429", "503"]
    },
}
CONFIG = schemathesis.Config.from_dict({"generation": GENERATION, "checks": CHECKS})
SCHEMA = schemathesis.openapi.from_dict(contract(), config=CONFIG)
UPLOADS = f"{ORGANIZATION}/attachments"
SENDING = SCHEMA.include(path=MESSAGES, method="POST")
OF_A_SESSION = SCHEMA.include(path_regex="devin_id")


@pytest.fixture(scope="module")
def devin() -> Iterator[DevinSandbox]:
    """A Devin whose session is made again for each request."""
    with serving_in_a_thread(DevinSandbox()) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def client() -> Iterator[Session]:
    """A client with persistent connections, which has uploaded a file."""
    with Session() as session:
        yield session


@pytest.fixture(scope="module")
def uploaded(devin: DevinSandbox, client: Session) -> str:
    """The id of a file that is there."""
    address = f"{devin.url}{ORGANIZATION.format(org_id=ORG_ID)}/attachments"
    answer = client.post(address, files={"file": b"content"}, headers=key_of(devin))
    return str(answer.json()["attachment_id"])


def key_of(devin: DevinSandbox) -> dict[str, str]:
    return {"Authorization": f"Bearer {devin.api_key}"}


def ask(
    case: Case,
    state: str,
    devin: DevinSandbox,
    client: Session,
    unasked: list[schemathesis.CheckFunction] | None = None,
    **path: str,
) -> schemathesis.Response:
    """Send the request with the session in that state; raise if the answer breaks the contract."""
    devin.add_session(SESSION)
    devin.behave(SESSION, state, delay=0)
    given = {"org_id": ORG_ID, "devin_id": SESSION} | path
    case.path_parameters = {name: given[name] for name in case.path_parameters or ()}
    return case.call_and_validate(
        base_url=devin.url,
        session=client,
        headers=key_of(devin),
        excluded_checks=unasked,
        allow_redirects=False,
    )


@SCHEMA.exclude(path=UPLOADS).parametrize()
def test_every_operation_keeps_to_the_contract(
    case: Case, devin: DevinSandbox, client: Session, uploaded: str
) -> None:
    """Malformed requests are refused, others answered; without the key it is 401."""
    ask(case, "running", devin, client, uuid=uploaded, name="plan.md")


@SCHEMA.include(path=UPLOADS).parametrize()
def test_an_upload_keeps_to_the_contract(case: Case, devin: DevinSandbox, client: Session) -> None:
    """But for other parts whose names have control characters, which aiohttp does not read."""
    ask(case, "running", devin, client, [positive_data_acceptance])


@pytest.mark.parametrize("state", [one for one in ANSWERING if one not in {*BEYOND, "rejects"}])
@SENDING.parametrize()
def test_every_state_answers_a_message_as_the_contract_describes(
    case: Case, state: str, devin: DevinSandbox, client: Session
) -> None:
    """With the session, or with a problem."""
    ask(case, state, devin, client)


@SENDING.parametrize()
def test_a_session_that_rejects_does_so_in_the_words_of_the_contract(
    case: Case, devin: DevinSandbox, client: Session
) -> None:
    """It refuses everything, including what the contract allows, since that is its purpose."""
    ask(case, "rejects", devin, client, [positive_data_acceptance])


@pytest.mark.parametrize("state", sorted(ENDED))
@OF_A_SESSION.parametrize()
def test_a_session_that_is_over_keeps_to_the_contract(
    case: Case, state: str, devin: DevinSandbox, client: Session
) -> None:
    """It can still be read."""
    ask(case, state, devin, client)


@SENDING.parametrize()
def test_a_session_that_is_not_there_is_a_404(
    case: Case, devin: DevinSandbox, client: Session
) -> None:
    """Another defect of the request may be reported; a message is never taken."""
    assert ask(case, "running", devin, client, devin_id="devin-fff").status_code >= 400
    assert devin.received(SESSION) == []


@pytest.mark.parametrize("state", BEYOND)
def test_what_keeps_to_no_contract_would_be_noticed(
    state: str, devin: DevinSandbox, client: Session
) -> None:
    """The same check fails for each state that is meant to break the contract."""
    operation = SCHEMA[MESSAGES]["POST"]
    case = operation.Case(
        path_parameters={"org_id": "", "devin_id": ""},
        body={"message": "hello"},
        media_type="application/json",
    )
    with pytest.raises(FailureGroup):
        ask(case, state, devin, client)
