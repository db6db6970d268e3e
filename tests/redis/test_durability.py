"""A Redis that evicts keys or doesn't persist is told to the operator, who then can change it."""

from pathlib import Path

import pytest
import redis

from bot.model.findings import Finding
from bot.redis.connection import open_store
from bot.redis.durability import durability
from tests.support.redis_servers import Kind, asked_for, node_url, serving

SAFE = ("--maxmemory-policy", "noeviction", "--appendonly", "yes")
KINDS = sorted({asked_for(), Kind.CLUSTER})


async def found(url: str) -> list[Finding]:
    """Return what is said of the server at `url`."""
    async with open_store(url) as store:
        return list(await durability(store))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("options", "eviction", "persistence"),
    [
        (SAFE, "✓", "✓"),
        ((*SAFE, "--maxmemory-policy", "allkeys-lru"), "✗", "✓"),
        ((*SAFE, "--maxmemory-policy", "volatile-ttl"), "✗", "✓"),
        ((*SAFE, "--appendonly", "no"), "✓", "!"),
        ((*SAFE, "--appendonly", "no", "--save", "60 1"), "✓", "!"),
    ],
)
async def test_a_server_is_judged_by_what_it_says_of_itself(
    kind: Kind, options: tuple[str, ...], eviction: str, persistence: str, tmp_path: Path
) -> None:
    """Each of the relay's keys has a TTL, so a policy for such keys drops replies as well."""
    with serving(kind, tmp_path, *options) as url:
        marks = [mark_of(one) for one in await found(url)]
    assert marks == [eviction, persistence]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_user_without_info_is_told_that_nothing_was_checked(
    kind: Kind, tmp_path: Path
) -> None:
    """The check is optional; an ACL that denies it stops neither the start nor the doctor."""
    with serving(kind, tmp_path, *SAFE) as url:
        with redis.Redis.from_url(node_url(url)) as admin:
            admin.execute_command("ACL SETUSER", "relay", "on", ">pw", "~*", "+@all", "-info")
        async with open_store(url.replace("://", "://relay:pw@")) as store:
            findings = await durability(store)
    assert [mark_of(one) for one in findings] == ["!", "!"]
    assert all("couldn't be checked" in one.says and "+info" in one.fix for one in findings)


def mark_of(one: Finding) -> str:
    """Return the mark that `doctor` gives a finding."""
    return "✗" if not one.is_good else "!" if one.warns else "✓"
