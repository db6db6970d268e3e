"""The architecture pages show the current rooms, and the age of each decision."""

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "architecture"
OVERVIEW = (PAGES / "overview.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| \d+ \| (.+?) \| (.+) \|$", OVERVIEW, re.MULTILINE)
LAYERS = next(
    contract["layers"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    if contract["type"] == "layers"
)
ROOMS = [*sorted(path.parent for path in ROOT.glob("bot/*/__init__.py")), ROOT / "handlers"]
DECISIONS = sorted((PAGES / "decisions").glob("[0-9]*.md"))


def test_the_overview_fits_on_a_page() -> None:
    """A newcomer reads all of it."""
    assert len(OVERVIEW.splitlines()) <= 120


def test_the_rows_of_rooms_are_those_that_import_linter_holds() -> None:
    """The order is top to bottom; it does not matter within the lowest row."""
    shown = [name for names, _ in ROWS for name in re.findall(r"`(\w+)/?`", names)]
    held = [name.removeprefix("bot.") for layer in LAYERS for name in re.split(" [|:] ", layer)]
    assert shown[:-6] == held[:-6]
    assert set(shown[-6:]) == set(held[-6:])


def test_a_room_is_described_by_its_own_sentence() -> None:
    """The sentence is the first line of its `__init__.py`."""
    undescribed = []
    for room in ROOMS:
        told = [words for rooms, words in ROWS if rooms.startswith(f"`{room.name}/`")]
        docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
        sentence = docstring.splitlines()[0].removesuffix(".")
        if [one[: len(sentence)].lower() for one in told] != [sentence.lower()]:
            undescribed.append(f"{room.name}: {told} is not {sentence!r}")
    assert not undescribed


def test_a_decision_says_when_and_of_which_version_it_speaks() -> None:
    """An undated decision goes stale unnoticed."""
    form = re.compile(
        r"# (\d{4}): \S.*\n\n- Date: \d{4}-\d\d-\d\d\b.*\n"
        r"- Status: accepted\n- Versions: (?:none|.*\d).*\n"
    )
    for path in DECISIONS:
        text = path.read_text(encoding="utf-8")
        begun = form.match(text)
        assert begun, path.name
        assert begun[1] == path.name[:4], path.name
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], path.name


def test_every_decision_is_listed() -> None:
    """Each is listed once, under its own title."""
    listed = re.findall(
        r"^\| \[(\d{4})\]\((\S+)\) \| (.+) \| [\d-]+ \| .+ \|$",
        (PAGES / "decisions" / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    titles = [path.read_text(encoding="utf-8").splitlines()[0][2:] for path in DECISIONS]
    assert [f"{number}: {title}" for number, _, title in listed] == titles
    assert [name for _, name, _ in listed] == [path.name for path in DECISIONS]


def test_a_decision_that_no_longer_holds_is_a_line() -> None:
    """No number is used twice, and none is lost."""
    former = re.findall(
        r"^\| (\d{4}) \| .+ \| [\d-]+ \| .+ \|$",
        (PAGES / "decisions" / "former.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    numbers = sorted([*former, *(path.name[:4] for path in DECISIONS)])
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
