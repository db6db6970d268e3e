"""A record that another release wrote is read, as far as it can be."""

from bot.model.threads import Link


def test_a_link_is_read_without_the_fields_of_later_releases() -> None:
    """It may have been written by an older process, so each field that came later has a default."""
    link = Link.model_validate_json(
        '{"session": "devin-1", "by": "U0ADA", "linked_at": 1764000000}'
    )
    assert not link.muted
