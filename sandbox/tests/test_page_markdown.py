"""Markdown becomes a tree that the page can draw, whatever the text is."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sandbox.page.markdown import tree
from sandbox.page.server import HERE

PIECES = (
    *("# ", "- ", "- [x] ", "1. ", "> ", "```", "`", "**", "_", "~~", "|", "|---|", "\n", "\n\n"),
    *("[a](", "![a](", ")", "<", ">", "<https://a.b>", "<@U0A>", "<!here>", "&lt;", "\\", "    "),
    *("javascript:x", "https://a.b/c", "data:image/png,x", "word", "[ ] ", "---", "<b>"),
)


def nodes(those: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield every node of a tree, those of tables' cells included."""
    for one in those:
        yield one
        yield from nodes(one.get("children", ()))
        cells = [*one.get("head", ()), *(cell for row in one.get("rows", ()) for cell in row)]
        for cell in cells:
            yield from nodes(cell["children"])


def drawn() -> set[str]:
    """Return the types of nodes that `markdown.js` draws."""
    script = (HERE / "markdown.js").read_text(encoding="utf-8")
    _, _, table = script.partition("const NODES = {")
    return set(re.findall(r"^  (\w+)[:,]", table.partition("};")[0], re.MULTILINE))


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_every_text_becomes_nodes_that_the_page_draws_and_links_to_the_web(text: str) -> None:
    """There is no link to anything but http(s), and no type of node that has no drawing."""
    found = list(nodes(tree(text)))
    json.dumps(found)
    assert {one["type"] for one in found} <= drawn()
    links = [one["address"] for one in found if one["type"] == "link"]
    assert all(address.startswith(("http://", "https://")) for address in links)


@given(st.text(max_size=200))
def test_code_keeps_its_text_as_it_is(text: str) -> None:
    """Nothing in it is live, emphasized or taken for the end of the code."""
    code = "\n".join(text.replace("\x00", "").split()).replace("~~~", "")
    (block,) = tree(f"~~~ text of\n{code}\n~~~")
    assert block == {"type": "code_block", "language": "text", "text": code}


def test_an_address_alone_is_a_link_without_the_punctuation_that_follows() -> None:
    """Slack makes a link of it as well; the label of another link is left alone."""
    (paragraph,) = tree("See https://a.b/c?d=1. [https://x.y](https://e.f)")
    links = [one for one in nodes([paragraph]) if one["type"] == "link"]
    assert [one["address"] for one in links] == ["https://a.b/c?d=1", "https://e.f"]


def test_deep_nesting_ends_instead_of_exhausting_the_stack() -> None:
    """The parser stops at a depth of its own; what is deeper is left out."""
    (quote,) = tree(">" * 5000 + " deep")
    assert quote["type"] == "quote"
