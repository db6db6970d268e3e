"""The values of buttons and menus: what is written is read, and in the form it always had."""

import re

from hypothesis import given
from hypothesis import strategies as st

from bot.features.home.words import HOME_MUTE, HOME_UNLINK, home_value, parse_home_value
from bot.model.replies import ReplyId, reply_id
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef, link_name, parse_link_name
from bot.wording import actions
from bot.wording.actions import answer_value, reply_value
from tests.support.tables import each

IDS = st.from_regex(r"[A-Z][A-Z0-9]{5,11}", fullmatch=True)
TIMES = st.from_regex(r"[1-9][0-9]{9}\.[0-9]{6}", fullmatch=True)
THREADS = st.builds(ThreadRef, team=IDS, channel=IDS, thread_ts=TIMES)
SESSIONS = st.from_regex(r"devin-[0-9a-f]{1,64}", fullmatch=True).map(SessionId)
ACTIONS = st.sampled_from((HOME_MUTE, HOME_UNLINK))

THREAD = ThreadRef(team="T1", channel="C1", thread_ts="1764000000.000100")
SESSION = SessionId("devin-0a")


def test_the_forms_never_change() -> None:
    """Messages that were posted long ago carry them."""
    assert reply_value(ReplyId("T1:C1:1764000000.000100"), 2) == "T1:C1:1764000000.000100|2"
    assert link_name(THREAD, SESSION) == "T1:C1:1764000000.000100|devin-0a"
    assert home_value("home_mute", THREAD, SESSION) == "home_mute|T1:C1:1764000000.000100|devin-0a"


@given(st.builds(reply_id, IDS, IDS, TIMES), st.integers(0, 999_999_999))
def test_a_reply_and_its_round_are_read_as_written(reply: ReplyId, number: int) -> None:
    """The value of *Send again*."""
    assert actions.parse_reply_value(reply_value(reply, number)) == (reply, number)


@given(ACTIONS, THREADS, SESSIONS)
def test_a_link_and_what_to_do_with_it_are_read_as_written(
    action: str, thread: ThreadRef, session: SessionId
) -> None:
    """The values of *Unlink*, and of each choice in App Home."""
    assert parse_link_name(link_name(thread, session)) == (thread, session)
    value = home_value(action, thread, session)
    assert parse_home_value(value) == (action, thread, session)


PARTS = [
    re.split("([:|])", value)
    for value in (
        reply_value(ReplyId("T1:C1:1764000000.000100"), 2),
        home_value("home_mute", THREAD, SESSION),
        answer_value(THREAD, SESSION, "0a", 1),
    )
]
ODD = ["", "|", ":", "-1", "\N{SUPERSCRIPT TWO}", "9" * 5_000, "\ud800", "\0"]


@each("put", ODD)
@each("parts", PARTS)
def test_no_value_makes_a_parser_raise(parts: list[str], put: str) -> None:
    """Anyone who can press a button can forge what it carries."""
    for at in range(len(parts)):
        value = "".join([*parts[:at], put, *parts[at + 1 :]])
        actions.parse_reply_value(value)
        parse_link_name(value)
        parse_home_value(value)
        actions.parse_answer_value(value)
