"""A process of `benchmarks.store`: polls Redis for due mail, takes it, and finishes it.

It has a worker's poll, its room for sessions and its mailbox; in place of Devin there is a pause.
`python -m benchmarks.poller URL SECONDS` names each reply that it takes in a line of its own, after
a first line, and ends with its input.
"""

import asyncio
import secrets
import sys

import uvloop

from benchmarks.homes import TTL
from benchmarks.payloads import TEAM
from bot.model.replies import Outcome, OutcomeKind
from bot.model.sessions import SessionId
from bot.redis.connection import open_store
from bot.runtime.in_flight import Background, InFlight
from bot.schedule import LocalDispatch, WorkPoll
from bot.settings import Settings
from bot.store.mailbox import Head, Mailbox
from bot.store.outbox import Owed

CONCURRENCY: int = Settings.model_fields["delivery_concurrency"].default
DELIVERED = Outcome(kind=OutcomeKind.DELIVERED, status=200)


async def poll(url: str, pause: float) -> None:
    """Poll the Redis at `url` until the input ends; Devin's answer to a reply takes `pause`."""
    async with open_store(url) as opened:
        store = opened.of(TEAM)
        mailbox = Mailbox(store, TTL)

        async def deliver(session: SessionId) -> None:
            token = secrets.token_hex(8)
            step = await mailbox.take(session, token)
            while isinstance(step, Head):
                print(step.reply.id, flush=True)
                await asyncio.sleep(pause)
                step = await mailbox.finish(
                    session, token, step, DELIVERED, is_owed=False, go_on=True
                )

        async def owes_nothing(entry: Owed, _: int) -> None:
            raise RuntimeError(f"nothing is owed here, but there is {entry}")

        dispatch = LocalDispatch(Background(InFlight()), CONCURRENCY)
        dispatch.serve(deliver, owes_nothing, {})
        async with WorkPoll(store, dispatch).running():
            print("polling", flush=True)
            await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(poll(sys.argv[1], float(sys.argv[2])))
