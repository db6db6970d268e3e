"""How long keys and leases last, unless by a setting; scripts call `DONE` `keep.done`, in seconds.

`docs/security.md` says the same to people.
"""

from datetime import timedelta

SESSION_LEASE = timedelta(seconds=10)
"""On a session, to send it mail; then another process takes over, unless it was renewed."""

POLL_LEASE = timedelta(seconds=10)
"""On a session, to poll it."""

ENTRY_LEASE = timedelta(seconds=45)
"""On an entry, for one try at it; `reporting/reporter.py` stops before its end."""

CLAIM_LEASE = timedelta(seconds=30)
"""On a command or press that was begun, and is claimed once it is done."""

BACKFILL_LEASE = timedelta(seconds=6)
"""On the threads that the backfill reads."""

BEHIND = timedelta(seconds=30)
"""A reply that waits for threads of its session to be read, from when it was accepted."""

WAITING = timedelta(days=30)
"""A reply that waits, and its mailbox."""

DONE = timedelta(days=7)
"""A reply with an outcome, for *Send again* and against accepting it twice.

Slack's Delayed Events are retried for 24 h; with a shorter time, a late one would be sent twice.
"""

AHEAD = timedelta(hours=25)
"""An edit or a deletion whose message may still come, as one of Slack's Delayed Events (24 h)."""

OWED = timedelta(days=30)
"""What Devin says and its thread has not been shown, and the entries for it and for cards."""

TRIED = timedelta(days=7)
"""An entry of the outbox and its subject, at least, from each try at it."""

WATCHED = timedelta(days=1)
"""What is known of a session, at least: its next poll comes within an hour."""

LEDGER = timedelta(days=400)
"""What sessions used in a month, from the last use: 13 months."""
