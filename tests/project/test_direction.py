"""The structure of the code is checked where no linter does: work at import, and length."""

import ast
import re
import textwrap
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.weight import lines_of_code

ROOT = Path(__file__).parents[2]
OURS = ("bot", "handlers", "sandbox")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for package in OURS
    for path in sorted((ROOT / package).rglob("*.py"))
    if "tests" not in path.relative_to(ROOT).parts
}
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]

MOST_FILES = 16
WIDE = {"handlers": "one behavior a file: its list is the list of features"}
MOST_CODE = 280
"""Most lines of code in a file; docstrings, comments, blank lines and imports don't count."""

MOST_FUNCTION_CODE = 40
MOST_PRODUCT_CODE = 19_250
"""Most lines of code in `bot/` and `handlers/` together, with all features."""

BUILDERS = {
    *(
        "logging.getLogger",
        "re.compile",
        "frozenset",
        "timedelta",
        "NewType",
        "TypeVar",
        "UserId",
        "SessionId",
    ),
    *("Feature", "Key", "ParamSpec", "TypeAdapter", "Counter", "Gauge", "Histogram", "Field"),
    *("aiohttp.ClientTimeout", "httpx.Timeout", "Micros", "Millis"),
    *("AfterValidator", "BeforeValidator", "ConfigDict", "SettingsConfigDict"),
    *(
        "sys.modules.get",
        "SlackMessage",
        "button",
        "Names",
        "Path",
        "len",
        "note",
        "tuple",
        "str.maketrans",
        "Timing",
        "Unread",
        "Verb",
        "Scripts",
        "Ended",
    ),
}
"""Calls that a module of the bot may make at import: none of them opens, starts or reads, but for
`Scripts`, which reads the Lua files: one with a false header must fail at the start, and not with
the first reply."""

DECORATORS = {"asynccontextmanager", "contextmanager", "cache", "lru_cache", "web.middleware"}
"""What may stand over a module's functions."""

GUARDS = {"TYPE_CHECKING", "__name__ == '__main__'", "sys.platform != 'win32'"}


@cache
def tree_of(module: str) -> ast.Module:
    """Its syntax; read when a test asks, as every worker imports this file."""
    return ast.parse(FILES[module].read_text())


def modules_of(*packages: str) -> list[str]:
    return [name for name in FILES if name.split(".")[0] in packages]


def test_nothing_is_built_at_import() -> None:
    """Constants, classes and functions only: no client, no loop, no reading of the environment."""
    built = {
        f"{module}: {ast.unparse(node)}"
        for module in modules_of("bot", "handlers")
        for node in tree_of(module).body
        if is_built(node, module)
    }
    assert not built


def is_built(node: ast.stmt, module: str) -> bool:
    """Return True if a statement of a module does more than to define something."""
    match node:
        case ast.Expr():
            return not isinstance(node.value, ast.Constant)
        case ast.If():
            return ast.unparse(node.test) not in GUARDS
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            over = {ast.unparse(one).partition("(")[0] for one in node.decorator_list}
            return not over <= DECORATORS
        case ast.Assign() | ast.AnnAssign():
            return bool(strange_calls(node, module))
    return not isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef)


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


def test_a_room_holds_few_files() -> None:
    """Beside its `__init__`; what is more wants rooms of its own."""
    held = {
        str(room.relative_to(ROOT)): sum(
            path.is_file() and path.suffix != ".pyc" for path in room.iterdir()
        )
        for room in {path.parent for path in FILES.values()}
    }
    assert not {
        room: files for room, files in held.items() if files > MOST_FILES + 1 and room not in WIDE
    }


def test_every_module_is_in_a_layer() -> None:
    """import-linter ignores a module that no layer names."""
    (layers,) = (one["layers"] for one in CONTRACTS if one["type"] == "layers")
    named = set(re.findall(r"[a-z_.]+", " ".join(layers)))
    assert not [
        module
        for module in modules_of("bot")
        if {module, module.removesuffix(".__init__")}.isdisjoint({"bot", *named})
        and not any(module.startswith(f"{layer}.") for layer in named)
    ]


def test_no_import_is_ignored() -> None:
    """A contract with an exception promises less than it seems to.

    Only tests of the sandbox, which no wheel has, may start a bot.
    """
    ignored = [one[key] for one in CONTRACTS for key in one if key.startswith("ignore")]
    assert ignored == [["sandbox.tests.** -> bot.**"]]


def test_files_and_functions_are_short() -> None:
    """A longer one is split. Only code counts, so that no limit rewards a shorter docstring."""
    assert not {name: count for name, count in code_of_files().items() if count > MOST_CODE}
    lengths = {
        f"{module}.{node.name}": lines_of_code(textwrap.dedent(source_of(module, node)))
        for module in FILES
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert not {name: count for name, count in lengths.items() if count > MOST_FUNCTION_CODE}


def test_the_product_weighs_no_more_than_it_may() -> None:
    """A change that needs more room makes it first; `make weight` prints what there is."""
    product = {name: count for name, count in code_of_files().items() if is_product(name)}
    assert sum(product.values()) <= MOST_PRODUCT_CODE


def is_product(module: str) -> bool:
    return module.partition(".")[0] in {"bot", "handlers"}


@cache
def code_of_files() -> dict[str, int]:
    return {module: lines_of_code(path.read_text("utf-8")) for module, path in FILES.items()}


def source_of(module: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    lines = FILES[module].read_text("utf-8").splitlines(keepends=True)
    return "".join(lines[node.lineno - 1 : node.end_lineno])


BROAD = {"bot.runtime.in_flight", "handlers.answering"}
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


SAY_MUTED = {
    *("threads.takes_replies", "use.mute", "links.mute", "links.change"),
    *("thread_links.muted", "words._thread", "words._menu"),
    *("card._linked", "card._barred"),
}
"""The functions that set a link's `muted`, or show people that word. No other asks for it."""


def test_whether_replies_of_a_thread_go_to_devin_is_asked_in_one_way() -> None:
    """By `Link.takes_replies`, so that one search finds all that has to know of another reason.

    Of the scripts, one accepts replies, and one notes that some may be missing.
    """
    asks = {
        f"{module.split('.')[-1]}.{function.name}"
        for module in modules_of("bot", "handlers")
        for function in ast.walk(tree_of(module))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and re.search(r"\.muted\b(?!\()", ast.unparse(function))
    }
    assert asks == SAY_MUTED
    scripts = {
        file.stem for file in ROOT.glob("bot/*/lua/**/*.lua") if ".muted" in file.read_text()
    }
    assert scripts == {"accept", "note_missed"}
