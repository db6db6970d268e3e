"""People's messages in the local Slack, and the events that result from them."""

import re
import uuid
from collections.abc import Sequence
from typing import Any

from sandbox.ids import new_id
from sandbox.slack.transport.deliveries import Delivery
from sandbox.slack.world.forwards import preview_of, shares_of
from sandbox.slack.world.payloads import message_event, message_json
from sandbox.slack.world.rich_text import rich_text_blocks
from sandbox.slack.world.state import SlackState
from sandbox.slack.world.workspace import (
    JSON,
    OTHER_TEAM_ID,
    Channel,
    Message,
    SlackFile,
    UnknownName,
    User,
)


class Writing:
    """Acts that produce messages and events. Users and channels are short names or ids."""

    _state: SlackState

    async def say(  # noqa: PLR0913 - everything a message may have, by keyword
        self,
        text: str,
        *,
        user: str = "ada",
        channel: str = "general",
        thread: str | None = None,
        subtype: str | None = None,
        files: Sequence[str | SlackFile] | None = None,
        blocks: list[JSON] | None = None,
        broadcast: bool = False,
        via: str | None = None,
        deliver: bool = True,
    ) -> str:
        """Write a message and return its ts; the events are sent in the background.

        `via` is the app (its bot) that writes it with the author's own token, a user token. Files
        are `workspace.add_file(...)` or just names. With `deliver=False` it is in the history but
        the app is not notified; `event_of` returns the event for sending by hand. Raises
        UnknownName for an unknown thread and ValueError for somebody who is not in the channel.
        """
        author, place = self._writer(user, channel)
        self._check_thread(place, thread)
        message = Message(
            place.id,
            self._state.workspace.clock.next_ts(),
            text=text,
            thread_ts=thread,
            files=[self._file(each, author) for each in files or ()],
        )
        message.subtype = subtype or _subtype(message, is_broadcast=broadcast)
        _sign(author, message, self._state.workspace.user(via or user))
        if blocks is not None:
            message.blocks = blocks
        self._state.post(message, deliver=deliver)
        return message.ts

    async def forward(
        self,
        channel: str,
        ts: str,
        *,
        to: str = "general",
        thread: str | None = None,
        user: str = "ada",
        comment: str = "",
        deliver: bool = True,
    ) -> str:
        """Forward a message, with or without a comment, and return the new message's ts.

        Raises UnknownName for an unknown message or thread, and ValueError for somebody who is not
        in `to`, or who cannot read the message: it is in a private place without them.
        """
        author, place = self._writer(user, to)
        source = self._state.workspace.channel(channel)
        if author.id not in source.members and source.kind != "channel":
            raise ValueError(f"{author.real_name} can't read #{source.name}.")
        self._check_thread(place, thread)
        forwarded = self._state.workspace.message(channel, ts)
        message = Message(
            place.id,
            self._state.workspace.clock.next_ts(),
            text=comment,
            thread_ts=thread,
            attachments=shares_of(self._state.workspace, forwarded, place),
        )
        _sign(author, message, author)
        self._state.post(message, deliver=deliver)
        return message.ts

    async def edit(
        self, channel: str, ts: str, text: str, *, blocks: list[JSON] | None = None
    ) -> None:
        """Change a message as its author; sends `message_changed` with `edited`."""
        message = self._state.workspace.message(channel, ts)
        previous = message_json(self._state.workspace, message)
        message.text = text
        message.blocks = rich_text_blocks(text) if blocks is None else blocks
        message.edited = {"user": message.user, "ts": self._state.workspace.clock.next_ts()}
        self._state.changed(message, previous)

    async def delete(self, channel: str, ts: str) -> None:
        """Delete a message; a parent with replies becomes a tombstone."""
        self._state.delete(self._state.workspace.message(channel, ts))

    async def unfurl(self, channel: str, ts: str, *, of: str | None = None) -> None:
        """Let Slack add a link preview: `message_changed` without `edited` and the old text.

        `of` is the message in the same channel whose permalink is previewed; else it is a web page.
        """
        workspace = self._state.workspace
        message = workspace.message(channel, ts)
        preview: JSON = {"id": 1, "title": "A page", "from_url": "https://example.com/"}
        if of is not None:
            place = workspace.channel(channel)
            preview = preview_of(workspace, workspace.message(channel, of), place)
        message.attachments = [*message.attachments, preview]
        self._state.changed(message, None)

    async def join(self, channel: str, user: str, *, by: str | None = None) -> None:
        """Add somebody, or the app's bot, to a channel; `by` is the person who adds them.

        Both events name that person (docs.slack.dev/reference/events/member_joined_channel).
        """
        place, who = self._state.workspace.channel(channel), self._state.workspace.user(user)
        inviter = "" if by is None else self._writer(by, channel)[0].id
        if place.kind not in {"channel", "group"}:
            raise ValueError("Nobody can be added to a direct message.")
        if who.id in place.members:
            raise ValueError(f"{who.real_name} is already in #{place.name}.")
        place.members.append(who.id)
        ts = self._state.workspace.clock.next_ts()
        text = f"<@{who.id}> has joined the channel"
        message = Message(place.id, ts, who.id, text, subtype="channel_join", inviter=inviter)
        self._state.post(message)
        joined = {
            "type": "member_joined_channel",
            "user": who.id,
            "channel": place.id,
            "channel_type": "C" if place.kind == "channel" else "G",
            "team": who.team_id,
            "event_ts": ts,
        }
        self._state.emit(joined | ({"inviter": inviter} if inviter else {}), place)

    async def invite(self, text: str, *, user: str = "ada", channel: str = "general") -> None:
        """Use Slack's own `/invite`; raises ValueError if nobody is mentioned in `text`."""
        invited = re.findall(r"<@(\w+)>", text)
        if not invited:
            raise ValueError("Say who to add, as in /invite @Devin Relay.")
        for one in invited:
            await self.join(channel, one, by=user)

    async def share(self, channel: str) -> None:
        """Share a channel with another organization; a private one gets a new id with that.

        The app is told both, as far as it is subscribed
        (docs.slack.dev/reference/events/channel_id_changed, .../channel_shared).
        """
        workspace = self._state.workspace
        place = workspace.channel(channel)
        place.is_ext_shared, place.is_pending_ext_shared = True, False
        if place.kind == "group":
            old = workspace.move(place)
            changed = {
                "type": "channel_id_changed",
                "old_channel_id": old,
                "new_channel_id": place.id,
                "event_ts": workspace.clock.next_ts(),
            }
            self._state.emit(changed)
        shared = {
            "type": "channel_shared",
            "channel": place.id,
            "connected_team_id": OTHER_TEAM_ID,
            "event_ts": workspace.clock.next_ts(),
        }
        self._state.emit(shared, place)

    async def unshare(self, channel: str) -> None:
        """End the sharing of a channel (docs.slack.dev/reference/events/channel_unshared)."""
        place = self._state.workspace.channel(channel)
        place.is_ext_shared = place.is_pending_ext_shared = False
        unshared = {
            "type": "channel_unshared",
            "channel": place.id,
            "previously_connected_team_id": OTHER_TEAM_ID,
            "is_ext_shared": False,
            "event_ts": self._state.workspace.clock.next_ts(),
        }
        self._state.emit(unshared, place)

    async def react(self, channel: str, ts: str, name: str, *, user: str = "ada") -> None:
        """Add a person's reaction."""
        message = self._state.workspace.message(channel, ts)
        self._state.react(message, self._state.workspace.user(user), name)

    async def unreact(self, channel: str, ts: str, name: str, *, user: str = "ada") -> None:
        """Remove a person's reaction."""
        message = self._state.workspace.message(channel, ts)
        self._state.unreact(message, self._state.workspace.user(user), name)

    def event_of(self, channel: str, ts: str) -> JSON:
        """Return the `message` event of a message, to be delivered, changed or repeated."""
        workspace = self._state.workspace
        return message_event(workspace, workspace.message(channel, ts))

    async def deliver_event(
        self,
        event: JSON,
        *,
        event_id: str | None = None,
        retry_num: int = 0,
        retry_reason: str = "",
        **outer: Any,
    ) -> Delivery:
        """Send any inner event in the background; `outer` replaces fields of the wrapper."""
        retry = (retry_num, retry_reason)
        return self._state.send_event(event, event_id=event_id, retry=retry, outer=outer)

    async def redeliver(self, delivery: Delivery) -> Delivery:
        """Send an event again under its `event_id`, as Slack's first retry."""
        again = Delivery(
            delivery.kind,
            delivery.payload,
            event_id=delivery.event_id or new_id("Ev0"),
            retry_num=1,
            retry_reason="timeout",
        )
        return self._state.courier.send(again)

    def _writer(self, user: str, channel: str) -> tuple[User, Channel]:
        author, place = self._state.workspace.user(user), self._state.workspace.channel(channel)
        posts_from_outside = author.posts_as in {"legacy", "workflow"}
        if author.id not in place.members and not posts_from_outside:
            raise ValueError(f"{author.real_name} isn't in #{place.name}.")
        return author, place

    def _check_thread(self, place: Channel, thread: str | None) -> None:
        if thread is None:
            return
        if self._state.workspace.message(place.id, thread).is_reply:
            raise UnknownName(f"{thread} is a reply, not the start of a thread")

    def _file(self, file: str | SlackFile, author: User) -> SlackFile:
        if isinstance(file, SlackFile):
            return file
        content = f"The content of {file}\n".encode()
        return self._state.workspace.add_file(file, user=author.id, content=content)


def _subtype(message: Message, *, is_broadcast: bool) -> str | None:
    if is_broadcast:
        return "thread_broadcast"
    return "file_share" if message.files else None


def _sign(author: User, message: Message, app: User) -> None:
    """Set the author of a message as Slack does for people, apps and legacy webhooks.

    A message that an app writes with a person's token has that person and the app's ids
    (docs.slack.dev/reference/events/message, and `bot_profile` beside it).
    """
    if author.posts_as == "legacy":
        message.subtype = "bot_message"
        message.bot_id, message.username = author.bot_id, author.real_name
        return
    message.user = author.id
    if app.is_bot:
        message.bot_id, message.app_id = app.bot_id, app.app_id
    elif message.subtype != "me_message":
        message.client_msg_id = str(uuid.uuid4())
        message.blocks = rich_text_blocks(message.text)
