"""The threat model fits on a page, and each of its lines is held by tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "threat-model.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.partition("|---|---|---|---|\n")[2].splitlines()
]
NOTHING = "nothing"
TOLD = "told, not stopped"


@cache
def names_of_tests(path: Path) -> frozenset[str]:
    """Return the names of a file's tests."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    made = [one for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    return frozenset(one.name for one in made if one.name.startswith("test_"))


def test_the_threat_model_fits_on_a_page() -> None:
    """It is the overview, and docs/security.md has the details."""
    assert len(PAGE.splitlines()) <= 90


def test_each_line_is_held_by_tests_or_says_that_nothing_holds_it() -> None:
    """A test is named by its name, or by its file if all tests there are about that."""
    assert len(ROWS) > 30
    for who, tries, stops, held in ROWS:
        line = f"{who} {tries}"
        assert (held == NOTHING) is (stops == TOLD), line
        named = re.findall(r"\[(\w+)\]\((\S+)\)", held)
        assert named or held == NOTHING, line
        assert re.sub(r"\[\w+\]\(\S+\)", "", held).strip() in {"", NOTHING}, line
        for name, address in named:
            path = (DOCS / address).resolve()
            assert names_of_tests(path), f"{line}: {address} has no tests"
            assert name == path.stem or name in names_of_tests(path), f"{line}: {name} isn't there"


def test_every_attacker_is_named_once() -> None:
    """Their lines stand together."""
    who = [one for one, *_ in ROWS if one]
    assert len(who) == len(set(who))
    assert all(re.fullmatch(r"\*\*[^*]+\*\*", one) for one in who)
