"""Gathers the values of settings from variables, and from the files that variables name.

`NAME_FILE` names a file that holds the value of NAME: the way in which Docker, Kubernetes and
systemd hand secrets to a process. No problem repeats a path, which may be a secret by mistake.
"""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

CLOSE = 0.88
"""How alike two names must be for one to be a misspelled other: of most, one or two letters."""

_SHAPE = "a file that contains the value of {} and nothing else"


def gather(
    names: Collection[str], in_files: Collection[str], *layers: Mapping[str, str | None]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the values of the settings that have one, and the problems, both by setting.

    The first of the `layers` that has a setting decides; an empty variable counts as unset. The
    settings `in_files` may be in files. White space around a value is removed.
    """
    values: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name in names:
        for layer in layers:
            value = (layer.get(name) or "").strip()
            path = (layer.get(f"{name}_FILE") or "").strip() if name in in_files else ""
            if value and path:
                problems[name] = f"{name}, {name}_FILE: both set; expected only one of them"
            elif value:
                values[name] = value
            elif path:
                try:
                    values[name] = _read(Path(path))
                except ValueError as error:
                    problems[name] = f"{name}_FILE: {error}; expected {_SHAPE.format(name)}"
            if value or path:
                break
    return values, problems


def misspelled(
    names: Collection[str], in_files: Collection[str], given: Mapping[str, str | None]
) -> Iterator[str]:
    """Describe the variables with a value whose names are almost those of settings.

    Others are left alone, since a file may serve other programs.
    """
    known = [*names, *(f"{name}_FILE" for name in in_files)]
    for name, value in given.items():
        if value and name not in known:
            for meant in get_close_matches(name.upper(), known, 1, CLOSE):
                yield f"{name}: unknown; did you mean {meant}?"


def _read(path: Path) -> str:
    """Return what the file holds; `ValueError` says why that is no value."""
    try:
        content = path.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise ValueError(f"the file can't be read ({error.strerror})") from None
    except ValueError:  # not UTF-8, or a NUL in the path; the message would repeat a part of it
        raise ValueError("the file can't be read") from None
    if not content:
        raise ValueError("the file is empty")
    return content
