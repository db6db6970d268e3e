"""No label of a link looks like another address than the one that it leads to."""

from hypothesis import given
from hypothesis import strategies as st

from bot.text.devin_markdown import inert
from bot.text.to_slack import misleads, seen
from tests.support.tables import each

EVIL = "https://evil.example/x"
NAME = "accounts.google.com"
_IGNORABLE = [
    *("\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u3164\ufeff\uffa0"),
    *(chr(one) for first, last in [
        (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0xFE00, 0xFE0F), (0xFFF0, 0xFFF8),
        (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    ] for one in range(first, last + 1)),
]  # fmt: skip
"""Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt)."""

_HARDLY_SEEN = st.characters(categories=["Cf", "Mn", "Me"])
_THIN = [chr(one) for one in (*range(0x2000, 0x200B), 0xA0, 0x202F, 0x205F, 0x2800)]
_LIKE_A_DOT = list(".。．｡․‧∙·・⸱⸳ꓸ꘎٠۔۰܁܂᛫⋅ꞏᐧ𐄁𐤟𐩐𝅭⸼﮳ㆍ•")  # noqa: RUF001
"""Confusables of the full stop and of the middle dot (unicode.org/Public/security)."""

nothing = st.text(st.sampled_from(_IGNORABLE) | _HARDLY_SEEN, max_size=2)
gap = st.text(st.sampled_from(_IGNORABLE + _THIN), max_size=2)


@st.composite
def disguised(draw: st.DrawFn) -> str:
    """Draw what a reader takes for an address of Google's."""
    name = NAME.upper() if draw(st.booleans()) else NAME
    label = ""
    for sign in name:
        if sign == ".":
            label += draw(gap) + draw(st.sampled_from(_LIKE_A_DOT)) + draw(gap)
        else:
            label += sign + draw(nothing)
    before = draw(st.sampled_from(["", "Log in: ", "https://", "http:/"]))
    return before + label + draw(st.sampled_from(["", "/login", " now"]))


@given(disguised())
def test_a_label_that_a_reader_takes_for_another_address_misleads(label: str) -> None:
    """What is not seen in it, and what looks like a dot, changes nothing."""
    assert misleads(label, EVIL)


@given(disguised())
def test_a_disguised_link_of_devin_s_shows_where_it_leads(label: str) -> None:
    """It is written as the address alone."""
    shown = inert(f"[{label}]({EVIL})")
    assert f"<{EVIL}>" in shown
    assert "[" not in shown


@each(
    "label",
    [
        "https:\ufe0f//accounts.\ufe0fgoogle.\ufe0fcom/login",
        "accounts.\U0001d173google.com",
        "google .com",
        "google. com",
        "https\u2236//intranet/x",
        "main.tf",
        "Main.java",
    ],
)
def test_these_labels_mislead(label: str) -> None:
    """Each looks like an address, or is one."""
    assert misleads(label, EVIL)


@each(
    ("label", "address"),
    [
        ("Read the docs. Then go on", EVIL),
        ("e.g. this, v1.2.3", EVIL),
        ("evil.example", EVIL),
        ("main.tf", "https://github.com/a/b/blob/main/main.tf"),
        ("हिन्दी में पढ़ें", EVIL),
    ],
)
def test_these_labels_do_not(label: str, address: str) -> None:
    """Ordinary words, the address's own host, and the file that it leads to."""
    assert not misleads(label, address)


@each("text", ["❤️‍🔥 ✔️ 1️⃣ #️⃣ ☎︎ 👨‍👩‍👧", "می‌خواهم", "क्‍ष"])
def test_emoji_and_scripts_keep_what_they_need(text: str) -> None:
    """Joiners and selectors stay behind a character that takes them."""
    assert seen(text) == text


@given(st.text(st.one_of(st.sampled_from(_IGNORABLE), st.sampled_from("aé1❤.\u20e3"))))
def test_what_has_no_look_goes_at_once(text: str) -> None:
    """A second pass finds nothing more, and no such character stands behind an ASCII letter."""
    shown = seen(text)
    assert seen(shown) == shown
    assert not any(f"a{one}" in shown for one in _IGNORABLE)
