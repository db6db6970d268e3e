"""People's interactions with the app: commands, buttons, shortcuts, modals and steps.

Each waits until the app has acknowledged, or until the person would see that it did not.
"""

from typing import Any, Literal

from sandbox.slack.acts.payloads import (
    Handles,
    action_of,
    button_payload,
    closed_payload,
    command_payload,
    global_shortcut_payload,
    shortcut_payload,
    step_event,
    submission_payload,
    suggestion_payload,
    view_button_payload,
)
from sandbox.slack.acts.response_urls import ResponseUrl
from sandbox.slack.acts.responses import apply_response
from sandbox.slack.acts.views import submitted_state
from sandbox.slack.api.blocks import interactive_elements, suggestion_problems
from sandbox.slack.transport.deliveries import Delivery, Kind
from sandbox.slack.world.org import interacted
from sandbox.slack.world.state import SlackState
from sandbox.slack.world.workspace import JSON, Channel, Message, UnknownName, User


class Interacting:
    """Acts that the app must acknowledge. Users and channels are short names or ids."""

    _state: SlackState

    async def slash(
        self, command: str, text: str, *, user: str = "ada", channel: str = "general"
    ) -> Delivery:
        """Run a slash command; the text in the app's ack is shown, and so is a failure."""
        who, place = self._insider(user), self._state.workspace.channel(channel)
        url = ResponseUrl(who.id, place.id)
        payload = command_payload(who, place, command, text, self._handles(who, url))
        delivery = await self._deliver("slash_commands", who, payload)
        body = delivery.response
        if not delivery.acked:
            self._show_failure(who, place, f"{command} failed with the error “{delivery.error}”")
        elif body:
            apply_response(self._state, url, body if isinstance(body, dict) else {"text": body})
        return delivery

    async def press(
        self,
        action_id: str,
        *,
        channel: str,
        message_ts: str,
        user: str = "ada",
        value: str | None = None,
        block_id: str | None = None,
    ) -> Delivery:
        """Press a button of a message, or choose from its menu.

        `value` is the chosen option's, or replaces the button's own, to tamper with it; `block_id`
        tells elements with the same `action_id` apart. Raises UnknownName if the element does not
        exist.
        """
        message = self._state.workspace.message(channel, message_ts)
        return await self._press((action_id, block_id), message, user, value)

    async def press_ephemeral(
        self,
        action_id: str,
        *,
        channel: str,
        message_ts: str,
        user: str = "ada",
        value: str | None = None,
        block_id: str | None = None,
    ) -> Delivery:
        """Press a button of a message that only this user sees."""
        place, who = self._state.workspace.channel(channel), self._state.workspace.user(user)
        for message in self._state.ephemerals:
            where = (message.channel, message.ts, message.ephemeral_to)
            if where == (place.id, message_ts, who.id):
                return await self._press((action_id, block_id), message, user, value)
        raise UnknownName(f"{user} sees no ephemeral message {message_ts} in {channel}")

    async def press_view(
        self,
        action_id: str,
        *,
        view_id: str,
        user: str = "ada",
        value: str | None = None,
        block_id: str | None = None,
        values: JSON | None = None,
    ) -> Delivery:
        """Press a button of a modal or of App Home, or choose from a menu there.

        `values` is the modal's input so far, as Slack's `state.values`.
        """
        who, view = self._state.workspace.user(user), self._view(user, view_id)
        if values is not None:
            view["state"] = {"values": values}
        action = _pressed(view["blocks"], (action_id, block_id), value)
        payload = view_button_payload(who, view, action, self._handles(who))
        return await self._deliver("interactive", who, payload)

    async def suggest(
        self, action_id: str, typed: str, *, view_id: str, user: str = "ada"
    ) -> Delivery:
        """Type into an external menu of a modal; the app's ack has the options.

        Those that Slack would not show count as none, and the delivery's `error` says why.
        """
        who, view = self._state.workspace.user(user), self._view(user, view_id)
        block_id, element = _element(view["blocks"], (action_id, None))
        payload = suggestion_payload(who, view, element, block_id, typed)
        delivery = await self._deliver("interactive", who, payload)
        if delivery.acked and (problems := suggestion_problems(delivery.response)):
            delivery.response, delivery.error = None, "; ".join(problems)
        return delivery

    async def close_view(self, view_id: str, *, user: str = "ada") -> None:
        """Close a modal without submitting it; the app is notified if the view requests it."""
        who, view = self._state.workspace.user(user), self._view(user, view_id)
        if view["clear_on_close"]:
            self._state.views.close_all(who.id)
        else:
            self._state.views.close(who.id, view)
        if view["notify_on_close"]:
            payload = closed_payload(who, view, is_cleared=view["clear_on_close"])
            self._send("interactive", who, payload)
        self._state.notify("view", user=who.id, view_id=view["id"])

    async def shortcut(
        self, callback_id: str, *, channel: str, message_ts: str, user: str = "ada"
    ) -> Delivery:
        """Run a message shortcut on a message."""
        who = self._insider(user)
        message = self._state.workspace.message(channel, message_ts)
        handles = self._handles(who, ResponseUrl(who.id, message.channel))
        payload = shortcut_payload(self._state.workspace, who, message, callback_id, handles)
        return await self._deliver("interactive", who, payload)

    async def global_shortcut(self, callback_id: str, *, user: str = "ada") -> Delivery:
        """Run a global shortcut, from the composer's menu or the search."""
        who = self._insider(user)
        payload = global_shortcut_payload(who, callback_id, self._handles(who))
        return await self._deliver("interactive", who, payload)

    async def submit_view(
        self, view_id: str, values: dict[str, Any], *, user: str = "ada"
    ) -> Delivery:
        """Submit a modal. `values` is Slack's `state.values`, or short: action id -> value.

        The modal closes, stays with `errors`, or changes, as the app's ack says; without an ack it
        stays open.
        """
        who, view = self._state.workspace.user(user), self._view(user, view_id)
        view["state"] = {"values": submitted_state(view, values)}
        view.pop("errors", None)
        payload = submission_payload(who, dict(view), self._state.triggers.issue(who.id))
        delivery = await self._deliver("interactive", who, payload)
        if delivery.acked:
            self._follow(who, view, delivery.response or {})
        self._state.notify("view", user=who.id, view_id=view["id"])
        return delivery

    async def open_home(self, user: str, tab: Literal["home", "messages"] = "home") -> None:
        """Open a tab of the app, Home or its direct message; the event is sent in the background.

        Only the Home tab's carries a view (docs.slack.dev/reference/events/app_home_opened).
        """
        who = self._state.workspace.user(user)
        direct = self._state.workspace.direct_message(who.id, self._state.bot.id)
        event: JSON = {
            "type": "app_home_opened",
            "user": who.id,
            "channel": direct.id,
            "tab": tab,
            "event_ts": self._state.workspace.clock.next_ts(),
        }
        view = self._state.views.home_of(who.id) if tab == "home" else None
        self._state.emit(event if view is None else {**event, "view": view})

    async def run_step(self, callback_id: str, inputs: dict[str, Any], **changes: Any) -> str:
        """Start a Workflow Builder step in the background; return its execution id.

        `changes` replace fields of its event.
        """
        execution_id, token = self._state.steps.start()
        ts = self._state.workspace.clock.next_ts()
        event = step_event(callback_id, inputs, execution_id, token, ts)
        self._state.emit(event | changes)
        return execution_id

    def answers(self, delivery: Delivery) -> int:
        """Return the number of uses of the response URL that came with `delivery`."""
        key = str(delivery.payload.get("response_url", "")).rpartition("/")[2]
        return self._state.response_urls.uses(key)

    async def _press(
        self, where: tuple[str, str | None], message: Message, user: str, value: str | None
    ) -> Delivery:
        who = self._state.workspace.user(user)
        action = _pressed(message.blocks, where, value)
        is_ephemeral = message.ephemeral_to is not None
        url = ResponseUrl(who.id, message.channel, message.ts, is_ephemeral)
        handles = self._handles(who, url)
        payload = button_payload(self._state.workspace, who, message, action, handles)
        return await self._deliver("interactive", who, payload)

    async def _deliver(self, kind: Kind, user: User, payload: JSON) -> Delivery:
        return await self._send(kind, user, payload).settled()

    def _send(self, kind: Kind, user: User, payload: JSON) -> Delivery:
        payload = interacted(self._state.workspace, user, payload)
        return self._state.courier.send(Delivery(kind, payload))

    def _handles(self, user: User, url: ResponseUrl | None = None) -> Handles:
        trigger_id = self._state.triggers.issue(user.id)
        ts = self._state.workspace.clock.next_ts()
        if url is None:
            return Handles(trigger_id, ts)
        key = self._state.response_urls.issue(url)
        return Handles(trigger_id, ts, f"{self._state.base_url}/response/{key}")

    def _insider(self, user: str) -> User:
        who = self._state.workspace.user(user)
        if who.is_external:
            raise ValueError(
                f"{who.real_name} is from another organization, "
                "so Slack doesn't offer them commands."
            )
        wide = self._state.workspace.wide
        if wide is not None and who.team_id not in wide.granted:
            raise ValueError(f"The app isn't in {who.real_name}'s workspace.")
        return who

    def _view(self, user: str, view_id: str) -> JSON:
        who = self._state.workspace.user(user)
        found = self._state.views.find(view_id, None)
        if found is None or found[0] != who.id:
            raise UnknownName(f"{who.name} has no open view {view_id}")
        return found[1]

    def _follow(self, user: User, view: JSON, answer: JSON) -> None:
        """Apply the app's `response_action` to the modal."""
        views, workspace = self._state.views, self._state.workspace
        action = answer.get("response_action")
        if action == "errors":
            view["errors"] = answer["errors"]
        elif action == "update":
            views.replace(workspace, view, answer["view"])
        elif action == "push":
            views.push(workspace, user.id, answer["view"])
        elif action == "clear":
            views.close_all(user.id)
        else:
            views.close(user.id, view)

    def _show_failure(self, user: User, channel: Channel, text: str) -> None:
        ts = self._state.workspace.clock.next_ts()
        shown = Message(channel.id, ts, user="USLACKBOT", text=text, ephemeral_to=user.id)
        self._state.post_ephemeral(shown)


def _pressed(blocks: list[JSON], where: tuple[str, str | None], value: str | None) -> JSON:
    block_id, element = _element(blocks, where)
    return action_of(element, block_id, value)


def _element(blocks: list[JSON], where: tuple[str, str | None]) -> tuple[str, JSON]:
    """Find an element by its action id, and by its block's id if given."""
    action_id, wanted_block = where
    for block_id, element in interactive_elements(blocks):
        if element["action_id"] == action_id and wanted_block in {None, block_id}:
            return block_id, element
    there = [element["action_id"] for _, element in interactive_elements(blocks)]
    raise UnknownName(f"no {action_id!r} to press; there are {there}")
