"""What a process's wall clock decides: docs/architecture/guarantees.md, "Clocks"."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.tables import each

ROOT = Path(__file__).parents[2]

WALL = {
    *("time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "time.asctime"),
    *("time.strftime", "time.CLOCK_REALTIME", "time.CLOCK_TAI"),
    *("datetime.now", "datetime.today", "datetime.utcnow", "date.today"),
    *("utils.formatdate", "utils.localtime", "uuid.uuid1", "uuid.uuid6", "uuid.uuid7"),
}
"""What Python tells the wall clock by; without a time, some of these take the present one."""

HARMLESS = {
    (
        "bot/slack/receiving/endpoint.py",
        "_is_plausible",
    ): "Slack's own time counts as well: a wrong clock refuses nothing, and lets a request through "
    "that was signed at another time, which does nothing twice",
}
"""Each function that uses the wall clock, and why nothing is lost, doubled or refused by a wrong
one: for a month by 50 ppm, or by 20 minutes. All else takes the time from Slack (`SlackClock`, or a
`ts`), from Redis (`Store.now`), or from Devin's own times."""


def uses(source: str) -> Iterator[tuple[str, str]]:
    """Yield each use of the wall clock in a module: the function or class around it, and itself."""
    tree = ast.parse(source)
    names = {
        alias.asname or alias.name: f"{node.module}.{alias.name}".removeprefix("datetime.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    } | {
        alias.asname: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.asname
    }

    def named(node: ast.expr) -> str:
        match node:
            case ast.Name(id=name):
                return names.get(name, name)
            case ast.Attribute(value=value, attr=attr):
                return f"{named(value)}.{attr}"
        return ""

    def within(node: ast.AST, around: str) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            around = node.name
        if isinstance(node, ast.Name | ast.Attribute):
            found = ".".join(named(node).split(".")[-2:])
            if found in WALL:
                yield around, found
        for child in ast.iter_child_nodes(node):
            yield from within(child, around)

    return within(tree, "")


@each(
    ("source", "found"),
    [
        ("import time\ndef f(): return time.time()", ("f", "time.time")),
        (
            "import time as t\nclass A:\n  at: float = Field(default_factory=t.time)",
            ("A", "time.time"),
        ),
        ("from time import time\nNOW = time()", ("", "time.time")),
        ("from datetime import datetime\ndef f(): return datetime.now(UTC)", ("f", "datetime.now")),
        ("import datetime\ndef f(): return datetime.datetime.now()", ("f", "datetime.now")),
        ("import datetime as d\ndef f(): return d.date.today()", ("f", "date.today")),
        ("from datetime import time\ndef f(): return time(9)", None),
        ("import time\ndef f(): return time.monotonic()", None),
    ],
)
def test_a_use_of_the_wall_clock_is_seen(source: str, found: tuple[str, str] | None) -> None:
    """However its module was imported, also where it is only handed on."""
    assert list(uses(source)) == ([] if found is None else [found])


def test_the_wall_clock_decides_only_what_is_harmless_when_it_is_wrong() -> None:
    """A new use is replaced by a time of Slack, Redis or Devin, or listed with its reason."""
    found = {
        (str(path.relative_to(ROOT)), around)
        for part in ("bot", "handlers")
        for path in sorted((ROOT / part).rglob("*.py"))
        for around, _ in uses(path.read_text("utf-8"))
    }
    assert found == HARMLESS.keys()
