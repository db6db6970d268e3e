from hypothesis import given

from bot.text.devin_markdown import inert
from sandbox.slack.world.live import live_markdown
from tests.text.hostile import markdown


@given(markdown())
def test_no_markdown_of_devins_is_live(text: str) -> None:
    """Mentions, user groups, broadcasts and disguised links are text, however they are written."""
    assert live_markdown(inert(text)) == []


@given(markdown())
def test_making_inert_twice_changes_nothing(text: str) -> None:
    """Parts of an inert message can be made inert again without a second joiner."""
    assert inert(inert(text)) == inert(text)
