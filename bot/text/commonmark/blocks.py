"""Reads Devin's Markdown as blocks, and writes blocks as Markdown again.

The parser is markdown-it-py with GitHub's tables and strikethrough. Its HTML is off, so that tags
are text, and no kind of address is refused: what it would leave as text, Slack might not. Links
by reference are off, too: `[INFO]: started` is text, and stays so in Slack.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.text.commonmark import inline
from bot.text.commonmark.inline import Atom
from bot.text.mrkdwn import fenced

_DEEPEST = 40
_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")


@dataclass
class Block:
    """A block: the token that opens it, its inline content, and the blocks in it."""

    token: Token
    inline: list[Token] = field(default_factory=list)
    children: list["Block"] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The name of the block, such as `paragraph` or `list_item`."""
        return self.token.type.removesuffix("_open")

    @cached_property
    def atoms(self) -> Sequence[Atom]:
        """The inline content as atoms; each is written and shown several times."""
        return inline.atoms(self.inline)


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802  (markdown-it's signature)
        return True


@cache
def _parser() -> MarkdownIt:
    parser = _Parser("commonmark", {"maxNesting": _DEEPEST}).enable(["table", "strikethrough"])
    return parser.disable(["html_block", "html_inline", "text_join", "reference"])


@lru_cache(maxsize=2)  # a message is read several times, until it is posted
def parse(markdown: str) -> Sequence[Block]:
    """Return Markdown as blocks, which nobody may change; `RecursionError` if they are too deep."""
    root = Block(Token("root", "", 0))
    stack = [root]
    for token in _parser().parse(markdown):
        if token.type == "inline":
            stack[-1].inline = token.children or []
        elif token.nesting < 0:
            stack.pop()
        else:
            if token.level + 1 >= _DEEPEST:
                raise RecursionError
            stack[-1].children.append(Block(token))
            if token.nesting > 0:
                stack.append(stack[-1].children[-1])
    return root.children


def walk(blocks: Sequence[Block]) -> Iterator[Block]:
    """Yield every block, outer ones before inner ones."""
    for block in blocks:
        yield block
        yield from walk(block.children)


def written(blocks: Sequence[Block]) -> str:
    """Return blocks as Markdown, one below the other."""
    return "\n\n".join(text for text in map(top_level, blocks) if text)


def top_level(block: Block) -> str:
    """Return one block that stands by itself; rules are `---` only here, for nothing is above."""
    return "---" if block.kind == "hr" else _WRITERS[block.kind](block)


def _within(block: Block, glue: str = "\n\n") -> str:
    """Return the blocks in a quote or an item."""
    texts = (_WRITERS[child.kind](child) for child in block.children)
    return glue.join(text for text in texts if text)


def _lines(block: Block) -> str:
    """Return the Markdown of a paragraph, which `inline.source` keeps from beginning a block."""
    text = inline.source(block.atoms).strip(" \t\n")
    lines = (line.lstrip(" \t") for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _heading(block: Block) -> str:
    """Return a heading; number signs at its end stay part of it."""
    text = " ".join(inline.source(block.atoms).split())
    if text.endswith("#") and text.rstrip("#")[-1:] in {"", " "}:
        text = text[:-1] + "\\#"
    return f"{'#' * int(block.token.tag[1:])} {text}".rstrip()


def _fence(block: Block) -> str:
    """Return code, fenced; code that was indented as well, since Slack might not know that form."""
    return fenced(content(block), language(block))


def content(block: Block) -> str:
    """Return the content of code, below the words of its fence that name no language."""
    info = block.token.info.strip() if block.kind == "fence" else ""
    above = "" if not info or language(block) else f"{info}\n"
    return f"{above}{block.token.content}"


def language(block: Block) -> str:
    """Return the language of fenced code, if its fence has one word that looks like one."""
    name = block.token.info.strip()
    return name if block.kind == "fence" and _LANGUAGE.fullmatch(name) else ""


def _quoted(text: str) -> str:
    """Return Markdown as a quote."""
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


def _list(block: Block) -> str:
    glue = "\n" if _is_tight(block) else "\n\n"
    return glue.join(_hanging(mark, _within(item, glue)) for mark, item in marked(block))


def _is_tight(block: Block) -> bool:
    """Return True for a list without blank lines between its items and in them."""
    return all(
        child.token.hidden
        for item in block.children
        for child in item.children
        if child.kind == "paragraph"
    )


def marked(block: Block) -> Iterator[tuple[str, Block]]:
    """Yield the mark and the item for each item of a list."""
    first = int(block.token.attrs.get("start", 1))
    for at, item in enumerate(block.children):
        sign = item.token.markup
        yield (f"{first + at}{sign}" if block.kind == "ordered_list" else sign), item


def _hanging(mark: str, text: str) -> str:
    """Return an item: its text behind the mark, and its other lines below the text."""
    indent = " " * (len(mark) + 1)
    first, *others = text.split("\n")
    return "\n".join(
        [f"{mark} {first}".rstrip(), *(indent + line if line else "" for line in others)]
    )


def rows(block: Block) -> list[str]:
    """Return the lines of a table: its header, its delimiter row and its other rows."""
    found = [row for row in walk([block]) if row.kind == "tr"]
    delimiters = [_DELIMITERS[str(cell.token.attrs.get("style", ""))] for cell in found[0].children]
    return [_row(found[0]), f"| {' | '.join(delimiters)} |", *map(_row, found[1:])]


_DELIMITERS = {
    "": "---",
    "text-align:left": ":--",
    "text-align:right": "--:",
    "text-align:center": ":-:",
}


def _row(block: Block) -> str:
    cells = (inline.source(cell.atoms) for cell in block.children)
    return f"| {' | '.join(cell.strip().replace('|', chr(92) + '|') for cell in cells)} |"


_WRITERS: Mapping[str, Callable[[Block], str]] = {
    "paragraph": _lines,
    "heading": _heading,
    "fence": _fence,
    "code_block": _fence,
    "hr": lambda _block: "___",
    "blockquote": lambda block: _quoted(_within(block)),
    "bullet_list": _list,
    "ordered_list": _list,
    "table": lambda block: "\n".join(rows(block)),
}
