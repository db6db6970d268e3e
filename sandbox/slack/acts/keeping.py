"""Saves a local Slack as JSON, and restores it into another one that continues from there.

It saves what the app may still need: messages, ephemeral messages, open modals, steps that have
not ended, and the state of agent sessions. It saves no tokens, and no pending deliveries.
"""

from dataclasses import asdict
from typing import Any

from sandbox.slack.world.state import SlackState
from sandbox.slack.world.workspace import JSON, Channel, Message, SlackFile


class Keeping:
    """State that outlives a process."""

    _state: SlackState

    def keep(self) -> JSON:
        """Return the state that `recall` restores."""
        state = self._state
        used = [channel for channel in state.workspace.channels.values() if channel.messages]
        return {
            "files": [_facts(file) for file in state.workspace.files.values()],
            "channels": {channel.name: _channel(channel) for channel in used},
            "ephemerals": [_message(message) for message in state.ephemerals],
            "views": {user.id: state.views.open_for(user.id) for user in self._people()},
            "steps": [one for one in state.steps.running if one not in state.steps.results],
            "agent_sessions": state.agents.keep(),
        }

    def recall(self, kept: JSON) -> None:
        """Restore the state that another one saved, without notifying the app."""
        state, workspace = self._state, self._state.workspace
        for facts in kept["files"]:
            content = facts.pop("content").encode("latin-1")
            workspace.files[facts["id"]] = SlackFile(content=content, **facts)
        for name, facts in kept["channels"].items():
            channel = workspace.channels[name]
            if facts["id"] != channel.id:
                workspace.move(channel, facts["id"])
                channel.is_ext_shared = True
            channel.is_ext_shared = facts.get("is_ext_shared", channel.is_ext_shared)
            channel.members = facts["members"]
            for message in facts["messages"]:
                workspace.put(self._recalled(message))
        state.ephemerals += [self._recalled(message) for message in kept["ephemerals"]]
        for user, views in kept["views"].items():
            for view in views:
                state.views.restore(user, view)
        for execution in kept["steps"]:
            state.steps.resume(execution)
        state.agents.recall(kept["agent_sessions"])

    def _people(self) -> list[Any]:
        return list(self._state.workspace.users.values())

    def _recalled(self, facts: JSON) -> Message:
        files = [self._state.workspace.files[one] for one in facts.get("files", [])]
        return Message(**{**facts, "files": files})


def _channel(channel: Channel) -> JSON:
    messages = [_message(message) for message in channel.messages.values()]
    return {
        "id": channel.id,
        "is_ext_shared": channel.is_ext_shared,
        "members": channel.members,
        "messages": messages,
    }


def _message(message: Message) -> JSON:
    """Return the fields that differ from the defaults; files by id, and without `reply_ts`."""
    facts = {name: value for name, value in asdict(message).items() if value}
    facts.pop("reply_ts", None)
    return facts | ({"files": [file.id for file in message.files]} if message.files else {})


def _facts(file: SlackFile) -> JSON:
    """Return a file's fields; latin-1 keeps any bytes, and text readable."""
    return asdict(file) | {"content": file.content.decode("latin-1")}
