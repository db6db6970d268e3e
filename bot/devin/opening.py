"""Opens Devin's API in the generation that the key is for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from bot.devin.api import Devin
from bot.devin.http import open_http
from bot.devin.v1.client import DevinV1
from bot.devin.v3.client import DevinV3
from bot.devin.v3.organization import Organization
from bot.model.generation import Generation, generation_of
from bot.timing import TIMING, Timing


@asynccontextmanager
async def open_devin(
    url: str,
    key: SecretStr,
    organization: str | None,
    connections: int,
    timing: Timing = TIMING,
    *,
    proxy: SecretStr | None = None,
) -> AsyncIterator[Devin]:
    """Open a client for the API at `url`, for the life of the process.

    Version 1 has no organizations; version 3 asks Devin for it if `organization` is None.
    """
    async with open_http(url, key, connections, timing, proxy, organization) as http:
        if generation_of(key.get_secret_value()) is Generation.V1:
            yield DevinV1(http)
        else:
            yield DevinV3(http, Organization(http, organization))
