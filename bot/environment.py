"""Gathers the values of settings from variables, and from the files that variables name.

`NAME_FILE` names a file that holds the value of NAME: the way in which Docker, Kubernetes and
systemd hand secrets to a process. No problem repeats a path, which may be a secret by mistake.
"""

import os
import stat
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from dotenv import dotenv_values

from bot.model.errors import SettingsError
from bot.model.spelling import distance

_LETTERS = ((8, 2), (6, 1), (0, 0))
"""The letters by which a name may differ from a setting's of at least that length; of a short one,
such as PORT, only the case: POST and HOME are other programs'."""

_DECISIVE = ("ACT_AS", "ALLOW_", "MIRROR", "START", "LIST_SESSIONS", "MAX_ACU")
"""The beginnings of settings that decide who may do what, where words go, or what may be spent."""
_FAMILY = "ALLOW_"
"""An unknown one that begins so is mentioned, however far its name is from a known one."""

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_NO_PROXY = "{}: not used; if a proxy leads to Slack or Devin, set SLACK_PROXY or DEVIN_PROXY"

_READABLE = "other users can read the file; only the relay's should (chmod 600)"

_SHAPE = "a file that contains the value of {} and nothing else"


def variables_in(env_file: Path | None) -> tuple[Mapping[str, str | None], Sequence[str]]:
    """Return what the file sets, and the doubts about it; raises `SettingsError`."""
    if env_file is None:
        return {}, ()
    try:
        doubts = [f"{env_file}: {one}" for one in exposed(env_file)]
        return dotenv_values(env_file, encoding="utf-8-sig"), doubts
    except (OSError, UnicodeError):
        raise SettingsError([f"{env_file}: can't be read; expected a text file"]) from None
    except ValueError as error:
        raise SettingsError([f"{env_file}: {error}"]) from None


def gather(
    names: Collection[str], in_files: Collection[str], *layers: Mapping[str, str | None]
) -> tuple[dict[str, str], dict[str, str], Sequence[str]]:
    """Return the values of the settings that have one, and the problems, both by setting; doubts.

    The first of the `layers` that has a setting decides; an empty variable counts as unset. The
    settings `in_files` may be in files.
    """
    values: dict[str, str] = {}
    problems: dict[str, str] = {}
    doubts: list[str] = []
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
                    doubts += [f"{name}_FILE: {one}" for one in exposed(Path(path))]
                    values[name] = _read(Path(path))
                except ValueError as error:
                    problems[name] = f"{name}_FILE: {error}; expected {_SHAPE.format(name)}"
            if value or path:
                break
    return values, problems, doubts


def exposed(path: Path) -> Sequence[str]:
    """Return a doubt if others can read what is in the file; `ValueError` if they can write it."""
    try:
        found = path.stat()
        if os.name != "posix" or not stat.S_ISREG(found.st_mode):
            return ()
        is_mounted = bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except (OSError, ValueError):  # whoever reads the file says so
        return ()
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ValueError("other users can write the file (chmod 600)")
    is_own = found.st_uid == os.geteuid()
    return [_READABLE] if is_open(found.st_mode, is_own=is_own, is_mounted=is_mounted) else ()


def is_open(mode: int, *, is_own: bool, is_mounted: bool) -> bool:
    """Return True if a file with this mode has readers who need not be.

    Root gives the relay a file by its group, and Docker and Kubernetes hand over a secret with a
    mode of 0444 or 0644 in a read-only mount, which nobody else sees.
    """
    return not is_mounted and bool(mode & (stat.S_IROTH | (stat.S_IRGRP if is_own else 0)))


def ignored_proxies(environ: Mapping[str, str]) -> Sequence[str]:
    """Return doubts about the proxies of the environment, since none of them is used."""
    found = [name for name in _PROXIES if environ.get(name) or environ.get(name.lower())]
    return [_NO_PROXY.format(name) for name in found]


def stray_names(
    names: Collection[str],
    in_files: Collection[str],
    environ: Mapping[str, str],
    in_file: Mapping[str, str | None],
) -> tuple[Sequence[str], Sequence[str]]:
    """Return which misspelled names are problems, and which are only to be mentioned.

    One of the environment is another program's if the setting that it resembles is given as well.
    """
    given = {**environ, **in_file}
    known = [*names, *(f"{name}_FILE" for name in in_files)]
    grave, doubts = list[str](), list[str]()
    for name in given.keys() - set(known):
        distances = {one: distance(name.upper(), one) for one in known}
        meant = min(known, key=distances.__getitem__)
        is_near = distances[meant] <= next(most for least, most in _LETTERS if len(meant) >= least)
        if not given[name]:
            continue
        if is_near and (name in in_file or meant not in given):
            told = grave if meant.startswith(_DECISIVE) else doubts
            told.append(f"{name}: unknown; did you mean {meant}?")
        elif name.startswith(_FAMILY) and not is_near:
            doubts.append(f"{name}: unknown")
    return sorted(grave), sorted(doubts)


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
