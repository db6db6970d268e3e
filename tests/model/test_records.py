"""Broken records are read as far as possible."""

import json
import math

from hypothesis import example, given
from pydantic import ValidationError

from bot.model.files import AttachedFile
from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.threads import Link, ThreadRef
from tests.support.builders import JSON, mutated, rich_text
from tests.support.tables import each

THREAD = ThreadRef(team="T0", channel="C0", thread_ts="1764000000.000100")
ELSEWHERE = {"team": "T0", "channel": "C0", "thread_ts": "1.000000"}
WHOLE = Reply(
    thread=THREAD,
    ts="1764000001.000100",
    author=UserId("U0ADA"),
    text="Please rebase",
    blocks=tuple(rich_text("Please rebase")),
    files=(AttachedFile(name="plan.md", permalink="https://example.slack.com/files/F1"),),
    step="Fx0STEP",
)


def read(raw: str) -> tuple[Reply | None, ValidationError | None]:
    """Read a record like the mailbox, with the facts known without it."""
    return Reply.read(raw, thread=ELSEWHERE, ts=WHOLE.ts, author="unknown")


def changed(**fields: object) -> str:
    return json.dumps(json.loads(WHOLE.to_json()) | fields)


def test_a_record_is_read_as_it_was_written() -> None:
    """This is the normal case; unknown fields are ignored."""
    assert read(WHOLE.to_json()) == (WHOLE, None)
    assert read(changed(more=1)) == (WHOLE, None)


@each(
    ("raw", "left"),
    [
        (changed(blocks=7), WHOLE.model_copy(update={"blocks": ()})),
        (changed(text=[], files=[{}]), WHOLE.model_copy(update={"text": "", "files": ()})),
        (changed(text="half \ud800"), WHOLE.model_copy(update={"text": ""})),
        (changed(author=None), WHOLE.model_copy(update={"author": "unknown"})),
    ],
)
def test_of_a_broken_record_whatever_can_be_read_is_left(raw: str, left: Reply) -> None:
    """The error quotes nothing of the record."""
    found, flaw = read(raw)
    assert found == left
    assert flaw is not None
    assert "rebase" not in str(flaw)


@each("raw", ["", "{", "null", "[]", "[" * 60_000, '"words"', "9" * 5_000])
def test_what_is_no_record_at_all_leaves_what_is_known_without_it(raw: str) -> None:
    """They suffice to end the reply, and to tell somebody."""
    found, flaw = read(raw)
    assert flaw is not None
    place = ThreadRef.model_validate(ELSEWHERE)
    assert found == Reply(thread=place, ts=WHOLE.ts, author=UserId("unknown"))


@given(mutated([json.loads(WHOLE.to_json())]))
@example({"blocks": [{"type": math.inf}]})
def test_whatever_is_left_of_a_record_can_be_kept_and_read_again(payload: JSON) -> None:
    """Otherwise it would fail again when its report is told. An infinite number is kept as null."""
    found, flaw = read(json.dumps(payload))
    assert (found is None) <= (flaw is None)
    if found is not None:
        kept = found.to_json()
        assert Reply.model_validate_json(kept).to_json() == kept


def test_a_link_is_read_without_the_fields_of_later_releases() -> None:
    """It may have been written by an older process, so each field that came later has a default."""
    link = Link.model_validate_json('{"session": "devin-1", "by": "U0ADA", "at": 1764000000}')
    assert not link.muted
