"""What the bot has posted of a session: Devin's words, their buttons, and the thread's card."""

import re

from bot.model.people import UserId
from bot.model.sessions import Follow, NamedSession, SessionState, Trouble, Watched
from bot.model.threads import Link, ThreadRef
from bot.wording.mirror.card import Card, card, state_line
from tests.support.desk import Desk, labels
from tests.support.waiting import wait_until


async def until_devin_said(
    desk: Desk, words: str, thread: str, *, channel: str = "general", seconds: float = 45.0
) -> None:
    """Wait until a thread is shown a message of Devin's with `words`."""
    await wait_until(
        lambda: any(words in one for one in desk.words(thread, channel=channel)),
        f"Devin says {words!r} (it said {desk.words(thread, channel=channel)})",
        seconds,
    )


async def until_card(desk: Desk, words: str, thread: str, *, channel: str = "general") -> None:
    """Wait until the card of a thread shows `words`."""

    def shown() -> str:
        card = desk.card(thread, channel=channel)
        return "" if card is None else f"{card.text} {card.blocks}"

    await wait_until(lambda: words in shown(), f"the card shows {words!r} (it shows {shown()})")


async def until_state(
    desk: Desk, state: SessionState, thread: str, trouble: Trouble | None = None
) -> None:
    """Wait until the card of a thread says that its session is in `state`."""

    def shown() -> str:
        card = desk.card(thread)
        return "" if card is None else card.text

    await wait_until(
        lambda: says_state(shown(), state, trouble),
        f"the card says {state.value!r} (it shows {shown()})",
    )


def says_state(text: str, state: SessionState, trouble: Trouble | None = None) -> bool:
    """Return True if `text` says that a session is in `state`, no matter since when."""
    seen = Watched(state=state, trouble=trouble)
    lines = (state_line(seen), state_line(seen.model_copy(update={"since": 1_000})))
    told = re.sub(r"(?<=<!date\^)\d+", "1", text)
    return any(line in told for line in lines)


def linked(
    session: NamedSession, *, by: str = "ada", is_muted: bool = False, is_barred: bool = False
) -> str:
    """Return what a thread's card says apart from the session's state."""
    link = Link(session=session.session, by=UserId(""), linked_at=0, muted=is_muted)
    shown = Card(
        thread=ThreadRef(team="", channel="", thread_ts=""),
        link=link,
        by=by,
        session=session,
        seen=Watched(),
        follow=Follow.ALL,
        is_barred=is_barred,
    )
    return card(shown).text.replace(state_line(Watched()), "").strip()


def buttons_of(desk: Desk, thread: str, *, channel: str = "general") -> list[str]:
    """Return the labels of the buttons in a thread, apart from its card's."""
    return [label for post in desk.posts(thread, channel=channel) for label in labels(post)]
