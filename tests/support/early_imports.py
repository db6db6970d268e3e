"""A pytest plugin: parallel workers of a fresh clone share what is computed once and then kept.

pytest keeps each file whose asserts it rewrote beside its source. Workers that collect in one order
all need the same file at the same time, and each would rewrite all of them. Hypothesis keeps its
table of Unicode, which takes 3 s.
"""

import importlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import strategies as st


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Import what will be collected, beginning where no other worker begins."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        return
    if worker == "gw0":
        st.text().validate()
    files = sorted(set(_files(session.config)))
    start = int(worker.removeprefix("gw")) * len(files)
    start //= int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    for file in files[start:] + files[:start]:
        # Whatever is wrong with a module or skips it, pytest finds and reports when it collects it.
        with suppress(Exception, pytest.skip.Exception):
            importlib.import_module(".".join(_module(file, session.config.rootpath)))


def _module(file: Path, root: Path) -> tuple[str, ...]:
    return file.relative_to(root).with_suffix("").parts


def _files(config: pytest.Config) -> Iterator[Path]:
    ignored = {Path(path).resolve() for path in config.getoption("ignore") or ()}
    for argument in config.args:
        path = (config.invocation_params.dir / argument.partition("::")[0]).resolve()
        found = path.rglob("test_*.py") if path.is_dir() else [path]
        yield from (file for file in found if file.suffix == ".py" and file not in ignored)
