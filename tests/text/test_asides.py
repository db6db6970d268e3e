"""An aside is recognized by what people see, since what reaches Devin cannot be recalled."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from bot.text.to_devin import is_aside, is_plain
from handlers.parse.messages import parse_reply
from tests.support.builders import BOT_USER, OURS, a_reply, rich_text
from tests.support.tables import each


def wide(text: str) -> str:
    """Return ASCII in the full-width characters of an East Asian keyboard."""
    return "".join(chr(ord(char) + 0xFEE0) for char in text)


ASIDES = [
    *("(aside) no", "!aside no", "  (ASIDE)no", "\n!Aside", "!aside", "( aside ) no", "((aside))"),
    *("_(aside) no_", "*(aside)* no", "~(aside) no~", "`(aside)` no", "```(aside) no```"),
    *("&gt; (aside) no", "> (aside) no", "• (aside) no", "*_(aside)_* no", "(*aside*) no"),
    *(f"{wide('(')}aside{wide(')')} no", wide("(aside)no"), wide("!aside"), "[aside] no"),
    "\u3010aside\u3011 no",
    *("\u200b(aside) no", "\ufeff\u2060(a\u200bside) no", "\u202e(aside)", "\u3164(aside)"),
    *(
        ":lock: (aside) no",
        ":lock_with_ink_pen::+1: !aside",
        "🔒 (aside) no",
        "👩🏽\u200d💻 (aside)",
    ),
    *(f"_<@{BOT_USER}> (aside)_", f":lock: <@{BOT_USER}|relay> _(aside)_"),
]
REPLIES = [
    *("aside from that", "no (aside)", "! aside", "(as an aside) no", "aside", "", "aside: no"),
    *("(asides) no", ":lock: no (aside)", "1 (aside)", "(aside from that) no", "[ ] aside: no"),
    *("(1) aside: no", "e.g. (aside)", "#12 (aside)", "ada@example.com (aside)", "1.5 (aside)"),
]

IN_FRONT = [
    *(
        "",
        "*",
        "_",
        "> ",
        "&gt; ",
        "• ",
        "    ◦ ",
        "1. ",
        "12. ",
        "2) ",
        "    a. ",
        "iv. ",
    ),
    *(":lock: ", "🔒 ", "<!here> ", "<!channel> ", "<!everyone|everyone>, "),
    *(f"<@{BOT_USER}> ", "<@U0BOBBY> ", "<@U0BOBBY|bob>, <@W0ADA>: ", "@Bob ", "@bob.k-2: "),
    *("<!subteam^S0OPS> ", "<!subteam^S0OPS|@ops> ", "<#C0GENERAL> ", "<#C0GENERAL|general>: "),
    *("`", "```", "\n", "~", "1. <@U0BOBBY> :lock: *_", "&gt; <@U0BOBBY> "),
]
"""What Slack's composer can put in front that says nothing, or whom a message is for."""

READ_IN_FRONT = [
    *(
        "no ",
        "*no* ",
        "<https://example.com> ",
        "<https://example.com|!> ",
        "<mailto:a@b.co|a@b.co> ",
    ),
    *(
        "<!date^1392734382^{date}|today> ",
        "`x` ",
        "```x``` ",
        "&gt; no\n",
        "1. no\n2. ",
        "1 ",
        "#12 ",
    ),
    *("<@U0BOBBY> and <@U0ADA> ", "Hi <@U0BOBBY> ", ":lock: no ", "v1.2 "),
]
"""What people read, so that the message begins with that."""

WAYS = [
    *(
        "(aside)",
        "(Aside: no)",
        "(aside, no)",
        "(aside for Ben)",
        "(aside - see [1])",
        "[aside: no]",
    ),
    *(
        "!aside",
        "!aside:",
        "(:lock: aside)",
        "(🔒 *aside*)",
        "(<@U0BOBBY>: aside)",
        "(aside: (no) no)",
    ),
    *(f"{wide('(aside:')} no{wide(')')}", "(aside: no"),
]
BEHIND = ["", " no", "* no", "_ <@U0BOBBY> no", "\n1. no", " <https://example.com|no>", "` no (no)"]


def test_a_message_may_first_say_whom_it_is_for() -> None:
    """What counts is the first thing that people read, whatever the composer put before it."""
    missed, held = [], []
    for way, behind in product(WAYS, BEHIND):
        missed += [one for before in IN_FRONT if not is_aside(one := before + way + behind)]
        held += [one for before in READ_IN_FRONT if is_aside(one := before + way + behind)]
    assert not missed, f"{len(missed)} asides go to Devin"
    assert not held, f"{len(held)} replies are kept from Devin"


@each("text", ASIDES)
@each("before", ["", f"<@{BOT_USER}> ", f" <@{BOT_USER}|relay>"])
def test_what_looks_like_an_aside_is_one(before: str, text: str) -> None:
    """Marks, emoji, quotes and invisible characters in front don't count, nor does the bracket."""
    assert is_aside(before + text)
    assert parse_reply(a_reply(before + text), OURS) is None


@each("text", REPLIES)
def test_words_before_it_make_it_a_reply(text: str) -> None:
    """The words count only at the beginning, after nothing that people read."""
    assert not is_aside(text)
    assert parse_reply(a_reply(text), OURS) is not None


@each("author", [{}, {"user": None, "bot_id": "B1"}])
@each("text", ["(aside) no", ":lock: _(aside)_ no", wide("(aside)")])
def test_an_aside_in_blocks_alone_is_one(author: dict[str, str | None], text: str) -> None:
    """Apps write in blocks, in attachments, and beside another text."""
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    ways = [
        a_reply("", blocks=rich_text(text)),
        a_reply("", blocks=[{"type": "divider"}, section]),
        a_reply("", blocks=[], attachments=[{"fallback": "x", "blocks": [section]}]),
    ]
    if author:
        ways.append(a_reply("no", blocks=[section]))
    for way in ways:
        assert parse_reply(way | author, OURS) is None


_MARKS = ["_", "*", "~", "`", "```", "&gt; ", "> ", "• ", "- ", " ", "\n", "…", "—"]
_UNSEEN = ["\u200b", "\u200d", "\ufeff", "\u00ad", "\u2060", "\ufe0f", "\u202e", "\u3164", "\u00a0"]
_EMOJI = [
    *(":lock:", ":+1::skin-tone-3:", ":white_check_mark:", "🔒", "👩🏽\u200d💻", "❗", "🇯🇵", "™"),
    "🅰\ufe0f",
]
_SPACED = st.lists(st.sampled_from(_UNSEEN), max_size=2).map("".join)
_WORDS = st.sampled_from(
    ["(aside)", wide("(aside)"), wide("(") + "ASIDE)", "!aside", wide("!aside"), "[aside]"]
)


@given(st.lists(st.sampled_from(_MARKS + _UNSEEN + _EMOJI)), _WORDS, _SPACED, st.data())
def test_nothing_that_says_no_word_hides_an_aside(
    before: list[str], word: str, unseen: str, data: st.DataObject
) -> None:
    """Any row of marks, emoji and invisible characters may stand in front, and inside."""
    at = data.draw(st.integers(0, len(word)))
    written = "".join(before) + word[:at] + unseen.replace("\u00a0", "") + word[at:]
    assert is_aside(written)
    assert is_aside(f"<@{BOT_USER}> {written} and more")
    assert not is_aside(f"{''.join(before)}no {word}")


@given(st.text(st.characters(codec=None, categories=None)))
def test_any_text_is_judged(text: str) -> None:
    """The input is external; a plain aside is always an aside."""
    assert is_aside(text) >= is_plain(text, BOT_USER)
    assert is_aside(f"(aside){text}")


@each("hostile", [":" * 100_000, ":a" * 50_000, "*" * 100_000, "(" * 100_000])
def test_a_hostile_text_is_judged_at_once(hostile: str) -> None:
    """No input keeps the relay busy."""
    assert not is_aside(hostile)
