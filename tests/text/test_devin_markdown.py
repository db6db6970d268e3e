"""What Devin says arrives in Slack as Devin meant it, and nothing in it is live."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.text.commonmark.inline import JOINER, Atom, source
from bot.text.devin_markdown import fallback, inert, split
from sandbox.slack.world.live import live
from tests.support.tables import each
from tests.text.hostile import ATTACKS, SLY, markdown, words

_J = JOINER
_LONG = 4_000


def posted(text: str, limit: int = 300) -> dict[str, object]:
    """Return the arguments of a message that shows Devin's text."""
    blocks = [{"type": "markdown", "text": inert(text)}]
    return {"blocks": blocks, "text": fallback(text, limit)}


def test_each_attack_would_be_live() -> None:
    """Slack acts on each of these if it is posted as it is, so that the tests below can fail."""
    for attack in ATTACKS:
        assert live({"blocks": [{"type": "markdown", "text": attack}]}), attack


@pytest.mark.parametrize("frame", ["{}", "# {}", "- a\n  {}", "> {}", "**{}**", "| {} |\n|---|"])
def test_no_attack_is_live(frame: str) -> None:
    """A ping, a disguised link or another scheme is text wherever it stands in a message."""
    for attack in [*ATTACKS, *SLY]:
        assert live(posted(frame.replace("{}", attack))) == [], attack


@given(markdown(), st.integers(min_value=0, max_value=300))
def test_no_markdown_is_live(text: str, limit: int) -> None:
    """Mentions and disguised links are text, however they are written and cut."""
    message = posted(text, limit)
    assert live(message) == []
    assert len(str(message["text"])) <= limit
    str(message).encode()


@given(markdown())
def test_making_inert_twice_changes_nothing(text: str) -> None:
    """What is inert can be made inert again, as its parts are, without a second joiner."""
    assert inert(inert(text)) == inert(text)


@given(st.lists(st.sampled_from([*"abc.,:!?()éß漢", " ", "\n\n", "\n- ", "\n> ", "**", "`"])))
def test_every_word_arrives(pieces: list[str]) -> None:
    """Words are neither dropped nor put in another order."""
    text = "".join(pieces)
    assert words(inert(text)) == words(text)


@given(markdown(most=6))
@example("[<https://a.io>](https://b.io)")
def test_nothing_that_has_words_is_lost_whole(text: str) -> None:
    """Whatever Devin writes, something of it is shown, in a post and in its notification."""
    for shown in (inert(text), "".join(split(text)), fallback(text, 3_000)):
        assert words(shown) or not words(text)


@each(
    "text",
    [
        "# Done\n\nAll **tests** pass, _really_: ~~3~~ 0 fail.\n\n---\n\n## Next",
        "Use `a < b`, `<!here>` and `` `x` ``.",
        "```python\n@app.route('/<id>')\ndef f(): ...\n\n\tpass  \n```",
        "1. one\n2. two\n   - nested\n   - [ ] task\n   - [x] done\n3. three",
        "3. goes\n4. on",
        "- loose\n\n- list\n\n  with a paragraph",
        "> quoted\n>\n> - list",
        "| a | b |\n| --- | --: |\n| `x\\|y` | **c** |",
        "See [the pull request](https://github.com/a/b/pull/1?x=1&y=2#files) and https://a.io/b_c_d.",
        "[src/main.py](https://github.com/a/b/blob/main/src/main.py)",
        "[README.md](https://github.com/a/b/blob/main/README.md)",
        "[github.com/a](https://github.com/a/b)",
        "[config.json](https://a.io/x) [v1.2.3](https://a.io/y) [e.g. this](https://a.io/z)",
        "a < b, x <= y, <3, a@b.com, 2 * 3 * 4, snake_case_name, C:\\dir, AT&T, 5 &gt; 4",
        "line one  \nline two\nline three",
        "family 👨‍👩‍👧 and می‌خواهم",
    ],
)
def test_plain_markdown_stays_as_devin_wrote_it(text: str) -> None:
    """Nothing is escaped or restyled that Slack draws as it should."""
    assert inert(text) == text


@each(
    ("text", "shown"),
    [
        ("<!here> <@U1> @here", f"<{_J}!here> <{_J}@{_J}U1> @{_J}here"),
        ("&lt;!here> \\<!here>", f"&lt;{_J}!here> \\<{_J}!here>"),
        ("@ada, mail a@b.com", f"@{_J}ada, mail a@b.com"),
        ("List<String> <b>x</b>", f"List<{_J}String> <{_J}b>x<{_J}/b>"),
        ("[good.com](https://evil.com)", "<https://evil.com>"),
        ("[log in](https://good.com@evil.com/a)", "[log in](https://evil.com/a)"),
        ("https://good.com@evil.com/a", "<https://evil.com/a>"),
        ("[ab](https://a.io/@c 'title')", "[ab](https://a.io/%40c)"),
        ("[run](javascript:x)", "run (`javascript:x`)"),
        ("<mailto:a@b.com>", "`mailto:a@b.com`"),
        ("![shot](https://a.io/b.png)", "[shot](https://a.io/b.png)"),
        ("![](https://a.io/b.png)", "<https://a.io/b.png>"),
        ("[![ci](https://a.io/b.svg)](https://c.io)", "[ci](https://c.io)"),
        ("see [a <https://a.io> b](https://c.io) d", "see <https://c.io> d"),
        ("[localhost:3000](https://a.io)", "<https://a.io>"),
        ("[localhost](http://localhost:3000)", "[localhost](http://localhost:3000)"),
        ("see [it][1]\n\n[1]: https://a.io", f"see [it][1]\n\n{_J}[1]: https://a.io"),
        ("[INFO]: started", f"{_J}[INFO]: started"),
        ("- > [a\n  > b]: https://c.io", f"- > {_J}[a\n  > b]: https://c.io"),
        ("https://g\u043e.com", "[https://xn--g-1tb.com](https://xn--g-1tb.com)"),
        ("    code <!here>", "```\ncode <!here>\n```"),
        ("```js\nopen", "```js\nopen\n```"),
        ("~~~<!here>\nx\n~~~", "```\n<!here>\nx\n```"),
        ("```Deploy now\nx\n```", "```\nDeploy now\nx\n```"),
        ("Title\n===", "# Title"),
        ("a\u202eb\u200bc\x07d", "abcd"),
        ("a\\\u202eb\\\u200b*c*\\\x07", "a\\\\b\\\\*c*\\\\"),
        ("a\r\nb\x00c", "a\nb\ufffdc"),
        ("a&#10;https://a.io b\nc\nd", "a <https://a.io> b\nc\nd"),
        ("a\n&#13;https://a.io\nb", "a\n<https://a.io>\nb"),
        ("![[a&#13;b](https://a.io) c](javascript:x) d\ne", "a b c (`javascript:x`) d\ne"),
        ("1. \xa0\n   1\n   abc", "1. 1\n   abc"),
        ("- \x0b\n  -x\n  abc", "- -x\n  abc"),
        ("   \x0ba", "a"),
        ("1. 1\n2. 2", "1. 1\n2. 2"),
        ("> a `\n    > ~~~\n    > b`<!here>\n    > ~~~", "> a `\n>\n> ```\n> b`<!here>\n> ```"),
        ("- > a\n        > b", "- > a\n  > b"),
        ("https://a.io`<!here>` b`c`", "https://a.io `<!here>` b`c`"),
        ("x www.a.io_`<!here>`", "x www.a.io_ `<!here>`"),
        ("1.     1", "1. ```\n   1\n   ```"),
        ("\t\t\tx", "```\n\t\tx\n```"),
        ("-\t~~~\n\tx\n\t~~~", "- ```\n  x\n  ```"),
        ("- a\nb\n\n    c\nd", "- a\n  b\n\n  c\n  d"),
        (">" * 60 + "deep", "```\n" + ">" * 60 + "deep\n```"),
    ],
)
def test_what_could_be_live_is_written_so_that_it_is_not(text: str, shown: str) -> None:
    """Mentions get a joiner, links are honest, and other forms become those that Slack knows."""
    assert inert(text) == shown


@each(
    "text",
    [
        "```\u2028``` <!here>",
        "``` a`b",
        "> ```x```",
        "a\n    2. b",
        "a\n    - b",
        "a\n    ---",
        "a | b\n|-|\n`<!here>|`",
    ],
)
def test_no_text_could_begin_a_block(text: str) -> None:
    """Another parser might take it for a fence or a table, and then read other code as text."""
    for line in inert(text).split("\n"):
        assert not re.match(r"[ >]*(```|[0-9]+[.)] |- |---|\|-)", line), line


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0`")))
def test_code_keeps_every_character(code: str) -> None:
    """What stands in a fence is shown byte for byte, for code is copied."""
    fenced = f"```\n{code}\n```"
    assert inert(fenced) == fenced


@each(
    ("text", "shown"),
    [
        ("# Hi\n\n**a** `b` [c](https://d.io)", "Hi\na b c"),
        ("1. a\n2. b\n\n| x | y |\n|---|---|\n| 1 | 2 |", "1. a\n2. b\nx | y\n1 | 2"),
        ("<!here> & @here", f"&lt;{_J}!here&gt; &amp; @{_J}here".replace(_J + "!", "!")),
        ("`@here`", f"@{_J}here"),
        ("word " * 9, "word word word word word word word …"),
        ("x" * 50, "x" * 38 + " …"),
        ("seventeen letters https://evil.com/long/path", "seventeen letters …"),
        ("&" * 50, "&amp;" * 7 + " …"),
    ],
)
def test_a_notification_is_plain_and_short(text: str, shown: str) -> None:
    """Phones show the message's `text`: no marks, nothing live, no entity or address cut in two."""
    assert fallback(text, 40) == shown


_ATTACK_PIECES = (
    *"[]<@*_`|&\\(#",
    *("![", "[a](", "![a](", "> ", "- a\n  ", "1. ", "|a\n|-\n", "**a", "*a_", "<!here>", "&lt;"),
    *("https://a@", "[a]: b\n", "[a][b]", "`a``b", "\u200b", "a\n===\n", "a", "a.", "a-", "a@"),
    *(
        "-",
        ":",
        "-x",
        "a:",
        "://",
        "https://a.",
        "\u0430.",
        "!",
        "a\\\n",
        "&#64;",
        "ATTACHMENT:{",
        "? ",
        "\\*https://x ",
        "&lt;https://a@b ",
    ),
)


def test_a_long_word_of_entities_is_read_once() -> None:
    """Whether an address stands before code is asked at the code, and not after each piece."""
    pieces = [Atom("text", "&#64;", "@")] * 200_000
    code = Atom("code", "`x`", "x")
    assert source([Atom("text", "https://a.io"), *pieces, code]).endswith("&#64; `x`")


@pytest.mark.parametrize("piece", _ATTACK_PIECES)
def test_a_very_long_attack_comes_to_an_end(piece: str) -> None:
    """No repetition makes the parser or a pattern try all ways to read it."""
    attack = (piece * _LONG)[:_LONG]
    assert len(fallback(attack, 300)) <= 300
    for text in (attack, f"[{attack}](https://a.io)"):
        inert(text)
    for text in (attack[:500], f"[{attack[:500]}](https://a.io)"):
        assert inert(inert(text)) == inert(text)
