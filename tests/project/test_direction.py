"""The structure of the code is checked where no linter does: work at import, and length."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("bot", "handlers", "sandbox")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for package in OURS
    for path in sorted((ROOT / package).rglob("*.py"))
}
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]

MOST_FILES = 16
WIDE = {"handlers": "one behavior a file: its list is the list of features"}
MOST_LINES = 300
LONG_FILES: dict[str, str] = {}

MOST_FUNCTION_LINES = 45
LONG_FUNCTIONS: dict[str, str] = {}

BUILDERS = {
    *("logging.getLogger", "re.compile", "frozenset", "timedelta", "NewType", "TypeVar", "UserId"),
    *("Key", "KeyPrefix", "ParamSpec", "TypeAdapter", "Counter", "Gauge", "Histogram", "Field"),
    *("httpx.Timeout", "aiohttp.ClientTimeout"),
    *("AfterValidator", "BeforeValidator", "ConfigDict", "SettingsConfigDict"),
    *(
        "sys.modules.get",
        "httpx.Headers",
        "SlackMessage",
        "Names",
        "Path",
        "len",
        "tuple",
        "str.maketrans",
        "Tuning",
    ),
}
"""Calls that a module of the bot may make at import: none of them opens, starts or reads."""

DECORATORS = {
    *("asynccontextmanager", "contextmanager", "cache", "lru_cache", "web.middleware", "script"),
}
"""What may stand over a module's functions. `script` alone reads: the Lua file of that name, since
one that disagrees with its signature must fail at the start, and not with the first reply."""

GUARDS = {"TYPE_CHECKING", "__name__ == '__main__'", "sys.platform != 'win32'"}
KINDS_AT_IMPORT = (
    *(ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.If, ast.Expr),
    *(ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef),
)


@cache
def tree_of(module: str) -> ast.Module:
    """Its syntax; read when a test asks, as every worker imports this file."""
    return ast.parse(FILES[module].read_text())


def modules_of(*packages: str) -> list[str]:
    return [name for name in FILES if name.split(".")[0] in packages]


@pytest.mark.parametrize("module", modules_of("bot", "handlers"))
def test_nothing_is_built_at_import(module: str) -> None:
    """Constants, classes and functions only: no client, no loop, no reading of the environment."""
    for node in tree_of(module).body:
        assert isinstance(node, KINDS_AT_IMPORT), ast.unparse(node)
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant), ast.unparse(node)
        if isinstance(node, ast.If):
            assert ast.unparse(node.test) in GUARDS
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            over = {ast.unparse(one).partition("(")[0] for one in node.decorator_list}
            assert over <= DECORATORS, node.name
        if isinstance(node, ast.Assign | ast.AnnAssign):
            assert not strange_calls(node, module), ast.unparse(node)


def strange_calls(node: ast.AST, module: str) -> set[str]:
    """What an assignment at import calls, beyond `BUILDERS` and functions of its own module."""
    functions = {one.name for one in tree_of(module).body if isinstance(one, ast.FunctionDef)}
    calls = (one for one in outside_lambdas(node) if isinstance(one, ast.Call))
    return {ast.unparse(one.func) for one in calls} - BUILDERS - functions


def outside_lambdas(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Lambda):
            yield from outside_lambdas(child)


@pytest.mark.parametrize("room", sorted({path.parent for path in FILES.values()}), ids=str)
def test_a_room_holds_few_files(room: Path) -> None:
    """Beside its `__init__`; what is more wants rooms of its own."""
    held = [path for path in room.iterdir() if path.is_file() and path.suffix != ".pyc"]
    assert len(held) <= MOST_FILES + 1 or room.name in WIDE


@pytest.mark.parametrize("module", modules_of("bot"))
def test_every_module_is_in_a_layer(module: str) -> None:
    """import-linter ignores a module that no layer names."""
    (layers,) = (one["layers"] for one in CONTRACTS if one["type"] == "layers")
    named = set(re.findall(r"[a-z_.]+", " ".join(layers)))
    assert not {module, module.removesuffix(".__init__")}.isdisjoint({"bot", *named}) or any(
        module.startswith(f"{layer}.") for layer in named
    )


def test_no_import_is_ignored() -> None:
    """A contract with an exception promises less than it seems to."""
    assert not [one for one in CONTRACTS if any(key.startswith("ignore") for key in one)]


@pytest.mark.parametrize("module", FILES)
def test_files_and_functions_are_short(module: str) -> None:
    """A longer one is split, or listed above with its reason."""
    lines = len(FILES[module].read_text().splitlines())
    assert lines <= MOST_LINES or module in LONG_FILES, f"{lines} lines"
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            name = f"{module}.{node.name}"
            assert length <= MOST_FUNCTION_LINES or name in LONG_FUNCTIONS, f"{name}: {length}"


def test_an_exception_that_is_no_longer_needed_is_struck_off() -> None:
    """A listed file or function still exists, and is still long."""
    for module in LONG_FILES:
        assert len(FILES[module].read_text().splitlines()) > MOST_LINES, module
    lengths = {
        f"{module}.{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for module in FILES
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert all(lengths.get(name, 0) > MOST_FUNCTION_LINES for name in LONG_FUNCTIONS)


BROAD = {"bot.runtime.logs", "handlers.failures"}
"""The two places that catch any failure: work that nobody awaits, and work that somebody does."""


def test_any_failure_is_met_in_two_places_only() -> None:
    """Everywhere else an unforeseen error propagates to one of them."""
    catching = [
        module
        for module in FILES
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.ExceptHandler) and is_broad(node)
    ]
    assert sorted(catching) == sorted(BROAD)


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Return True if it catches every exception and does not reraise it at the end."""
    passes_on = isinstance(handler.body[-1], ast.Raise)
    kinds = "BaseException" if handler.type is None else ast.unparse(handler.type)
    return not passes_on and bool(re.search(r"\b(Base)?Exception\b", kinds))
