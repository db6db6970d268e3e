"""Every part of the bot, built once, in the order in which they need each other."""

from dataclasses import dataclass

from bot.catch_up.listening import Listening
from bot.catch_up.runner import CatchUp
from bot.mirror.polling import Polling
from bot.relay import Relay
from bot.schedule.poll import Poll
from bot.wiring.delivering import serve
from bot.wiring.listening import catch_up_of, relay_of
from bot.wiring.parts import Connections, shared_by


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that run the bot.

    These are the use cases, the record of events, the backfill, the watch, the poll.
    """

    relay: Relay
    listening: Listening
    catch_up: CatchUp
    polling: Polling
    poll: Poll


def build(to: Connections) -> Parts:
    """Build all parts on the open connections, and let this process do the work that is due."""
    shared = shared_by(to)
    poll = serve(to, shared)
    relay = relay_of(to, shared)
    catch_up = catch_up_of(relay, shared)
    mirror = shared.mirror
    return Parts(
        relay=relay,
        listening=shared.listening,
        catch_up=catch_up,
        polling=mirror.polling,
        poll=poll,
    )
