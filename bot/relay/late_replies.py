"""Replies that Slack delivers late, after they or their threads may have changed."""

from collections.abc import Mapping
from typing import Any

from bot.model.people import Standing
from bot.model.replies import Reply
from bot.model.threads import ts_micros
from bot.relay.accept import Accepting
from bot.reporting.notices import Notices
from bot.slack.app.workspace import Workspace
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.store.revisions import TOO_LATE, Revisions
from bot.wording.delivery_reports import stranded


class LateReplies:
    """Looks late replies up in their threads, and reports the ones that came too late."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        accepting: Accepting,
        links: Links,
        mailbox: Mailbox,
        revisions: Revisions,
        notices: Notices,
    ) -> None:
        self._accepting = accepting
        self._links = links
        self._mailbox = mailbox
        self._revisions = revisions
        self._threads = workspace.threads
        self._notices = notices

    async def look_up(self, reply: Reply) -> Mapping[str, Any] | None:
        """Return the message of `reply` as its thread shows it now; None if it is gone.

        Raises:
            SlackAway: Slack cannot be asked now.
            SlackRefused: Slack does not show the thread.
        """
        return await self._threads.message(reply.thread, reply.ts)

    async def tell_if_stranded(self, reply: Reply) -> None:
        """Tell the thread if `reply` came too late to be sent; nobody would know otherwise.

        Raises:
            StoreAway, NotIdentified: it cannot be determined now.
        """
        if self.is_late(reply.ts) and await self.is_stranded(reply):
            await self._notices.say(reply.thread, stranded(1), once=f"stranded:{reply.ts}")

    def is_late(self, ts: str) -> bool:
        """Return `Accepting.is_late`."""
        return self._accepting.is_late(ts)

    async def take_back(self, reply: Reply) -> bool:
        """Take a reply out of its mailbox, if it is there; return False if Devin may have it.

        Raises:
            StoreAway: it may not be done.
        """
        met = await self._revisions.withdraw(reply.id, may_be_ahead=False)
        return met.what not in TOO_LATE or not met.may_be_taken

    async def is_stranded(self, reply: Reply) -> bool:
        """Return True if `reply` was for Devin until its thread was unlinked, muted or relinked.

        False if the reply was accepted before that, or taken back by its author.

        Raises:
            StoreAway, NotIdentified: it cannot be determined now.
        """
        if not await self._links.was_heard(reply.thread, ts_micros(reply.ts)):
            return False
        if await self._mailbox.is_known(reply.id):
            return False
        return await self._accepting.standing(reply) is Standing.ALLOWED
