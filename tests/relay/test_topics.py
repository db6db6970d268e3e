"""A thread is named by the first words of its first message, whatever that message is."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.model.threads import TOPIC_LIMIT
from bot.relay.topics import first_words
from bot.text.to_devin import to_markdown
from tests.wording.foreign import FOREIGN, HUGE


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("See <https://example.com|this> &amp; *that* in `code_x`", "See this & that in code_x"),
        ("• one\n• two", "one two"),
        ("```\nmake test\n```", "make test"),
        ("https://example.com/a_b", "https://example.com/a_b"),
        ("x" * 81, "x" * 79 + "…"),
        ("", ""),
    ],
)
def test_the_words_are_plain_text(markup: str, words: str) -> None:
    """Marks are left out, and of a link the address."""
    assert first_words(to_markdown(markup)) == words


@given(text=FOREIGN | HUGE | st.text())
@example(text=">" * 1_000)
@example(text="![" * 500)
def test_any_message_has_first_words_on_one_short_line(text: str) -> None:
    """The parser refuses blocks that are nested too deeply; their marks are then left."""
    words = first_words(text)
    assert len(words) <= TOPIC_LIMIT
    assert "\n" not in words
