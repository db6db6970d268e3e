"""Every answer of Devin, or of a proxy in front of it, becomes one outcome that Redis can store."""

import json
import math
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.devin.answers import AWAY, DETAIL_LIMIT, LIMITED, Answer, written
from bot.devin.v1 import sessions as v1
from bot.devin.v3 import sessions as v3
from bot.model.replies import Outcome, OutcomeKind, Wait

Parser = Callable[[bytes], Outcome | None]

NO_TEXT = "\ud800"
"""Half of a surrogate pair, which JSON can write as an escape but UTF-8 cannot encode."""

DEEP = b"[" * 60_000
DIGITS = "9" * 5_000
"""More digits than Python converts to text, or reads from it."""

STRINGS = st.text() | st.sampled_from([NO_TEXT, f"a{NO_TEXT}b", "\udfff" * 3, "x" * 40_000, "\0"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | STRINGS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3)
)
PROBLEMS = st.fixed_dictionaries({"loc": st.lists(VALUES), "msg": VALUES, "type": VALUES})
SHAPED = st.fixed_dictionaries({"detail": STRINGS | VALUES | st.lists(PROBLEMS | VALUES)})
BODIES = (
    st.binary()
    | (SHAPED | VALUES).map(lambda value: json.dumps(value).encode())
    | st.sampled_from([DEEP, DIGITS.encode(), b'{"detail": ' + DEEP, b"\xff\xfen\0u\0l\0l\0"])
)

DATES = st.from_regex(
    r"\A([A-Za-z]{0,9},? ?)?\d{1,6}[ -][A-Za-z]{0,9}[ -]\d{1,9}( \d{1,9}(:\d{0,9}){0,3})?"
    r"( ?[+-]?\d{0,40}| [A-Z]{0,5})\Z"
)
TIMES = st.text() | st.integers().map(str) | DATES | st.sampled_from([DIGITS, "1e999", "nan"])
STATUSES = st.integers(200, 599)
PARSERS: dict[Parser, frozenset[int]] = {v1.parse_sent: AWAY, v3.parse_sent: LIMITED}
"""The parsers of answers to a message, with the statuses after which it may be sent again."""


@pytest.mark.parametrize("parse", PARSERS)
@given(status=STATUSES, retry_after=TIMES, body=BODIES)
@example(404, "", json.dumps({"detail": NO_TEXT}).encode())
@example(200, "", json.dumps({"detail": NO_TEXT}).encode())
@example(403, "", DEEP)
@example(422, "", b'{"detail": [{"loc": [%s], "msg": "", "type": ""}]}' % DIGITS.encode())
@example(429, "Wed, 21 Oct 2015 07:28:00 +" + DIGITS, b"")
@example(503, DIGITS, b"")
def test_every_answer_is_an_outcome_that_can_be_kept(
    parse: Parser, status: int, retry_after: str, body: bytes
) -> None:
    """The outcome survives a round trip through Redis as UTF-8; a wait has a length or none."""
    answer = written(Answer(status, {"retry-after": retry_after}, body), parse, PARSERS[parse])
    assert isinstance(answer, Wait) == (status in PARSERS[parse])
    if isinstance(answer, Wait):
        seconds = answer.retry_after
        assert seconds is None or (seconds >= 0 and not math.isnan(seconds))
        return
    assert Outcome.model_validate_json(answer.to_json().encode()) == answer
    assert len(answer.detail) <= DETAIL_LIMIT
    if status >= 300:
        assert (answer.kind is OutcomeKind.UNCERTAIN) == (status >= 500)
