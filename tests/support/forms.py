"""Forms as people see them, fill them in, and submit them."""

from typing import Any

from tests.support.desk import Desk, actions
from tests.support.waiting import wait_until

Form = dict[str, Any]


async def opened(desk: Desk, callback: str = "start_form", user: str = "ada") -> Form:
    """Wait for a form that this user has open, and return it."""

    def forms() -> list[Form]:
        return [one for one in desk.slack.open_views(user) if one["callback_id"] == callback]

    await wait_until(forms, f"{callback} opens")
    return forms()[-1]


def inputs(form: Form) -> dict[str, Form]:
    """Return a form's inputs by their ids."""
    return {one["block_id"]: one["element"] for one in form["blocks"] if one["type"] == "input"}


def held(form: Form) -> dict[str, str]:
    """Return what a form's inputs hold when it opens, of those that hold something."""
    found = {}
    for name, one in inputs(form).items():
        value = one.get("initial_value") or (one.get("initial_option") or {}).get("value")
        if value:
            found[name] = value
    return found


async def offered(desk: Desk, form: Form, name: str, typed: str, user: str = "ada") -> list[str]:
    """Type into an external menu; return the labels that Slack then shows."""
    delivery = await desk.slack.suggest(name, typed, view_id=form["id"], user=user)
    assert delivery.acked, delivery.error
    assert delivery.error is None
    return [one["text"]["text"] for one in delivery.response["options"]]


async def until_refused(desk: Desk, root: str) -> None:
    """Wait until the latest report in a thread offers to start again."""

    def offers() -> bool:
        return "start_again" in (actions(desk.posts(root)[-1]) if desk.posts(root) else ())

    await wait_until(offers, "the start fails")


async def ask_again(desk: Desk, root: str, *, user: str = "ada", channel: str = "general") -> Form:
    """Press *Start again* below the latest report in a thread; return the form that opens."""
    report = desk.posts(root, channel=channel)[-1]
    await desk.slack.press("start_again", channel=channel, message_ts=report.ts, user=user)
    return await opened(desk, "start_again_form", user)


async def start_again(desk: Desk, root: str, *, user: str = "ada", **filled: str | None) -> None:
    """Press *Start again*, and submit the form, with `filled` in place of what it holds."""
    form = await ask_again(desk, root, user=user)
    await desk.slack.submit_view(form["id"], filled, user=user)
