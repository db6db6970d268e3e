"""Lists on a card that are cut: what is still open stays, and of the rest the latest."""

import re

from bot.features.reviews.words import offer
from bot.model.people import UserId
from bot.model.sessions import (
    Child,
    Follow,
    NamedSession,
    PullRequest,
    SessionId,
    SessionState,
    Watched,
)
from bot.model.threads import Link, ThreadRef
from bot.wording.mirror.card import Card, card
from tests.support.tables import each

SESSION = SessionId("devin-0123")
PULL = "https://github.com/acme/relay/pull/"


def shown(**seen: object) -> Card:
    """Return a card of a session of which that was seen."""
    return Card(
        thread=ThreadRef(team="T1", channel="C1", thread_ts="1.000000"),
        link=Link(session=SESSION, by=UserId("U1"), linked_at=1),
        by="ada",
        session=NamedSession(SESSION),
        seen=Watched().model_copy(update=seen),
        follow=Follow.ALL,
        is_barred=False,
    )


def pulls(*states: str) -> tuple[PullRequest, ...]:
    return tuple(PullRequest(f"{PULL}{number}", state) for number, state in enumerate(states))


@each(
    ("states", "numbers"),
    [
        (["merged"] * 5 + ["open"], [5, 4, 3, 2, 1]),
        (["open", *["merged"] * 6, "draft"], [7, 0, 6, 5, 4]),
        (["closed", "open"], [1, 0]),
        (["open"] * 7, [6, 5, 4, 3, 2]),
    ],
)
def test_open_pull_requests_come_first_and_then_the_latest(
    states: list[str], numbers: list[int]
) -> None:
    """Devin lists the oldest first, and a long session goes on opening them."""
    said = card(shown(pull_requests=pulls(*states))).text
    assert [int(one) for one in re.findall(r"pull/(\d+)\|", said)] == numbers
    assert ("more" in said) == (len(states) > len(numbers))


def test_a_menu_of_reviews_offers_the_latest() -> None:
    """A menu has room for some of the open ones."""
    (menu,) = offer(Watched(pull_requests=pulls(*["open"] * 30)))
    labels = [one["text"]["text"] for one in menu["options"]]
    assert (len(labels), "29" in labels[0], "10" in labels[-1]) == (20, True, True)


def test_children_at_work_are_listed_before_those_that_have_ended() -> None:
    """In Devin's order, in which their buttons stay where they were."""
    ended, working = SessionState.ENDED, SessionState.WORKING
    children = tuple(
        Child(session=SessionId(f"devin-{number:02}"), title=f"Child {number:02}", state=state)
        for number, state in enumerate([working, *[ended] * 11, working])
    )
    rows = [said for said, _ in card(shown(children=children)).rows]
    titles = [number for said in rows for number in re.findall(r"Child (\d+)", said)]
    assert titles == ["00", *(f"{number:02}" for number in range(4, 13))]
