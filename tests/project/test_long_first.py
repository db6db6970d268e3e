"""The order in which tests start."""

from tests.support.long_first import dealt
from tests.support.tables import each


def test_each_worker_starts_with_long_tests_and_the_others_keep_their_order() -> None:
    """The shares are those that xdist cuts: 12 tests are 4 for each of three workers."""
    order = dealt("ABCD", "abcdefgh", 3)
    assert "".join(order) == "ADabBcdeCfgh"


@each("workers", [1, 2, 6])
@each("long", ["", "A", "ABCDEFGHI"])
@each("others", ["", "a", "abcdefghijk"])
def test_every_test_is_dealt_once(long: str, others: str, workers: int) -> None:
    """Also when there are fewer tests than workers."""
    assert sorted(dealt(long, others, workers)) == sorted(long + others)
