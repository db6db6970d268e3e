"""Times of different clocks are different types."""

from bot.model.threads import Link
from bot.model.times import DevinMillis, Micros, Millis


def test_mypy_finds_times_of_two_clocks_that_are_mixed() -> None:
    """It says so of each `ignore` that it doesn't need; at run time, they are integers."""
    assert Micros(1) < Millis(2)  # type: ignore[operator]
    assert Millis(1) <= DevinMillis(1)  # type: ignore[operator]
    assert Micros(1) == Millis(1)  # type: ignore[comparison-overlap]
    assert Millis(3) - DevinMillis(1) == 2  # type: ignore[operator]
    assert Millis(3) - Millis(1) == 2
    assert Millis(3) - 2 == Millis(1)


def test_lua_does_not_round_the_times_of_a_link() -> None:
    """It would write 14 digits of a number, and leaves a string alone."""
    at = Micros(1_764_000_000_000_100)
    whole = {name for name, one in Link.model_fields.items() if one.annotation in {int, Micros}}
    times = dict.fromkeys(whole - {"linked_at"}, at)  # that is in seconds
    link = Link.model_validate({"session": "devin-1", "by": "U1", "linked_at": 1, **times})
    assert [name for name in times if f'"{name}":"{at}"' not in link.to_json()] == []
    assert Link.parse(link.to_json()) == link
