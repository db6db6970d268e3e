"""Long messages are split where a reader would split them, and nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.devin_markdown import inert, split, weight
from sandbox.slack.world.live import live_markdown
from tests.support.tables import each
from tests.text.hostile import markdown, words

_ROWS = "\n".join(f"| {number} | x |" for number in range(120))
_TABLE = f"| n | v |\n| --- | --- |\n{_ROWS}"


@given(markdown(most=40), st.integers(min_value=100, max_value=400))
def test_each_part_is_short_light_and_inert(text: str, limit: int) -> None:
    """A cut makes nothing live, and Slack takes every part."""
    for part in split(text, limit):
        assert 0 < len(part) <= limit
        assert weight(part) <= 40
        assert live_markdown(part) == []
        assert inert(part) == part


_BENIGN = st.sampled_from(
    [
        *[
            "word",
            "ünï",
            "a" * 150,
            "**bold words** ",
            "_it ",
            "_ ",
            "`code span`",
            "\n\n",
            " ",
            " ",
        ],
        *["\n", "\n# head\n\n", "\n\n- item\n", "\n\n1. one\n2. two\n", "\n\n> quote\n> more\n\n"],
        *["\n\n```\nsome code\n\nmore code\n```\n\n", "\n\n---\n\n", "[link](https://a.io/b) "],
    ]
)


@given(st.lists(_BENIGN, max_size=40).map("".join), st.integers(min_value=100, max_value=300))
def test_no_word_is_lost(text: str, limit: int) -> None:
    """The parts together have every word of the message, in its order."""
    assert words("".join(split(text, limit))) == words(inert(text))


def test_a_short_message_is_one_part() -> None:
    """What fits is posted as it is, and nothing is posted for nothing."""
    text = "# a\n\nb\n\n- c\n\n| d |\n| --- |"
    assert split(text) == [text]
    assert split(" \n") == []


def test_paragraphs_stay_whole() -> None:
    """A part ends between paragraphs if it can."""
    one, two, three = "a " * 40, "b " * 40, "c " * 40
    parts = split(f"{one}\n\n{two}\n\n{three}", 200)
    assert [part.split() for part in parts] == [[*one.split(), *two.split()], three.split()]


def test_code_goes_on_in_its_language() -> None:
    """A fence that is cut is closed, and opened again in the next part, between two lines."""
    code = "".join(f"print({number})\n" for number in range(60))
    parts = split(f"```py\n{code}```", 300)
    assert len(parts) > 2
    assert all(part.startswith("```py\nprint(") and part.endswith(")\n```") for part in parts)
    assert "".join(part[6:-3] for part in parts) == code


def test_a_list_goes_on_with_its_numbers() -> None:
    """It is cut between two lines, so the next part begins with the next number, not with 1."""
    parts = split("\n".join(f"{number}. item" for number in range(1, 100)), 300)
    assert "\n".join(parts) == "\n".join(f"{number}. item" for number in range(1, 100))


def test_a_part_has_one_table() -> None:
    """Slack takes one table in a message; two in one list are code."""
    table = "| a |\n| --- |\n| b |"
    assert split(f"{table}\n\nand\n\n{table}") == [f"{table}\n\nand", table]
    item = "- x\n\n  " + table.replace("\n", "\n  ")
    assert split(f"{item}\n{item}") == [f"```\n{item}\n\n{item}\n```"]


@pytest.mark.parametrize(
    "table",
    [
        _TABLE,
        "|" + " a |" * 21 + "\n|" + "---|" * 21 + "\n|" + " b |" * 21,
        "| a |\n| --- |\n" + "\n".join(["| " + "b" * 500 + " |"] * 21),
    ],
)
def test_a_table_too_large_for_slack_is_code(table: str) -> None:
    """More than 100 rows, 20 cells or 10,000 characters are shown as the same lines in a fence."""
    parts = split(table)
    assert all(part.startswith("```\n|") and part.endswith("|\n```") for part in parts)
    assert words("".join(parts)) == words(table)


def test_a_giant_line_is_cut() -> None:
    """A word, inline code or address that fits into no part is cut as well."""
    for text in ("x" * 1000, f"`{'x' * 1000}`", f"[x](https://a.io/{'x' * 1000})"):
        parts = split(text, 200)
        assert all(len(part) <= 200 for part in parts)
        assert words("".join(parts)) == words(text)


def test_headings_count_as_blocks_and_as_characters() -> None:
    """A message takes some 50 rendered blocks, and each heading costs it 100 characters."""
    headings = "\n\n".join(["# a"] * 100)
    assert weight(headings) == 100
    assert [weight(part) for part in split(headings)] == [40, 40, 20]
    assert len(split("\n\n".join(["# a\n\n" + "b" * 475] * 18))) == 1
    said = "b" * 9_700
    assert [len(split("\n\n".join(["# a"] * many + [said]))) for many in (20, 36)] == [1, 2]


@each(
    ("text", "blocks"),
    [
        ("a\n\nb\n\n- c\n\n> d\n\n```\ne\n```", 1),
        ("a\n\n# b\n\nc\n\nd\n\n---\n\n| e |\n|---|", 5),
        ("- # a\n- b", 3),
        ("", 0),
    ],
)
def test_the_weight_is_the_number_of_rendered_blocks(text: str, blocks: int) -> None:
    """Headings, rules and tables are blocks of their own; what is between them is one."""
    assert weight(text) == blocks
