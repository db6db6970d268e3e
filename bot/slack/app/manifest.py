"""The Slack app manifest: the relay's requests to a workspace, each scope with its reason.

`manifest_template.yaml` is the one source of them, for `doctor` and each start as well.
"""

import json
import re
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files

from bot.urls import check_web_address

EVENTS_PATH = "/slack/events"

DISPENSABLE = frozenset({"assistant:write", "files:write", "im:read", "mpim:read"})
"""Scopes without which a call may be refused, since the relay does without.

Without `files:write`, files are linked. Slack reports `im:read` and `mpim:read` missing in look-ups
of direct messages, and `assistant:write` where it does not show status lines in channels yet.
"""

REINSTALL = "Update the app with the manifest from `devin-relay manifest`, then reinstall it."

_NOT_PRINTED = re.compile(r"^##.*\n", re.MULTILINE)
# Matches a marked line, and the lines below it that are indented deeper.
_PART = re.compile(r"^(( *)\S.*) # only (with.*)(\n(?:\2 .*\n)*)", re.MULTILINE)
_SCOPE = re.compile(r"^ +- (\S+) # (.+)$", re.MULTILINE)


@cache
def required_scopes() -> Mapping[str, str]:
    """Return the required bot scopes, each with its reason."""
    return dict(_SCOPE.findall(manifest_yaml()))


def lacking(missing: Collection[str]) -> str:
    """Name the `missing` scopes, what does not work without each, and the remedy."""
    return f"{named(missing)}. {REINSTALL}"


def named(missing: Collection[str]) -> str:
    """Name the `missing` scopes, and what does not work without each."""
    required = required_scopes()
    known = [f"{scope} (needed for {why})" for scope, why in required.items() if scope in missing]
    others = sorted(set(missing).difference(required))
    return "; ".join(known + others)


def manifest_yaml(*, url: str | None = None, workflow_steps: bool = False) -> str:
    """Return the manifest for Socket Mode, or for HTTP at `url` (/slack/events is optional).

    `workflow_steps` adds the Workflow Builder steps, which need a paid Slack plan. A `url` that is
    not an https address raises a `ValueError` that does not repeat it.
    """
    request_url = "" if url is None else json.dumps(_events_url(url))
    wanted = {"without --url" if url is None else "with --url"}
    if workflow_steps:
        wanted.add("with --workflow-steps")
    template = files(__package__).joinpath("manifest_template.yaml").read_text(encoding="utf-8")
    text = _PART.sub(
        lambda part: part[1] + part[4] if part[3] in wanted else "",
        _NOT_PRINTED.sub("", template),
    )
    return text.replace("$url", request_url)


def _events_url(url: str) -> str:
    if not url.lower().startswith("https://"):
        raise ValueError("must start with https:// (Slack requires HTTPS)")
    return check_web_address(url).removesuffix(EVENTS_PATH) + EVENTS_PATH
