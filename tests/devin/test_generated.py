"""Whatever a mock answers that keeps to the contract, the relay reads as the contract means it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.devin.answers import ID_LIMIT, Answer, identified, written
from bot.devin.v1 import sessions as v1
from bot.devin.v3 import sessions as v3
from bot.devin.v3.organization import Caller, parse_caller
from bot.devin.v3.sessions import message, parse_items, parse_list
from bot.model.replies import Outcome, OutcomeKind, Refusal
from bot.model.sessions import parse_session
from tests.support.contracts import CONTRACTS, SENDING, answer_schema
from tests.support.generated import values

SCHEMAS = CONTRACTS["v3"]["components"]["schemas"]
PROBLEMS = values(SCHEMAS["ProblemDetail"], "v3")
IN_TIME = range(-(10**9), 10**10)
"""Unix times, in seconds, that Python has dates for."""


def answer(status: int, value: Any) -> Answer:
    return Answer(status, {}, json.dumps(value).encode())


@given(values(answer_schema("v3", SENDING["v3"], "200"), "v3"))
def test_every_session_that_answers_a_message_has_taken_it_or_has_ended(session: Any) -> None:
    """By its status and its archiving; nothing else of it matters."""
    outcome = v3.parse_sent(json.dumps(session).encode())
    assert isinstance(outcome, Outcome)
    is_over = session["status"] in {"exit", "error"} or session.get("is_archived") is True
    assert outcome.kind is (OutcomeKind.ENDED if is_over else OutcomeKind.DELIVERED)


@given(values(answer_schema("v1", SENDING["v1"], "200"), "v1"))
def test_every_answer_of_version_1_confirms_the_message_or_does_not(said: Any) -> None:
    """There is no third meaning."""
    outcome = v1.parse_sent(json.dumps(said).encode())
    assert isinstance(outcome, Outcome)
    assert outcome.kind is (OutcomeKind.DELIVERED if said is None else OutcomeKind.UNCONFIRMED)


@given(st.sampled_from([400, 404, 409, 422]), PROBLEMS)
def test_every_problem_is_a_refusal_in_devin_s_words(status: int, problem: Any) -> None:
    """Its detail, else its title; or a line for each error of a 422 that says something."""
    outcome = written(answer(status, problem), v3.parse_sent)
    assert isinstance(outcome, Outcome)
    assert outcome.kind is OutcomeKind.REFUSED
    if outcome.refusal is not Refusal.INVALID:
        said = problem["title"] if problem.get("detail") is None else problem["detail"]
        assert outcome.detail == said.encode("utf-8", "replace").decode()


@given(values(answer_schema("v1", SENDING["v1"], "422"), "v1"))
def test_every_validation_error_of_version_1_is_told_by_its_entries(error: Any) -> None:
    """An entry without words is quoted whole."""
    outcome = written(answer(422, error), v1.parse_sent)
    assert isinstance(outcome, Outcome)
    said = error.get("detail", [])
    assert outcome.refusal is (Refusal.INVALID if said else Refusal.OTHER)
    assert outcome.detail


@given(values(SCHEMAS["MessagePage"], "v3"))
def test_every_message_of_a_page_is_read_in_order(page: Any) -> None:
    """Once, and with an id; only one of a time that no calendar has is passed over."""
    found = parse_items(json.dumps(page).encode())
    assert found is not None
    items, cursor = found
    odd = {one["event_id"] for one in page["items"] if one["created_at"] not in IN_TIME}
    dated = [one["event_id"] for one in page["items"] if one["event_id"] not in odd]
    ids = [one.id for one in identified(map(message, items))[0]]
    assert len(set(ids) - {""}) == len(ids)
    rest = iter(ids)
    assert all(id_ in rest for id_ in dict.fromkeys(dated) if 0 < len(id_) <= ID_LIMIT)
    assert (cursor is not None) == page.get("has_next_page", False)


@given(values(SCHEMAS["SessionPage"], "v3"))
def test_every_page_of_sessions_is_a_list(page: Any) -> None:
    """A session whose id no session has is passed over; a list of such alone is of no use."""
    ids = [parse_session(one["session_id"]) for one in page["items"]]
    assert (parse_list(json.dumps(page).encode()) is None) == (bool(ids) and not any(ids))


@given(values(SCHEMAS["ServiceUserSelf"], "v3") | values(SCHEMAS["PatUserSelf"], "v3"))
def test_every_caller_has_an_organization_or_none(caller: Any) -> None:
    """Null is none, as is one that is left out."""
    found = parse_caller(json.dumps(caller).encode())
    assert isinstance(found, Caller)
    assert found.organization in {"", caller.get("org_id")}
