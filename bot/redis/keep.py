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
"""What is known of a session, at least: it is polled every 5 min, and read every hour."""

LEDGER = timedelta(days=400)
"""What sessions used in a month, from the last use: 13 months."""

CLAIMED = timedelta(days=2)
"""That a command, press or form was done: longer than Slack retries Delayed Events (24 h)."""

STARTED = TRIED + timedelta(days=1)
"""What came of a start, at least: longer than an entry that is not tried any more."""

ANSWERED = timedelta(days=30)
ADOPTED = timedelta(days=30)
OFFERED = timedelta(days=30)
SAID_ONCE = timedelta(days=30)
REVOKED = timedelta(days=30)
"""The answer to a question; that a channel adopted a session, which is new for 7 days, and, without
a process, its rules; that a thread was offered a link; a notice that is not repeated; when
a workspace removed the app."""

DIGEST = timedelta(days=30)
"""The entry of a digest, which waits for a week at most, and perhaps for an outage."""

TICKET = timedelta(hours=24)
"""What a modal or an offer is about, while a person leaves it open, or unanswered."""

PROMPTED = timedelta(days=1)
NO_AGENTS = timedelta(days=1)
"""That a person was offered prompts, and that Slack has no states of agents here."""

ACCOUNT = timedelta(days=1)
NO_ACCOUNT = timedelta(minutes=10)
"""A person's account in Devin, or that it may not be used; that there is none, though required."""

SAME_TEXT = timedelta(minutes=10)
"""That a text was sent as an account: the same text could not be told from it."""

LOOKED_UP = timedelta(minutes=4)
CHANNEL = timedelta(minutes=10)
MEMBERS = timedelta(seconds=5)
"""Slack's answers; a process then has them at hand for as long again, at most for a minute."""

CHANNEL_EVENT = CHANNEL + timedelta(minutes=1)
"""What an event said of a channel: longer than an answer that was asked for before it."""

FOREVER = timedelta(days=3650)
"""The version of the keys; a channel's profile, though nobody may change it for long."""

ALIVE = timedelta(minutes=1)
"""What `/readyz` writes."""
