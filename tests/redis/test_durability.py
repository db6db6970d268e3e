"""A Redis that evicts keys or doesn't persist is told to the operator, who then can change it."""

from pathlib import Path

import pytest
import redis

from bot.model.findings import Finding
from bot.redis.connection import open_store
from bot.redis.durability import deletion, durability, rewrites
from bot.redis.embedded.server import embedded_valkey
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


async def test_the_embedded_server_keeps_everything(tmp_path: Path) -> None:
    """Its configuration is the relay's own."""
    async with embedded_valkey(tmp_path / "data") as url:
        assert [mark_of(one) for one in await found(url)] == ["✓", "✓"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_user_without_info_is_told_that_nothing_was_checked(
    kind: Kind, tmp_path: Path
) -> None:
    """The check is optional; an ACL that denies it stops neither the start nor the doctor."""
    with serving(kind, tmp_path, *SAFE) as url:
        with redis.Redis.from_url(node_url(url)) as admin:
            admin.execute_command("ACL SETUSER", "relay", "on", ">pw", "~*", "+@all", "-info")
        async with open_store(url.replace("://", "://relay:pw@")) as store:
            findings = [*await durability(store), *await deletion(store)]
    assert [mark_of(one) for one in findings] == ["!", "!", "!"]
    assert all("couldn't be checked" in one.says and "+info" in one.fix for one in findings)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_new_server_is_not_blamed_for_what_it_has_not_deleted(
    kind: Kind, tmp_path: Path
) -> None:
    """Without an append-only file, nothing is said: the lack of one is told elsewhere."""
    for options, marks in ((SAFE, ["✓"]), ((*SAFE, "--appendonly", "no"), [])):
        (place := tmp_path / f"{len(marks)}").mkdir()
        with serving(kind, place, *options) as url:
            async with open_store(url) as store:
                await store.ping()
                assert [mark_of(one) for one in await deletion(store)] == marks


MONTH = {
    "uptime_in_seconds": str(30 * 24 * 3600),
    "aof_enabled": "1",
    "aof_rewrites": "29",
    "aof_last_bgrewrite_status": "ok",
    "aof_base_size": "1000000",
    "aof_current_size": "3100000",
}
"""What INFO tells of a server that has been running for a month."""


@pytest.mark.parametrize(
    ("changes", "mark", "says"),
    [
        ({}, "✓", "rewritten 29 times in 30 days; 2.1 MB came since the last time"),
        ({"aof_rewrites": "4"}, "!", "rewritten 4 times in 30 days; 2.1 MB came since"),
        ({"aof_rewrites": "0", "aof_current_size": "1000000"}, "✓", "0.0 MB came since"),
        ({"aof_last_bgrewrite_status": "err"}, "!", "failed, so what was deleted stays"),
    ],
)
def test_a_server_that_seldom_rewrites_its_file_keeps_what_was_deleted(
    changes: dict[str, str], mark: str, says: str
) -> None:
    """Once a day is enough, and a file that did not grow has nothing to lose."""
    (finding,) = rewrites(MONTH | changes)
    assert mark_of(finding) == mark
    assert says in finding.says
    assert bool(finding.fix) == (mark == "!")


def mark_of(one: Finding) -> str:
    """Return the mark that `doctor` gives a finding."""
    return "✗" if not one.is_good else "!" if one.warns else "✓"
