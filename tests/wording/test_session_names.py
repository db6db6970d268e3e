"""A session is shown by its title and its address, whatever Devin and people put into them."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from bot.model.sessions import NamedSession, SessionId
from bot.wording.forms import Choices, fields
from bot.wording.phrases import ADDRESS_LIMIT, TITLE_LIMIT, session_address, session_link
from tests.support.tables import each
from tests.wording.foreign import HOST, HUGE, URLS

ID = SessionId("devin-5e1ea5e0c0ffee00a11ce0000000d0c5")
PLACE = f"https://app.devin.ai/sessions/{ID[6:]}"
OWN = f"https://{HOST}/org/acme/sessions/{ID[6:]}"


def test_a_session_is_shown_by_its_title_with_a_short_id() -> None:
    """Titles are not unique, so the beginning of the id stands behind them."""
    named = NamedSession(ID, "Release notes", OWN)
    assert session_link(named) == f"<{OWN}|Release notes> (devin-5e1ea5e0)"


@each("here", [[], [NamedSession(ID)]])
def test_a_form_asks_for_a_link_or_an_id(here: list[NamedSession]) -> None:
    """Beside a menu or without one, in the words that the rest of the bot uses."""
    assert "aste a session link or ID" in str(fields(Choices(here, [], None)))


@each("title", ["", "  ", "\n", "\u200b", "\u202e\x00"])
def test_a_session_without_a_visible_title_is_shown_by_its_short_id(title: str) -> None:
    """A link without a label could not be seen."""
    assert session_link(NamedSession(ID, title, OWN)) == f"<{OWN}|devin-5e1ea5e0>"


@given(title=st.text() | HUGE, url=URLS)
@example(title="a|b<c>d\ne", url="")
@example(title="@here *bold* :tada: <!channel>", url="")
def test_a_title_is_inert(title: str, url: str) -> None:
    """It stays within its link, or before it, on one line, pings nobody, and is not formatted."""
    shown = session_link(NamedSession(ID, title, url))
    address, label, short = r"<(?P<address>[^<>|]+)", r"(?P<label>[^<>|]+)", "devin-5e1ea5e0"
    link = re.fullmatch(rf"{address}\|{label}>(?: \({short}\))?", shown)
    link = link or re.fullmatch(rf"{label} \({address}\|{short}>\)", shown)
    assert link is not None
    address, label = link["address"], link["label"]
    assert len(address) <= ADDRESS_LIMIT
    assert len(label) <= TITLE_LIMIT
    assert label.isprintable()
    assert not re.search(r"@(here|channel|everyone)\b|:\w+:|`|&(?!amp;|lt;|gt;)", label)
    assert not re.search(r"(?<![^\W_])[*_~]|[*_~](?![^\W_])", label)


def test_a_long_title_is_cut() -> None:
    """The id behind it stays."""
    link = session_link(NamedSession(ID, "x" * 61))
    assert link == f"<{PLACE}|{'x' * 59}…> (devin-5e1ea5e0)"


@each(
    "url",
    [
        OWN,
        PLACE,
        f"https://devin.acme.example:8443/sessions/{ID}?a=1&b=2#c",
        "https://DEVIN.ACME.EXAMPLE",
        f"https://{HOST}/" + "x" * (ADDRESS_LIMIT - len(HOST) - 9),
    ],
)
def test_the_address_that_devin_tells_is_used(url: str) -> None:
    """A dedicated deployment has a web app of its own, on any host."""
    assert session_address(NamedSession(ID, "", url)) == url


@each(
    "url",
    [
        "",
        OWN.replace("https", "http"),
        "javascript:alert(1)",
        "slack://open",
        f"//{HOST}/sessions",
        "https://",
        "https://localhost/sessions",
        "https://127.0.0.1/sessions",
        f"https://ada@{HOST}/sessions",
        f"https://{HOST}\\@evil.example/",
        f"https://{HOST}|Evil",
        f"https://{HOST}/>x<https://evil.example",
        f"https://{HOST}/`",
        f"https://{HOST}/a b",
        f"https://{HOST}/\n",
        f"{OWN}\n",
        f"https://{HOST}/\u202e",
        "https://acme.d\N{LATIN SMALL LETTER DOTLESS I}v.ai/sessions",
        f"https://{HOST}/" + "x" * ADDRESS_LIMIT,
        f"https://{HOST}/" + "&" * (ADDRESS_LIMIT // 2),
    ],
)
def test_an_address_that_is_no_web_page_is_replaced(url: str) -> None:
    """The usual web app then shows the session, or says that it is elsewhere."""
    assert session_address(NamedSession(ID, "", url)) == PLACE
