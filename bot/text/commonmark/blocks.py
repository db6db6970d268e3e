"""Reads Devin's Markdown as blocks, and writes the text in its lines so that nothing is live.

The parser is markdown-it-py with GitHub's tables and strikethrough. Its HTML is off, so that tags
are text, and no kind of address is refused: what it would leave as text, Slack might not. Links
by reference are off, too: `[INFO]: started` is text, and stays so in Slack.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.text.commonmark import inline
from bot.text.commonmark.inline import Atom
from bot.text.mrkdwn import fenced
from bot.text.to_slack import seen

_DEEPEST = 40
_DEFINITION = re.compile(r"\[(?:\\.|[^\[\]\\])*\]:", re.DOTALL)
_UNDERLINES = {"=": "# ", "-": "## "}  # the marks that say the same, and that Slack knows
_INDENT = re.compile(r"^[ \t]+(?=>)")
_NO_MARK = re.compile(r"[^\t -~]")
_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")


@dataclass
class Block:
    """A block: the token that opens it, the text in it, and the blocks in it."""

    token: Token
    text: Token = field(default_factory=lambda: Token("inline", "", 0))
    children: list["Block"] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The name of the block, such as `paragraph` or `list_item`."""
        return self.token.type.removesuffix("_open")

    @cached_property
    def atoms(self) -> Sequence[Atom]:
        """The text as atoms; each is written and shown several times."""
        return inline.atoms(self.text.children or [])


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802  (markdown-it's signature)
        return True


@cache
def _parser() -> MarkdownIt:
    parser = _Parser("commonmark", {"maxNesting": _DEEPEST}).enable(["table", "strikethrough"])
    return parser.disable(["html_block", "html_inline", "text_join", "reference"])


@lru_cache(maxsize=2)  # a message is read several times, until it is posted
def parse(markdown: str) -> Sequence[Block]:
    """Return Markdown as blocks, which nobody may change.

    Raises:
        RecursionError: they are nested so deeply that the parser stops, or drops some.
    """
    root = Block(Token("root", "", 0))
    stack = [root]
    for token in _parser().parse(markdown):
        if token.type == "inline":
            stack[-1].text = token
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


def rewritten(markdown: str) -> str:
    """Return Markdown with its text made inert, and its code in fences; raises as `parse` does."""
    lines, found = markdown.split("\n"), list(walk(parse(markdown)))
    for block in found:
        if block.kind == "blockquote" and block.token.map:
            place = slice(*block.token.map)
            lines[place] = _quote(lines[place])
    for block in reversed(found):  # so that lines above keep their numbers
        if block.kind in _WRITERS and block.token.map:
            place = slice(*block.token.map)
            lines[place] = _WRITERS[block.kind](block, lines[place])
    return "\n".join(lines).strip("\n")


def _quote(lines: Sequence[str]) -> Sequence[str]:
    """Return the lines of a quote with their marks below each other.

    A mark that is indented more would be text to other parsers.
    """
    column = len(lines[0].partition(">")[0].expandtabs(4))
    return [_INDENT.sub(" " * column, line) if at else line for at, line in enumerate(lines)]


def _text(block: Block, lines: Sequence[str]) -> Sequence[str]:
    """Return the lines of a paragraph or a heading; none of them is lazy, or is indented more."""
    read = block.text.content.partition("\n")[0].rstrip(" \t")
    shown = inline.source(block.atoms)
    if block.kind == "heading":
        shown = _UNDERLINES.get(block.token.markup, "") + " ".join(shown.split())
    elif _DEFINITION.match(shown):
        shown = "\\" + shown
    begin = lines[0]
    at = begin.rfind(read)  # or else above are only blanks of a kind that Markdown doesn't know
    before = _NO_MARK.sub("", begin if at < 0 else begin[:at]).expandtabs(4)
    first, *others = (line.lstrip(" \t") for line in shown.split("\n"))
    return [before + first, *(_below(before) + line for line in others)]


def _below(before: str) -> str:
    """Return what stands below the marks of quotes and items that are before a line."""
    return re.sub(r"[^>\s]", " ", before)


def _row(block: Block, lines: Sequence[str]) -> Sequence[str]:
    """Return a row of a table without cells that are beyond its header."""
    line, written, at = lines[0], "", 0
    for cell in block.children:
        text = cell.text.content.replace("|", "\\|")
        begin = line.index(text, at)
        written += seen(line[at:begin]) + inline.source(cell.atoms).replace("|", "\\|")
        at = begin + len(text)
    return [written + (" |" if line[at:].strip(" \t|") else line[at:])]


def _code(block: Block, lines: Sequence[str]) -> Sequence[str]:
    """Return code in a closed fence; Slack might not know the other forms that Markdown has."""
    begin, ticks = lines[0], block.token.markup
    if block.kind == "fence":
        before = begin[: begin.index(ticks)].expandtabs(4)
    else:
        code = block.token.content.partition("\n")[0]
        text = code.lstrip(" \t")
        before = begin[: begin.rindex(text)].expandtabs(4)
        blank, width = code.removesuffix(text), len(before)
        while before and len((before + blank).expandtabs(4)) > width:
            before = before[:-1]
        before = before[:-4]
    before += " " * before.endswith(">")
    below = _below(before)
    opening, *others = fenced(content(block), language(block)).split("\n")
    return [before + opening, *(below + line if line else below.rstrip() for line in others)]


def content(block: Block) -> str:
    """Return the content of code, below the words of its fence that name no language."""
    info = block.token.info.strip()
    above = "" if not info or language(block) else f"{info}\n"
    return f"{above}{block.token.content}"


def language(block: Block) -> str:
    """Return the language of fenced code, if its fence has one word that looks like one."""
    name = block.token.info.strip()
    return name if _LANGUAGE.fullmatch(name) else ""


_WRITERS = {
    "paragraph": _text,
    "heading": _text,
    "tr": _row,
    "fence": _code,
    "code_block": _code,
}
