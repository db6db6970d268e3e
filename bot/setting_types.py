"""The kinds of values that a setting may have, such as tokens, and what is wrong with a value.

A message never repeats the value.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from bot.urls import check_proxy_address

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
        if not _PRINTABLE.fullmatch(value := secret.get_secret_value()):
            raise ValueError("contains characters that no token has")
        if not value.startswith(prefixes) or value in prefixes:
            if value.startswith("xoxe"):
                raise ValueError(_ROTATED)
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
            are_not = f"isn't a {kind}" if wrong == 1 else f"aren't {kind}s"
            raise ValueError(f"{wrong} of {len(found)} entries {are_not}")
        return found

    return BeforeValidator(split)


def in_words(
    error: ValidationError, fields: Mapping[str, FieldInfo], known: Collection[str]
) -> Iterator[str]:
    """Describe each problem, but not that a setting is missing which has a problem already."""
    for found in error.errors(include_url=False, include_input=False):
        name = str(found["loc"][0])
        if found["type"] == "missing":
            wrong = "missing"
        elif found["type"] == "value_error":
            wrong = str(found["ctx"]["error"])
        else:
            wrong = "invalid"
        if name.upper() not in known:
            yield f"{name.upper()}: {wrong}; expected {fields[name].description}"


def _proxy(address: SecretStr) -> SecretStr:
    check_proxy_address(address.get_secret_value())
    return address


Proxy = Annotated[SecretStr, AfterValidator(_proxy)]
"""The address of a proxy, which may hold a password."""

Duration = Annotated[
    timedelta, BeforeValidator(duration), Field(gt=timedelta(0), le=timedelta(days=3650))
]

Emoji = Annotated[str, BeforeValidator(str.lower), Field(pattern=r"^[\w'+-]{1,100}$")]
"""The name of an emoji as Slack's events have it, such as robot_face or +1."""

CAP_SHAPE = "a whole number of ACUs from 1 to 100,000"
Cap = Annotated[int, Field(ge=1, le=100_000)]
"""What a session may use at most, in ACUs."""
