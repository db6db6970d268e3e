"""The signatures of the scripts beside this file, which read and write keys of any kind."""

from collections.abc import Sequence
from typing import Any

from bot.redis.keys import Key
from bot.redis.scripts import script


@script
async def put(*, key: Key, text: str, ttl: int, field: str) -> str: ...


@script
async def swap(*, key: Key, was: str, text: str, ttl: int) -> int: ...


@script
async def fields(*, keys: Sequence[Key], names: Sequence[str]) -> Any: ...


@script
async def members(*, key: Key, prefix: str, within_ms: int, limit: int) -> Sequence[str]: ...


@script
async def places(*, keys: Sequence[Key], members: Sequence[str]) -> tuple[int, Sequence[Any]]: ...


@script
async def spend_call(
    *, calls: Key, name: str, span_ms: int, most: int, after_ms: int, pause_ms: int
) -> int: ...


@script
async def info() -> Sequence[str]: ...
