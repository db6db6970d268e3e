"""One function says what a message is, whoever reads the message, and on whatever way."""

import ast
from pathlib import Path

from bot.relay.lifecycle.starting import Start
from handlers.parse.messages import (
    Kind,
    classify,
    parse_asked,
    parse_earlier,
    parse_message,
    parse_thread,
)
from tests.support.builders import BOT_USER, JSON, OURS, a_mention, a_reply
from tests.support.tables import each

ROOT = Path(__file__).parents[2]
PARTS = {"parse_command", "parse_guess", "parse_meant", "parse_reply", "is_aside", "is_said"}
"""What `classify` is made of."""
ELSEWHERE = {("handlers/reactions.py", "is_said"), ("bot/why.py", "parse_reply")}
"""An emoji starts a session with any message; `why` explains commands by their claims."""

KINDS: list[tuple[JSON, Kind]] = [
    (a_mention("unlink"), Kind.COMMAND),
    (a_mention("start (aside) work"), Kind.COMMAND),
    (a_mention(""), Kind.COMMAND),
    (a_mention("stauts"), Kind.NEAR_MISS),
    (a_mention("(aside) unlink"), Kind.ASIDE),
    (a_reply(f"<@U0BOBBY> (aside) <@{BOT_USER}> unlink"), Kind.ASIDE),
    (a_mention("please unlink"), Kind.REPLY),
    (a_mention("", files=[{"id": "F1", "permalink": "https://x.y"}]), Kind.REPLY),
    (a_reply("unlink"), Kind.REPLY),
    (a_reply("unlink", thread_ts=None), Kind.TALK),
]


@each(("event", "kind"), KINDS)
def test_each_way_to_read_a_message_takes_it_for_the_same(event: JSON, kind: Kind) -> None:
    """Event, late event, backfill and edit ask `classify`; a start reads earlier messages so."""
    said = classify(event, OURS)
    assert said is not None
    assert said.kind is kind
    assert (said.command is not None) is (kind in {Kind.COMMAND, Kind.NEAR_MISS})
    thread = parse_thread(event, OURS.tenant)
    message = parse_message(event, OURS.tenant)
    assert thread is not None
    assert message is not None
    is_words = kind in {Kind.REPLY, Kind.TALK}
    assert (parse_earlier(event, thread, OURS) is not None) is is_words
    asked = parse_asked(event, Start(message=message, reads_thread=True, is_talk=True), OURS)
    is_start = said.command is not None and said.command.verb == "start"
    assert (asked is not None) is (is_words or is_start)


def test_nothing_else_says_what_a_message_is() -> None:
    """Whoever reads messages asks `classify`, and none of its parts."""
    found = set()
    for path in [*ROOT.glob("bot/**/*.py"), *ROOT.glob("handlers/**/*.py")]:
        name = path.relative_to(ROOT).as_posix()
        if name.startswith("handlers/parse/"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute):
                found.add((name, called.attr))
            elif isinstance(called, ast.Name):
                found.add((name, called.id))
    assert {one for one in found if one[1] in PARTS} <= ELSEWHERE
