"""Markdown that tries to ping people and to hide where links lead, and plain Markdown."""

from hypothesis import strategies as st

ATTACKS = (
    "<!here>",
    "<!channel>",
    "<!everyone|all>",
    "<@U0123ABCD>",
    "<@W1|you>",
    "<#C0123|general>",
    "<!subteam^S012|@devs>",
    "<!date^1|{date}|x>",
    "@here",
    "@channel",
    "@everyone",
    "@ada",
    "x@channel",
    "&lt;!channel&gt;",
    "&#60;!here>",
    "&#x3c;@U1&#62;",
    "&amp;lt;!here&amp;gt;",
    "&lt!here>",
    "&#x40;here",
    "&commat;channel",
    "\\<!here>",
    "\\@here",
    "<\\!here>",
    "@*here*",
    "<*!here*>",
    "[good.com](https://evil.com)",
    "[https://good.com/a](https://evil.com/a)",
    "[**good**.com](https://evil.com)",
    "[`good.com`](https://evil.com)",
    "[go\u200bod.com](https://evil.com)",
    "[g\u043e\u043ed.com](https://evil.com)",
    "[good\u3002com](https://evil.com)",
    "[good\u2024com](https://evil.com)",
    "[good&period;com](https://evil.com)",
    "[www.good.com/login now](//evil.com)",
    "[//good.com](https://evil.com)",
    "[a@good.com](https://evil.com)",
    "[good.com][1]\n\n[1]: https://evil.com 'title'",
    "[see](javascript:alert(1))",
    "[see](slack://open)",
    "[see](data:text/html,x)",
    "[see](mailto:a@b.com)",
    "[see](https://good.com@evil.com)",
    "[see](https://good.com\\@evil.com)",
    "[see](https://%67ood.com)",
    "[see](<https://evil.com/|<!here>>)",
    "[<!here>](https://x.io/a)",
    "[@here](https://x.io/@channel)",
    "![good.com](https://evil.com/a.png)",
    "![<!here>](https://x.io/a.png)",
    "[![good.com](https://a.io/b.png)](https://evil.com)",
    "<https://evil.com|good.com>",
    "<https://good.com@evil.com>",
    "<mailto:a@b.com>",
    "<javascript:alert(1)>",
    "https://good.com@evil.com/a",
    "https://good.com\\@evil.com",
    "https://good.com&#64;evil.com",
    "https://g\u043e\u043ed.com",
    "<b>bold</b>",
    "<a href='https://evil.com'>good.com</a>",
    "<div>\n<!here>\n</div>",
    "<!-- <!here> -->",
    "<![CDATA[<!here>]]>",
    "| <!here> | @here |\n|---|---|\n| `a\\|b` | [good.com](https://evil.com) |",
)

SLY = (
    "<\u200b!here>",
    "@\u200bhere",
    "[INFO]: <!here>",
    "[see](java\tscript:alert(1))",
    '[x](https://x.io "<!here>")',
    "!\u200b[x](https://x.io)",
    "[good.com]\u200b(https://evil.com)",
    "https://medium.com/@here",
    "`<!here>`",
    "``<!here>` ``",
    "```\n<!here>\n```",
    "~~~<!here>\n@here\n~~~",
    "    <!here>\n",
    "\u202ehere\u202c",
    "\x00\x07\ud800",
)
"""What is not live as it stands, but looks it or could become it."""

_PIECES = (
    *"*_~`[]()<>!@#&|\\-+=:;.>\"' \t\n1aé",
    *("**", "~~", "```", "~~~", "\n\n", "\n    ", "\n- ", "\n1. ", "\n> ", "\n# ", "\n---\n"),
    *("\n| a | b |\n|---|---|\n", "](", "](https://", "![", "[1]: ", "https://", "here", "&lt;"),
    *("  \n", "\\\n", "\u200b", "\u2060", "\u202e", "\xa0", "\u2028", "\x0b", "word", "good.com"),
)


def markdown(*, most: int = 12) -> st.SearchStrategy[str]:
    """Return Markdown of attacks, pieces of Markdown's grammar and any text, in any order."""
    piece = st.sampled_from(ATTACKS + SLY) | st.sampled_from(_PIECES) | st.text(max_size=4)
    return st.lists(piece, max_size=most).map("".join)


def words(text: str) -> str:
    """Return the letters and digits of Markdown, one after the other."""
    return "".join(char for char in text if char.isalnum())
