"""The settings that an operator can change, read once into one frozen model.

All problems are reported at once, in plain words and never with a value, which may be a token. Each
begins with its variable, and ends with what is expected there.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from bot import urls
from bot.environment import gather, ignored_proxies, stray_names, variables_in
from bot.model.errors import SettingsError
from bot.model.generation import PREFIXES, Generation, generation_of
from bot.model.sessions import Follow

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([smhd]?)")
_UNITS = {"": "seconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PRINTABLE = re.compile(r"[!-~]+")

_KINDS = {
    "xoxb-": "a bot token",
    "xoxp-": "a user token",
    "xapp-": "an app-level token",
    "cog_": "a Devin API key",
    "apk_": "a Devin API key",
}
"""What a value in the wrong variable is, by how it begins."""

_ROTATED = (
    "found a rotated token (xoxe…), which expires after 12 hours; Slack can't turn token rotation "
    "off, so create the app again from the manifest"
)


def token(*prefixes: str) -> AfterValidator:
    """Validate a secret that can be the value of a header and begins with one of `prefixes`."""

    def check(secret: SecretStr) -> SecretStr:
        value = secret.get_secret_value()
        if value.startswith("xoxe"):
            raise ValueError(_ROTATED)
        is_usable = value.startswith(prefixes) and value not in prefixes
        if not is_usable or not _PRINTABLE.fullmatch(value):
            others = [one for one in _KINDS if one not in prefixes and value.startswith(one)]
            raise ValueError(f"found {_KINDS[others[0]]} ({others[0]}…)" if others else "invalid")
        return secret

    return AfterValidator(check)


def duration(value: Any) -> Any:
    """Parse 90d, 15m, 30s, 2h and plain seconds; pydantic parses the rest, such as ISO 8601."""
    if isinstance(value, str) and (found := _DURATION.fullmatch(value.lower())):
        return timedelta(**{_UNITS[found[2]]: float(found[1])})
    return value


def ids(first_letters: str, kind: str) -> BeforeValidator:
    """Parse Slack IDs of one kind, such as "user ID", separated by commas or spaces."""
    shape = re.compile(f"[{first_letters}][A-Z0-9]+")

    def split(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = frozenset(re.split(r"[,\s]+", value.strip(", \t\n"))) - {""}
        if wrong := sum(shape.fullmatch(one) is None for one in found):
            raise ValueError(f"{wrong} of {len(found)} entries can't be a {kind}")
        return found

    return BeforeValidator(split)


def in_words(
    error: ValidationError, fields: Mapping[str, FieldInfo], known: Collection[str]
) -> Iterator[str]:
    """Describe each problem, but not that a setting is missing which has a problem already."""
    for found in error.errors(include_url=False, include_input=False):
        name = str(found["loc"][0])
        if found["type"] in {"missing", "too_short", "string_too_short"}:
            wrong = "missing"
        elif found["type"] == "value_error":
            wrong = str(found["ctx"]["error"])
        else:
            wrong = "invalid"
        if name.upper() not in known:
            choices = get_args(fields[name].annotation)
            shape = fields[name].description or f"{', '.join(choices[:-1])} or {choices[-1]}"
            yield f"{name.upper()}: {wrong}; expected {shape}"


def _proxy(address: SecretStr) -> SecretStr:
    urls.check_proxy_address(address.get_secret_value())
    return address


Proxy = Annotated[SecretStr, AfterValidator(_proxy)]
"""The address of a proxy, which may hold a password."""

Duration = Annotated[
    timedelta, BeforeValidator(duration), Field(gt=timedelta(0), le=timedelta(days=3650))
]

LOWER = BeforeValidator(str.lower)

Emoji = Annotated[str, LOWER, Field(min_length=1, pattern=r"^[\w'+-]{1,100}\Z")]
"""The name of an emoji as Slack's events have it, such as robot_face or +1."""

CAP_SHAPE = "a whole number of ACUs from 1 to 100,000"
Cap = Annotated[int, Field(ge=1, le=100_000)]
"""What a session may use at most, in ACUs."""


CATCH_UP_LIMIT = timedelta(days=2)
"""No longer than Redis remembers which commands were answered and which replies were accepted."""

FLAG_SHAPE = "true or false"
_PEOPLE = (
    "IDs of users or user groups such as U0123ABCD or S0123ABCD, or empty: all who may message "
    "Devin may {}"
)
PROXY_SHAPE = "the address of a proxy, such as http://proxy.example.com:3128"

_OPEN_PORT = (
    "PORT: set without HOST, so /metrics is open on all addresses of this machine; set "
    "HOST=127.0.0.1 to close it, or HOST=0.0.0.0 if others should reach it"
)

_TRANSPORTS = ("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET")
_PROXIES = ("SLACK_PROXY", "DEVIN_PROXY")
SECRETS = (*_TRANSPORTS, "SLACK_BOT_TOKEN", "DEVIN_API_KEY", "REDIS_URL", *_PROXIES)
"""The settings that may be in files: `SLACK_BOT_TOKEN_FILE` and so on."""


class Settings(BaseModel):
    """All settings; each field is named like its variable, in lower case.

    A field's description, or its choices, say what a valid value looks like where one is invalid.
    """

    # Rust's regular expressions take 10 MB for `\w{1,100}`.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, regex_engine="python-re")

    _doubts: tuple[str, ...] = PrivateAttr(())

    slack_bot_token: Annotated[SecretStr, token("xoxb-")] = Field(
        description="the bot token of the installed app (xoxb-…)"
    )
    slack_app_token: Annotated[SecretStr, token("xapp-")] | None = Field(
        None, description="an app-level token with connections:write (xapp-…)"
    )
    slack_signing_secret: SecretStr | None = Field(
        None, description="the signing secret of the Slack app"
    )
    slack_api_url: Annotated[str, AfterValidator(urls.check_slack_address)] = Field(
        "https://slack.com/api/",
        description="an https URL with a path, such as https://slack.com/api/ "
        "(http only for this machine)",
    )
    slack_proxy: Proxy | None = Field(None, description=PROXY_SHAPE)
    agent: Annotated[Literal["auto", "off"], LOWER] = "auto"
    devin_api_key: Annotated[SecretStr, token(*PREFIXES)] = Field(
        description="a Devin API key (cog_…, or apk_… for the legacy API v1)"
    )
    devin_org_id: Annotated[str, Field(pattern=r"^org[-_][A-Za-z0-9_-]+\Z")] | None = Field(
        None, description="the ID of a Devin organization (org-…)"
    )
    devin_api_url: Annotated[str, AfterValidator(urls.check_web_address)] = Field(
        "https://api.devin.ai",
        description="an https URL such as https://api.devin.ai (http only for this machine)",
    )
    devin_proxy: Proxy | None = Field(None, description=PROXY_SHAPE)
    act_as: Annotated[Literal["off", "known", "required"], LOWER] = "off"
    allow_insecure_redis: bool = Field(default=False, description=FLAG_SHAPE)
    redis_url: str | None = Field(
        None,
        repr=False,
        description="rediss://:password@host:6379/0, rediss+cluster://…, unix:///path, or "
        "redis:// for this machine",
    )
    data_dir: Path = Field(Path(".data"), description="a directory that nothing else uses")
    host: str = Field(
        "127.0.0.1", pattern=r"^[A-Za-z0-9.:_-]+\Z", description="an IP address of this machine"
    )
    port: int = Field(
        3000, ge=0, le=65535, description="a number up to 65535, or 0 for any free port"
    )
    link_ttl: Duration = Field(
        timedelta(days=90), description="a duration above zero, such as 90d or 2h, up to 10 years"
    )
    admin_contact: str = Field(
        "",
        pattern=r"^[^\x00-\x1f]{0,80}\Z",
        description="the ID of a channel, person or user group in Slack, or up to 80 characters",
    )
    give_up_after: Duration = Field(
        timedelta(minutes=15),
        le=timedelta(days=7),  # a waiting reply is kept for 30 days
        description="a duration above zero, such as 15m or 2h, up to 7 days",
    )
    catch_up: Annotated[
        timedelta, BeforeValidator(duration), Field(ge=timedelta(0), le=CATCH_UP_LIMIT)
    ] = Field(
        timedelta(hours=24),
        description="a duration such as 24h or 90m, up to 2 days, or 0 to turn it off",
    )
    allow_channels: Annotated[frozenset[str], ids("CGD", "channel ID")] = Field(
        frozenset(), description="channel IDs such as C0123ABCD, or empty for every channel"
    )
    allow_users: Annotated[frozenset[str], ids("UW", "user ID")] = Field(
        frozenset(), description="user IDs such as U0123ABCD, or empty for every member"
    )
    allow_starters: Annotated[frozenset[str], ids("UWS", "user or user group ID")] = Field(
        frozenset(), description=_PEOPLE.format("start and link sessions")
    )
    allow_approvers: Annotated[frozenset[str], ids("UWS", "user or user group ID")] = Field(
        frozenset(), description=_PEOPLE.format("approve, end and archive")
    )
    starts_per_hour: int = Field(
        10, ge=0, le=1000, description="a number up to 1,000, or 0 for no limit"
    )
    starts_per_hour_all: int = Field(
        100, ge=0, le=100_000, description="a number up to 100,000, or 0 for no limit"
    )
    max_acu: Cap | None = Field(None, description=CAP_SHAPE)
    max_acu_ceiling: Cap | None = Field(None, description=CAP_SHAPE)
    allow_bots: Annotated[frozenset[str], ids("BAUW", "bot, app or user ID")] = Field(
        frozenset(), description="bot, app or user IDs such as B0123ABCD, or empty for no bot"
    )
    allow_guests: bool = Field(default=False, description=FLAG_SHAPE)
    allow_external: bool = Field(default=False, description=FLAG_SHAPE)
    start_quotes: Annotated[Literal["ask", "allowed", "all"], LOWER] = "ask"
    start_emoji: Emoji = Field(
        "", description="the name of an emoji without colons, beside START_EMOJI_CHANNELS"
    )
    start_emoji_channels: Annotated[frozenset[str], ids("CG", "channel ID")] = Field(
        frozenset(), min_length=1, description="channel IDs such as C0123ABCD, beside START_EMOJI"
    )
    mirror: Annotated[Follow, LOWER] = Field(Follow.ALL, description="all, turns or off")
    mirror_external: bool = Field(default=False, description=FLAG_SHAPE)
    notify: bool = Field(default=True, description=FLAG_SHAPE)
    devin_reads: int = Field(300, ge=10, le=100_000, description="a number from 10 to 100,000")
    list_sessions: bool = Field(default=False, description=FLAG_SHAPE)
    file_limit: ByteSize = Field(
        ByteSize(50_000_000),
        ge=0,
        description="a size such as 50MB, or 0 to send links only",
    )
    delivery_concurrency: int = Field(128, ge=1, le=1000, description="a number from 1 to 1,000")
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)
    ] = "INFO"
    log_format: Annotated[Literal["console", "json"], LOWER] = "console"
    audit_log: Path | None = Field(
        None, description="a file that the relay alone writes, such as /var/log/relay/audit.jsonl"
    )

    @property
    def mode(self) -> Literal["socket", "http"]:
        """Socket Mode if there is an app token, else HTTP."""
        return "socket" if self.slack_app_token else "http"

    @property
    def manifest_options(self) -> Sequence[str]:
        """The options of the manifest without whose scopes a setting has no effect."""
        used = {"--act-as": self.act_as != "off", "--emoji": bool(self.start_emoji)}
        return [option for option, is_used in used.items() if is_used]

    @property
    def groups(self) -> Sequence[str]:
        """The user groups whose members may do something."""
        listed = self.allow_starters | self.allow_approvers
        return sorted(one for one in listed if one.startswith("S"))

    @property
    def doubts(self) -> Sequence[str]:
        """What may be a mistake: names without effect, and a port or a file that is open to all."""
        return self._doubts

    def secrets(self) -> frozenset[str]:
        """Return every value that must not reach a log, also as an address has it."""
        held = [getattr(self, name) for name in type(self).model_fields]
        secrets = {one.get_secret_value() for one in held if isinstance(one, SecretStr)}
        proxies = [one.get_secret_value() for one in (self.slack_proxy, self.devin_proxy) if one]
        return frozenset(secrets.union(*map(urls.passwords, (self.redis_url or "", *proxies))))

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: str, known: ValidationInfo) -> str:
        # The key is absent if ALLOW_INSECURE_REDIS is malformed: that is one problem, not two.
        may_be_insecure = known.data.get("allow_insecure_redis", True)
        return urls.check_redis_address(url, may_be_insecure=may_be_insecure)

    @field_validator("act_as")
    @classmethod
    def _check_members(cls, act_as: str, known: ValidationInfo) -> str:
        key: SecretStr | None = known.data.get("devin_api_key")
        if act_as != "off" and key and generation_of(key.get_secret_value()) is Generation.V1:
            raise ValueError("needs a cog_ key, since API v1 knows no members")
        return act_as

    @field_validator("max_acu_ceiling")
    @classmethod
    def _check_ceiling(cls, ceiling: int, known: ValidationInfo) -> int:
        if (known.data.get("max_acu") or 0) > ceiling:
            raise ValueError("less than MAX_ACU")
        return ceiling

    @model_validator(mode="before")
    @classmethod
    def _add_what_others_imply(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Listen on all addresses if PORT is set, since hosting platforms connect from outside.

        Of the emoji's two settings, have the missing one checked as well.
        """
        address = {"host": "0.0.0.0"} if "port" in given else {}  # noqa: S104 — as said
        pair = dict.fromkeys(("start_emoji", "start_emoji_channels"), "")
        return {**address, **(pair if pair.keys() & given.keys() else {}), **given}


def load_settings(
    environ: Mapping[str, str] | None = None,
    env_file: Path | None = Path(".env"),
    *,
    needs_transport: bool = True,
) -> Settings:
    """Read the settings from `environ` (the process's own, if None) and then from `env_file`.

    A secret may be in the file that `NAME_FILE` names. A variable whose name is almost a setting's
    is a problem if that setting decides who may do what, where words go or what may be spent;
    others become `doubts`.
    A file that others can write is a problem, one that they can read a doubt. Without
    `needs_transport`, as in a worker, neither the app token nor the signing secret is required.

    Raises:
        SettingsError: with every problem, one line each and without values.
    """
    in_file, open_file = variables_in(env_file)
    environ = os.environ if environ is None else environ
    names = [name.upper() for name in Settings.model_fields]
    given, unread, open_secrets = gather(names, SECRETS, environ, in_file)
    problems = list(unread.values())
    settings: Settings | None = None
    try:
        settings = Settings.model_validate({name.lower(): given[name] for name in given})
    except ValidationError as error:
        problems += in_words(error, Settings.model_fields, unread)
    if needs_transport and not {*_TRANSPORTS} & {*given, *unread}:
        problems.append(
            f"{' or '.join(_TRANSPORTS)}: missing; expected an app-level token (xapp-…) for Socket "
            "Mode, or the app's signing secret for HTTP"
        )
    grave, doubts = stray_names(names, SECRETS, environ, in_file)
    problems += grave
    if settings is None or problems:
        raise SettingsError(problems)
    if settings.mode == "socket" and "PORT" in given and "HOST" not in given:
        doubts = [*doubts, _OPEN_PORT]
    if given.keys().isdisjoint(_PROXIES):
        doubts = [*doubts, *ignored_proxies(environ)]
    # The model is frozen, and nothing else sets it.
    settings._doubts = (*doubts, *open_file, *open_secrets)  # noqa: SLF001
    return settings
