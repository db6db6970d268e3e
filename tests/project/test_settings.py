"""Settings are accepted or refused with the messages that an operator sees."""

import os
import re
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from pydantic import ValidationError
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.connection import SSLConnection, parse_url
from yarl import URL

from bot.environment import is_open
from bot.model.errors import SettingsError
from bot.settings import SECRETS, Settings, load_settings
from sandbox import demo
from tests.support.tables import each

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
ENOUGH = {
    "SLACK_BOT_TOKEN": "xoxb-1-secret",
    "SLACK_APP_TOKEN": "xapp-1-secret",
    "DEVIN_API_KEY": "apk_secret",
}


def load(**more: str) -> Settings:
    return load_settings(ENOUGH | more, env_file=None)


def problems(**more: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(**more)
    return caught.value.problems


def test_settings_cannot_be_changed() -> None:
    """They are read once, and frozen."""
    with pytest.raises(ValidationError, match="frozen"):
        setattr(load(), "port", 1)  # noqa: B010 — mypy refuses the plain assignment too


def test_all_problems_are_told_at_once_each_by_name_and_shape() -> None:
    """One failed start names everything that an operator has to fix."""
    with pytest.raises(SettingsError) as caught:
        load_settings(
            {"PORT": "http", "ALLOW_USERS": "U1 C1", "ALLOW_BOTS": "B1,C1,D1"}, env_file=None
        )
    told = caught.value.problems
    assert [problem.split(";")[0] for problem in told] == [
        "SLACK_BOT_TOKEN: missing",
        "DEVIN_API_KEY: missing",
        "PORT: invalid",
        "ALLOW_USERS: 1 of 2 entries can't be a user ID",
        "ALLOW_BOTS: 2 of 3 entries can't be a bot, app or user ID",
        "SLACK_APP_TOKEN or SLACK_SIGNING_SECRET: missing",
    ]
    assert told[2] == "PORT: invalid; expected a number up to 65535, or 0 for any free port"
    assert str(caught.value) == "\n".join(told)


def test_a_token_in_the_wrong_variable_is_recognized() -> None:
    """By its first letters, which are no secret."""
    (problem,) = problems(SLACK_BOT_TOKEN="xapp-SEEN")
    assert problem == (
        "SLACK_BOT_TOKEN: found an app-level token (xapp-…); "
        "expected the bot token of the installed app (xoxb-…)"
    )
    for rotated in ("xoxe.xoxb-1-SEEN", "xoxe-1-SEEN"):
        (problem,) = problems(SLACK_BOT_TOKEN=rotated)
        assert problem.startswith("SLACK_BOT_TOKEN: found a rotated token (xoxe…), which expires")
        assert "SEEN" not in problem
    (problem,) = problems(SLACK_BOT_TOKEN="xoxb-")
    assert problem.startswith("SLACK_BOT_TOKEN: invalid; ")


def in_files(place: Path, **contents: str) -> dict[str, str]:
    """Write secrets to files; return the variables that name these."""
    variables = {}
    for name, content in contents.items():
        (place / name).write_text(content)
        variables[f"{name}_FILE"] = str(place / name)
    return variables


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    """As Docker, Kubernetes and systemd hand them over; a final line break does not count."""
    secrets = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "SLACK_SIGNING_SECRET": "signing",
        "DEVIN_API_KEY": "cog_1",
        "REDIS_URL": "rediss://:password@redis.example/0",
        "SLACK_PROXY": "http://ada:password@proxy.example:3128",
        "DEVIN_PROXY": "https://proxy.example",
    }
    assert set(secrets) == set(SECRETS)
    held = in_files(tmp_path, **{name: f"{value}\n" for name, value in secrets.items()})
    assert load_settings(held, env_file=None) == load_settings(secrets, env_file=None)
    (tmp_path / ".env").write_text("\n".join(f"{name}={path}" for name, path in held.items()))
    wins = load_settings({"SLACK_BOT_TOKEN": "xoxb-2"}, tmp_path / ".env")
    assert wins.slack_bot_token.get_secret_value() == "xoxb-2"
    assert wins.devin_api_key.get_secret_value() == "cog_1"
    with pytest.raises(SettingsError, match="DEVIN_API_KEY: missing"):
        load_settings(held | {"DEVIN_API_KEY_FILE": ""}, env_file=None)


def test_a_file_that_holds_no_secret_is_one_problem(tmp_path: Path) -> None:
    """The setting is not missing, too; neither path nor content is shown."""
    held = in_files(tmp_path, SLACK_BOT_TOKEN=" \n", SLACK_APP_TOKEN="xoxb-SEEN")
    (tmp_path / "binary").write_bytes(b"\xff\x00SEEN")
    held |= {"DEVIN_API_KEY_FILE": f"{tmp_path}/SEEN", "REDIS_URL_FILE": f"{tmp_path}/binary"}
    both = {"SLACK_SIGNING_SECRET": "SEEN", "SLACK_SIGNING_SECRET_FILE": "SEEN"}
    with pytest.raises(SettingsError) as caught:
        load_settings(held | both, env_file=None)
    assert sorted(problem.split(";")[0] for problem in caught.value.problems) == [
        "DEVIN_API_KEY_FILE: the file can't be read (No such file or directory)",
        "REDIS_URL_FILE: the file can't be read",
        "SLACK_APP_TOKEN: found a bot token (xoxb-…)",
        "SLACK_BOT_TOKEN_FILE: the file is empty",
        "SLACK_SIGNING_SECRET, SLACK_SIGNING_SECRET_FILE: both set",
    ]
    assert "SEEN" not in str(caught.value)


def test_no_cap_is_above_the_ceiling_from_the_start() -> None:
    """Otherwise whoever chooses nothing would get more than anybody may choose."""
    load_settings({**ENOUGH, "MAX_ACU": "10", "MAX_ACU_CEILING": "10"}, None)
    with pytest.raises(SettingsError, match=r"^MAX_ACU_CEILING: less than MAX_ACU; expected a"):
        load_settings({**ENOUGH, "MAX_ACU": "11", "MAX_ACU_CEILING": "10"}, None)
    with pytest.raises(SettingsError, match=r"^MAX_ACU: invalid; expected a whole"):
        load_settings({**ENOUGH, "MAX_ACU": "0", "MAX_ACU_CEILING": "10"}, None)


def test_only_a_key_of_version_3_writes_as_members() -> None:
    """Version 1 knows none."""
    assert load_settings({**ENOUGH, "DEVIN_API_KEY": "cog_x", "ACT_AS": "Known"}, None).act_as
    with pytest.raises(SettingsError, match=r"^ACT_AS: needs a cog_ key, .*; expected off, known"):
        load_settings({**ENOUGH, "DEVIN_API_KEY": "apk_x", "ACT_AS": "required"}, None)
    load_settings({**ENOUGH, "DEVIN_API_KEY": "apk_x", "ACT_AS": "off"}, None)


@each(
    ("given", "wrong"),
    [
        ({"START_EMOJI": "robot_face"}, "START_EMOJI_CHANNELS: missing"),
        ({"START_EMOJI_CHANNELS": "C0123ABCD"}, "START_EMOJI: missing"),
        ({"START_EMOJI": ":robot:", "START_EMOJI_CHANNELS": "C0123ABCD"}, "START_EMOJI: invalid"),
    ],
)
def test_an_emoji_starts_sessions_only_in_named_channels(given: dict[str, str], wrong: str) -> None:
    """One setting without the other is a mistake, and Slack's event has no colons."""
    with pytest.raises(SettingsError, match=rf"^{wrong}; expected [^\n]*$"):
        load_settings({**ENOUGH, **given}, None)
    known = load_settings(
        {**ENOUGH, "START_EMOJI": "Robot_face", "START_EMOJI_CHANNELS": "C0123ABCD"}, None
    )
    assert (known.start_emoji, known.manifest_options) == ("robot_face", ["--emoji"])


POSIX = pytest.mark.skipif(os.name != "posix", reason="only POSIX has these modes")


@POSIX
@pytest.mark.parametrize("mode", [0o622, 0o606, 0o660, 0o666, 0o777])
def test_a_file_that_others_can_write_is_refused(mode: int, tmp_path: Path) -> None:
    """They could send the key to an address of their own, by `DEVIN_API_URL`."""
    (env_file := tmp_path / ".env").write_text("\n".join(f"{k}={v}" for k, v in ENOUGH.items()))
    held = in_files(tmp_path, DEVIN_API_KEY="cog_SEEN")
    for path in (env_file, tmp_path / "DEVIN_API_KEY"):
        path.chmod(mode)
    with pytest.raises(SettingsError) as caught:
        load_settings({}, env_file)
    assert caught.value.problems == (f"{env_file}: other users can write the file (chmod 600)",)
    with pytest.raises(SettingsError) as caught:
        load_settings({**ENOUGH, "DEVIN_API_KEY": "", **held}, None)
    (problem,) = caught.value.problems
    assert problem.startswith("DEVIN_API_KEY_FILE: other users can write the file (chmod 600); ")
    assert str(tmp_path) not in problem


@POSIX
@pytest.mark.parametrize(
    ("mode", "is_doubtful"), [(0o600, False), (0o400, False), (0o640, True), (0o644, True)]
)
def test_a_file_that_others_can_read_is_a_doubt(
    mode: int, tmp_path: Path, *, is_doubtful: bool
) -> None:
    """It holds every credential, or one of them. The path of a secret's file isn't shown."""
    (env_file := tmp_path / ".env").write_text("LOG_LEVEL=INFO\n")
    held = in_files(tmp_path, DEVIN_API_KEY="cog_SEEN")
    for path in (env_file, tmp_path / "DEVIN_API_KEY"):
        path.chmod(mode)
    settings = load_settings({**ENOUGH, "DEVIN_API_KEY": "", **held}, env_file)
    doubt = "other users can read the file; only the relay's should (chmod 600)"
    doubts = (f"{env_file}: {doubt}", f"DEVIN_API_KEY_FILE: {doubt}")
    assert settings.doubts == (doubts if is_doubtful else ())


@each(
    ("mode", "is_own", "is_mounted"),
    [(0o440, False, False), (0o444, False, True), (0o644, True, True)],
)
def test_a_secret_as_a_platform_gives_it_is_no_doubt(
    mode: int, *, is_own: bool, is_mounted: bool
) -> None:
    """Systemd has root own a credential, with an ACL that shows as the group's right (0440).

    Docker (0444) and Kubernetes (0644) mount secrets read-only into the container.
    """
    assert not is_open(mode, is_own=is_own, is_mounted=is_mounted)
    assert is_open(0o444, is_own=is_own, is_mounted=False)


@POSIX
def test_what_is_no_file_has_no_mode_that_counts() -> None:
    """`--env-file /dev/null` reads no settings; everybody may write there."""
    assert load_settings(ENOUGH, Path(os.devnull)).doubts == ()


def test_only_secrets_may_be_in_files() -> None:
    """Other settings are shown by `env`, too."""
    assert load(PORT_FILE="/nowhere").port == 3000


@each(
    ("name", "value"),
    [
        ("SLACK_BOT_TOKEN", "xoxp-SEEN"),
        ("SLACK_BOT_TOKEN", "xoxb-SE\nEN-SEEN"),
        ("SLACK_APP_TOKEN", "xoxb-SEEN"),
        ("SLACK_APP_TOKEN", "xapp-"),
        ("SLACK_API_URL", "https://SEEN.example"),
        ("SLACK_API_URL", "http://SEEN.example/api/"),
        ("SLACK_API_URL", "https://user:SEEN@slack.example/api/"),
        ("SLACK_API_URL", "https://[SEEN/api/"),
        ("DEVIN_API_KEY", "apk SEEN"),
        ("DEVIN_API_KEY", "apk_ SEEN"),
        ("DEVIN_API_KEY", "sk-SEEN"),
        ("DEVIN_API_KEY", "cog_"),
        ("DEVIN_ORG_ID", "SEEN"),
        ("DEVIN_ORG_ID", "org-"),
        ("DEVIN_ORG_ID", "org-SEEN/x"),
        ("DEVIN_API_URL", "ftp://SEEN.example"),
        ("DEVIN_API_URL", "https://api.example/?SEEN"),
        ("DEVIN_API_URL", "https://api.example:SEEN"),
        ("REDIS_URL", "http://SEEN"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "unix://"),
        ("REDIS_URL", "redis://:SEEN@redis.example:notaport"),
        ("ALLOW_INSECURE_REDIS", "SEEN"),
        ("HOST", "SEEN host"),
        ("PORT", "65536"),
        ("LINK_TTL", "SEEN"),
        ("LINK_TTL", "0"),
        ("LINK_TTL", "999999999d"),
        ("GIVE_UP_AFTER", "15 SEEN"),
        ("GIVE_UP_AFTER", "-5m"),
        ("GIVE_UP_AFTER", "8d"),
        ("CATCH_UP", "SEEN"),
        ("CATCH_UP", "49h"),
        ("ALLOW_CHANNELS", "#SEEN"),
        ("ALLOW_BOTS", "CSEEN"),
        ("ALLOW_GUESTS", "SEEN"),
        ("ACT_AS", "SEEN"),
        ("DELIVERY_CONCURRENCY", "0"),
        ("DELIVERY_CONCURRENCY", "1001"),
        ("LOG_LEVEL", "SEEN"),
        ("LOG_FORMAT", "SEEN"),
    ],
)
def test_a_malformed_value_is_named_and_never_shown(name: str, value: str) -> None:
    """A value may be a secret in the wrong variable."""
    (problem,) = problems(**{name: value})
    assert problem.startswith(f"{name}: ")
    assert "; expected " in problem
    assert "SEEN" not in problem


def test_nothing_of_a_value_is_left_in_the_error_or_behind_it() -> None:
    """A traceback contains no value, either."""
    with pytest.raises(SettingsError) as caught:
        load(SLACK_BOT_TOKEN="SEEN")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_secrets_are_hidden_in_the_model_and_known_to_the_log_filter() -> None:
    """The password of Redis is a secret in both its spellings."""
    settings = load(
        SLACK_SIGNING_SECRET="sign-secret", REDIS_URL="rediss://me:pass%2Fsecret@redis.example/0"
    )
    assert "secret" not in repr(settings).replace("signing_secret", "")
    assert settings.secrets() == {
        *("xoxb-1-secret", "xapp-1-secret", "apk_secret", "sign-secret"),
        *("pass%2Fsecret", "pass/secret"),
    }


def test_a_signing_secret_alone_means_http_and_an_app_token_wins() -> None:
    """The credentials determine the mode."""
    http = ENOUGH | {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": "s"}
    assert load_settings(http, env_file=None).mode == "http"
    assert load(SLACK_SIGNING_SECRET="s").mode == "socket"


def test_a_worker_needs_no_transport() -> None:
    """Delivery posts to Slack and Devin, and receives nothing."""
    worker = {name: ENOUGH[name] for name in ("SLACK_BOT_TOKEN", "DEVIN_API_KEY")}
    assert load_settings(worker, env_file=None, needs_transport=False).slack_app_token is None
    with pytest.raises(SettingsError, match="SLACK_APP_TOKEN or SLACK_SIGNING_SECRET"):
        load_settings(worker, env_file=None)


@each(
    ("written", "meant"),
    [
        ("90d", timedelta(days=90)),
        ("2h", timedelta(hours=2)),
        ("15m", timedelta(minutes=15)),
        ("30s", timedelta(seconds=30)),
        ("0.5", timedelta(seconds=0.5)),
        ("45", timedelta(seconds=45)),
        ("PT15M", timedelta(minutes=15)),
        ("P1DT2H", timedelta(days=1, hours=2)),
    ],
)
def test_a_duration_is_written_as_people_write_it(written: str, meant: timedelta) -> None:
    """It is a number with a unit, plain seconds, or ISO 8601."""
    assert load(LINK_TTL=written).link_ttl == meant


def test_ids_are_apart_by_commas_or_spaces() -> None:
    """Pasted lists work unchanged."""
    settings = load(ALLOW_CHANNELS="C1, G2  D3,", ALLOW_USERS="U1 W2", ALLOW_BOTS="B1,A2 U3")
    assert settings.allow_channels == {"C1", "G2", "D3"}
    assert settings.allow_users == {"U1", "W2"}
    assert settings.allow_bots == {"B1", "A2", "U3"}


def test_flags_and_choices_are_read_in_any_case() -> None:
    """TRUE is true, and debug is DEBUG."""
    settings = load(ALLOW_GUESTS="TRUE", LOG_LEVEL="debug", LOG_FORMAT="JSON")
    assert settings.allow_guests
    assert (settings.log_level, settings.log_format) == ("DEBUG", "json")


def test_a_given_port_opens_the_relay_unless_the_host_is_given_too() -> None:
    """Hosting platforms set PORT and connect from outside."""
    assert load(PORT="8080").host == "0.0.0.0"
    assert load(PORT="8080", HOST="127.0.0.1").host == "127.0.0.1"
    assert load(PORT="").host == "127.0.0.1"


def test_addresses_get_the_slash_that_their_client_wants() -> None:
    """slack_sdk joins with a trailing slash; Devin's paths begin with one."""
    settings = load(SLACK_API_URL="http://127.0.0.1:9/api", DEVIN_API_URL="http://[::1]:9/")
    assert settings.slack_api_url == "http://127.0.0.1:9/api/"
    assert settings.devin_api_url == "http://[::1]:9"
    assert load(SLACK_API_URL="http://localhost:9").slack_api_url == "http://localhost:9/"


@each(
    "url",
    [
        "redis://127.0.0.1:6379/1",
        "redis://localhost",
        "redis+cluster://[::1]:7000",
        "unix:///run/valkey.sock?db=0",
        "rediss://:pw@redis.example:6379/0",
        "rediss+cluster://me:pw@redis.example",
        "redis+cluster://127.0.0.1:7000/0",
        "rediss://redis.example?password=pw",
        "rediss://redis.example?ssl_certfile=/c.pem",
    ],
)
def test_redis_on_this_machine_or_with_tls_and_a_password_is_taken(url: str) -> None:
    """These are inside the trust boundary."""
    assert load(REDIS_URL=url).redis_url == url


@each("url", ["redis://redis.example", "redis://:pw@10.0.0.1", "rediss://redis.example"])
def test_a_remote_redis_without_tls_or_password_needs_a_yes(url: str) -> None:
    """Anyone who can write to it can steer Devin."""
    (problem,) = problems(REDIS_URL=url)
    assert "ALLOW_INSECURE_REDIS=true overrides this" in problem
    assert load(REDIS_URL=url, ALLOW_INSECURE_REDIS="true").redis_url == url


MALFORMED = ("NONE", "Required")
"""Ends of values with which redis-py connects to no server."""


@each(
    "query",
    [
        *("ssl_cert_reqs=none", "ssl_cert_reqs=optional", "ssl_cert_reqs=NONE", "ssl_cert_reqs="),
        *("ssl_cert_reqs=%6eone", "ssl%5fcert_reqs=none", "ssl_cert_reqs=Required"),
        "ssl_cert_reqs=required&ssl_cert_reqs=none",
        "ssl_cert_reqs=none&ssl_cert_reqs=none",
        *("ssl_check_hostname=false", "ssl_check_hostname=False", "ssl_check_hostname=0"),
        *("ssl_check_hostname=n", "ssl_check_hostname=No", "ssl_check_hostname=f"),
        *("ssl_check_hostname=fal%C5%BFe", "ssl_check_hostname="),
        "ssl_check_hostname=true&ssl_check_hostname=false",
    ],
)
@each("scheme", ["rediss", "REDISS", "rediss+cluster"])
def test_tls_that_verifies_nobody_needs_a_yes(scheme: str, query: str) -> None:
    """A man in the middle could answer in place of Redis; the message names the switch."""
    url = f"{scheme}://:pw@redis.example/?{query}"
    (problem,) = problems(REDIS_URL=url)
    switch = query.rpartition("&")[2].partition("=")[0].replace("%5f", "_")
    assert f"verified TLS, which {switch} prevents" in problem
    assert "ALLOW_INSECURE_REDIS=true overrides this" in problem
    if query.endswith(MALFORMED):
        (problem,) = problems(REDIS_URL=url, ALLOW_INSECURE_REDIS="true")
        assert f"a value of {switch} that isn't valid" in problem
    else:
        assert load(REDIS_URL=url, ALLOW_INSECURE_REDIS="true").redis_url == url


@each("query", ["ssl_cert_reqs=required", "ssl_check_hostname=off", "ssl_ca_certs=/ca.pem"])
def test_tls_that_is_set_up_otherwise_is_still_tls(query: str) -> None:
    """A custom authority leaves the verification as it is, and so does a word like no other."""
    url = f"rediss://:pw@redis.example/?{query}"
    assert load(REDIS_URL=url).redis_url == url
    context = redis_context(url)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@each(
    ("url", "wrong"),
    [
        *(("redis://localhost/x", "a database"), ("redis://localhost/0/1", "a database")),
        ("redis://localhost?db=x", "a value of db that isn't valid"),
        ("unix:///run/valkey.sock?db=-1", "a value of db that isn't valid"),
        *(("redis://localhost?nonsense=1", "a parameter"), ("unix:///s?nonsense=1", "a parameter")),
        ("redis://localhost?socket_timeout=abc", "a parameter other than"),
        ("redis://localhost?ssl_cert_reqs=none", "a parameter other than"),
        ("rediss://localhost?ssl_cert_reqs=some", "a value of ssl_cert_reqs"),
        ("rediss://:pw@redis.example?ssl_ciphers=ALL:@SECLEVEL=0", "a parameter other than"),
        ("redis://localhost?SEEN=SEEN", "a parameter other than"),
    ],
)
def test_an_address_with_which_redis_py_would_fail_is_a_problem(url: str, wrong: str) -> None:
    """It is told with the others, not by a traceback or a start that waits forever."""
    (problem,) = problems(REDIS_URL=url)
    assert wrong in problem
    assert "SEEN" not in problem


VALUES = {"db": "0", "ssl_cert_reqs": "none", "ssl_check_hostname": "no"}


@pytest.mark.parametrize("scheme", ["unix", "redis", "redis+cluster", "rediss", "rediss+cluster"])
async def test_redis_py_takes_every_parameter_that_the_relay_takes(scheme: str) -> None:
    """And none of the relay's names is one that redis-py has given up."""
    (problem,) = problems(REDIS_URL=f"{scheme}://localhost/?nonsense=1")
    listed = problem.partition("a parameter other than ")[2].partition(";")[0]
    for name in listed.split(", "):
        if name == "db" and "cluster" in scheme:
            continue
        url = f"{scheme}://localhost/?{name}={VALUES.get(name, 'x')}"
        assert load(REDIS_URL=url).redis_url == url
        plain = url.replace("+cluster", "")
        made: Any = RedisCluster if "cluster" in scheme else Redis
        client = made.from_url(plain)
        if made is RedisCluster:
            (node,) = client.nodes_manager.startup_nodes.values()
            node.connection_class(**node.connection_kwargs)
        else:
            client.connection_pool.make_connection()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tls_to_this_machine_may_verify_nobody(host: str) -> None:
    """Plain TCP may be used there as well."""
    url = f"rediss://{host}/?ssl_cert_reqs=none"
    assert load(REDIS_URL=url).redis_url == url


def redis_context(url: str) -> ssl.SSLContext:
    """Return the TLS context that redis-py makes for an address, apart from the files it names."""
    parsed: dict[str, Any] = {**parse_url(url)}
    options = {name: value for name, value in parsed.items() if name.startswith("ssl_")}
    return SSLConnection(**options | {"ssl_ca_certs": None}).ssl_context.get()


def test_a_yes_that_is_malformed_is_one_problem() -> None:
    """The address is not blamed for what the switch would have allowed."""
    (problem,) = problems(REDIS_URL="redis://redis.example", ALLOW_INSECURE_REDIS="maybe")
    assert problem.startswith("ALLOW_INSECURE_REDIS: invalid")


@each("end", ["/1", "/?db=1", "?db=1"])
def test_a_cluster_has_no_databases(end: str) -> None:
    """Redis refuses them, so the address is refused beforehand."""
    (problem,) = problems(REDIS_URL=f"redis+cluster://127.0.0.1:7000{end}")
    assert "names a database" in problem


def test_the_environment_wins_over_the_file_and_empty_is_unset(tmp_path: Path) -> None:
    """An empty variable does not hide a value in the file."""
    env_file = tmp_path / ".env"
    env_file.write_text(
        "\ufeffSLACK_BOT_TOKEN=xoxb-file\nPORT=1\nLOG_LEVEL='ERROR' # quoted\nX=1\n"
    )
    settings = load_settings(
        {"DEVIN_API_KEY": "apk_env\n", "SLACK_APP_TOKEN": "xapp-env", "PORT": "2", "LOG_LEVEL": ""},
        env_file,
    )
    assert settings.slack_bot_token.get_secret_value() == "xoxb-file"
    assert settings.devin_api_key.get_secret_value() == "apk_env"
    assert settings.port == 2
    assert settings.log_level == "ERROR"
    assert load_settings(ENOUGH, tmp_path / "missing").port == 3000


def test_a_misspelled_setting_counts_in_the_file_as_well(tmp_path: Path) -> None:
    """Other programs' variables may be there, too."""
    env_file = tmp_path / ".env"
    others = (
        "log_level=DEBUG\nSLACK_BOT_TOKEN_FIL=SEEN\nALLOW_GUEST=\nREDIS_URI\n"
        "DATABASE_URL=SEEN\nOPENAI_API_KEY=SEEN\nSLACK_TOKEN=SEEN\nHTTP_PORT=1\n"
    )
    env_file.write_text(f"ALOW_USERS=U1\n{others}")
    env_file.chmod(0o600)
    with pytest.raises(SettingsError) as caught:
        load_settings(ENOUGH, env_file)
    assert caught.value.problems == ("ALOW_USERS: unknown; did you mean ALLOW_USERS?",)
    env_file.write_text(others)
    assert load_settings(ENOUGH, env_file).doubts == (
        "SLACK_BOT_TOKEN_FIL: unknown; did you mean SLACK_BOT_TOKEN_FILE?",
        "log_level: unknown; did you mean LOG_LEVEL?",
    )


ACCESS = sorted(
    name.upper()
    for name in Settings.model_fields
    if name.startswith(("act_", "allow_", "mirror", "list_", "start", "max_"))
)


@pytest.mark.parametrize("meant", ACCESS)
def test_a_misspelled_access_setting_in_the_environment_is_a_problem(meant: str) -> None:
    """Docker, Kubernetes and platforms hand settings over as variables.

    Ignored, they open access, or let people spend more. One letter may be missing, doubled, wrong
    or swapped, or all may be small.
    """
    swapped = f"{meant[:2]}{meant[3]}{meant[2]}{meant[4:]}"
    wrong = [meant[:2] + meant[3:], meant + meant[-1], f"{meant[:3]}X{meant[4:]}", swapped]
    for name in {*wrong, meant.lower()} - {meant}:
        with pytest.raises(SettingsError) as caught:
            load_settings({**ENOUGH, name: "SEEN"}, None)
        assert caught.value.problems == (f"{name}: unknown; did you mean {meant}?",)


@each(
    ("name", "says"),
    [
        ("DEVIN_ORGID", "did you mean DEVIN_ORG_ID?"),
        ("SLACK_API_TOKEN", "did you mean SLACK_APP_TOKEN?"),
        ("SLACK_BOT_TOKENFILE", "did you mean SLACK_BOT_TOKEN_FILE?"),
        ("REDIS_URI", "did you mean REDIS_URL?"),
        ("LOGLEVEL", "did you mean LOG_LEVEL?"),
        ("ALLOW_EMPTY_PASSWORD", ""),
    ],
)
def test_a_variable_that_may_be_another_program_s_is_only_doubted(name: str, says: str) -> None:
    """It may be a mistake that changes who may do what, or where Redis is; nobody can know."""
    given = {key: value for key, value in ENOUGH.items() if key != "SLACK_APP_TOKEN"}
    given["SLACK_SIGNING_SECRET"] = "SEEN"
    doubts = load_settings({**given, name: "SEEN"}, None).doubts
    assert doubts == (f"{name}: unknown; {says}" if says else f"{name}: unknown",)


def test_a_name_like_that_of_a_setting_that_is_given_is_another_program_s() -> None:
    """So a program whose variable is called ALLOWED_USERS can share an environment."""
    given = {**ENOUGH, "ALLOW_USERS": "", "ALLOWED_USERS": "x", "SLACK_API_TOKEN": "x"}
    assert load_settings(given, None).doubts == ()


def test_the_file_s_own_misspelling_is_a_problem_beside_the_right_name(tmp_path: Path) -> None:
    """An empty one may have been left there; the file is nobody else's."""
    (file := tmp_path / ".env").write_text("ALLOW_USERS=\nALLOW_USER=U0ADA00000\n")
    file.chmod(0o600)
    with pytest.raises(SettingsError) as caught:
        load_settings(ENOUGH, file)
    assert caught.value.problems == ("ALLOW_USER: unknown; did you mean ALLOW_USERS?",)


@each("name", ["SLACK_PROXY", "DEVIN_PROXY"])
@each(
    ("value", "wrong"),
    [
        ("proxy.SEEN:3128", "isn't an HTTP(S) URL"),
        ("socks5://proxy.SEEN:1080", "isn't an HTTP(S) URL"),
        ("http://", "isn't an HTTP(S) URL"),
        ("http://proxy.SEEN:port", "isn't a valid URL"),
        ("http://proxy SEEN", "contains a space"),
        ("http://proxy.SEEN/path", "contains a path, a query or a fragment"),
        ("http://proxy.SEEN?x", "contains a path, a query or a fragment"),
    ],
)
def test_a_proxy_is_an_http_address(name: str, value: str, wrong: str) -> None:
    """It may have a user and a password, so it is a secret."""
    expected = "the address of a proxy, such as http://proxy.example.com:3128"
    assert problems(**{name: value}) == (f"{name}: {wrong}; expected {expected}",)


@each("host", ["api..SEEN", ".SEEN", f"{'SEEN' * 16}.example"])
@each(
    ("name", "scheme"),
    [
        *((one, "https") for one in ("SLACK_API_URL", "DEVIN_API_URL", "DEVIN_PROXY")),
        ("REDIS_URL", "rediss"),
        ("REDIS_URL", "rediss+cluster"),
    ],
)
def test_a_host_that_no_connection_can_have_is_not_valid(name: str, scheme: str, host: str) -> None:
    """It would be noticed at the first connection only, as an error that nobody expects."""
    (problem,) = problems(**{name: f"{scheme}://{host}"})
    assert problem.startswith(f"{name}: isn't a valid URL")


@each("password", ["p%40ss", "a%7Eb%40c", "a~b%2Fc", "%C3%A9t%C3%A9"])
def test_the_password_of_a_proxy_is_a_secret_in_each_form(password: str) -> None:
    """As it is written, as it is sent, and as aiohttp's errors show it."""
    url = f"http://ada:{password}@proxy.example:3128"
    secrets = load(DEVIN_PROXY=url).secrets()
    assert {url, password, unquote(password), URL(url).raw_password} <= secrets


@each("name", ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_told_to_have_no_effect(name: str) -> None:
    """An operator may count on it; who has set one of ours knows."""
    (doubt,) = load(**{name: "http://SEEN"}).doubts
    assert doubt.startswith(f"{name.upper()}: not used; ")
    assert load(**{name: "http://SEEN", "SLACK_PROXY": "http://proxy"}).doubts == ()


USUAL = {
    "Docker": "PATH HOSTNAME HOME TERM PWD LANG GPG_KEY PYTHON_VERSION PYTHON_SHA256 TZ",
    "systemd": "LOGNAME USER INVOCATION_ID JOURNAL_STREAM NOTIFY_SOCKET LISTEN_FDS SHELL HOME "
    "SYSTEMD_EXEC_PID WATCHDOG_USEC CREDENTIALS_DIRECTORY STATE_DIRECTORY LOGS_DIRECTORY",
    "Kubernetes": "KUBERNETES_SERVICE_HOST KUBERNETES_PORT_443_TCP_PROTO DEVIN_RELAY_PORT "
    "DEVIN_RELAY_SERVICE_HOST DEVIN_RELAY_SERVICE_PORT_HTTP DEVIN_RELAY_PORT_3000_TCP_ADDR "
    "REDIS_PORT REDIS_PORT_6379_TCP REDIS_SERVICE_HOST REDIS_SERVICE_PORT SLACK_PORT MIRROR_PORT "
    "MIRROR_SERVICE_HOST MIRROR_PORT_80_TCP HOSTNAME POD_IP NODE_NAME",
    "Docker links": "REDIS_NAME REDIS_PORT_6379_TCP_ADDR REDIS_ENV_REDIS_VERSION",
    "Heroku": "DYNO PORT REDIS_URL REDIS_TLS_URL HEROKU_REDIS_AMBER_URL HEROKU_APP_NAME PS1 "
    "SOURCE_VERSION STACK WEB_CONCURRENCY DATABASE_URL LOG_DRAIN",
    "GitHub Actions": "CI GITHUB_ACTIONS GITHUB_TOKEN GITHUB_REF RUNNER_TEMP RUNNER_OS "
    "ACTIONS_CACHE_URL SLACK_WEBHOOK_URL SLACK_CHANNEL SLACK_TOKEN INPUT_TOKEN ImageOS",
    "other programs": "SLACK_CLIENT_ID SLACK_CLIENT_SECRET SLACK_TEAM_ID SLACK_CONFIG_DIR "
    "ALLOWED_HOSTS REDIS_HOST REDIS_PASSWORD REDIS_DB HTTP_PORT NO_PROXY "
    "XDG_DATA_DIRS HOSTS POST EDITOR PAGER DISPLAY OPENAI_API_KEY SENTRY_DSN LOGS "
    "DEVIN_SESSION_ID PIP_INDEX_URL NPM_CONFIG_REGISTRY GOPROXY UV_CACHE_DIR LESSOPEN",
}


@pytest.mark.parametrize("names", USUAL.values(), ids=USUAL)
def test_the_variables_that_platforms_set_are_left_alone(names: str) -> None:
    """The start says nothing of them."""
    settings = dict.fromkeys(names.split(), "tcp://10.0.0.1:6379")
    settings |= {"HOST": "0.0.0.0", "PORT": "3000", "REDIS_URL": "unix:///run/redis.sock"}
    assert load_settings({**settings, **ENOUGH}, None).doubts == ()
    del settings["REDIS_URL"]
    assert load_settings({**settings, **ENOUGH}, None).doubts == ()


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """A broken .env is a settings problem, not a traceback."""
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00SEEN")
    with pytest.raises(SettingsError, match=r"\.env: can't be read"):
        load_settings(ENOUGH, tmp_path / ".env")


def test_every_setting_has_one_line_and_one_comment_in_the_example() -> None:
    """.env.example and the model name the same variables."""
    named = re.findall(r"^# [^=\n]+\n(?:# )?([A-Z_]+)=\S*$", EXAMPLE, re.MULTILINE)
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)
    assert len(re.findall(r"^(?:# )?[A-Z_]+=", EXAMPLE, re.MULTILINE)) == len(named)


@each(("name", "value"), re.findall(r"^# ([A-Z_]+)=(\S*)$", EXAMPLE, re.MULTILINE))
def test_a_commented_value_in_the_example_is_the_default(name: str, value: str) -> None:
    """Uncommenting a line changes nothing."""
    assert getattr(load(**{name: value}), name.lower()) == getattr(load(), name.lower())


def test_no_setting_of_the_shell_reaches_the_relay_of_the_demo() -> None:
    """Not even one that is in a file."""
    names = [name.upper() for name in Settings.model_fields]
    assert [name for name in names if not name.startswith(demo.SETTINGS)] == []


def test_the_example_as_it_is_only_lacks_the_secrets(tmp_path: Path) -> None:
    """An unedited copy names exactly the values that must be filled in."""
    copy = tmp_path / ".env"
    copy.write_text((ROOT / ".env.example").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings({}, copy)
    assert [re.split(r"\W", problem)[0] for problem in caught.value.problems] == [
        "SLACK_BOT_TOKEN",
        "DEVIN_API_KEY",
        "SLACK_APP_TOKEN",
    ]
