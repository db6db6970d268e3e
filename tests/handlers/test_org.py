"""What Slack sends for an org-wide installation is ours, from whichever workspace it comes.

The samples follow those of slackapi/bolt-python (`test_events_org_apps.py`, `test_internals.py`)
and slack-go (`slash_test.go`).
"""

from dataclasses import replace

from handlers.parse.interactions import (
    is_of,
    parse_press,
    parse_say,
    parse_submission,
    send_again_of,
)
from handlers.parse.messages import parse_reply
from tests.support.builders import ENTERPRISE, JSON, ORG, OURS, TEAM, sample, sample_event
from tests.support.tables import each

ON_GRID = replace(OURS, enterprise=ENTERPRISE)
OTHER, OTHERS = "T0OTHER000", "E0OTHER000"


def test_the_samples_of_an_organization_are_read() -> None:
    """Their threads are the organization's, and so are the values of their buttons."""
    reply = parse_reply(sample_event("org_message"), ORG)
    assert reply is not None
    assert reply.thread.team == ENTERPRISE
    press = parse_press(sample("org_block_actions"), ORG)
    assert press is not None
    assert (press.thread.team, press.by) == (ENTERPRISE, "U123ABC456")
    assert send_again_of(press)
    form = parse_submission(sample("org_view_submission"), ORG)
    assert form is not None
    assert form.number == "shhh-its-secret"
    say = parse_say(sample("org_slash_command"), ORG)
    assert say is not None
    assert say.text == "94070"


def here(**named: object) -> JSON:
    """Return what an interaction names."""
    return {"user": {"id": "U1"}, **named}


E, OUTSIDE = {"id": ENTERPRISE, "name": "Example Org"}, {"id": OTHERS, "name": "Else"}
IN_MODAL = {"team_id": OTHER, "app_installed_team_id": TEAM}

NAMED: list[tuple[JSON, str]] = [
    (here(team=None, enterprise=E, is_enterprise_install=True), "org grid"),
    (here(team={"id": OTHER}, enterprise=E), "org grid"),
    (here(team={"id": OTHER, "enterprise_id": ENTERPRISE}), "org grid"),
    (here(team={"id": ENTERPRISE}), "org grid"),
    (here(team={"id": TEAM}, enterprise=E), "org grid workspace"),
    (here(team={"id": TEAM}, enterprise=None), "grid workspace"),
    (here(team={"id": TEAM}), "grid workspace"),
    (here(team_id=OTHER, enterprise_id=ENTERPRISE, is_enterprise_install="true"), "org grid"),
    (here(team=None, view={"team_id": OTHER, "app_installed_team_id": ENTERPRISE}), "org grid"),
    (here(team=None, user={"id": "U1", "enterprise_id": ENTERPRISE}), "org grid"),
    (here(team=None, enterprise=E, user={"id": "U1", "enterprise_id": OTHERS}), "org grid"),
    (here(team=None, enterprise=OUTSIDE), ""),
    (here(team={"id": OTHER}, enterprise=OUTSIDE), ""),
    (here(team={"id": OTHER, "enterprise_id": OTHERS}, enterprise=E), ""),
    (here(team={"id": OTHER}), ""),
    (here(team={"id": OTHER}, is_enterprise_install=True), ""),
    (here(team=None, enterprise=None, is_enterprise_install=True), "org"),
    (here(team_id=OTHER, is_enterprise_install="true"), "org"),
    (here(team_id=OTHER, is_enterprise_install="false"), ""),
    (here(team=None, enterprise=OUTSIDE, is_enterprise_install=True), ""),
    (here(team=None, view={"team_id": OTHER, "app_installed_team_id": OTHERS}), ""),
    (here(team={"id": OTHER}, enterprise=None, view=IN_MODAL), "grid workspace"),
    (here(team={"id": OTHER}, enterprise=OUTSIDE, view=IN_MODAL), "grid workspace"),
    (here(team={"id": TEAM}, enterprise=E, view={"app_installed_team_id": OTHER}), "org grid"),
    (here(team={"id": OTHER}, view={"team_id": TEAM, "app_installed_team_id": None}), ""),
    (here(team=None), ""),
    (here(team=[], enterprise="E1", view=None, user=None), ""),
]
"""What an interaction names, and for which installations it is ours."""


@each(("named", "ours"), NAMED)
def test_an_interaction_is_of_our_installation_or_ignored(named: JSON, ours: str) -> None:
    """Never of another organization, nor of a stranger's workspace alone."""
    installations = {"org": ORG, "grid": ON_GRID, "workspace": OURS}
    assert [name for name, one in installations.items() if is_of(named, one)] == ours.split()
