"""Whoever changes what Redis keeps is asked what processes of the last release make of it."""

from tests.store.test_lua import HASHES
from tests.support.shapes import LISTED, shapes

ASKED = """
What Redis keeps has changed (see docs/architecture/changing-redis.md).
1. During an upgrade, old processes run beside new ones. Does one that doesn't know this send, tell
   or lose what it should not? If so, raise SCHEMA (bot/redis/connection.py).
2. Does it hold what somebody wrote? If so, it has a bound, it follows edits and deletions of its
   message, and docs/security.md has a row for it under "People's words".
Once both have an answer, list it: .venv/bin/python -m tests.store.test_shapes
"""


def test_what_redis_keeps_is_what_the_last_change_took_up() -> None:
    """A renamed or new field, value or key is listed only once that question has an answer."""
    now, listed = shapes(HASHES), LISTED.read_text("utf-8").splitlines()
    changed = [f"- {one}" for one in listed if one not in now]
    changed += [f"+ {one}" for one in now if one not in listed]
    assert now == listed, "\n".join([ASKED, *changed])


if __name__ == "__main__":
    LISTED.write_text("\n".join([*shapes(HASHES), ""]), "utf-8")
