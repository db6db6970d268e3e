"""Which of the things that a poll has found a thread is owed. Pure.

A thread is owed each message once, and at the end of a turn its last message, whether it follows
all or turns by then. What it was owed last is kept for each thread, since it may have followed
otherwise when that was said.
"""

from collections.abc import Collection, Sequence

from bot.mirror.pace import RESOLUTION_MS
from bot.model.sessions import CAPS, Follow, Said, Watched
from bot.model.threads import Link, ThreadRef
from bot.store.watches import LinkedThread, short_id


def follow_of(link: Link | None, default: Follow) -> Follow:
    """Return how much a thread with that link follows: its own choice, or the setting's."""
    return Follow(link.follow) if link is not None and link.follow else default


def since_link(
    one: LinkedThread, untold: Collection[ThreadRef], new: Sequence[Said]
) -> Sequence[Said]:
    """Return what is new for a thread: for one that has just been linked, what came after that."""
    if one.is_caught_up:
        return new
    is_told = one.thread not in untold
    return [m for m in new if is_told and m.at + RESOLUTION_MS >= one.follows_from]


def is_turn_over(seen: Watched) -> bool:
    """Return True if no message of a turn is to come; more pages may have some."""
    return seen.is_at_rest and not seen.has_more


def shown_to(
    one: LinkedThread, follow: Follow, seen: Watched, new: Sequence[Said], events: Sequence[Said]
) -> Sequence[Said]:
    """Return what a thread is owed of what is new for it, and of a turn that is over."""
    turn = _turn(one, seen, new)
    match follow:
        case Follow.ALL:
            return [*(m for m in turn if m not in new), *new, *events]
        case Follow.TURNS:
            return [*turn, *events]
        case _:
            return [one for one in events if one.kind in CAPS]


def _turn(one: LinkedThread, seen: Watched, new: Sequence[Said]) -> Sequence[Said]:
    """Return the last message of a turn that is over, unless the thread was owed that before."""
    last = seen.last
    if last is None or not is_turn_over(seen) or one.owed == short_id(last.id):
        return ()
    is_due = last in new or (one.is_caught_up and not seen.is_turn_shown)
    return [last] if is_due and last.at + RESOLUTION_MS >= one.follows_from else ()
