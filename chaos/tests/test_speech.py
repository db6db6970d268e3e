"""The ledger of what Devin says detects every violation, whatever way its words take."""

from collections.abc import Sequence

from bot.model.sessions import Follow, SessionState, Trouble
from bot.text.devin_markdown import SentFile
from bot.wording.mirror.posts import file_link
from chaos.hearing import CARD_WRONG, DISORDER, DOUBLED, LINKED, LOST, STATUS_WRONG
from chaos.ledger import Ledger
from chaos.sentences import GAP, Shows
from chaos.speech import Ear, Place, Shown, Why, piece
from chaos.verdict import judge
from tests.support.tables import each

ONE, OTHER = "devin-01", "devin-02"
HERE = Place("general", "1.0")


def heard(
    *posts: Shown, why: Why | None = None, pieces: int = 1, has_file: bool = False, count: int = 1
) -> list[str]:
    """Return the sins of a thread that shows `posts`, when Devin has said `count` messages.

    Devin has refused one file for good.
    """
    ledger = Ledger()
    ledger.speech.refused = 1
    ledger.speech.listen(Ear(HERE, ONE, why))
    for _ in range(count):
        ledger.speech.say(ONE, pieces=pieces, has_file=has_file)
    ledger.speech.read({HERE: posts})
    return found(ledger)


def found(ledger: Ledger) -> list[str]:
    """Return the names of the violations."""
    return [sin for sin, concerned in judge(ledger).sins.items() if concerned]


def post(*pieces: tuple[int, int]) -> Shown:
    """Return a post with these pieces of messages."""
    return Shown(" ".join(piece(*one) for one in pieces))


def test_what_is_said_is_heard_once() -> None:
    """Nothing is lost, nothing is there twice, and an empty thread has heard nothing."""
    assert heard(post((0, 0))) == []
    assert heard() == [LOST]
    assert heard(post((0, 0)), post((0, 0))) == [DOUBLED]


@each(
    ("posts", "sins"),
    [
        ([], []),
        ([post((0, 0))], []),
        ([post((0, 0)), post((0, 0))], [DOUBLED]),
        ([post((1, 0)), post((0, 0))], [DISORDER]),
    ],
)
def test_what_is_said_in_a_turn_may_be_heard_or_not(
    posts: Sequence[Shown], sins: list[str]
) -> None:
    """But never twice, and not behind what was said later."""
    assert heard(*posts, why=Why.PERHAPS, count=2) == sins


@each(
    ("posts", "sins"),
    [
        ([post((0, 0), (0, 1), (0, 2))], []),
        ([post((0, 0)), post((0, 1), (0, 2))], []),
        ([post((0, 0)), post((0, 2))], [LOST]),
        ([post((0, 0)), post((0, 2), (0, 1))], [DISORDER]),
        ([post((0, 0)), post((0, 0), (0, 1), (0, 2))], [DOUBLED]),
    ],
)
def test_every_piece_of_a_long_message_is_heard(posts: Sequence[Shown], sins: list[str]) -> None:
    """However it is split, its pieces come in order."""
    assert heard(*posts, pieces=3) == sins


def test_a_longest_message_is_in_its_file() -> None:
    """The posts have its beginning, and the file all of it."""
    whole = " ".join(piece(0, at) for at in range(3)).encode()
    file = Shown(files=[("message-from-devin.md", whole)])
    assert heard(post((0, 0)), file, pieces=3) == []
    assert heard(post((0, 0)), file, file, pieces=3) == [DOUBLED]
    assert heard(post((0, 0)), Shown(files=[("message-from-devin.md", b"")]), pieces=3) == [LOST]


def test_a_file_comes_once_or_is_linked() -> None:
    """The content counts, not the name; a file that came is not linked as well."""
    brought = Shown(files=[("said-000000.txt", piece(0, 0).encode())])
    linked, unaddressed = (
        Shown(whole=file_link(SentFile(url, "said-000000.txt")).text)
        for url in ("https://devin.ai/1", "http://127.0.0.1:8000/1")
    )
    named = Shown(whole="It is in said-000000.txt")
    for posts, sins in (
        ([brought], []),
        ([linked], []),
        ([unaddressed], []),
        ([named], [LOST]),
        ([brought, unaddressed], [DOUBLED]),
        ([], [LOST]),
        ([Shown(files=[("said-000000.txt", b"")])], [LOST]),
        ([brought, linked], [DOUBLED]),
        ([brought, brought], [DOUBLED]),
    ):
        assert heard(post((0, 0)), *posts, has_file=True) == sins


def test_a_file_is_linked_only_if_devin_has_refused_it_for_good() -> None:
    """A refusal that passes must not keep a file from people without a Devin account."""
    ledger = Ledger()
    ledger.speech.listen(Ear(HERE, ONE))
    ledger.speech.say(ONE, has_file=True)
    linked = Shown(whole=file_link(SentFile("https://devin.ai/1", "said-000000.txt")).text)
    ledger.speech.read({HERE: [post((0, 0)), linked]})
    assert found(ledger) == [LINKED]
    ledger.speech.refused += 1
    assert found(ledger) == []


def test_order_is_judged_among_the_messages_of_a_thread() -> None:
    """They may come joined in one post; a message that is there twice is not also in disorder."""
    assert heard(post((0, 0), (1, 0)), post((2, 0)), count=3) == []
    assert heard(post((1, 0)), post((0, 0)), count=2) == [DISORDER]
    assert heard(post((1, 0), (0, 0)), count=2) == [DISORDER]
    assert heard(post((0, 0), (1, 0)), post((0, 0)), count=2) == [DOUBLED]


@each("why", [one for one in Why if one is not Why.PERHAPS])
def test_what_a_thread_must_not_show_is_found_there(why: Why) -> None:
    """The sin is named by the reason: an echo, history, a choice, or who else reads there."""
    assert heard(post((0, 0)), why=why) == [why.value]
    assert heard(Shown(files=[("message-from-devin.md", piece(0, 0).encode())]), why=why) == [why]
    assert heard(why=why) == []


def test_an_echo_is_for_no_thread() -> None:
    """It stays out of threads that hear everything else."""
    ledger = Ledger()
    ledger.speech.listen(Ear(HERE, ONE))
    ledger.speech.say(ONE, why=Why.ECHO)
    ledger.speech.read({HERE: [post((0, 0))]})
    assert found(ledger) == [Why.ECHO]


def test_what_another_session_says_is_for_no_thread_of_this_one() -> None:
    """The same holds for what was said before the thread was there."""
    ledger = Ledger()
    ledger.speech.say(ONE)
    ledger.speech.listen(Ear(HERE, ONE))
    ledger.speech.say(OTHER)
    ledger.speech.read({HERE: [post((0, 0), (1, 0))]})
    assert found(ledger) == [Why.BEFORE, Why.UNFOLLOWED]


def test_a_thread_is_judged_by_how_it_followed_when_something_was_said() -> None:
    """It shows what was said before it was unfollowed, and nothing of what came after."""
    ledger = Ledger()
    ear = ledger.speech.listen(Ear(HERE, ONE))
    ledger.speech.say(ONE)
    ear.why = Why.UNFOLLOWED
    ledger.speech.say(ONE)
    ledger.speech.read({HERE: [post((0, 0))]})
    assert found(ledger) == []
    assert ledger.speech.is_over
    ledger.speech.read({HERE: [post((0, 0), (1, 0))]})
    assert found(ledger) == [Why.UNFOLLOWED]


@each(
    ("cards", "expects", "sins"),
    [
        ([Shows()], Shows(), []),
        ([Shows(SessionState.SUSPENDED)], Shows(), [CARD_WRONG]),
        ([Shows(follow=Follow.OFF)], Shows(), [CARD_WRONG]),
        ([Shows(is_muted=True)], Shows(), [CARD_WRONG]),
        ([Shows(is_barred=True)], Shows(), [CARD_WRONG]),
        ([], Shows(), [CARD_WRONG]),
        ([Shows()] * 2, Shows(), [CARD_WRONG]),
        ([], None, []),
        ([Shows()], None, [CARD_WRONG]),
    ],
)
def test_a_thread_has_one_card_that_is_right_in_the_end(
    cards: Sequence[Shows], expects: Shows | None, sins: list[str]
) -> None:
    """A thread that is not linked has none any more."""
    ledger = Ledger()
    ledger.speech.listen(Ear(HERE, ONE, expects=expects.sentences if expects else ()))
    texts = ["\n".join(one.sentences).replace(GAP, "anything") for one in cards]
    ledger.speech.read({HERE: [Shown(whole=text, is_card=True) for text in texts]})
    assert found(ledger) == sins
    assert ledger.speech.is_over == (not sins)


@each(
    ("shows", "status", "sins"),
    [
        (Shows(), "processing", []),
        (Shows(), "active", [STATUS_WRONG]),
        (Shows(SessionState.SUSPENDED, Trouble.LIMIT), "suspended", []),
        (Shows(follow=Follow.OFF), "", []),
        (Shows(follow=Follow.OFF), "processing", [STATUS_WRONG]),
    ],
)
def test_slack_s_own_state_is_right_in_the_end(shows: Shows, status: str, sins: list[str]) -> None:
    """It is the session's, where the thread shows what Devin does."""
    ledger = Ledger()
    ledger.speech.listen(Ear(HERE, ONE, statuses=shows.statuses))
    ledger.speech.read({HERE: []})
    ledger.speech.statuses = {HERE.root: status}
    assert found(ledger) == sins
    assert ledger.speech.is_over == (not sins)
