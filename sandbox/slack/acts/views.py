"""Modals and App Home views, the triggers that open them, and people's input into them."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox.ids import new_id
from sandbox.slack.api.blocks import interactive_elements, options_of
from sandbox.slack.world.cast import APP_ID, RELAY
from sandbox.slack.world.org import installed_id
from sandbox.slack.world.workspace import JSON, TEAM_ID, UnknownName, Workspace

TRIGGER_SECONDS = 3.0


@dataclass(slots=True)
class Triggers:
    """Trigger ids: single use, valid for three seconds (a test may change `seconds`)."""

    seconds: float = TRIGGER_SECONDS
    _issued: dict[str, tuple[str, float]] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    def issue(self, user: str) -> str:
        """Return a fresh trigger for something that `user` just did."""
        trigger_id = f"{time.time_ns()}.{new_id('', 10)}"
        self._issued[trigger_id] = (user, time.monotonic() + self.seconds)
        return trigger_id

    def redeem(self, trigger_id: str) -> tuple[str, str | None]:
        """Use up a trigger; return its user, and Slack's error if it is invalid."""
        if trigger_id in self._used:
            return "", "exchanged_trigger_id"
        if trigger_id not in self._issued:
            return "", "invalid_trigger_id"
        user, expires = self._issued.pop(trigger_id)
        if time.monotonic() > expires:
            return "", "expired_trigger_id"
        self._used.add(trigger_id)
        return user, None


@dataclass(slots=True)
class Views:
    """Every user's stack of open modals, and their published home view."""

    _open: dict[str, list[JSON]] = field(default_factory=lambda: defaultdict(list))
    _homes: dict[str, JSON] = field(default_factory=dict)

    def open_for(self, user: str) -> list[JSON]:
        """Return the user's modals, with the one in front last."""
        return list(self._open[user])

    def home_of(self, user: str) -> JSON | None:
        """Return the content of the user's App Home."""
        return self._homes.get(user)

    def push(self, workspace: Workspace, user: str, view: JSON) -> JSON:
        """Open a modal in front of the user's others."""
        stack = self._open[user]
        made = _finished(workspace, view, new_id("V0"))
        made["root_view_id"] = stack[0]["id"] if stack else made["id"]
        made["previous_view_id"] = stack[-1]["id"] if stack else None
        stack.append(made)
        return made

    def restore(self, user: str, view: JSON) -> None:
        """Reopen an existing modal in front of the user's others."""
        self._open[user].append(view)

    def publish(self, workspace: Workspace, user: str, view: JSON) -> JSON:
        """Put a view on the user's App Home."""
        before = self._homes.get(user)
        made = _finished(workspace, view, before["id"] if before else new_id("V0"))
        self._homes[user] = made
        return made

    def find(self, view_id: str | None, external_id: str | None) -> tuple[str, JSON] | None:
        """Return the open modal or home with that id, and its user."""
        shown = [(user, view) for user, stack in self._open.items() for view in stack]
        for user, view in [*shown, *self._homes.items()]:
            if view_id == view["id"] or (external_id and external_id == view["external_id"]):
                return user, view
        return None

    def replace(self, workspace: Workspace, old: JSON, view: JSON) -> None:
        """Replace an open view's content; it keeps its id and its place."""
        kept = {key: old[key] for key in ("root_view_id", "previous_view_id", "id")}
        made = _finished(workspace, view, old["id"]) | kept
        old.clear()
        old.update(made)

    def close(self, user: str, view: JSON) -> None:
        """Close one modal."""
        self._open[user] = [each for each in self._open[user] if each is not view]

    def close_all(self, user: str) -> None:
        """Close all of the user's modals."""
        self._open[user].clear()


def submitted_state(view: JSON, values: JSON) -> JSON:
    """Return `state.values` from Slack's own nested form, or from the short one: action id -> text.

    What is not named is submitted as it was opened, with its initial value; None empties a field.

    Raises UnknownName for a field that is not in the view, and ValueError if Slack's client would
    not let the person submit: an empty field that is not optional, or a number out of bounds.
    """
    state: JSON = {}
    left = dict(values)
    for block in view["blocks"]:
        for block_id, element in interactive_elements([block]):
            action_id = element["action_id"]
            nested = left.get(block_id)
            if isinstance(nested, dict):
                given = nested.get(action_id)
            else:
                given = left.pop(action_id, initial_of(element))
            if given is None and block["type"] == "input" and not block.get("optional"):
                raise ValueError(f"{action_id} must be filled in")
            entry = given if isinstance(given, dict) else _entry(element, given)
            state.setdefault(block_id, {})[action_id] = entry
        left.pop(block.get("block_id", ""), None)
    if left:
        raise UnknownName(f"the view has no field {', '.join(left)}")
    return state


def initial_of(element: JSON) -> Any:
    """Return what an input that nobody has touched holds, as Slack submits it; None for nothing."""
    if element.get("initial_option"):
        return {"type": element["type"], "selected_option": element["initial_option"]}
    return element.get("initial_value") or element.get("initial_conversation")


def _entry(element: JSON, given: str | None) -> JSON:
    kind = element["type"]
    if kind == "plain_text_input":
        return {"type": kind, "value": given}
    if kind == "number_input":
        return {"type": kind, "value": _number(element, given)}
    if kind == "external_select":
        text = {"type": "plain_text", "text": given}
        return {"type": kind, "selected_option": given and {"text": text, "value": given}}
    if kind.endswith("_select") and kind != "static_select":
        return {"type": kind, f"selected_{kind.removesuffix('_select').rstrip('s')}": given}
    chosen = next((each for each in options_of(element) if each["value"] == given), None)
    if given is not None and chosen is None:
        raise UnknownName(f"{element['action_id']} has no option {given!r}")
    return {"type": kind, "selected_option": chosen}


def _number(element: JSON, given: str | None) -> str | None:
    """Check a number as Slack's client does before it submits it (docs.slack.dev, number input)."""
    if given is None:
        return None
    number = Decimal(given)
    is_whole = number == number.to_integral_value()
    least, most = (element.get(name) for name in ("min_value", "max_value"))
    is_within = (least is None or number >= Decimal(least)) and (
        most is None or number <= Decimal(most)
    )
    if not is_within or not (is_whole or element["is_decimal_allowed"]):
        raise ValueError(f"{element['action_id']} doesn't take {given}")
    return given


def _finished(workspace: Workspace, view: JSON, view_id: str) -> JSON:
    bot = workspace.user(RELAY)
    made = {
        "title": None,
        "submit": None,
        "close": None,
        "callback_id": "",
        "private_metadata": "",
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        **view,
        "id": view_id,
        "team_id": TEAM_ID,
        "app_id": APP_ID,
        "app_installed_team_id": installed_id(workspace),
        "bot_id": bot.bot_id,
        "hash": f"{int(time.time())}.{new_id('', 8)}",
        "state": {"values": {}},
        "root_view_id": view_id,
        "previous_view_id": None,
    }
    made["blocks"] = with_ids(view["blocks"])
    return made


def with_ids(blocks: list[JSON]) -> list[JSON]:
    """Return the blocks as Slack stores them, with every `block_id` and `action_id` filled in.

    A markdown block stays as it was sent: Slack keeps no `block_id` of it, and may make several of
    it.
    """
    finished = []
    for block in blocks:
        if block["type"] == "markdown":
            finished.append({name: block[name] for name in ("type", "text")})
            continue
        made = {**block, "block_id": block.get("block_id") or new_id("", 5)}
        if block["type"] == "actions":
            made["elements"] = [
                {**each, "action_id": each.get("action_id") or new_id("", 5)}
                for each in block["elements"]
            ]
        finished.append(made)
    return finished
