"""Tables of cases in one test: pytest takes some 5 ms for each test, and a pure function none."""

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import pytest

FAILURES = (Exception, pytest.fail.Exception)
"""What a case may raise; pytest's own failures are no `Exception`."""


def each(
    names: str | tuple[str, ...], cases: Iterable[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Call a test with each case, as `pytest.mark.parametrize` does, but in one test.

    All cases are tried, and the test fails with the errors of those that fail, each with its case.
    It is for pure functions: no case gets a fixture of its own.
    """
    known = (names,) if isinstance(names, str) else names
    table = [(case,) if isinstance(names, str) else tuple(case) for case in cases]

    def decorated(test: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(test)
        others = [one for one in signature.parameters.values() if one.name not in known]
        assert len(signature.parameters) - len(others) == len(known), f"{test} takes {names}"
        assert not inspect.iscoroutinefunction(test), f"{test} awaits something"

        @wraps(test)
        def of_all(**given: Any) -> None:
            assert table, "no case"
            failed = [error for case in table if (error := _failure(test, known, case, given))]
            if failed:
                raise BaseExceptionGroup(f"{len(failed)} of {len(table)} cases", failed)

        of_all.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        return of_all

    return decorated


def _failure(
    test: Callable[..., None], names: tuple[str, ...], case: tuple[Any, ...], given: dict[str, Any]
) -> BaseException | None:
    values = dict(zip(names, case, strict=True))
    try:
        test(**values, **given)
    except FAILURES as error:
        error.add_note(f"Case: {values!r}")
        return error
    return None
