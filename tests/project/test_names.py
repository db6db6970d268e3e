"""The files and names that contributors read in code type exist: nobody searches for one in vain.

`test_docs.py` does the same for what people and operators read.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from bot.redis import keep, keys
from bot.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs" / "architecture").glob("*.md"))]
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"[\w./-]+\.(?:py|lua|md)\b")
PATHS = re.compile(r"[\w.-]+\.(?:ya?ml|toml|txt)\b|[\w.-]*/[\w./-]*|[\w-]+\.(?:py|lua|md)\b")
STRING = re.compile(r'"""(?:.|\n)*?"""|"[^"\n]*"|#.*')
PARTS = ("bot", "handlers", "tests", "sandbox", "chaos", "benchmarks", "docs")

NAMED_ELSEWHERE = {
    *("OO", "PYTHONNODEBUGRANGES", "SEED", "T0123ABCD", "python3", "BUILDKIT", "SCANNER"),
    *("api", "osv", "dev", "unittest", "mock", "Raises", "ALLOW_", "helper", "manager"),
}
"""Of tools and workflows, examples, and what to avoid."""


def files() -> Iterator[Path]:
    """Yield each file of the parts, and the modules beside them."""
    yield from ROOT.glob("*.py")
    for part in PARTS:
        yield from (ROOT / part).rglob("*.*")


@cache
def members() -> Mapping[str, set[str]]:
    """The names in each module, class and script; a string of one word is one, too."""
    found = defaultdict[str, set[str]](set)
    for path in files():
        if path.suffix == ".py":
            text = path.read_text("utf-8")
            code = STRING.sub(lambda found: "" if " " in found[0] else found[0], text)
            found[path.parent.name].add(path.stem)
            for name, body in re.findall(r"^class (\w+)(.*\n(?:[ \n].*\n?)*)", code, re.MULTILINE):
                found[name] |= set(re.findall(r"\w+", body))
        elif path.suffix == ".lua":
            code = re.sub("--.*", path.stem.upper(), path.read_text("utf-8"))
        else:
            continue
        found[path.stem] |= set(re.findall(r"\w+", code))
    found["keep"] |= {name.lower() for name in vars(keep)}
    found["key"] |= {name.lower().removesuffix("_key") for name in vars(keys)}
    found["settings"] |= {name.upper() for name in Settings.model_fields}
    return found


@cache
def known() -> set[str]:
    """All of them."""
    return {*members(), *NAMED_ELSEWHERE}.union(*members().values())


def strange(span: str) -> Iterator[str]:
    """Yield what a span of code type names and the code doesn't: `mypy --strict` is no name."""
    of = members()
    is_name = re.fullmatch(r"[\w.]+(\(.*\))?", span)
    for name in re.findall(r"[A-Za-z_]\w*", span):
        if name not in known() and (is_name or re.search("[A-Z]|._.", name)):
            yield name
    for whole, name in re.findall(r"\b(\w+)\.(\w+)", span):
        if whole in of and name not in of[whole] | NAMED_ELSEWHERE:
            yield f"{whole}.{name}"


def test_every_name_that_contributors_read_exists() -> None:
    """Classes, functions, fields and constants; after a full stop, within what stands before it."""
    for page in PAGES:
        prose = FENCED.sub("", page.read_text("utf-8"))
        spans = (PATHS.sub("", span) for span in re.findall(r"`([^`\n]+)`", prose))
        assert not {name for span in spans for name in strange(span)}, page.name


def test_every_file_that_contributors_read_of_exists() -> None:
    """By the end of its path. The overview's picture leaves out `.py`."""
    there = [f"/{path.relative_to(ROOT)}" for path in files()]
    for page in PAGES:
        text = page.read_text("utf-8")
        spans = re.findall(r"`([^`\n]+)`", FENCED.sub("", text))
        named = {path for span in spans for path in FILE.findall(span)}
        if page.name == "overview.md":
            drawn = "".join(FENCED.findall(text))
            named |= {f"{path}.py" for path in re.findall(r"[a-z_]+(?:/[a-z_]+)+", drawn)}
        assert not [path for path in named if not any(one.endswith(f"/{path}") for one in there)]
