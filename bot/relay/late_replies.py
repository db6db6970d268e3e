"""Replies that Slack brings late: what became of them, and of their threads, meanwhile."""

from collections.abc import Mapping
from typing import Any

from bot.model.people import Standing
from bot.model.replies import Reply
from bot.model.threads import ts_micros
from bot.relay.accept import Accepting
from bot.relay.workspace import Workspace
from bot.reporting.notices import Notices
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.store.revisions import TOO_LATE, Revisions
from bot.wording.delivery_reports import stranded


class LateReplies:
    """Looks what became of late replies, and tells of those that came too late."""

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
        """The message of `reply` as it stands in its thread now; None where it is gone.

        Raises:
            SlackAway: Slack cannot be asked now.
            SlackRefused: Slack does not show the thread.
        """
        return await self._threads.message(reply.thread, reply.ts)

    async def tell_if_stranded(self, reply: Reply) -> None:
        """Say in its thread that `reply` came too late to be sent; nobody else would know.

        Raises:
            StoreAway, NotIdentified: it is not known now whether that is so.
        """
        if self.is_late(reply.ts) and await self.is_stranded(reply):
            await self._notices.say(reply.thread, stranded(1), once=f"stranded:{reply.ts}")

    def is_late(self, ts: str) -> bool:
        """As `Accepting`."""
        return self._accepting.is_late(ts)

    async def take_back(self, reply: Reply) -> bool:
        """Take a reply out of its mailbox, if it is there; False where Devin may have it.

        Raises:
            StoreAway: it is not known to be done.
        """
        met = await self._revisions.withdraw(reply.id, may_be_ahead=False)
        return met.what not in TOO_LATE or not met.may_be_taken

    async def is_stranded(self, reply: Reply) -> bool:
        """Whether `reply` was for Devin until its thread was unlinked, muted or linked anew.

        Not where it was accepted before that, or taken back by its author.

        Raises:
            StoreAway, NotIdentified: it is not known now.
        """
        if not await self._links.was_heard(reply.thread, ts_micros(reply.ts)):
            return False
        if await self._mailbox.is_known(reply.id):
            return False
        return await self._accepting.standing(reply) is Standing.ALLOWED
