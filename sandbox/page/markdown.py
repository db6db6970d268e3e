"""Markdown as a tree of plain JSON nodes, which the page draws without building any HTML.

The parser is markdown-it-py with tables and strikethrough. Every node has a `type`; those with
something inside have `children`. Slack keeps `<@U…>`, `<!here>` and the like live in a `markdown`
block outside of code (measured by others, facts on the wire), so each is a node of its own.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

Node = dict[str, Any]

MOST_CACHED = 2048
_LIVE = re.compile(
    r"(?P<mention><(?:[@#][A-Z0-9]+|![a-z]+(?:\^[A-Z0-9]+)?)(?:\|[^<>\n]*)?>)"
    r"|(?P<link>https?://[^\s<>]*[^\s<>.,;:!?'\")\]*_~])"
)
_BOX = re.compile(r"\[([ xX])\] ")
_WEB = re.compile(r"https?://", re.IGNORECASE)
_WRAPPING = {
    "paragraph": "paragraph",
    "blockquote": "quote",
    "strong": "strong",
    "em": "emphasis",
    "s": "strike",
}


@lru_cache(maxsize=MOST_CACHED)
def tree(text: str) -> tuple[Node, ...]:
    """Return the nodes of a text. They are shared between callers, who must not change them."""
    return tuple(_all(SyntaxTreeNode(_parser().parse(text)).children))


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _all(nodes: Iterable[SyntaxTreeNode]) -> list[Node]:
    return [shown for node in nodes for shown in _shown(node)]


def _shown(node: SyntaxTreeNode) -> Iterator[Node]:
    """Yield what stands for a node: in a tight list, the paragraph's content without it."""
    if node.type in _WRAPPING and not node.hidden:
        yield {"type": _WRAPPING[node.type], "children": _all(node.children)}
    elif node.type in _KINDS:
        yield from _KINDS[node.type](node)
    else:
        yield from _all(node.children)


def _text(node: SyntaxTreeNode) -> Iterator[Node]:
    """Split a text where something in it is live; inside a link, nothing is."""
    if _is_in_link(node):
        yield {"type": "text", "text": node.content}
        return
    at = 0
    for match in _LIVE.finditer(node.content):
        yield from _plain(node.content[at : match.start()])
        yield _mention(match[0]) if match["mention"] else _link(match[0], list(_plain(match[0])))
        at = match.end()
    yield from _plain(node.content[at:])


def _is_in_link(node: SyntaxTreeNode) -> bool:
    parent = node.parent
    return parent is not None and (parent.type == "link" or _is_in_link(parent))


def _plain(text: str) -> Iterator[Node]:
    if text:
        yield {"type": "text", "text": text}


def _mention(text: str) -> Node:
    return {"type": "mention", "text": text}


def _link(address: str, children: list[Node]) -> Node:
    return {"type": "link", "address": address, "children": children}


def _break(_node: SyntaxTreeNode) -> Iterator[Node]:
    yield {"type": "break"}


def _rule(_node: SyntaxTreeNode) -> Iterator[Node]:
    yield {"type": "rule"}


def _heading(node: SyntaxTreeNode) -> Iterator[Node]:
    yield {"type": "heading", "level": int(node.tag[1:]), "children": _all(node.children)}


def _code(node: SyntaxTreeNode) -> Iterator[Node]:
    yield {"type": "code", "text": node.content}


def _code_block(node: SyntaxTreeNode) -> Iterator[Node]:
    language = "".join(node.info.split()[:1])
    yield {"type": "code_block", "language": language, "text": node.content.removesuffix("\n")}


def _linked(node: SyntaxTreeNode) -> Iterator[Node]:
    """Yield a link to the web; of any other, only what stands in it."""
    address, inside = str(node.attrs.get("href", "")), _all(node.children)
    if _WEB.match(address):
        yield _link(address, inside)
    else:
        yield from inside


def _image(node: SyntaxTreeNode) -> Iterator[Node]:
    """Yield the link that Slack makes of an image."""
    address = str(node.attrs.get("src", ""))
    words = list(_plain(node.content or address))
    if _WEB.match(address) and not _is_in_link(node):
        yield _link(address, words)
    else:
        yield from words


def _list(node: SyntaxTreeNode) -> Iterator[Node]:
    is_ordered = node.type == "ordered_list"
    start = int(node.attrs.get("start", 1)) if is_ordered else None
    items = [_item(_all(item.children)) for item in node.children]
    yield {"type": "list", "ordered": is_ordered, "start": start, "children": items}


def _item(children: list[Node]) -> Node:
    """Return a list's item; `checked` is None unless it begins with the box of a task."""
    first = children[0] if children else {}
    holder = first["children"] if first.get("type") == "paragraph" else children
    words = holder[0].get("text", "") if holder and holder[0]["type"] == "text" else ""
    box = _BOX.match(words)
    if box:
        holder[0] = {"type": "text", "text": words[box.end() :]}
    return {"type": "item", "checked": box[1] != " " if box else None, "children": children}


def _table(node: SyntaxTreeNode) -> Iterator[Node]:
    head, *body = (
        [_cell(cell) for cell in row.children] for part in node.children for row in part.children
    )
    yield {"type": "table", "head": head, "rows": body}


def _cell(node: SyntaxTreeNode) -> Node:
    style = str(node.attrs.get("style", ""))
    return {"align": style.removeprefix("text-align:"), "children": _all(node.children)}


_KINDS: dict[str, Callable[[SyntaxTreeNode], Iterator[Node]]] = {
    "text": _text,
    "softbreak": _break,
    "hardbreak": _break,
    "hr": _rule,
    "heading": _heading,
    "code_inline": _code,
    "code_block": _code_block,
    "fence": _code_block,
    "link": _linked,
    "image": _image,
    "bullet_list": _list,
    "ordered_list": _list,
    "table": _table,
}
