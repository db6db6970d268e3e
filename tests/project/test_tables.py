"""A table of cases in one test is as strict as a test for each case."""

import pytest

from tests.support.tables import each


def test_every_case_is_tried_and_each_that_fails_is_named() -> None:
    """Also after one that failed, whether by an error or by what pytest itself raises."""
    tried = []

    @each(("one", "other"), [(1, 1), (2, 3), (4, 4), (5, 6), (0, 0)])
    def case(one: int, other: int) -> None:
        tried.append((one, other))
        assert one == other
        with pytest.raises(ZeroDivisionError):
            assert one / one

    with pytest.raises(BaseExceptionGroup, match="4 of 5 cases") as caught:
        case()
    assert tried == [(1, 1), (2, 3), (4, 4), (5, 6), (0, 0)]
    notes = [error.__notes__ for error in caught.value.exceptions]
    assert notes == [[f"Case: {{'one': {a}, 'other': {b}}}"] for a, b in tried[:4]]


def test_tables_multiply() -> None:
    """One above the other, as with pytest's own."""
    tried = []

    @each("outer", "ab")
    @each("inner", "xy")
    def case(outer: str, inner: str) -> None:
        tried.append(outer + inner)

    case()
    assert tried == ["ax", "ay", "bx", "by"]


def test_a_table_without_cases_fails() -> None:
    """An expression that makes the cases may find none one day."""

    @each("one", [])
    def case(one: int) -> None:
        assert one

    with pytest.raises(AssertionError, match="no case"):
        case()
