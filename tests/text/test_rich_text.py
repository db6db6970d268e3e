from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.to_devin import mentioned, to_markdown

NAMES = {("user", "U1"): "Ada", ("channel", "C1"): "general", ("usergroup", "S1"): "platform"}
# The speed at which a busy machine draws examples says nothing about the code.

Element = dict[str, object]


def text(content: str, *styles: str) -> Element:
    return {"type": "text", "text": content, "style": dict.fromkeys(styles, True)}


def section(*elements: object) -> Element:
    return {"type": "rich_text_section", "elements": list(elements)}


def bullets(*items: object, **rest: object) -> Element:
    return {"type": "rich_text_list", "style": "bullet", "elements": list(items), **rest}


def ordered(*items: object, **rest: object) -> Element:
    return bullets(*items, **{"style": "ordered", **rest})


def quote(*elements: object) -> Element:
    return {"type": "rich_text_quote", "elements": list(elements)}


def code(*elements: object, **rest: object) -> Element:
    return {"type": "rich_text_preformatted", "elements": list(elements), **rest}


def rich(*elements: object) -> list[Mapping[str, object]]:
    return [{"type": "rich_text", "block_id": "b", "elements": list(elements)}]


@pytest.mark.parametrize(
    ("element", "markdown"),
    [
        ({"type": "user", "user_id": "U1"}, "@Ada (U1)"),
        ({"type": "user", "user_id": "U9"}, "@U9"),
        ({"type": "channel", "channel_id": "C1"}, "#general"),
        ({"type": "channel", "channel_id": "C2"}, "#random"),
        ({"type": "usergroup", "usergroup_id": "S1"}, "@platform"),
        ({"type": "broadcast", "range": "here"}, "@here"),
        ({"type": "link", "url": "https://x.io"}, "https://x.io"),
        ({"type": "link", "url": "https://x.io", "text": "a]"}, "[a\\]](https://x.io)"),
        ({"type": "link", "url": "https://x.io/ \n>b"}, "https://x.io/%20%0A%3Eb"),
        ({"type": "link", "url": "u:", "text": "c", "style": {"code": True}}, "[`c`](u:)"),
        ({"type": "emoji", "name": "wave", "unicode": "1f44b-1f3fd"}, "\U0001f44b\U0001f3fd"),
        ({"type": "emoji", "name": "shipit"}, ":shipit:"),
        ({"type": "emoji", "name": "odd", "unicode": "zz"}, ":odd:"),
        ({"type": "date", "timestamp": 1392734382, "fallback": "Feb 18"}, "Feb 18"),
        ({"type": "date", "timestamp": 1392734382}, "1392734382"),
        ({"type": "date"}, ""),
        ({"type": "color", "value": "#00ff00"}, "#00ff00"),
        ({"type": "team", "team_id": "T1"}, "T1"),
        ({"type": "user", "user_id": "U1", "style": {"code": True}}, "`@Ada (U1)`"),
        (text("a < b &amp; *c* _d_"), "a < b &amp; *c* _d_"),
        ({"type": "unheard_of", "text": "said"}, "said"),
        ({"type": "unheard_of", "fallback": "said"}, "said"),
    ],
)
def test_an_element_becomes_what_it_shows(element: Element, markdown: str) -> None:
    """Blocks hold bare ids; names come from the look-up, or else from labels in the text."""
    blocks = rich(section(text("<"), element, text(">")))
    assert to_markdown("in <#C2|random>", blocks, NAMES) == f"<{markdown}>"


@pytest.mark.parametrize(
    ("elements", "markdown"),
    [
        ([text("a", "bold"), text(" b", "italic"), text(" c ", "strike")], "**a** *b* ~~c~~ "),
        ([text("a ", "bold"), text("b", "bold", "italic"), text(" c")], "**a** ***b*** c"),
        ([text("a", "bold"), text("b", "italic")], "**a***b*"),
        (
            [text("a", "italic"), text(" b ", "bold", "italic"), text("c", "bold")],
            "*a* ***b*** **c**",
        ),
        ([text(" a\nb ", "bold")], " **a**\n**b** "),
        ([text("a", "code"), text(" `b", "code"), text("c")], "``a `b``c"),
        ([text(" x ", "code")], "`  x  `"),
        ([text("a", "bold", "code", "underline")], "**`a`**"),
        ([{"type": "text", "text": "a", "style": {"bold": "yes", "italic": 1}}], "a"),
        ([{"type": "text", "text": "a", "style": "bold"}], "a"),
    ],
)
def test_each_run_has_its_marks_and_leaves_blanks_outside(
    elements: list[Element], markdown: str
) -> None:
    """Marks touch letters, and end with the line."""
    assert to_markdown("", rich(section(*elements))) == markdown


@pytest.mark.parametrize(
    ("elements", "markdown"),
    [
        (
            [section(text("so:\n")), bullets(section(text("a")), section(text("b\nc")))],
            "so:\n- a\n- b\n  c",
        ),
        (
            [
                ordered(section(text("a"))),
                bullets(section(text("b")), indent=1),
                ordered(section(text("c")), offset=1),
                section(text("after")),
            ],
            "1. a\n    - b\n2. c\n\nafter",
        ),
        ([bullets(section(text("a")), indent=1)], "    - a"),
        ([ordered(section(), "junk", {"text": "b"})], "2. b"),
        ([quote(text("a\n\nb")), quote(text("c")), section(text("d"))], "> a\n>\n> b\n\n> c\n\nd"),
        ([bullets(section(text("a")), border=1)], "> - a"),
        ([code(text("a *b*\n```"), border=0)], "````\na *b*\n```\n````"),
        ([code({"type": "link", "url": "http://x.io", "text": "x.io"})], "```\nx.io\n```"),
        ([text("no section")], "no section"),
        ([{"type": "rich_text_new", "fallback": "new"}], "new"),
        ([ordered(section(text("a")), offset=10**5000, indent=-1)], "1. a"),
    ],
)
def test_block_elements_stand_on_lines_of_their_own(elements: list[Element], markdown: str) -> None:
    """Nested lists are siblings with an indent; numbers continue after an offset."""
    assert to_markdown("", rich(*elements)) == markdown


def test_blocks_are_preferred_and_text_is_left_for_empty_ones() -> None:
    """Blocks are what people see; Slack shows the text only without any."""
    other: Element = {"type": "section", "text": {"type": "mrkdwn", "text": "*b*"}}
    plain: Element = {"type": "header", "text": {"type": "plain_text", "text": "*p*"}}
    assert to_markdown("t", [*rich(section(text("r"))), other, plain]) == "r\n\n**b**\n\n***p***"
    assert to_markdown("t", [other]) == "**b**"
    assert to_markdown("t", rich(section())) == "t"


def test_a_name_takes_one_line() -> None:
    """A display name cannot add lines."""
    assert to_markdown("<@U1>", names={("user", "U1"): "@a\n b"}) == "@a b (U1)"


def test_mentioned_ids_are_those_without_a_name() -> None:
    """A place named in the text needs no look-up; for a person, their account is read."""
    blocks = rich(
        section({"type": "user", "user_id": "U3"}, {"type": "channel", "channel_id": "C1"}),
        bullets(section({"type": "usergroup", "usergroup_id": "S2"})),
    )
    message = "<@U1> <@U2|bob> <#C1|general> <#C2|> <!subteam^S1> <!here> <https://x.io>"
    assert mentioned(message, blocks) == {
        *(("user", "U1"), ("user", "U2"), ("user", "U3"), ("channel", "C2")),
        *(("usergroup", "S1"), ("usergroup", "S2")),
    }


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
_KINDS = """
rich_text rich_text_section rich_text_list rich_text_quote rich_text_preformatted text link user
usergroup channel emoji broadcast date color team other
"""
_KEYS = """
elements style text url user_id channel_id usergroup_id name unicode range timestamp fallback
indent offset border value
"""


def _element(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    values = st.lists(inner, max_size=4) | inner | _JUNK | st.just({"bold": True, "code": True})
    return st.builds(
        lambda kind, rest: {**rest, "type": kind},
        st.sampled_from(_KINDS.split()),
        st.dictionaries(st.sampled_from(_KEYS.split()), values),
    )


_ELEMENTS = st.recursive(_JUNK, _element, max_leaves=12)


@given(st.text(st.characters(codec=None, categories=None)), st.lists(_ELEMENTS))
def test_no_message_makes_it_raise(typed: str, elements: list[object]) -> None:
    """Missing keys and wrong types give nothing; the result can be sent as UTF-8."""
    blocks = rich(*elements, *(rich(*elements)))
    to_markdown(typed, blocks, NAMES).encode()
    assert all(isinstance(one, str) for _, one in mentioned(typed, blocks))


@pytest.mark.parametrize("blocks", [None, 7, "rich_text", [None, 1, [], {}], {"type": "rich_text"}])
def test_blocks_of_a_wrong_type_are_none(blocks: object) -> None:
    """Slack's JSON is read as it comes, with the text as a fallback."""
    assert to_markdown("t", blocks) == "t"  # type: ignore[arg-type] # what JSON may hold
    assert mentioned("t", blocks) == frozenset()  # type: ignore[arg-type] # the same


@pytest.mark.parametrize("kind", ["rich_text", "rich_text_section", "rich_text_list"])
def test_deep_nesting_is_no_recursion(kind: str) -> None:
    """Ten thousand levels are walked or ignored, and mentions in them are still found."""
    element: Element = {"type": "user", "user_id": "U1"}
    for _ in range(10_000):
        element = {"type": kind, "elements": [element]}
    assert to_markdown("t", [{"type": "rich_text", "elements": [element]}]) == "t"
    assert mentioned("", rich(element)) == {("user", "U1")}


@pytest.mark.parametrize("hostile", ["\n" * 20_000, " `" * 20_000, "a\n" * 20_000, "[" * 40_000])
def test_hostile_blocks_are_read_in_one_go(hostile: str) -> None:
    """No input of a message's size keeps the relay busy."""
    link = {"type": "link", "url": hostile, "text": hostile}
    parts = section(text(hostile, "bold"), text(hostile, "code"), link)
    read = to_markdown("", rich(parts, bullets(parts, indent=1), section(text("end"))))
    assert read.endswith("end")


def test_ten_thousand_elements_are_read_in_one_go() -> None:
    """Whose style changes with each, or whose indent grows."""
    changing = [text("a ", "bold"), text("b", "italic"), text("c", "bold", "italic")]
    assert to_markdown("", rich(section(*changing * 9_999)))
    quoted = quote(*[text("a ", "bold")] * 9_999)
    assert "> **" + "a " * 9_998 + "a**" in to_markdown("", rich(quoted))
    lists = [bullets(section(text("a")), indent=depth) for depth in range(9_999)]
    assert to_markdown("", rich(*lists)).endswith("    - a")
