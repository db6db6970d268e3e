"""Parses a thread's messages as `conversations.replies` shows them, for a session's first prompt.

Each message comes without its channel, and our own posts are among them.
"""

from collections.abc import Mapping
from typing import Any

from bot.model.replies import Reply
from bot.model.threads import ThreadRef
from bot.slack.app.workspace import Identity
from bot.text.to_devin import strip_mention
from handlers.parse.commands import parse_command, parse_guess
from handlers.parse.events import is_aside, is_own, is_said, parse_message


class ThreadMessages:
    """The `Messages` of the prompts."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def asked(
        self, message: Mapping[str, Any], thread: ThreadRef, *, is_talk: bool
    ) -> Reply | None:
        """Parse a message that asks for a start, with the prompt as its text; None for others.

        If it `is_talk`, that a button made a prompt, all of it is the prompt.
        """
        ours, event = self._identity.user, {**message, "channel": thread.channel}
        found = parse_message(event, thread.team)
        if found is None or is_aside(found, ours):
            return None
        words = event, thread.team, ours
        said = parse_command(*words, unlinked=True) or parse_guess(*words, unlinked=True)
        prompt = said.argument if said is not None and said.verb == "start" else None
        if said is None and is_talk:
            prompt = strip_mention(found.text, ours) or found.text
        return None if prompt is None else found.model_copy(update={"text": prompt})

    def earlier(self, message: Mapping[str, Any], thread: ThreadRef) -> Reply | None:
        """Parse a message that Devin may read; None for asides, commands, and our own posts."""
        ours, event = self._identity, {**message, "channel": thread.channel}
        if is_own(message, ours) or not is_said(message):
            return None
        words = event, thread.team, ours.user
        if parse_command(*words) is not None or parse_guess(*words) is not None:
            return None
        found = parse_message(event, thread.team)
        return None if found is None or is_aside(found, ours.user) else found
