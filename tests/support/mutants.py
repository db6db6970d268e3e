"""Changes the code in one place at a time: where no test fails, there is what the tests can't see.

`python -m tests.support.mutants --count 200 --seed 1` takes that many places at random from
`ROOMS`, in a copy of the tree. A run with `tests/support/called.py` says first which tests call
what; of these, some are run until one fails. It prints what becomes of each.
"""

import argparse
import ast
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
ROOMS = (
    *("bot/store", "bot/delivery", "bot/mirror", "bot/relay", "bot/features", "bot/reporting"),
    *("bot/text", "handlers"),
)
FIRST, AT_MOST = 25, 150
"""The tests that are run one after another in one process, and those that are run at all."""

SLOW = 1.0
"""Slower tests, in seconds, come last."""

SECONDS = 300.0
"""A mutant may wait for ever; a test of ours ends by its own limit before."""

COMPARED = {
    "==": "!=",
    "!=": "==",
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "is not": "is",
    "is": "is not",
    "not in": "in",
    "in": "not in",
}
LUA = [
    *(
        (re.compile(rf" {re.escape(old)} "), f" {new} ")
        for old, new in COMPARED.items()
        if old != "!="
    ),
    *(
        (re.compile(old), new)
        for old, new in ((r" ~= ", " == "), (r" and ", " or "), (r" or ", " and "))
    ),
    (re.compile(r"\bnot "), ""),
    (re.compile(r" \+ 1\b"), ""),
    (re.compile(r"^ *redis\.call\(.*\)$"), ""),
]
SILENT = re.compile(r"^\s*(?:log\.|metrics\.|audit\(|assert )")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of the text from `begin` to `end` in a file, and what calls that place."""

    path: str
    begin: int
    end: int
    new: str
    called: str

    def of(self, source: str) -> str:
        """Return the changed source."""
        return source[: self.begin] + self.new + source[self.end :]

    def shown(self, source: str) -> str:
        """Return its place, and the lines before and after the change."""
        line = source.count("\n", 0, self.begin)
        old, new = (text.splitlines()[line].strip() for text in (source, self.of(source) + "\n"))
        return f"{self.path}:{line + 1}: {old}  →  {new}"


class _Places(ast.NodeVisitor):
    """Collects the mutants of a module."""

    def __init__(self, path: str, source: str) -> None:
        self.found: list[Mutant] = []
        self._path, self._source, self._called = path, source, ""
        self._lines = [0]
        for line in source.encode().splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def _at(self, line: int, column: int) -> int:
        return len(self._source.encode()[: self._lines[line - 1] + column].decode())

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        end = self._at(node.end_lineno or 0, node.end_col_offset or 0)
        return self._at(node.lineno, node.col_offset), end

    def _add(self, begin: int, end: int, new: str) -> None:
        if self._called:
            self.found.append(Mutant(self._path, begin, end, new, self._called))

    def _between(self, left: ast.expr, right: ast.expr, swaps: Mapping[str, str]) -> None:
        begin, end = self._span(left)[1], self._span(right)[0]
        text = self._source[begin:end]
        word = text.strip(" ()\n")
        if word in swaps:
            self._add(begin, end, text.replace(word, swaps[word], 1))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outer, first = self._called, min([node.lineno, *(d.lineno for d in node.decorator_list)])
        self._called = f"{self._path}:{first}"
        for one in node.body:
            self.visit(one)
        self._called = outer

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815  (ast's name)

    def visit_Expr(self, node: ast.Expr) -> None:
        begin, end = self._span(node)
        if isinstance(node.value, ast.Constant) or SILENT.match(self._source[begin:end]):
            return
        if isinstance(node.value, ast.Await | ast.Call):
            self._add(begin, end, "pass")
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Leave the annotation alone."""
        if node.value is not None:
            self.visit(node.value)

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, right in zip([node.left, *node.comparators], node.comparators, strict=False):
            self._between(left, right, COMPARED)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._between(left, right, {"and": "or", "or": "and"})
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self._between(node.left, node.right, {"+": "-", "-": "+", "*": "+", "|": "&"})
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._add(self._span(node)[0], self._span(node.operand)[0], "")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        begin, end = self._span(node)
        if isinstance(node.value, bool):
            self._add(begin, end, str(not node.value))
        elif isinstance(node.value, int):
            self._add(begin, end, str(node.value + 1))

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not isinstance(node.value, ast.Constant):
            self._add(*self._span(node.value), "None")
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave texts alone."""


def mutants(root: Path) -> Iterator[Mutant]:
    """Yield every mutant of the rooms under `root`."""
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            source, name = path.read_text("utf-8"), str(path.relative_to(root))
            places = _Places(name, source)
            places.visit(ast.parse(source))
            yield from (one for one in places.found if _is_code(one.of(source)))
        for path in sorted((root / room).rglob("*.lua")):
            yield from _of_lua(str(path.relative_to(root)), path.read_text("utf-8"))


def _is_code(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def _of_lua(name: str, source: str) -> Iterator[Mutant]:
    at = 0
    for line in source.splitlines(keepends=True):
        if not line.startswith(("--", "local ")) or (" = " in line and "ARGV" not in line):
            for old, new in LUA:
                for found in old.finditer(line.rstrip("\n")):
                    yield Mutant(
                        name, at + found.start(), at + found.end(), new, f"lua:{Path(name).stem}"
                    )
        at += len(line)


Called = Mapping[str, Mapping[str, float]]


def _tests_of(mutant: Mutant, called: Called, root: Path) -> Sequence[str]:
    """The tests that call a place, or a script with it: first the fast ones of its room."""
    names = [mutant.called]
    if "/include/" in mutant.path:
        name = Path(mutant.path).stem
        names = [f"lua:{one.stem}" for one in root.rglob("*.lua") if name in one.read_text("utf-8")]
    tests = {test: seconds for one in names for test, seconds in called.get(one, {}).items()}
    room = mutant.path.removeprefix("bot/").split("/")[0]
    return sorted(
        tests, key=lambda one: (tests[one] > SLOW, f"tests/{room}/" not in one, tests[one])
    )


def _pytest(root: Path, *arguments: str, **environ: str) -> int:
    """Run pytest in the copy; return its status, or 1 after `SECONDS` unless `environ` is given."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:schemathesis", *arguments]
    try:
        return subprocess.run(
            command,
            cwd=root,
            env={**os.environ, **environ},
            capture_output=True,
            timeout=None if environ else SECONDS,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return 1


def _is_killed(root: Path, tests: Sequence[str]) -> bool:
    first, more = tests[:FIRST], tests[FIRST:AT_MOST]
    if first and _pytest(root, "-x", "-p", "no:randomly", *first):
        return True
    many = "-n", "4", "--dist", "worksteal"
    return bool(more) and bool(_pytest(root, "-x", *many, *more))


def _called(root: Path, tests: Sequence[str]) -> Called:
    home = root / ".called"
    home.mkdir()
    _pytest(
        root,
        "-p",
        "tests.support.called",
        "-n",
        "6",
        "--dist",
        "worksteal",
        *tests,
        CALLED=str(home),
    )
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for path in home.iterdir():
        for name, of in json.loads(path.read_text()).items():
            found[name] |= of
    return found


def _digest(root: Path) -> str:
    """Name the state of the code and of its tests, for which it is known what calls what."""
    files = (path for room in ("bot", "handlers", "tests") for path in (root / room).rglob("*.*"))
    texts = (path.read_bytes() for path in sorted(files) if path.suffix in {".py", ".lua"})
    return sha256(b"".join(texts)).hexdigest()


def fates(given: argparse.Namespace, root: Path) -> Iterator[str]:
    """Yield a line for each mutant, and the number of those that survived."""
    kept = json.loads(given.called.read_text()) if given.called and given.called.exists() else {}
    called: Called = kept.get(digest := _digest(root)) or _called(root, given.tests)
    if given.called and not kept.get(digest):
        given.called.write_text(json.dumps({digest: called}))
    found = sorted(mutants(root), key=repr)
    chosen = random.Random(given.seed).sample(found, given.count)  # noqa: S311  (no secret)
    survived = 0
    for number, mutant in enumerate(chosen, 1):
        path = root / mutant.path
        source = path.read_text("utf-8")
        path.write_text(mutant.of(source), "utf-8")
        try:
            is_killed = _is_killed(root, _tests_of(mutant, called, root))
        finally:
            path.write_text(source, "utf-8")
        survived += not is_killed
        fate = "killed  " if is_killed else "survived"
        yield f"{number}/{given.count} {fate} {mutant.shown(source)}"
    yield f"{survived} of {given.count} survived"


def main() -> None:
    """Make mutants in a copy of the tree, and print what becomes of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--called", type=Path, help="keeps which tests call what, for the next run")
    parser.add_argument("tests", nargs="*", default=["tests"])
    given = parser.parse_args()
    with TemporaryDirectory(prefix="mutants-") as home:
        root = Path(home) / "relay"
        skipped = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis")
        shutil.copytree(ROOT, root, ignore=skipped)
        (root / ".venv").symlink_to((ROOT / ".venv").resolve())
        for line in fates(given, root):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
