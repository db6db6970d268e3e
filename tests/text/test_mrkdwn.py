import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.to_devin import mentioned, to_markdown
from bot.text.to_slack import excerpt, quoted
from tests.support.tables import each

NAMES = {("user", "U1"): "Ada", ("channel", "C1"): "general", ("usergroup", "S1"): "platform"}
# The speed at which a busy machine draws examples says nothing about the code.


@each(
    ("slack", "markdown"),
    [
        ("<@U1> and <@W9>", "@Ada (U1) and @W9"),
        ("<@U2|bob> then <@U2>", "@U2 then @U2"),
        ("<#C1> <#C1|old> <#C2|random> <#C3|> <#C4>", "#general #general #random #C3 #C4"),
        ("<!subteam^S1> <!subteam^S2|@web> <!subteam^S3>", "@platform @web @S3"),
        ("<!here> <!channel|channel> <!everyone>", "@here @channel @everyone"),
        ("<!other|said> <!other>", "said <!other>"),
        ("<https://x.io/a?b=1&amp;c=2>", "https://x.io/a?b=1&c=2"),
        ("<https://x.io|https://x.io>", "https://x.io"),
        ("<https://x.io/a_b|the docs>", "[the docs](https://x.io/a_b)"),
        ("<https://x.io|a [b] c>", "[a \\[b\\] c](https://x.io)"),
        ("<https://x.io/(a)|b>", "[b](https://x.io/%28a%29)"),
        ("<mailto:a@x.io|a@x.io> <tel:+1>", "[a@x.io](mailto:a@x.io) tel:+1"),
        ("<!date^1392734382^{date}^https://x.io|Feb 18>", "Feb 18"),
        ("<!date^1392734382^{date}>", "1392734382"),
        ("a &lt;b&gt; &amp;&amp; c &amp;lt; &quot;", "a <b> && c &lt; &quot;"),
        ("&lt;@U1&gt; &lt;!channel&gt;", "<@U1> <!channel>"),
        ("<std::string> <", "<std::string> <"),
    ],
)
def test_controls_become_what_they_show(slack: str, markdown: str) -> None:
    """Mentions, links and dates are read before entities are decoded; unknown ids stay ids."""
    assert to_markdown(slack, names=NAMES) == markdown


@each(
    ("slack", "markdown"),
    [
        ("*bold* _it_ ~gone~", "**bold** _it_ ~~gone~~"),
        ("*_both_* and _*both*_", "**_both_** and _**both**_"),
        ("(*a*), *b*.", "(**a**), **b**."),
        (
            "*see <https://x.io|y>, <@U1> and `*c*`*",
            "**see [y](https://x.io), @Ada (U1) and `*c*`**",
        ),
        ("*see https://x.io/a.*", "**see https://x.io/a.**"),
        ("*.py and *bold*", "*.py and **bold**"),
        ("*a _b* c_", "**a _b** c_"),
        ("snake_case_name 2*3*4 a/_b_/c", "snake_case_name 2*3*4 a/_b_/c"),
        ("__init__ **x** * a * ~ b", "__init__ **x** * a * ~ b"),
        ("https://x.io/_a_/*b*c", "https://x.io/_a_/*b*c"),
        ("*a\nb*", "*a\nb*"),
    ],
)
def test_emphasis_is_read_at_word_boundaries_only(slack: str, markdown: str) -> None:
    """A marker counts with a partner on its line, outside words, paths and addresses."""
    assert to_markdown(slack, names=NAMES) == markdown


@each(
    ("slack", "markdown"),
    [
        ("`a_b *c* &lt;d&gt;`", "`a_b *c* <d>`"),
        ("`<https://x.io|x.io>` `<@U1>`", "`x.io` `@Ada (U1)`"),
        ("`<https://x.io|docs>`", "`docs (https://x.io)`"),
        ("``a`b``", "``a`b``"),
        ("an ` alone, `` two", "an ` alone, `` two"),
        ("```a *b* &amp;```", "```\na *b* &\n```"),
        ("```\na\n  b\n```", "```\na\n  b\n```"),
        ("see ```a``` here", "see\n```\na\n```\nhere"),
        ("x\n\n```a```\n\ny", "x\n\n```\na\n```\n\ny"),
        ("```a`````", "```\na``\n```"),
        ("````a````", "```\n`a`\n```"),
        ("```open", "```open"),
    ],
)
def test_code_is_kept_verbatim(slack: str, markdown: str) -> None:
    """Nothing is converted in code; text that Slack wrapped there is shown as typed."""
    assert to_markdown(slack, names=NAMES) == markdown


def test_quotes_and_lists_stay_as_typed() -> None:
    """An agent reads them as people do, whatever marks they have."""
    assert to_markdown("&gt; a *b*\n• c\n    ◦ d\r\n1. e") == "> a **b**\n• c\n    ◦ d\n1. e"


@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs"], include_characters=".,#-()[]")))
def test_plain_text_stays_as_typed(typed: str) -> None:
    """No backslash is added to text that only might mean something in Markdown."""
    assert to_markdown(typed) == typed


@pytest.mark.parametrize(
    "hostile",
    [
        *("<" * 40_000, "*a" * 20_000, "`" * 40_000, "*" * 40_000, "*a " * 13_000),
        *("<a" * 20_000, "&gt;" * 10_000, "` `` " * 8_000, "```a" * 10_000, " " * 40_000),
        *("https://" * 5_000, ":a" * 20_000, "<a:" * 13_000, "<!date^|" * 5_000 + ">"),
        *('ATTACHMENT:"' * 3_000, "attachment " * 4_000, "@" * 40_000, "_*~" * 13_000),
        *("&" * 40_000, "\n" * 40_000, "• " * 20_000, "[" * 40_000, "*_" * 20_000 + "a"),
    ],
    ids=lambda hostile: repr(hostile[:12]),
)
def test_hostile_text_is_read_in_one_go(hostile: str) -> None:
    """No input of a message's size keeps the relay busy."""
    to_markdown(hostile)
    mentioned(hostile)
    assert len(quoted(hostile, limit=3000)) <= 3000
    assert len(excerpt(hostile, limit=100)) <= 100
