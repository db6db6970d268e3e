"""The Slack app manifest, from `manifest_template.yaml`: each scope and event, with its reason."""

import json
import re
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from urllib.parse import quote_plus

from bot.urls import check_web_address

EVENTS_PATH = "/slack/events"

CREATE = "https://api.slack.com/apps?new_app=1&manifest_yaml="
LONGEST_LINK = 8_000
"""Characters of an address that browsers and servers take."""

OTHERS = "plus any other options that you use"

_NOT_PRINTED = re.compile(r"^##.*\n", re.MULTILINE)
# Matches a marked line, and the lines below it that are indented deeper.
_PART = re.compile(r"^(( *)\S.*) # only (with.*)(\n(?:\2 .*\n)*)", re.MULTILINE)
_OPTION = re.compile(r" with (--(?!url)\S+)")
_INDENT = re.compile("^ +", re.MULTILINE)
_COMMENT = re.compile(r"^#.*\n| # .*$", re.MULTILINE)
_SCOPE = re.compile(r"^ +- (\S+) # (.+)$", re.MULTILINE)


@cache
def options() -> Collection[str]:
    """Return the options that the template's marks name."""
    return dict.fromkeys(_OPTION.findall(_template()))


@cache
def required_scopes(*wanted: str) -> Mapping[str, str]:
    """Return the bot scopes that the manifest with these options asks for, each with its reason."""
    return dict(_SCOPE.findall(manifest_yaml(*wanted).partition("bot_events:")[0]))


def lacking(missing: Collection[str], granted: Collection[str] = ()) -> str:
    """Name the `missing` scopes, what does not work without each, and the remedy."""
    return f"{named(missing)}. {remedy({*missing, *granted})}"


def named(missing: Collection[str]) -> str:
    """Name the `missing` scopes, and what does not work without each."""
    asked = required_scopes(*options())
    known = [f"{scope} (needed for {why})" for scope, why in asked.items() if scope in missing]
    others = sorted(set(missing).difference(asked))
    return "; ".join(known + others)


def remedy(scopes: Collection[str]) -> str:
    """Say how to get missing scopes, by the options that ask for any of `scopes`."""
    always = required_scopes().keys()
    used = [one for one in options() if (required_scopes(one).keys() - always) & set(scopes)]
    command = " ".join(["devin-relay manifest", *used])
    return f"Update the app with the manifest from `{command}` ({OTHERS}), then reinstall it."


def manifest_yaml(*wanted: str, url: str | None = None) -> str:
    """Return the manifest for Socket Mode, or for HTTP at `url` (/slack/events is optional).

    What is `wanted` are `options`. A `url` that is not an https address raises a `ValueError` that
    does not repeat it.
    """
    request_url = "" if url is None else json.dumps(_events_url(url))
    marks = {"without --url" if url is None else "with --url", *(f"with {one}" for one in wanted)}
    text = _PART.sub(
        lambda part: part[1] + part[4] if marks.intersection(part[3].split(" or ")) else "",
        _NOT_PRINTED.sub("", _template()),
    )
    return text.replace("$url", request_url)


def creation_link(manifest: str) -> str:
    """Return the address that creates the app from `manifest`; `ValueError` if it is too long.

    The workflow steps fill most of it, so they are indented half as deep: they have no lists.
    """
    before, functions, steps = _COMMENT.sub("", manifest).partition("functions:\n")
    steps = _INDENT.sub(lambda indent: indent[0][::2], steps)
    link = CREATE + quote_plus(before + functions + steps, safe=":/,")
    if len(link) > LONGEST_LINK:
        raise ValueError(f"--link would be {len(link)} characters long; paste the manifest instead")
    return link


def _template() -> str:
    return files(__package__).joinpath("manifest_template.yaml").read_text(encoding="utf-8")


def _events_url(url: str) -> str:
    if not url.lower().startswith("https://"):
        raise ValueError("--url must start with https:// (Slack requires HTTPS)")
    return check_web_address(url).removesuffix(EVENTS_PATH) + EVENTS_PATH
