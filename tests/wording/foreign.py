"""Text as hostile or as long as possible, and the problems that Slack would have with a message.

The limits are Slack's own, as the local Slack checks them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from bot.model.people import UserId
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import Link, ThreadRef
from bot.wording.message import SlackMessage
from sandbox.slack.api.blocks import block_problems
from sandbox.slack.api.chat_methods import MAX_POSTED_TEXT, MAX_UPDATED_TEXT
from sandbox.slack.world.live import live

THREAD = ThreadRef(team="T0SANDBOX", channel="C0GENERAL0", thread_ts="1764000000.000100")
LONGEST_SESSION = SessionId("devin-" + "f" * 64)
LINK = Link(session=LONGEST_SESSION, by=UserId("U0ADA00000"), linked_at=1_764_000_000)
BARE = NamedSession(LONGEST_SESSION)
HOST = "acme.devinenterprise.com"

TRICKS = ["<!channel>", "<!here|x>", "<@U0ADA00000>", "<https://e.vil|ok>", "&", "<", ">", "`", "*"]
TRICKS += ["_", "~", "\n", "\n> ", "@here", ":tada:", "\u202e", "\x00", "é", "\U0001f44b", " ", "a"]
FOREIGN = st.lists(st.sampled_from(TRICKS) | st.text(max_size=5), max_size=50).map("".join)
HUGE = st.tuples(FOREIGN, st.integers(1, 400)).map(lambda pair: (pair[0] * pair[1])[:40_000])


def one_line(name: str) -> str:
    """Return a name of a person, which is one line of at most 80 characters (`people.py`)."""
    return " ".join(name.split())[:80]


NAMES = FOREIGN.map(one_line)
URLS = st.sampled_from(["", f"https://{HOST}/org/acme/sessions/{'f' * 64}?a=1&b=2#c"])
URLS |= st.integers(1, 3_000).map(lambda length: f"https://{HOST}/" + "&x" * length) | HUGE
NAMED = st.builds(NamedSession, session=st.just(LONGEST_SESSION), title=HUGE, url=URLS)
"""A session whose title and address are as hostile or as long as possible."""


def problems(words: SlackMessage) -> list[str]:
    """Return what Slack would refuse, or would parse although it is foreign text."""
    params = words.params()
    found = block_problems(params["blocks"])
    limit = MAX_UPDATED_TEXT if words.buttons else MAX_POSTED_TEXT
    if not 0 < len(params["text"]) <= limit:
        found.append(f"text of {len(params['text'])} characters")
    for text in (params["text"], *mrkdwn(params["blocks"])):
        ours = re.sub(
            rf"<(https://(app\.devin\.ai|{re.escape(HOST)})/[^<>|]*\|[^<>|]+|!date\^\d[^<>]*)>",
            "",
            text,
        )
        found += [f"{sign!r} in {text!r}" for sign in ("<", "<!channel", "<@") if sign in ours]
    return found + pings(params)


def pings(params: Mapping[str, Any]) -> list[str]:
    """Return what Slack would make a ping of; times and the names of channels are ours."""
    return list(filter(_PING.match, live(params)))


_PING = re.compile(
    r"control <(?!!date\^|#)|plain @(?:here|channel|everyone|group)\b", re.IGNORECASE
)


def mrkdwn(blocks: Sequence[dict[str, Any]]) -> Iterator[str]:
    for block in blocks:
        if block["type"] == "section":
            yield block["text"]["text"]


def quotes(words: SlackMessage) -> list[str]:
    """Return the foreign text that is shown where Slack parses nothing."""
    return [
        part["elements"][0]["text"]
        for block in words.params()["blocks"]
        if block["type"] == "rich_text"
        for part in block["elements"]
    ]
