"""Slack would accept the manifest, and it asks for no more than the relay needs."""

import re
from itertools import combinations
from pathlib import Path
from urllib.parse import unquote_plus

import pytest
import yaml
from pydantic import ValidationError

from bot.__main__ import OPTIONS
from bot.features.home.words import PROMPTS
from bot.slack.app.manifest import (
    CREATE,
    creation_link,
    lacking,
    manifest_yaml,
    options,
    required_scopes,
)
from tests.support.manifest_schema import Manifest
from tests.support.tables import each

ROOT = Path(__file__).parents[2]
SCOPE_OF_EVENT = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
}
OTHER_EVENTS = ["app_home_opened", "channel_id_changed", "channel_shared"]


ADDED = {
    "--act-as": ({"users:read.email"}, set()),
    "--agent": ({"assistant:write"}, {"agent_session_stopped"}),
    "--emoji": ({"reactions:read"}, {"reaction_added"}),
    "--org": (set(), {"team_access_granted", "team_access_revoked"}),
    "--workflow-steps": (set(), {"function_executed"}),
}
"""The scopes and the events that each option adds."""


def read(*wanted: str, url: str | None = None) -> Manifest:
    return Manifest.model_validate(yaml.safe_load(manifest_yaml(*wanted, url=url)))


def test_the_file_in_the_repository_is_the_one_for_socket_mode() -> None:
    """A person with only the repository pastes the recommended one, which is an agent's."""
    assert (ROOT / "manifest.yaml").read_text() == manifest_yaml("--agent")


@pytest.mark.parametrize("url", [None, "https://relay.example"])
@pytest.mark.parametrize("count", range(len(OPTIONS) + 1))
def test_slack_takes_every_form_of_it(url: str | None, count: int) -> None:
    """Keys, types and limits are those of Slack's first version, which needs no _metadata."""
    for wanted in combinations(OPTIONS, count):
        manifest = read(*wanted, url=url)
        assert manifest.features.bot_user
        assert manifest.features.bot_user.display_name == "Devin Relay"
        assert manifest.settings.interactivity
        assert manifest.settings.interactivity.is_enabled
        text = manifest_yaml(*wanted, url=url)
        assert not re.search(r"##|# only|\$", text), "a sign of the template's"


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_adds_only_what_it_needs(option: str) -> None:
    """Who reads the manifest sees why; a missing scope is told with its option."""
    plain, full = read(), read(option)
    scopes, events = ADDED[option]
    assert set(full.oauth_config.scopes.bot) - set(plain.oauth_config.scopes.bot) == scopes
    assert set(full.bot_events) - set(plain.bot_events) == events
    assert full.settings.org_deploy_enabled is (option in {"--org", "--workflow-steps"})
    assert bool(full.functions) is (option == "--workflow-steps")
    assert bool(full.features.agent_view) is (option == "--agent")
    for scope in scopes:
        why = required_scopes(option)[scope]
        assert lacking([scope]).startswith(f"{scope} (needed for {why}). Update ")
        assert lacking(["files:read"], [scope]).count(f"`devin-relay manifest {option}`") == 1


def test_each_option_of_the_template_is_one_of_the_command() -> None:
    """The command's help must not load the template."""
    assert set(options()) == set(OPTIONS) == set(ADDED)


def test_an_agent_s_prompts_are_those_that_the_relay_pins() -> None:
    """Slack shows the manifest's until the relay sets its own."""
    agent = read("--agent").features.agent_view
    assert agent
    assert [(one.title, one.message) for one in agent.suggested_prompts] == list(PROMPTS)


ADDRESS = "https://devin-relay.platform.example.com"


@pytest.mark.parametrize("url", [None, ADDRESS])
@pytest.mark.parametrize("wanted", [(), ("--agent",), ("--agent", "--org"), tuple(OPTIONS)])
def test_the_link_that_creates_the_app_holds_the_manifest(
    wanted: tuple[str, ...], url: str | None
) -> None:
    """It is shorter than what browsers and servers take; the getting-started page has the first."""
    link = creation_link(manifest_yaml(*wanted, url=url))
    assert len(link) < 8_000
    carried = yaml.safe_load(unquote_plus(link.removeprefix(CREATE)))
    assert carried == yaml.safe_load(manifest_yaml(*wanted, url=url))
    page = (ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")
    assert (link in page) is (url is None and wanted in {(), ("--agent",)})


def test_a_link_that_would_be_too_long_is_refused() -> None:
    """A server would cut it, or refuse it with a page of its own."""
    with pytest.raises(ValueError, match=r"--link would be \d+ characters long"):
        creation_link(manifest_yaml(*OPTIONS, url=f"https://{'relay.' * 40}example"))


def test_direct_messages_are_possible() -> None:
    """Slack lets nobody write to a bot whose messages tab is off or read-only."""
    home = read().features.app_home
    assert home
    assert home.home_tab_enabled
    assert home.messages_tab_enabled
    assert not home.messages_tab_read_only_enabled


def test_socket_mode_has_no_address() -> None:
    """No part of the relay has to be reachable."""
    assert read().settings.socket_mode_enabled
    assert "http" not in manifest_yaml()


@pytest.mark.parametrize(
    "url", ["https://relay.example", "https://relay.example/", "https://relay.example/slack/events"]
)
def test_http_mode_has_one_address_for_everything(url: str) -> None:
    """Events, buttons and the command all go to /slack/events."""
    manifest = read(url=url)
    assert not manifest.settings.socket_mode_enabled
    assert (
        re.findall(r"https?://[^\"\s]+", manifest_yaml(url=url))
        == ["https://relay.example/slack/events"] * 3
    )


@each("url", ["relay.example", "http://relay.example", "http://localhost", 'https://a"\nb: c', ""])
def test_an_address_that_slack_cannot_use_is_refused(url: str) -> None:
    """Slack uses TLS only, and nothing may enter the YAML beside the address."""
    with pytest.raises(ValueError, match=r"must start with https://|contains a space"):
        manifest_yaml(url=url)


def test_each_event_has_its_scope_and_each_scope_its_reason() -> None:
    """There is one scope for each event; each other one has a use in the relay."""
    manifest = read()
    assert manifest.bot_events == [*SCOPE_OF_EVENT, *OTHER_EVENTS]
    assert manifest.oauth_config.scopes.bot == list(required_scopes())
    others = {
        "files:read",
        "files:write",
        "channels:read",
        "groups:read",
        "usergroups:read",
        "users:read",
    }
    others |= {"chat:write", "commands", "reactions:write"}
    assert set(required_scopes()) == others | set(SCOPE_OF_EVENT.values())
    full = manifest_yaml(*OPTIONS)
    for one in [*required_scopes(*OPTIONS), *read(*OPTIONS).bot_events]:
        assert re.search(rf"^      - {one} # \S", full, re.MULTILINE), one


def test_the_command_comes_with_ids() -> None:
    """Without escaping, a typed @name could not be told from an id."""
    (command,) = read().features.slash_commands
    assert command.command == "/devin-say"
    assert command.usage_hint == "[session or new] [message]"
    assert command.should_escape


def test_the_shortcuts_are_of_messages_and_one_is_global() -> None:
    """Slack offers them in each message's menu, including in threads, where it has no commands."""
    shortcuts = read().features.shortcuts
    assert {one.name: (one.type, one.callback_id) for one in shortcuts} == {
        "Send to Devin": ("message", "send_to_devin"),
        "Link to a Devin session": ("message", "link_session"),
        "Start a Devin session": ("global", "start_session"),
    }


def test_workflow_steps_come_only_when_asked_for() -> None:
    """They need a paid plan, and Slack refuses the manifest without one."""
    assert not read().functions
    steps = read("--workflow-steps")
    assert "function_executed" in steps.bot_events
    send, link = steps.functions["send_message"], steps.functions["link_thread"]
    assert {name: one.is_required for name, one in send.input_parameters.items()} == {
        "session": True,
        "message": True,
        "channel": False,
        "thread_ts": False,
        "user": False,
    }
    assert list(send.output_parameters) == ["outcome", "detail", "thread"]
    assert list(link.input_parameters) == ["session", "channel", "thread_ts", "user"]
    start = steps.functions["start_session"]
    assert {name: one.is_required for name, one in start.input_parameters.items()} == {
        "prompt": True,
        "channel": True,
        "user": False,
        "repository": False,
        "mode": False,
        "playbook": False,
        "max_acus": False,
        "tags": False,
    }
    assert list(start.output_parameters) == ["outcome", "session", "url", "thread"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("_metadata", {}),
        ("settings.unknown", True),
        ("settings.socket_mode_enabled", "true"),
        ("settings.socket_mode_enabled", False),
        ("display_information.name", "x" * 36),
        ("features.agent_view", {"agent_description": "without its scope"}),
        ("features.slash_commands", [{"command": "devin-say", "description": "no slash"}]),
        ("functions", {"f": {"title": "no parameters", "description": "d"}}),
    ],
)
def test_what_slack_would_refuse_is_refused_here(path: str, value: object) -> None:
    """The schema that the other tests rely on detects errors."""
    manifest = yaml.safe_load(manifest_yaml())
    *parents, last = path.split(".")
    part = manifest
    for name in parents:
        part = part[name]
    part[last] = value
    with pytest.raises(ValidationError):
        Manifest.model_validate(manifest)


def test_the_procfile_starts_both_commands() -> None:
    """Slack and delivery run in one process, and more delivery beside it."""
    assert (
        ROOT / "Procfile"
    ).read_text() == "web: python -m bot run\nworker: python -m bot worker\n"
