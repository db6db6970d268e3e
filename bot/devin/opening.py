"""Opens Devin's API in the generation that the key is for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from pydantic import SecretStr

from bot.devin.api import Devin
from bot.devin.files import Downloads, FileAddresses
from bot.devin.http import DevinHttp, client_over
from bot.devin.v1.client import DevinV1
from bot.devin.v3.client import DevinV3
from bot.devin.v3.organization import Organization
from bot.model.generation import Generation, generation_of
from bot.runtime.outgoing import TRANSFER, open_session
from bot.timing import TIMING, Timing

KEEP_ALIVE_SECONDS = 5.0
"""The time for which a connection is kept without a call: one that Devin closes costs a message."""


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

    Version 1 has no organizations; version 3 asks Devin for it if `organization` is None. Files are
    read by connections of their own.
    """
    secret = key.get_secret_value()
    places = FileAddresses(url, organization)
    calls, downloads = (
        aiohttp.TCPConnector(limit=most, keepalive_timeout=KEEP_ALIVE_SECONDS)
        for most in (connections, 0)
    )
    async with (
        open_session(proxy, connector=calls) as api,
        open_session(proxy, connector=downloads, auto_decompress=False, timeout=TRANSFER) as files,
        client_over(api, url, secret, timing) as client,
    ):
        http = DevinHttp(client, secret, Downloads(files, places, secret), timing)
        if generation_of(secret) is Generation.V1:
            yield DevinV1(http)
        else:
            yield DevinV3(http, Organization(http, organization))
