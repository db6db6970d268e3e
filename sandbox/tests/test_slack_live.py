"""The oracle of what Slack makes live, which the tests of posted text rely on."""

from typing import Any

from sandbox.slack.world.live import live
from tests.support.tables import each


def _mrkdwn(text: str, **more: object) -> dict[str, Any]:
    return {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text, **more}}]}


def _rich(*elements: dict[str, Any]) -> dict[str, Any]:
    section = {"type": "rich_text_section", "elements": list(elements)}
    return {"blocks": [{"type": "rich_text", "elements": [section]}]}


def _markdown(text: str) -> dict[str, Any]:
    return {"blocks": [{"type": "markdown", "text": text}]}


@each(
    "arguments",
    [
        {"text": "<!here>"},
        {"text": "`@here`"},
        {"text": "<https://a.io/@here|@here>"},
        {"text": "a@here"},
        {"text": "<https://evil.com|good.com>"},
        {"text": "https://good.com@evil.com"},
        {"files": [{"title": "<@U1>"}]},
        {"filename": "@channel.txt"},
        {"initial_comment": "<!subteam^S1>"},
        _mrkdwn("<#C1|general>"),
        _mrkdwn("`@everyone`"),
        _mrkdwn("<!here>", verbatim=True),
        _rich({"type": "user", "user_id": "U1"}),
        _rich({"type": "usergroup", "usergroup_id": "S1"}),
        _rich({"type": "broadcast", "range": "here"}),
        _rich({"type": "link", "url": "https://evil.com", "text": "good.com"}),
        _rich({"type": "link", "url": "slack://open"}),
        _markdown("<!here>"),
        _markdown("&lt;!here&gt;"),
        _markdown("- > **<@U1>**"),
        _markdown("| [good.com](https://evil.com) |\n|---|"),
        _markdown("[x](javascript:alert(1))"),
    ],
)
def test_what_slack_acts_on_is_found(arguments: dict[str, Any]) -> None:
    """Mentions of every kind and links that mislead, in each argument that carries text."""
    assert len(live(arguments)) >= 1


@each(
    "arguments",
    [
        {},
        {"text": "&lt;!here&gt; a@b.com https://a.io/b <https://a.io|see>"},
        {"text": "@\u2060here"},
        {"text": "help@here.com <https://a.io/@channel|see>"},
        _mrkdwn("@here", verbatim=True),
        {"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "@here <!here>"}}]},
        _rich({"type": "text", "text": "<!here> @here"}),
        _rich({"type": "link", "url": "https://a.io/b", "text": "a.io"}),
        _markdown("`<!here>` ``<@U1>``\n\n```\n<!channel> [good.com](https://evil.com)\n```"),
        _markdown("<\u2060!here> @\u2060here [a.io](https://a.io/b) <https://a.io>"),
    ],
)
def test_what_slack_shows_as_text_is_not(arguments: dict[str, Any]) -> None:
    """Code in a `markdown` block, escaped text, plain text and honest links are no findings."""
    assert live(arguments) == []
