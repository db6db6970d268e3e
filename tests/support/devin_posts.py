"""What the bot has posted of a session: Devin's words, their buttons, and the thread's card."""

from tests.support.desk import Desk, labels
from tests.support.waiting import wait_until


async def until_devin_said(
    desk: Desk, words: str, thread: str, *, channel: str = "general"
) -> None:
    """Wait until a thread is shown a message of Devin's with `words`."""
    await wait_until(
        lambda: any(words in one for one in desk.words(thread, channel=channel)),
        f"Devin says {words!r} (it said {desk.words(thread, channel=channel)})",
    )


async def until_card(desk: Desk, words: str, thread: str, *, channel: str = "general") -> None:
    """Wait until the card of a thread shows `words`."""

    def shown() -> str:
        card = desk.card(thread, channel=channel)
        return "" if card is None else f"{card.text} {card.blocks}"

    await wait_until(lambda: words in shown(), f"the card shows {words!r} (it shows {shown()})")


def buttons_of(desk: Desk, thread: str, *, channel: str = "general") -> list[str]:
    """Return the labels of the buttons in a thread, apart from its card's."""
    return [label for post in desk.posts(thread, channel=channel) for label in labels(post)]
