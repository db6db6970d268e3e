"""`make mutants` changes what decides something, and nothing else."""

from pathlib import Path

from tests.support.mutants import mutants

MODULE = '''"""A module."""

LIMIT = 3


def begins(text: str | None, other: int) -> bool:
    """A docstring."""
    log.info("looks at %s", other + 1)
    if text is not None and other <= 1:
        note(text)
    return not other
'''
SCRIPT = """-- Not a word of this, and not this.
local mail = ARGV[1] == 'a'
local count = redis.call('ZCARD', mail)
if count > 1 and not mail then return count + 1 end
redis.call('DEL', mail)
"""


def made(root: Path, name: str, source: str) -> list[str]:
    """Return the mutants of a file, as they are shown."""
    file = root / name
    file.parent.mkdir(parents=True)
    file.write_text(source)
    return [one.shown(source).partition("  →  ")[2] for one in mutants(root)]


def test_each_decision_of_a_module_is_changed_once(tmp_path: Path) -> None:
    """Neither constants of a module, annotations nor log lines."""
    assert made(tmp_path, "bot/text/one.py", MODULE) == [
        "if text is not None or other <= 1:",
        "if text is None and other <= 1:",
        "if text is not None and other < 1:",
        "if text is not None and other <= 2:",
        "pass",
        "return None",
        "return other",
    ]


def test_each_decision_of_a_script_is_changed_once(tmp_path: Path) -> None:
    """Neither comments nor the reading of arguments."""
    assert sorted(made(tmp_path, "bot/store/lua/one.lua", SCRIPT)) == [
        "",
        "if count > 1 and mail then return count + 1 end",
        "if count > 1 and not mail then return count end",
        "if count > 1 or not mail then return count + 1 end",
        "if count >= 1 and not mail then return count + 1 end",
    ]


def test_a_place_is_found_behind_others_than_ascii(tmp_path: Path) -> None:
    """Python's parser counts bytes."""
    source = "def f(x):\n    return 'é' or not x\n"
    assert made(tmp_path, "bot/text/one.py", source) == [
        "return None",
        "return 'é' and not x",
        "return 'é' or x",
    ]
