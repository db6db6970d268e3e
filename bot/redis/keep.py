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

READ_FIRST = timedelta(seconds=30)
"""A reply that waits for threads of its session to be read, from when it was accepted."""

WAITING = timedelta(days=30)
"""A reply that waits, and its mailbox."""

DONE = timedelta(days=7)
"""A reply with an outcome, for *Send again* and against accepting it twice.

Slack's Delayed Events are retried for 24 h; with a shorter time, a late one would be sent twice.
"""

AHEAD = timedelta(days=3)
"""An edit or a deletion whose message may still come, as one of Slack's Delayed Events (24 h).

And that a reply was given up before it was accepted: the backfill may read it again (`CATCH_UP`).
"""

OWED = timedelta(days=30)
"""What Devin says and its thread has not been shown, and the entries for it and for cards."""

TRIED = timedelta(days=7)
"""An entry of the outbox and its subject, at least, from each try at it."""

EXPIRING = timedelta(hours=1)
"""A link, beyond `LINK_TTL`: for a poll that ends it, and puts that on record."""

WATCHED = timedelta(days=1)
"""What is known of a session, at least: it is polled every 5 min, and read every hour."""

LEDGER = timedelta(days=400)
"""What sessions used in a month, from the last use: 13 months."""

# Of what was done or asked, so that it isn't again, and what came of it:

CLAIMED = timedelta(days=2)  # a command, press or form; Slack retries Delayed Events for 24 h
STARTED = TRIED + timedelta(days=1)  # a start, at least: longer than an entry that is tried
ANSWERED = timedelta(days=30)  # the answer to a question
ADOPTED = timedelta(days=30)  # a session, which is new for 7 days; rules, without a process
DIGEST = timedelta(days=30)  # its entry waits for a week at most, and perhaps for an outage
OFFERED = timedelta(days=30)  # a link, to a thread
SAID_ONCE = timedelta(days=30)  # a notice that is not repeated
REVOKED = timedelta(days=30)  # the app's access to a workspace, and when
TICKET = timedelta(hours=24)  # what a form or an offer is about, while a person leaves it open
PROMPTED = timedelta(days=1)  # prompts were offered to a person
NO_AGENTS = timedelta(days=1)  # Slack has no states of agents here
ACCOUNT = timedelta(days=1)  # a person's in Devin, or that it may not be used
DENIED = timedelta(minutes=1)  # that Devin lets nobody be looked up
NO_ACCOUNT = timedelta(minutes=10)  # there is none, where one is required
SAME_TEXT = timedelta(minutes=10)  # from which a second one could not be told

# Of Slack's answers; a process then has them at hand for as long again, at most for a minute:

LOOKED_UP = timedelta(minutes=4)
GROUP_HOME = timedelta(days=7)  # in an organization, which workspace has a user group, or hasn't
CHANNEL = timedelta(minutes=10)
MEMBERS = timedelta(seconds=5)
CHANNEL_EVENT = CHANNEL + timedelta(minutes=1)  # longer than an answer asked for before it

ALIVE = timedelta(minutes=1)  # what `/readyz` writes
FOREVER = timedelta(days=3650)  # the version of the keys; a channel's profile
