"""Slack's schema of an app manifest, version 1: keys and limits, as far as a Bolt app needs them.

Written from the documentation (docs.slack.dev/reference/app-manifest) and the limits that Slack's
public schema states (slackapi/manifest-schema at c50cfa8, schemas/manifest.schema.1.0.0.json, which
all 64 forms of the manifest satisfy). Unknown keys are refused, as Slack refuses them.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Url = Annotated[str, StringConstraints(pattern=r"^https?://", max_length=3000)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=50)]


class Part(BaseModel):
    """A mapping of the manifest, without unknown keys or values of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class DisplayInformation(Part):
    """`display_information`."""

    name: str = Field(min_length=1, max_length=35)
    description: str | None = Field(None, min_length=1, max_length=140)
    long_description: str | None = Field(None, min_length=175, max_length=4000)
    background_color: str | None = Field(None, pattern=r"^#[0-9a-fA-F]{3}([0-9a-fA-F]{3})?$")


class BotUser(Part):
    """`features.bot_user`."""

    display_name: str = Field(min_length=1, max_length=80)
    always_online: bool = False


class AppHome(Part):
    """`features.app_home`."""

    home_tab_enabled: bool = False
    messages_tab_enabled: bool = True
    messages_tab_read_only_enabled: bool = True


class Prompt(Part):
    """An item of `features.agent_view.suggested_prompts`."""

    title: str
    message: str


class AgentView(Part):
    """`features.agent_view`."""

    agent_description: str | None = Field(None, max_length=300)
    suggested_prompts: list[Prompt] = Field([], max_length=4)


class SlashCommand(Part):
    """An item of `features.slash_commands`."""

    command: str = Field(pattern=r"^/[a-z0-9_-]+$", max_length=32)
    url: Url | None = None
    description: str = Field(min_length=1, max_length=2000)
    usage_hint: str | None = Field(None, min_length=1, max_length=1000)
    should_escape: bool = False


class Shortcut(Part):
    """An item of `features.shortcuts`."""

    name: str = Field(min_length=1, max_length=24)
    type: Literal["message", "global"]
    callback_id: str = Field(min_length=1, max_length=255)
    description: str = Field(min_length=1, max_length=150)


class Features(Part):
    """`features`."""

    bot_user: BotUser | None = None
    app_home: AppHome | None = None
    agent_view: AgentView | None = None
    slash_commands: list[SlashCommand] = Field([], max_length=50)
    shortcuts: list[Shortcut] = Field([], max_length=10)


class Scopes(Part):
    """`oauth_config.scopes`."""

    bot: list[Short] = Field([], max_length=255)
    user: list[Short] = Field([], max_length=255)
    bot_optional: list[Short] = Field([], max_length=255)
    user_optional: list[Short] = Field([], max_length=255)


class OAuthConfig(Part):
    """`oauth_config`."""

    scopes: Scopes
    redirect_urls: list[Url] = Field([], max_length=1000)
    pkce_enabled: bool = False
    token_management_enabled: bool = False


class EventSubscriptions(Part):
    """`settings.event_subscriptions`."""

    request_url: Url | None = None
    bot_events: list[Short] = Field([], max_length=100)


class Interactivity(Part):
    """`settings.interactivity`."""

    is_enabled: bool
    request_url: Url | None = None


class AppSettings(Part):
    """`settings`."""

    event_subscriptions: EventSubscriptions | None = None
    interactivity: Interactivity | None = None
    socket_mode_enabled: bool = False
    token_rotation_enabled: bool = False
    org_deploy_enabled: bool = False
    hermes_app_type: Literal["remote"] | None = None
    function_runtime: Literal["remote"] | None = None


class Parameter(Part):
    """An input or output of a function."""

    type: Literal[
        "string",
        "integer",
        "number",
        "boolean",
        "slack#/types/channel_id",
        "slack#/types/user_id",
        "slack#/types/message_ts",
        "slack#/types/message_context",
        "slack#/types/rich_text",
    ]
    title: str
    description: str
    is_required: bool
    hint: str | None = None


class Function(Part):
    """A value of `functions`."""

    title: str = Field(min_length=1)
    description: str = Field(min_length=1)
    input_parameters: dict[str, Parameter] = Field(max_length=50)
    output_parameters: dict[str, Parameter] = Field(max_length=50)


class Manifest(Part):
    """The whole manifest, with the rules between its parts."""

    display_information: DisplayInformation
    features: Features
    oauth_config: OAuthConfig
    settings: AppSettings
    functions: dict[str, Function] = Field({}, max_length=50)

    @model_validator(mode="after")
    def _lists_name_each_thing_once(self) -> Self:
        scopes, events = self.oauth_config.scopes.bot, self.bot_events
        if len(set(scopes)) != len(scopes) or len(set(events)) != len(events):
            raise ValueError("named twice")
        return self

    @model_validator(mode="after")
    def _a_way_to_the_app_is_given(self) -> Self:
        subscribed, interactive = self.settings.event_subscriptions, self.settings.interactivity
        urls = [
            *(command.url for command in self.features.slash_commands),
            *([subscribed.request_url] if subscribed else []),
            *([interactive.request_url] if interactive and interactive.is_enabled else []),
        ]
        if not self.settings.socket_mode_enabled and None in urls:
            raise ValueError("neither Socket Mode nor a request URL")
        return self

    @model_validator(mode="after")
    def _functions_have_their_settings(self) -> Self:
        is_remote = self.settings.function_runtime == self.settings.hermes_app_type == "remote"
        is_heard = "function_executed" in self.bot_events and self.settings.org_deploy_enabled
        if self.functions and not (is_remote and is_heard):
            raise ValueError("functions need a remote runtime, org_deploy_enabled and their event")
        return self

    @model_validator(mode="after")
    def _an_agent_has_its_scope(self) -> Self:
        has_scope = "assistant:write" in self.oauth_config.scopes.bot
        if has_scope != bool(self.features.agent_view):
            raise ValueError("assistant:write comes with agent_view, and only with it")
        return self

    @property
    def bot_events(self) -> list[str]:
        """Return the events that are subscribed to."""
        subscribed = self.settings.event_subscriptions
        return subscribed.bot_events if subscribed else []
