"""Buttons have one order wherever they appear: what to do next, *Open session*, *Unlink*."""

from bot.model.replies import Outcome, OutcomeKind, Refusal, Reply
from bot.model.sessions import CLOSINGS, Follow, Said, SaidKind, Watched
from bot.wording.actions import FOLLOW, OPEN_SESSION, UNFOLLOW, UNLINK
from bot.wording.delivery_reports import report
from bot.wording.message import Block
from bot.wording.mirror.card import Card, card
from bot.wording.mirror.posts import Framing, compose
from tests.support.tables import each
from tests.wording.foreign import BARE, LINK, THREAD

REPLY = Reply(thread=THREAD, ts="1764000001.000200", author=LINK.by, text="Rebase")
OUTCOMES = [
    *(Outcome(kind=kind, detail="x") for kind in OutcomeKind),
    *(Outcome(kind=OutcomeKind.REFUSED, refusal=one, status=400) for one in Refusal),
    Outcome(kind=OutcomeKind.ENDED),
]
REPORTS = [report(one, REPLY, 1, BARE).buttons for one in OUTCOMES]
CARDS = [
    card(Card(THREAD, LINK, "ada", BARE, Watched(), follow, is_barred=is_barred)).buttons
    for follow in Follow
    for is_barred in (False, True)
]
EVENTS = [
    compose([Said(kind=kind, id="1")], Framing(THREAD, BARE))[0]
    for kind in SaidKind
    if kind is not SaidKind.MESSAGE and kind not in CLOSINGS
]
POSTS = [post.blocks[-1].get("elements", ()) for post in EVENTS]
LAST = (OPEN_SESSION, FOLLOW, UNFOLLOW, UNLINK)
"""The buttons about the session; those that answer the message precede them."""


@each("row", [*REPORTS, *CARDS, *POSTS])
def test_buttons_about_the_session_come_last_and_in_one_order(row: tuple[Block, ...]) -> None:
    """Nobody presses *Unlink* where *Open session* was in the message before."""
    ranks = [LAST.index(one["action_id"]) if one["action_id"] in LAST else -1 for one in row]
    assert ranks == sorted(ranks)
