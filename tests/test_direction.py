"""The shape of the code, as ARCHITECTURE.md draws it, read from the code itself."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("bot", "handlers", "sandbox")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for package in OURS
    for path in sorted((ROOT / package).glob("*.py"))
}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}

HOMES: Mapping[str, set[str]] = {
    "aiohttp": {
        *("bot.app", "bot.devin", "bot.endpoint", "bot.server", "bot.slack_calls"),
        "bot.slack_files",
        *("bot.socket_mode", "handlers.askers"),
    },
    "cachetools": {"bot.remembered", "bot.relay"},
    "docket": {"bot.tasks", "bot.app", "bot.assembly"},  # the latter two: for a type
    "httpx": {"bot.devin"},
    "httpx_aiohttp": {"bot.devin"},
    "prometheus_client": {"bot.metrics", "bot.server"},
    "pydantic": {
        *("bot.records", "bot.models", "bot.settings", "bot.devin", "bot.devin_answers"),
        *("bot.devin_session", "bot.uploads", "bot.attached"),
        *("bot.links", "bot.mailbox", "bot.tickets", "bot.defaults", "bot.executions"),
        "bot.answers",
    },
    "pydantic_core": {"handlers"},
    "pydantic_settings": {"bot.settings"},
    # tasks: for what docket lets through
    "redis": {"bot.batches", "bot.packing", "bot.store", "bot.tasks"},
    "slack_bolt": {
        *("bot.assembly", "bot.endpoint", "bot.envelopes", "bot.socket_mode", "bot.identity"),
        "handlers",
    },
    "slack_sdk": {
        *("bot.envelopes", "bot.socket_mode", "bot.identity", "bot.slack_calls"),
        *("bot.slack_files", "bot.people", "bot.threads", "bot.dialogs", "bot.audience"),
        "bot.functions",
    },
    "structlog": {"bot.logs"},
    "uvloop": {"bot.__main__"},
}
"""Where each third-party library may be imported; `handlers` stands for all of them."""

MOST_LINES = 300
LONG_FILES = {
    "bot.messages": "every sentence that a person can read is in this one place",
    "bot.devin": "one import over; it is split next",
    "bot.mailbox": "every step of a session's mail is in this one place",
}

MOST_FUNCTION_LINES = 45
LONG_FUNCTIONS: dict[str, str] = {}

BUILDERS = {
    *("logging.getLogger", "re.compile", "frozenset", "timedelta", "NewType", "TypeVar", "UserId"),
    *("Script", "TypeAdapter", "Counter", "Gauge", "Histogram", "httpx.Timeout", "Field"),
    *("AfterValidator", "BeforeValidator", "ConfigDict", "SettingsConfigDict"),
    *("sys.modules.get", "Words", "Names", "Path", "len", "tuple", "str.maketrans"),
}
"""What a module of the bot may call when it is imported: none of it opens, starts or reads."""

GUARDS = {"TYPE_CHECKING", "__name__ == '__main__'", "sys.platform != 'win32'"}
KINDS_AT_IMPORT = (
    *(ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.If, ast.Expr),
    *(ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef),
)


def rows() -> list[list[str]]:
    """The rows of the direction table in ARCHITECTURE.md: modules, top to bottom."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    _, _, after = text.partition("## Direction\n")
    table = re.findall(r"^\| *([a-z][a-z -]*?) *\|([^|]*)\|[^|]*\|$", after, re.MULTILINE)
    found = [re.findall(r"`([a-z_]+)/?`", modules) for name, modules in table if name != "row"]
    return [row for row in found if row]


def qualified(short: str) -> str:
    return short if short == "handlers" else f"bot.{short}"


RANKS = {
    qualified(module): (number, place)
    for number, row in enumerate(rows())
    for place, module in enumerate(row)
}


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere in `tree`, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module in OURS:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def package(module: str) -> str:
    """A module of ours by the name that the table gives it."""
    return "handlers" if module.split(".", maxsplit=1)[0] == "handlers" else module


def ours(module: str) -> set[str]:
    return {one for one in imported(TREES[module]) if one.split(".")[0] in OURS}


def third_parties(module: str) -> set[str]:
    roots = {one.split(".")[0] for one in imported(TREES[module])}
    return roots - set(sys.stdlib_module_names) - set(OURS)


def modules_of(*packages: str) -> list[str]:
    return [name for name in FILES if name.split(".")[0] in packages]


def test_every_module_has_its_row() -> None:
    """A new module is placed in ARCHITECTURE.md before it is imported anywhere."""
    wanted = {package(name) for name in modules_of("bot", "handlers") if name != "bot.__init__"}
    assert set(RANKS) == wanted


@pytest.mark.parametrize("module", modules_of("bot", "handlers"))
def test_imports_point_one_way(module: str) -> None:
    """To a row above, or to the left in the same row."""
    if module == "bot.__init__":
        assert not ours(module)
        return
    own = package(module)
    allowed = {name for name, rank in RANKS.items() if rank < RANKS[own]} | {own}
    if module == "bot.errors":
        allowed.add("bot.models")  # for annotations only, as the table's footnote says
    assert {package(one) for one in ours(module)} - {"bot"} <= allowed


def test_errors_needs_models_for_annotations_only() -> None:
    """Else the two would import each other in a circle one day."""
    (guard,) = [node for node in TREES["bot.errors"].body if isinstance(node, ast.If)]
    assert ast.unparse(guard.test) == "TYPE_CHECKING"
    outside = [node for node in TREES["bot.errors"].body if node is not guard]
    assert not [one for node in outside for one in imported(node) if one.startswith("bot")]


@pytest.mark.parametrize("module", modules_of("bot", "handlers"))
def test_each_library_has_its_home(module: str) -> None:
    """What speaks to Redis, Devin, Slack or docket can be found, and replaced, in one place."""
    strangers = {
        library
        for library in third_parties(module)
        if not {module, module.split(".", maxsplit=1)[0]} & HOMES.get(library, set())
    }
    assert not strangers


def test_no_home_is_empty() -> None:
    """The table says what is so, and not what was so once."""
    everything = modules_of("bot", "handlers")
    for library, homes in HOMES.items():
        users = {module for module in everything if library in third_parties(module)}
        assert homes <= users | {user.split(".")[0] for user in users}, library


@pytest.mark.parametrize("module", modules_of("sandbox"))
def test_the_sandbox_knows_nothing_of_the_bot(module: str) -> None:
    """It stands for Slack and Devin: sharing code with the bot would share its mistakes."""
    assert not {one for one in ours(module) if not one.startswith("sandbox")}


@pytest.mark.parametrize("module", modules_of("bot", "handlers"))
def test_nothing_is_built_at_import(module: str) -> None:
    """Constants, classes and functions only: no client, no loop, no reading of the environment."""
    for node in TREES[module].body:
        assert isinstance(node, KINDS_AT_IMPORT), ast.unparse(node)
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant), ast.unparse(node)
        if isinstance(node, ast.If):
            assert ast.unparse(node.test) in GUARDS
        if isinstance(node, ast.Assign | ast.AnnAssign):
            assert not strange_calls(node, module), ast.unparse(node)


def strange_calls(node: ast.AST, module: str) -> set[str]:
    """What an assignment at import calls, beyond `BUILDERS` and functions of its own module."""
    functions = {one.name for one in TREES[module].body if isinstance(one, ast.FunctionDef)}
    calls = (one for one in outside_lambdas(node) if isinstance(one, ast.Call))
    return {ast.unparse(one.func) for one in calls} - BUILDERS - functions


def outside_lambdas(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Lambda):
            yield from outside_lambdas(child)


@pytest.mark.parametrize("module", FILES)
def test_files_and_functions_are_short(module: str) -> None:
    """What is longer is split, or listed above with its reason."""
    lines = len(FILES[module].read_text().splitlines())
    assert lines <= MOST_LINES or module in LONG_FILES, f"{lines} lines"
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            name = f"{module}.{node.name}"
            assert length <= MOST_FUNCTION_LINES or name in LONG_FUNCTIONS, f"{name}: {length}"


def test_an_exception_that_is_no_longer_needed_is_struck_off() -> None:
    """A listed file or function is still there, and still long."""
    for module in LONG_FILES:
        assert len(FILES[module].read_text().splitlines()) > MOST_LINES, module
    lengths = {
        f"{module}.{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert all(lengths.get(name, 0) > MOST_FUNCTION_LINES for name in LONG_FUNCTIONS)


BROAD = {"bot.logs", "handlers.errors"}
"""Where any failure is met: work that nobody waits for, and what somebody does wait for."""


def test_any_failure_is_met_in_two_places_only() -> None:
    """Everywhere else an error that nobody foresaw goes on to one of them."""
    catching = [
        module
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and is_broad(node)
    ]
    assert sorted(catching) == sorted(BROAD)


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Whether it takes every exception, and does not pass it on in the end."""
    passes_on = isinstance(handler.body[-1], ast.Raise)
    kinds = "BaseException" if handler.type is None else ast.unparse(handler.type)
    return not passes_on and bool(re.search(r"\b(Base)?Exception\b", kinds))
