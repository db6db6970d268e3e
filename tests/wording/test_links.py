"""Links to foreign addresses say where they lead."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.sessions import NamedSession, SessionId
from bot.text.devin_markdown import harmless_name
from bot.text.to_slack import misleads
from bot.wording.phrases import TITLE_LIMIT, pull_request_link, session_link, web_link

EVIL = "https://evil.example/x"


@pytest.mark.parametrize(
    ("address", "label"),
    [
        ("https://github.com/acme/app/pull/42", "acme/app#42"),
        ("https://gitlab.com/acme/app/-/merge_requests/42", "acme/app#42"),
        ("https://bitbucket.org/acme/app/pull-requests/42", "acme/app#42"),
        ("https://git.acme.example/acme/app/pull/42", "acme/app#42 (git.acme.example)"),
        ("https://evil.example/accounts.google.com/x/pull/42", None),
        ("https://evil.example/other", None),
    ],
)
def test_a_pull_request_is_named_with_its_host_unless_that_is_well_known(
    address: str, label: str | None
) -> None:
    """Its repository and number may stand at any host."""
    assert pull_request_link(address) == f"<{address}|{label or address}>"


def test_a_file_is_named_unless_its_name_looks_like_an_address() -> None:
    """Any host may serve a file of any name."""
    assert web_link(EVIL, "report.pdf") == f"<{EVIL}|report.pdf>"
    assert web_link(EVIL, "accounts.google.com") == f"<{EVIL}|{EVIL}>"


def test_a_long_host_shows_its_end() -> None:
    """Its beginning can be chosen by anybody."""
    address = f"https://accounts.google.com.{'a' * 60}.evil.example/x"
    assert web_link(address, address).endswith(".evil.example>")


def test_a_title_that_looks_like_an_address_is_no_label() -> None:
    """The short ID behind it is the link."""
    named = NamedSession(SessionId("devin-0123456789"), "Log in at accounts.google.com")
    link = session_link(named)
    assert link.startswith("Log in at accounts.google.com (<https://app.devin.ai/")
    assert link.endswith("|devin-01234567>)")


@given(st.text(max_size=80), st.sampled_from([EVIL, f"https://{'a.' * 40}example/x"]))
def test_no_label_looks_like_another_address(name: str, address: str) -> None:
    """Whatever Devin calls a file."""
    link = web_link(address, harmless_name(name))
    found = re.fullmatch(r"<([^|]*)\|([^|>]*)>", link)
    assert found is not None
    assert len(found[2]) <= TITLE_LIMIT
    label = found[2].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    assert label.startswith("…") or label == address or not misleads(label, address)
