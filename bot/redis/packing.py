"""What Redis is sent, packed in C: redis-py's asyncio half has only its packer in Python.

A script with its keys and arguments has up to 26 parts, and a reply needs three of them.
"""

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.connection import HiredisRespSerializer
from redis.typing import EncodableT


class _Packing(AbstractConnection):
    """Before a kind of connection, in whose place redis-py opens it."""

    def pack_command(self, *args: EncodableT) -> list[bytes]:
        """Pack one command as redis-py's blocking connections do."""
        packer: Any = HiredisRespSerializer()  # it annotates its arguments wrongly (redis-py 8.1)
        packed: list[bytes] = packer.pack(*args)
        return packed


def pack_in_c(redis: Redis) -> Redis:
    """Let the connections of `redis`, none of which is open yet, be of the packing kind."""
    pool = redis.connection_pool
    pool.connection_class = type("Packing", (_Packing, pool.connection_class), {})
    return redis
