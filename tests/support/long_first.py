"""A pytest plugin: tests marked `longest` start first, so that none ends long after the others."""

import os
from collections.abc import Sequence
from typing import TypeVar

import pytest

T = TypeVar("T")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal the long tests out to the workers, and leave the others in their random order."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("longest")]
    others = [item for item in items if not item.get_closest_marker("longest")]
    items[:] = dealt(long, others, workers)


def dealt(long: Sequence[T], others: Sequence[T], workers: int) -> list[T]:
    """All of both, in an order in which the share of each worker begins with some of `long`.

    `--dist worksteal` first gives each worker as many consecutive tests as any other.
    """
    starts, count = [0], len(long) + len(others)
    for left in range(workers, 1, -1):
        starts.append(starts[-1] + (count - starts[-1]) // left)
    found = list(others)
    # In the order of their places: each insertion moves only what comes after it.
    for place, number in sorted((starts[n % workers] + n // workers, n) for n in range(len(long))):
        found.insert(place, long[number])
    return found
