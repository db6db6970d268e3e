"""Has a session polled soon, since a reply has reached it."""

from typing import TypedDict

from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.redis.keys import WATCH_KEY, Key, followers_key, watched_key


class Stir(TypedDict):
    """The arguments of FINISH by which the session's answer is looked for."""

    watch: Key
    watched: Key
    followers: Key
    follower: str
    by: str
    poll_after_ms: int


def stir_of(session: SessionId, reply: Reply, pause: float) -> Stir:
    """Return the arguments for a reply that reached `session`, polled after `pause` seconds."""
    return {
        "watch": WATCH_KEY,
        "watched": watched_key(session),
        "followers": followers_key(session),
        "follower": "" if reply.thread.is_nowhere else reply.thread.name,
        "by": reply.author,
        "poll_after_ms": int(pause * 1000),
    }
