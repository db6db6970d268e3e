"""The steps of Workflow Builder: *Send a message …*, *Link a thread …*, *Start a session*.

The listener is our own, since Bolt's `app.function` takes one step each and would leave unknown
steps without an answer. A step is kept before Slack is acknowledged.
"""

import re
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.features.workflow_steps.steps import START, Flaw, StepAsked
from bot.features.workflow_steps.use import WorkflowSteps
from bot.model.options import one_line
from bot.model.record import encodable, mapping, string
from bot.model.threads import is_id
from bot.model.times import is_ts
from bot.relay import UseCases
from handlers.feature import Feature
from handlers.parse.messages import Payload

_CHANNEL = re.compile(r"(?:<#)?([CG][A-Z0-9]{2,30})(?:\|[^<>]*)?>?", re.ASCII)
_OPTIONS = {
    "repository": "repo",
    "mode": "mode",
    "playbook": "playbook",
    "max_acus": "max",
    "tags": "tag",
}
_USER = re.compile(r"(?:<@)?([UW][A-Z0-9]{2,30})(?:\|[^<>]*)?>?", re.ASCII)
# A message's address: the time of the message, and of its thread where it is a reply.
_ADDRESS = re.compile(
    r"<?https://[^/\s<>|]+/archives/([CG][A-Z0-9]{2,30})/p([0-9]{10})([0-9]{6})"
    r"(?:\?(?:[^\s<>|]*&(?:amp;)?)?thread_ts=([0-9]{10}\.[0-9]{6}))?[^\s<>|]*(?:\|[^<>]*)?>?",
    re.ASCII,
)


def listen(app: AsyncApp, _: UseCases, steps: WorkflowSteps) -> None:
    """Listen to steps that Slack starts."""

    @app.event("function_executed")
    async def on_step(event: Payload) -> None:
        if (step := parse_step(event)) is not None:
            await steps.start(step)


def parse_step(event: Payload) -> StepAsked | None:
    """Parse a step and its flaw, if any; None if the payload does not identify the step."""
    execution = string(event, "function_execution_id")
    if not is_id(execution):
        return None
    inputs = mapping(event.get("inputs"))
    callback = string(mapping(event.get("function")), "callback_id")
    channel, thread_ts, flaw = _place(inputs.get("channel"), string(inputs, "thread_ts").strip())
    user = _matched(_USER, inputs.get("user"))
    return StepAsked(
        execution=execution,
        callback=callback,
        at=string(event, "event_ts") if is_ts(event.get("event_ts")) else "",
        session=string(inputs, "session"),
        text=string(inputs, "prompt" if callback == START else "message"),
        channel=channel,
        thread_ts=thread_ts,
        user=user or "",
        options=_options(inputs) if callback == START else "",
        flaw=flaw or (Flaw.USER if user is None else None),
    )


def _options(inputs: Payload) -> str:
    """Compose the words of the options that are filled in, whether they are right or wrong."""
    words = (
        (key, one_line(part))
        for name, key in _OPTIONS.items()
        for part in encodable(str(inputs.get(name) or "")).split(",")
    )
    return " ".join(f"{key}:“{part}”" for key, part in words if part)


def _place(channel: Any, thread: str) -> tuple[str, str, Flaw | None]:
    """Parse a channel and a thread; either may be missing, and a message's address names both."""
    place = _matched(_CHANNEL, channel)
    if place is None:
        return "", "", Flaw.CHANNEL
    named = _thread(thread)
    if named is None:
        return place, "", Flaw.THREAD
    of_thread, thread_ts = named
    place = place or of_thread
    if of_thread and of_thread != place:
        return place, "", Flaw.NO_THREAD
    return place, thread_ts, Flaw.CHANNEL if thread_ts and not place else None


def _thread(value: str) -> tuple[str, str] | None:
    """Parse the channel, if given, and the `ts` of a message; None for anything else."""
    if not value or is_ts(value):
        return "", value
    address = _ADDRESS.fullmatch(value)
    if address is None:
        return None
    channel, seconds, micros, thread_ts = address.groups()
    return channel, thread_ts or f"{seconds}.{micros}"


def _matched(pattern: re.Pattern[str], value: Any) -> str | None:
    """The id in `value`; "" if it was left out, and None for anything else."""
    if value is None or value == "":
        return ""
    found = pattern.fullmatch(value.strip()) if isinstance(value, str) else None
    return found[1] if found else None


WORKFLOW_STEPS = Feature(
    builds=WorkflowSteps.of,
    listens=listen,
    tellers=lambda steps: [steps],
    completes=WorkflowSteps.complete,
)
