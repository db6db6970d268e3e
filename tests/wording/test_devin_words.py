"""What Devin says is bounded: posts, files, and the text of a post whose buttons are replaced."""

import json
from dataclasses import replace

from bot.model.sessions import (
    NamedSession,
    Said,
    SaidKind,
    SessionId,
    SessionState,
    Trouble,
    Watched,
)
from bot.model.threads import ThreadRef
from bot.text.devin_markdown import SentFile
from bot.wording.actions import ANSWER, APPROVE, CONTINUE_SESSION, OPEN_SESSION, START_NEW, UNLINK
from bot.wording.mirror.card import state_words
from bot.wording.mirror.posts import (
    APPROVED,
    EDITABLE,
    MOST_FILES,
    POSTED,
    Framing,
    LongText,
    compose,
    files_of,
    sentence,
)
from bot.wording.phrases import session_link
from tests.support.tables import each

SESSION = NamedSession(SessionId("devin-0123456789abcdef0123456789abcdef"), "Fix login")
FRAMING = Framing(ThreadRef(team="T0", channel="C0", thread_ts="1.000100"), SESSION)


def files(number: int) -> str:
    """Return the markers of so many files."""
    links = (f"https://app.devin.ai/attachments/{one}" for one in range(number))
    return "\n".join("ATTACHMENT:" + json.dumps({"url": link}) for link in links)


@each("words", ["", "Here they are.\n"])
@each("more", [0, 1, 5])
def test_a_message_brings_some_files_and_tells_where_the_others_are(words: str, more: int) -> None:
    """Each is an upload or a post of its own."""
    one = Said(text=words + files(MOST_FILES + more))
    assert len(files_of(one, SESSION)) == MOST_FILES
    assert all(isinstance(file, SentFile) for file in files_of(one, SESSION))
    shown = str([post.blocks for post in compose([one], FRAMING)])
    assert (session_link(SESSION) in shown) == (f"{more} more file" in shown) == (more > 0)


@each("line", ["print(1)", "See https://devin.ai/a/b/c/d for all of it."])
@each("before", range(0, 40, 7))
def test_a_long_message_is_posted_up_to_a_line_and_goes_as_a_file(line: str, before: int) -> None:
    """Neither words nor addresses are cut, and code stays code."""
    text = "\n".join([line] * (45_000 // len(line)))
    if line.startswith("print"):
        text = f"```python\n{text}\n```"
    text = f"{'x' * before}\n\n{text}\n\nThat is all."
    (long,) = files_of(Said(text=text), SESSION)
    assert isinstance(long, LongText)
    assert long.text == text
    words = [post.words for post in compose([Said(text=text)], FRAMING)]
    lines = [one for one in "\n".join(words).splitlines() if one and "```" not in one]
    assert lines == [one for one in text.splitlines() if one and "```" not in one][: len(lines)]
    assert POSTED / 2 < sum(map(len, words)) <= POSTED
    assert all(one.count("```") in {0, 2} for one in words)


@each(
    "event",
    [
        Said(kind=SaidKind.QUESTION, options=("Yes", "No")),
        Said(kind=SaidKind.APPROVAL, options=(APPROVED,)),
    ],
)
@each("length", [10, EDITABLE - 200, EDITABLE + 500])
def test_buttons_that_are_replaced_stand_below_no_long_words(event: Said, length: int) -> None:
    """Slack refuses to edit a long message, so its buttons could never give way."""
    posts = compose([Said(text="word " * (length // 5)), event], FRAMING)
    assert len(posts) == (2 if length > EDITABLE else 1)
    assert posts[-1].blocks[-1]["type"] == "actions"
    said = str(posts[-1].blocks[-3])
    assert "is waiting" in said or "*approval* to continue. See above" in said


QUESTION = Said(kind=SaidKind.QUESTION, text="Shall I?", options=("Yes", "No"))
APPROVAL = Said(kind=SaidKind.APPROVAL, options=(APPROVED,))
ANSWERS = [f"{ANSWER}_0", f"{ANSWER}_1"]
NEAR, REACHED = Said(kind=SaidKind.CAP_NEAR, cap=10), Said(kind=SaidKind.CAP_REACHED, cap=10)
GO_ON = [CONTINUE_SESSION, OPEN_SESSION]


@each(
    ("events", "rows"),
    [
        ([QUESTION, NEAR], [ANSWERS]),
        ([APPROVAL, NEAR], [[APPROVE, OPEN_SESSION]]),
        ([QUESTION, REACHED], [ANSWERS, GO_ON]),
        ([APPROVAL, REACHED], [[APPROVE, OPEN_SESSION], GO_ON]),
        ([REACHED, QUESTION], [GO_ON, ANSWERS]),
        (
            [Said(kind=SaidKind.ENDED), REACHED],
            [[START_NEW, OPEN_SESSION, UNLINK], GO_ON],
        ),
        ([Said(kind=SaidKind.FINISHED), REACHED], [GO_ON]),
        ([Said(kind=SaidKind.PULL_REQUEST, text="https://github.com/a/b/pull/1"), NEAR], []),
    ],
)
def test_no_event_takes_the_buttons_that_another_one_names(
    events: list[Said], rows: list[list[str]]
) -> None:
    """They don't share a post, since a press or a reply takes away all of its buttons."""
    posts = compose([Said(text="So far, so good."), *events], FRAMING)
    shown = [block for post in posts for block in post.blocks if block["type"] == "actions"]
    assert [[one["action_id"] for one in row["elements"]] for row in shown] == rows
    assert len(posts) == max(1, len(rows))


@each("events", [1, 22, 23, 48, 200])
def test_no_post_has_more_blocks_than_slack_takes(events: int) -> None:
    """Nor has what stands in its place: so many may come after an outage."""
    opened = [
        Said(kind=SaidKind.PULL_REQUEST, text=f"https://github.com/{n}") for n in range(events)
    ]
    asked = Said(kind=SaidKind.QUESTION, options=("Yes", "No"), id="1")
    for before in ([], [Said(text="# One\n" * 30)]):
        posts = compose([*before, *opened, asked], FRAMING)
        assert all(len(one.blocks) <= 50 for post in posts for one in (post, *post.pieces))
        shown = "".join(str(post.blocks) for post in posts)
        assert [shown.count(f"github.com/{n}|") for n in range(events)] == [1] * events


def test_a_reply_is_not_asked_for_where_one_was_just_refused() -> None:
    """With the older API, a session that has finished takes none; the reply's report says so."""
    finished = Said(kind=SaidKind.FINISHED)
    asked, told = (
        sentence(finished, replace(FRAMING, knows_end=one), is_below=False) for one in (False, True)
    )
    assert told == asked.removesuffix(" Reply here to continue.") != asked


def test_a_session_that_failed_for_good_is_not_said_to_have_stopped() -> None:
    """Of one that has stopped, people think that it can go on."""
    failed = Watched(state=SessionState.ENDED, trouble=Trouble.ERROR)
    assert "failed" in state_words(failed)
    assert "stopped" in state_words(failed.model_copy(update={"state": SessionState.SUSPENDED}))
