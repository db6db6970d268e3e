"""What changes in a channel's defaults is read from what people write."""

import pytest

from bot.features.defaults.changes import Changes, parse_changes
from bot.model.options import BadDefaults, Options


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("max:10", Changes(options=Options(max_acu=10), named=("max",))),
        ("max:none", Changes(named=("max",))),
        ("tags:None repo:none", Changes(named=("repo", "tag"))),
        ("!fast playbook:none", Changes(options=Options(mode="fast"), named=("mode", "playbook"))),
        ('words:"Be <@U1> &amp; kind"', Changes(preface="Be <@U1> &amp; kind", named=("words",))),
        (
            "words:“Be\n*kind*” max:1",
            Changes(options=Options(max_acu=1), preface="Be\n*kind*", named=("max", "words")),
        ),
        ("words:none", Changes(named=("words",))),
        ("", None),
        ("none", None),
        ("are fine", None),
        ("node:18", None),
        ("title", None),
    ],
)
def test_defaults_name_what_changes(text: str, changes: Changes | None) -> None:
    """Standing words are kept to the letter; what has no option is talk."""
    assert parse_changes(text) == changes


def test_what_follows_the_options_is_wrong() -> None:
    """Standing words have a key of their own."""
    with pytest.raises(BadDefaults):
        parse_changes("max:1 and more")
