"""The state that the Web API and people's acts share: the workspace, and its subscribers.

Every change goes through here, so that the app sees it (as an event, if it is subscribed and the
bot is in the channel) and so does the page (as a small dict in every subscription).
"""

import asyncio
import weakref
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.ids import new_id
from sandbox.slack.acts.response_urls import ResponseUrls
from sandbox.slack.acts.views import Triggers, Views
from sandbox.slack.api.faults import ApiCall, Download, FaultPlan
from sandbox.slack.transport.deliveries import Courier, Delivery, Transport
from sandbox.slack.world.agent_sessions import AgentSessions
from sandbox.slack.world.cast import RELAY, known_workspace
from sandbox.slack.world.payloads import (
    changed_event,
    deleted_event,
    event_callback,
    mention_event,
    message_event,
    message_json,
)
from sandbox.slack.world.statuses import Statuses
from sandbox.slack.world.uploads import Uploads
from sandbox.slack.world.workspace import JSON, Channel, Message, User

DEFAULT_SCOPES = (
    "app_mentions:read", "channels:history", "groups:history", "im:history", "mpim:history",
    "channels:read", "groups:read", "chat:write", "commands", "files:read", "files:write",
    "reactions:write", "usergroups:read", "users:read",
)  # fmt: skip
"""Those of the bot's manifest without options: any other would hide a refusal of Slack's."""

DEFAULT_BOT_EVENTS = (
    "app_mention", "message.channels", "message.groups", "message.im", "message.mpim",
    "app_home_opened", "channel_id_changed", "channel_shared", "function_executed",
)  # fmt: skip
_EVENT_PLACES = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}


class Subscription(asyncio.Queue[JSON]):
    """A queue of changes, read with `await get()` or `async for`. Dropped ones cost nothing."""

    def __aiter__(self) -> AsyncIterator[JSON]:
        """Iterate over changes as they arrive, without end."""
        return self

    async def __anext__(self) -> JSON:
        """Return the next change."""
        return await self.get()


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of a message: when (Unix seconds), and what it said from then on."""

    at: float
    text: str
    blocks: list[JSON]


class Steps:
    """The Workflow Builder steps that were started, and their results."""

    def __init__(self) -> None:
        self.running: dict[str, str] = {}
        self.results: dict[str, tuple[str, Any]] = {}

    def start(self) -> tuple[str, str]:
        """Return a new execution's id and its own token."""
        execution_id = new_id("Fx0")
        return execution_id, self.resume(execution_id)

    def resume(self, execution_id: str) -> str:
        """Let an execution run, and return its own token."""
        self.running[execution_id] = f"xwfp-sandbox-{execution_id.lower()}"
        return self.running[execution_id]

    def finish(self, execution_id: str, outcome: str, payload: Any) -> str | None:
        """End an execution; return Slack's error if it cannot be ended."""
        if execution_id in self.results:
            return "execution_not_in_running_state"
        if execution_id not in self.running:
            return "function_execution_not_found"
        self.results[execution_id] = (outcome, payload)
        return None


class SlackState:
    """The one state behind a local Slack."""

    def __init__(self, transport: Transport, retry_delays: Sequence[float]) -> None:
        self.courier = Courier(transport, retry_delays, self._delivery_changed)
        self.base_url = ""
        self.workspace = known_workspace()
        self.scopes = list(DEFAULT_SCOPES)
        self.bot_events = list(DEFAULT_BOT_EVENTS)
        self.calls: list[ApiCall] = []
        self.downloads: list[Download] = []
        self.faults = FaultPlan()
        self.triggers = Triggers()
        self.views = Views()
        self.steps = Steps()
        self.response_urls = ResponseUrls()
        self.ephemerals: list[Message] = []
        self.unseen: list[Message] = []
        self.edits: dict[str, list[Edit]] = defaultdict(list)
        self.statuses = Statuses(self.workspace.clock)
        self.agents = AgentSessions(self.workspace.clock)
        self.uploads = Uploads()
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()

    @property
    def bot(self) -> User:
        """The app's own bot user."""
        return self.workspace.user(RELAY)

    def subscribe(self) -> Subscription:
        """Return a new queue of every change from now on."""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        return subscription

    def notify(self, kind: str, **facts: Any) -> None:
        """Tell every subscription about a change."""
        for subscription in list(self._subscriptions):
            subscription.put_nowait({"type": kind, **facts})

    def sees(self, channel: Channel) -> bool:
        """Return True if the app's bot is in the channel."""
        return self.bot.id in channel.members and self.workspace.reaches(channel)

    def send_event(
        self, event: JSON, *, event_id: str | None = None, retry: tuple[int, str] = (0, ""),
        outer: JSON | None = None,
    ) -> Delivery:  # fmt: skip
        """Deliver any inner event, regardless of subscriptions."""
        event_id = event_id or new_id("Ev0")
        payload = event_callback(self.workspace, event, event_id, outer or {})
        return self.courier.send(
            Delivery(
                "events_api", payload, event_id=event_id, retry_num=retry[0], retry_reason=retry[1]
            )
        )

    def emit(self, event: JSON, channel: Channel | None = None) -> None:
        """Deliver an event if the real Slack would deliver it to this app."""
        kind = event["type"]
        if channel is not None and not self.sees(channel):
            return
        if kind == "message" and channel is not None:
            kind = f"message.{_EVENT_PLACES[channel.kind]}"
        if kind in self.bot_events:
            self.send_event(event)

    def post(self, message: Message, *, deliver: bool = True) -> Message:
        """Post a message: store it, and send its `message` and `app_mention` events."""
        self.workspace.put(message)
        if message.bot_id == self.bot.bot_id and self.statuses.clear(message.root_ts):
            self.notify("status", channel=message.channel, thread=message.root_ts, status="")
        self.notify("message", channel=message.channel, ts=message.ts)
        if deliver:
            channel = self.workspace.channel(message.channel)
            self.emit(message_event(self.workspace, message), channel)
            mention = mention_event(self.workspace, message)
            if mention is not None:
                self.emit(mention, channel)
        return message

    def post_ephemeral(self, message: Message) -> Message:
        """Show a message to one person only, without an event and outside of the history.

        Slack also accepts one for a thread without replies, but shows it to nobody: "Ephemeral
        messages in threads are only shown if there is already an active thread" (`thread_ts` of
        docs.slack.dev/reference/methods/chat.postEphemeral). Those are `unseen`.
        """
        thread = self.workspace.thread(message.channel, message.root_ts)
        if message.thread_ts and not any(one.is_reply for one in thread):
            self.unseen.append(message)
            return message
        self.ephemerals.append(message)
        self.notify("ephemeral", channel=message.channel, ts=message.ts, user=message.ephemeral_to)
        return message

    def changed(self, message: Message, previous: JSON | None) -> None:
        """Announce that a message has changed, with its previous version if Slack tells that.

        An edited message that mentions the app comes as `app_mention` once more, with `edited`
        (slackapi/bolt-js#960, chenhg5/cc-connect#1579).
        """
        if previous is not None and message.subtype != "tombstone":
            edit = Edit(self.workspace.clock.now(), message.text, message.blocks)
            self.edits[message.ts].append(edit)
        self.notify("message", channel=message.channel, ts=message.ts)
        channel = self.workspace.channel(message.channel)
        self.emit(changed_event(self.workspace, message, previous), channel)
        mention = mention_event(self.workspace, message) if message.edited and previous else None
        if mention is not None:
            self.emit(mention, channel)

    def delete(self, message: Message) -> None:
        """Delete a message; a parent with replies stays as a tombstone."""
        previous = message_json(self.workspace, message)
        if message.reply_ts:
            message.subtype, message.text = "tombstone", "This message was deleted."
            message.user, message.bot_id, message.app_id = "USLACKBOT", "", ""
            message.blocks, message.files, message.attachments = [], [], []
            self.changed(message, previous)
            return
        event = deleted_event(self.workspace, message)
        self.workspace.remove(message)
        self.notify("message", channel=message.channel, ts=message.ts)
        self.emit(event, self.workspace.channel(message.channel))

    def react(self, message: Message, user: User, name: str) -> str | None:
        """Add a reaction; return Slack's error if it already exists."""
        users = message.reactions.setdefault(name, [])
        if user.id in users:
            return "already_reacted"
        users.append(user.id)
        self._reaction_changed("reaction_added", message, user, name)
        return None

    def unreact(self, message: Message, user: User, name: str) -> str | None:
        """Remove a reaction; return Slack's error if it does not exist."""
        users = message.reactions.get(name, [])
        if user.id not in users:
            return "no_reaction"
        users.remove(user.id)
        if not users:
            del message.reactions[name]
        self._reaction_changed("reaction_removed", message, user, name)
        return None

    def _delivery_changed(self, delivery: Delivery) -> None:
        self.notify(
            "delivery",
            delivery_kind=delivery.kind,
            event_id=delivery.event_id,
            attempts=delivery.attempts,
            acked=delivery.acked,
        )

    def _reaction_changed(self, kind: str, message: Message, user: User, name: str) -> None:
        self.notify("reaction", channel=message.channel, ts=message.ts, name=name)
        event = {
            "type": kind,
            "user": user.id,
            "reaction": name,
            "item": {"type": "message", "channel": message.channel, "ts": message.ts},
            "item_user": message.user,
            "event_ts": self.workspace.clock.next_ts(),
        }
        self.emit(event, self.workspace.channel(message.channel))
