"""The bot and its pages write marks and numbers in one way: quotation marks are straight ones."""

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tests.support.features import WORDING

ROOT = Path(__file__).parents[2]
CURLY = "\u2018\u2019\u201c\u201d"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def said() -> Iterator[str]:
    """Yield every string of what people read."""
    for path in WORDING:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_the_bot_writes_straight_quotation_marks_and_apostrophes() -> None:
    """People type these, and find by search what they read."""
    assert [text for text in said() if set(text) & set(CURLY)] == []


def test_the_pages_quote_the_bot_as_it_writes() -> None:
    """A sentence that is copied from a page is found in Slack, and the other way round."""
    assert [page.name for page in PAGES if set(page.read_text(encoding="utf-8")) & set(CURLY)] == []


def test_an_amount_gets_its_unit_in_one_place() -> None:
    """Elsewhere, one would read "1 ACUs", and thousands without their comma."""
    found = [
        f"{path.name}:{after.lineno}"
        for path in sorted((ROOT / "bot" / "wording").rglob("*.py"))
        if path.name != "phrases.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr)
        for before, after in pairwise(node.values)
        if isinstance(before, ast.FormattedValue) and isinstance(after, ast.Constant)
        if str(after.value).startswith(" ACU")
    ]
    assert found == [], "use `cap_of` or `acus_of`"
