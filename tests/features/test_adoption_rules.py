"""What can be a rule, and what a channel's profile keeps of it."""

import json

import pytest

from bot.features.adoption.rules import PART, Rule, parse_rules, rules_of, with_rules
from bot.model.options import ORIGINS, BadDefaults, OptionFlaw, Profile
from bot.model.people import UserId
from bot.wording.lifecycle.options import problem as said_of

F = OptionFlaw


def test_an_origin_is_one_that_devin_has() -> None:
    """In any case; it answers a list of another one with an error."""
    assert parse_rules("origin:Automation") == [Rule(key="origin", value="automation")]
    with pytest.raises(BadDefaults) as caught:
        parse_rules("tag:x origin:github")
    assert [(one.flaw, one.key, one.value) for one in caught.value.problems] == [
        (F.WRONG, "origin", "github")
    ]
    (problem,) = caught.value.problems
    assert all(f"`{one}`" in said_of(problem) for one in ORIGINS)


def test_rules_are_kept_as_they_were_in_the_profile_of_the_last_release() -> None:
    """Whose processes read and write them beside this one's, during an upgrade."""
    kept = '{"rules":[{"key":"tag","value":"oncall","by":"U0ADA00000","since":1764000000}]}'
    profile = Profile.model_validate_json(kept)
    rule = Rule(key="tag", value="oncall", by=UserId("U0ADA00000"), since=1_764_000_000)
    assert rules_of(profile) == [rule]
    assert json.loads(profile.to_json())[PART] == json.loads(kept)["rules"]
    later = rule.model_copy(update={"since": 1_764_000_001})
    other = Rule(key="repo", value="acme/api")
    assert with_rules(profile, [later, other]) == [rule, other]
    assert Profile.model_validate({PART: [*with_rules(profile, [])]}).is_empty
