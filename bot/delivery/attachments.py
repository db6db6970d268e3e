"""Uploads a reply's files to Devin; one that cannot go becomes a link, and its author is told.

A failure that may pass is tried again, a few times, while the reply waits. A file is streamed from
Slack to Devin through this process, and is never stored here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from bot.devin.api import Devin, OutgoingFile
from bot.model.files import AttachedFile, FileLeftOut, Upload, WhyLink
from bot.model.replies import Outcome, Reply, Wait
from bot.runtime import metrics
from bot.slack.files import SlackFiles
from bot.store.mailbox import Mailbox
from bot.timing import TIMING

log = logging.getLogger(__name__)

SECONDS = 60.0
"""The time for all files of one reply; after that, the rest go as links."""

MOST = 100
"""The most files that are uploaded for one reply: thousands that fail would outlast the lease."""

LONGEST_SECONDS = 20.0
"""The seconds before a file is tried again: those that Slack asks for, up to the longest."""

UNKNOWN_KIND = "application/octet-stream"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Brings files from Slack to Devin; `limit` is the largest size of a file, in bytes."""

    slack: SlackFiles
    devin: Devin
    mailbox: Mailbox
    limit: int
    pauses: Sequence[float] = TIMING.upload_pauses

    async def bring(
        self, reply: Reply, may_send: Callable[[], bool]
    ) -> Sequence[Upload] | Wait | None:
        """Upload each file of `reply`, and return the results; a repeated call returns the same.

        Return a `Wait` if Devin takes nothing at the moment. Return None, and record nothing, if
        this process may not send the reply by now: to others, a record means that it did.
        """
        if (known := await self.mailbox.uploads(reply.id)) is not None:
            return known
        deadline = asyncio.get_running_loop().time() + SECONDS
        files = reply.all_files
        brought = []
        for file in files[:MOST]:
            one = await self._bring(file, reply, deadline)
            if isinstance(one, Wait):
                return one
            brought.append(one)
        brought += [_link(file, reply, FileLeftOut(WhyLink.TOO_MANY)) for file in files[MOST:]]
        if not may_send():
            return None
        await self.mailbox.keep_uploads(reply.id, brought)
        return brought

    async def _bring(self, file: AttachedFile, reply: Reply, deadline: float) -> Upload | Wait:
        try:
            async with asyncio.timeout_at(deadline):
                file = await _tried(partial(self.slack.known, file), self.pauses)
                answer = await _tried(partial(self._upload, file), self.pauses)
        except TimeoutError:
            left_out = FileLeftOut(WhyLink.SLOW)
        except FileLeftOut as error:
            left_out = error
        else:
            if isinstance(answer, Wait):
                return answer
            metrics.FILES.labels("uploaded").inc()
            log.info("file uploaded", extra={"reply_id": reply.id, "size": file.size})
            return Upload(file=file, url=answer)
        return _link(file, reply, left_out)

    async def _upload(self, file: AttachedFile) -> str | Wait:
        if file.is_external or not self.limit:
            raise FileLeftOut(WhyLink.ELSEWHERE)
        if not file.url:
            raise FileLeftOut(WhyLink.HIDDEN)
        if file.size > self.limit:
            raise FileLeftOut(WhyLink.TOO_LARGE)
        async with self.slack.opened(file, self.limit) as download:
            outgoing = OutgoingFile(
                file.filename or file.name,
                file.kind or UNKNOWN_KIND,
                download.chunks(),
                download.size,
            )
            answer = await self.devin.upload(outgoing)
        if download.broke_off is not None:
            raise download.broke_off
        if isinstance(answer, Outcome):
            why = answer.detail if answer.status is None else f"HTTP {answer.status}"
            # After a 5xx or a lost answer, Devin may have a copy, which stays unused.
            is_final = 0 < (answer.status or 0) < HTTPStatus.INTERNAL_SERVER_ERROR
            raise FileLeftOut(WhyLink.DEVIN, why, again_after=None if is_final else 0.0)
        return answer


def _link(file: AttachedFile, reply: Reply, why: FileLeftOut) -> Upload:
    metrics.FILES.labels(why.hitch).inc()
    ids = {"reply_id": reply.id, "size": file.size}
    log.warning("file left out", extra=ids | {"reason": str(why)})
    return Upload(file=file, hitch=why.hitch, detail=why.detail)


async def _tried(step: Callable[[], Awaitable[T]], between: Sequence[float]) -> T:
    pauses = iter(between)
    while True:
        try:
            return await step()
        except FileLeftOut as error:
            pause = next(pauses, None)
            if pause is None or error.again_after is None or error.again_after > LONGEST_SECONDS:
                raise
            await asyncio.sleep(max(pause, error.again_after))
