"""Clients of an embedded Valkey, and a look into its files."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from redis.asyncio import Redis


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(url, decode_responses=True)
    try:
        yield client
    finally:
        await client.aclose()


async def get(url: str, key: str) -> bytes | str | None:
    async with client_of(url) as client:
        return await client.get(key)


async def put(url: str, key: str, value: str) -> None:
    async with client_of(url) as client:
        await client.set(key, value)


def files_with(word: str, data_dir: Path) -> Sequence[str]:
    """Return the names of the files, of any kind, in which `word` can be read."""
    found = []
    for path in data_dir.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file() and word.encode() in path.read_bytes():
                found.append(path.name)
    return found
