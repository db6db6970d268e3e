"""The command line and Devin's keys: each generation, and an organization that is not there."""

from pathlib import Path

import pytest

from bot.model.replies import OutcomeKind, Refusal
from sandbox import Sandbox
from sandbox.devin.answers import Api
from tests.support.desk import Desk
from tests.support.processes import bot_process, command
from tests.support.told import report

Environ = dict[str, str]
FOREIGN = "org-00000000000000000000000000000bad"


def devin_lines(out: str) -> list[str]:
    return [line for line in out.splitlines() if line[2:].startswith("Devin")]


async def test_doctor_proves_what_reading_can_prove(
    environ: Environ, box: Sandbox, desk: Desk, tmp_path: Path
) -> None:
    """The key, the organization and the reading of sessions and lists; the rest is named."""
    code, out, err = await command(environ, tmp_path, "doctor")
    assert (code, err) == (0, "")
    key, organization, sessions, *lists = devin_lines(out)
    assert key.startswith("✓ Devin API key: accepted, for API v3, as ")
    assert organization == f"✓ Devin organization: {box.devin.org_id}, the key's own"
    assert "ViewOrgSessions" in sessions
    assert "Not tested: ManageOrgSessions" in sessions
    assert lists == [
        "✓ Devin playbooks: can be read (ManageAccountPlaybooks)",
        "✓ Devin repositories: can be read (Read)",
        "✓ Devin reviews: can be read (UseReviewManual)",
    ]
    assert box.devin.reviews.all == []
    assert box.devin.requests == []
    assert desk.received() == []


@pytest.mark.parametrize("api", ["v1"])
async def test_doctor_tests_a_key_of_version_1_by_a_read(
    environ: Environ, box: Sandbox, desk: Desk, tmp_path: Path, api: Api
) -> None:
    """It reaches no session; where there is nothing to read, the address is wrong."""
    code, out, _ = await command(environ, tmp_path, "doctor")
    assert code == 0
    assert devin_lines(out) == [
        "✓ Devin API key: accepted, for API v1",
        "✓ Devin playbooks: can be read (ManageAccountPlaybooks)",
    ]
    wrong = {"DEVIN_API_URL": box.devin.url + "/v3"}
    code, out, _ = await command(environ | wrong, tmp_path, "doctor")
    assert code == 1
    (line,) = devin_lines(out)
    assert "no usable answer from Devin (HTTP 404)" in line
    assert box.devin.requests == []
    assert desk.received() == []


WRONG = [
    ({"DEVIN_API_KEY": "cog_wrong"}, "rejected DEVIN_API_KEY (401)"),
    ({"DEVIN_API_KEY": "cog_wrong", "DEVIN_ORG_ID": FOREIGN}, "rejected DEVIN_API_KEY (401)"),
    ({"DEVIN_API_KEY": "apk_user_wrong"}, "rejected DEVIN_API_KEY (401)"),
    ({"DEVIN_ORG_ID": FOREIGN}, f"DEVIN_ORG_ID is {FOREIGN}, but DEVIN_API_KEY belongs to org-"),
    ({"DEVIN_API_URL": "http://127.0.0.1:1"}, "no usable answer from Devin (connection refused)"),
]


@pytest.mark.parametrize(("changes", "says"), WRONG)
async def test_doctor_says_what_is_wrong_with_devin(
    environ: Environ, tmp_path: Path, changes: Environ, says: str
) -> None:
    """It exits with 1, in one line that is bad, and shows no key."""
    code, out, err = await command(environ | changes, tmp_path, "doctor")
    assert (code, err) == (1, "")
    (line,) = [line for line in devin_lines(out) if line.startswith("✗")]
    assert says in line
    assert "wrong" not in out


async def test_doctor_names_each_permission_that_people_can_do_without(
    environ: Environ, box: Sandbox, tmp_path: Path
) -> None:
    """Without those for menus, they type, and without the other, they are told; so all is well."""
    permissions = {"Read", "ManageAccountPlaybooks", "UseReviewManual"}
    box.devin.permissions -= permissions
    code, out, _ = await command(environ, tmp_path, "doctor")
    assert code == 0
    assert "✓ Devin repositories: can't be read (HTTP 403), so people type them into" in out
    for permission in permissions:
        assert f"give the key's service user a role with {permission}." in out


@pytest.mark.parametrize("status", [422, 503])
async def test_doctor_does_not_take_another_failure_for_a_permission(
    environ: Environ, box: Sandbox, tmp_path: Path, status: int
) -> None:
    """No role has to be changed, then."""
    box.devin.read_failures["reviews"].append(status)
    code, out, _ = await command(environ, tmp_path, "doctor")
    assert code == 0
    assert f"✓ Devin reviews: can't be read (HTTP {status})\n" in out
    assert "UseReviewManual" not in out


async def test_doctor_tests_what_act_as_needs(
    environ: Environ, box: Sandbox, tmp_path: Path
) -> None:
    """The scope, and the reading of members; to write as one, it says, is not tested."""
    environ |= {"ACT_AS": "known"}
    box.devin.permissions.discard("ViewOrgMembership")
    code, out, _ = await command(environ, tmp_path, "doctor")
    assert code == 1
    assert "✗ Slack scopes: missing users:read.email (needed for " in out
    assert "--act-as" in out.partition("`devin-relay manifest")[2].partition("`")[0]
    assert "✗ Devin members: can't be looked up (HTTP 403)" in out
    box.slack.scopes = [*box.slack.scopes, "users:read.email"]
    box.devin.permissions.add("ViewOrgMembership")
    code, out, _ = await command(environ, tmp_path, "doctor")
    assert code == 0
    assert "✓ Devin members: can be looked up (ViewOrgMembership). Not tested: Impers" in out


@pytest.mark.parametrize("name", ["run", "doctor"])
async def test_a_key_of_a_whole_enterprise_needs_an_organization(
    environ: Environ, box: Sandbox, tmp_path: Path, name: str
) -> None:
    """The sentence says where to find it; with it, all is well."""
    box.devin.self_org = None
    code, out, err = await command(environ, tmp_path, name)
    assert code == 1
    for part in ("DEVIN_ORG_ID is missing", "Service users", "org-"):
        assert part in out + err
    code, out, _ = await command(environ | {"DEVIN_ORG_ID": box.devin.org_id}, tmp_path, "doctor")
    assert code == 0


async def test_a_rejected_key_is_told_in_the_log_and_in_the_thread(
    environ: Environ, box: Sandbox, desk: Desk, tmp_path: Path
) -> None:
    """The relay goes on, so that people learn why Devin is silent; the key is never shown."""
    async with bot_process(environ | {"DEVIN_API_KEY": "cog_wrong"}, tmp_path, "run") as process:
        await box.slack.wait_connected()
        thread = await desk.linked_thread()
        await desk.reply("Please rebase", thread)
        words = report(OutcomeKind.REFUSED, "Please rebase", refusal=Refusal.KEY_REJECTED)
        await desk.until_said(words, thread)
        assert await process.stop() == 0
    assert "rejected DEVIN_API_KEY (401)" in process.err
    assert "cog_wrong" not in process.err


async def test_a_devin_that_is_away_keeps_nobody_from_listening(
    environ: Environ, box: Sandbox, desk: Desk, tmp_path: Path
) -> None:
    """Replies are accepted, and sent once Devin tells the organization."""
    await box.devin.go_offline()
    async with bot_process(environ, tmp_path, "run") as process:
        await box.slack.wait_connected()
        thread = await desk.linked_thread()
        reply = await desk.reply("Please rebase", thread)
        await desk.until_heard()
        await box.devin.go_online()
        await desk.until_delivered(reply)
        assert await process.stop() == 0
