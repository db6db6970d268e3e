"""What Slack sends back with each press and submission: ids of actions, and the values of buttons.

Messages that were posted long ago still carry them, so neither the ids nor the forms of the values
ever change. Anyone who can press a button can forge its value, so a handler also checks that the
value is of its own place. What is no such value is read as None. Of a button about a session, the
value is a link's name (`model/threads.py`).
"""

from bot.model.replies import ReplyId
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef, link_name, parse_link_name, parse_thread_name

SEND_AGAIN = "send_again"
UNLINK = "unlink"
OPEN_SESSION = "open_session"
LINK_OFFERED = "link_offered"
SEND_CORRECTION = "send_correction"

START_SPOKEN = "start_spoken"
LINK_SPOKEN = "link_spoken"
RUN_SPOKEN = "run_spoken"
SEND_SPOKEN = "send_spoken"

FOLLOW = "follow"
UNFOLLOW = "unfollow"
APPROVE = "approve"
ANSWER = "answer"
"""The prefix of a question's buttons, each of which ends with its number."""

HOW_TO_ANSWER = "how_to_answer"
"""The prefix of the block that explains a question's buttons, and goes with them."""

ASK_SESSION = "ask_session"

SAY_FORM = "say_form"

OPEN_START_FORM = "open_start_form"
START_AGAIN = "start_again"
START_WITH = "start_with"
START_WITHOUT = "start_without"
START_NEW = "start_new"
CONTINUE_SESSION = "continue_session"
END_SESSION = "end_session"
ARCHIVE_SESSION = "archive_session"
KEEP_SESSION = "keep_session"

SESSION_FIELD = "session"
TYPED_FIELD = "typed"
MESSAGE_FIELD = "message"
CHANNEL_FIELD = "channel"
PROMPT_FIELD = "prompt"
REPO_FIELD = "repo"
MODE_FIELD = "mode"
PLAYBOOK_FIELD = "playbook"
CAP_FIELD = "cap"
TAGS_FIELD = "tags"


_DIGITS_OF_A_ROUND = 9
_DIGITS_OF_A_CHOICE = 3
"""A menu has at most 100 options."""


def reply_value(reply: ReplyId, number: int) -> str:
    """Return the value of *Send again*: a reply and its round."""
    return f"{reply}|{number}"


def parse_reply_value(value: str) -> tuple[ReplyId, int] | None:
    """Read a reply and its round."""
    reply, _, number = value.partition("|")
    round_ = _number(number, _DIGITS_OF_A_ROUND)
    return None if parse_thread_name(reply) is None or round_ is None else (ReplyId(reply), round_)


def answer_value(thread: ThreadRef, session: SessionId, asked: str, number: int) -> str:
    """Return the value of an answer: a thread, its session, what was asked, the answer's number."""
    return f"{link_name(thread, session)}|{asked}|{number}"


def parse_answer_value(value: str) -> tuple[ThreadRef, SessionId, str, int] | None:
    """Read a thread, its session, what was asked and the answer's number."""
    link, _, digits = value.rpartition("|")
    link, _, asked = link.rpartition("|")
    found, number = parse_link_name(link), _number(digits, _DIGITS_OF_A_CHOICE)
    if found is None or number is None or not asked.isalnum():
        return None
    return (*found, asked, number)


def _number(text: str, most_digits: int) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= most_digits
    return int(text) if is_number else None
