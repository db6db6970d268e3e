"""A channel's rules, and how they are written: `tag:oncall repo:acme/api origin:automation`."""

from collections.abc import Sequence

from bot.model.options import BadDefaults, Line, Profile, quoted
from bot.model.people import UserId
from bot.model.record import Record, mappings
from bot.text.options import Reading

PART = "rules"
"""The name of the part of a channel's profile that has them."""

KEYS = ("tag", "repo", "origin")

MOST_RULES = 10
"""The most rules of a channel: each is a read of Devin's list a minute."""


class Rule(Record):
    """A rule that `by` has set: sessions since then that fit it get a thread in a channel.

    They have `value` as their `key`, which is one of `KEYS`. `since` is in Unix seconds, by Slack's
    clock.
    """

    key: str
    value: Line
    by: UserId = UserId("")
    since: int = 0

    @property
    def written(self) -> str:
        """The rule as it is written."""
        return f"{self.key}:{quoted(self.value)}"


def rules_of(profile: Profile) -> Sequence[Rule]:
    """Return the rules of a channel, by its profile."""
    return [Rule.model_validate(one) for one in mappings(profile.part(PART))]


def with_rules(profile: Profile, added: Sequence[Rule]) -> Sequence[Rule]:
    """Return a channel's rules with `added`, unless it has the same; without any, they end."""
    each = {one.written: one for one in (*added, *rules_of(profile))}
    return list(each.values()) if added else ()


def parse_rules(text: str) -> Sequence[Rule] | None:
    """Return the rules that the argument of `adopt` has, None if none; raises `BadDefaults`."""
    reading = Reading(text, KEYS)
    rest = reading.run().strip()
    if rest or not (reading.found or reading.problems) or not reading.found.keys() <= {*KEYS}:
        return None
    if reading.problems:
        raise BadDefaults(reading.problems)
    pairs = ((key, value) for key, values in reading.found.items() for value in values)
    return [Rule(key=key, value=value) for key, value in dict.fromkeys(pairs)]
