"""The relay's times, in one value: pauses, and deadlines past which it goes on without an answer.

A deadline decides what people see. So tests give all of them patience, and a slow machine changes
nothing; a test of one deadline sets that one alone. A pause only spares Slack, Devin and Redis, so
tests shorten all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The times of one process.

    Deadlines end in `_seconds`, pauses in `_pause` or `_pauses`, and are in seconds. A `_wait` is a
    `timedelta` on which what people see depends, or what is on disk, so tests keep it.
    """

    crowd_wait: timedelta = timedelta(milliseconds=100)
    """The wait of a reply for earlier ones, while many come at once."""

    late_wait: timedelta = timedelta(seconds=1)
    """The same for a late reply, and for all just after a Redis outage, in which another process
    may have refused an earlier one."""

    delay_wait: timedelta = timedelta(seconds=30)
    """The wait after which a thread is told of a delay: that its reply waits (`Deliverer`), or that
    Devin takes long over a start (`Starter`) or a Devin Review (`Reviews`)."""

    reconcile_pauses: Sequence[float] = (1.0, 3.0)
    """Before each look for a message whose answer was lost."""

    send_pauses: Sequence[float] = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0)
    """Between the tries at a reply that Devin does not take yet; the last one repeats."""

    upload_pauses: Sequence[float] = (1.0, 2.0, 4.0, 8.0)
    """Between the tries at bringing a file to Devin."""

    tell_pauses: Sequence[float] = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
    """Between the tries at an entry of the outbox; the last one repeats."""

    post_pause: float = 1.0
    """Between two posts of a batch: Slack takes one a second and channel."""

    card_pause: float = 3.0
    """Between two edits of a card (docs.slack.dev, guidance for agents' progress)."""

    agent_pause: float = 2_400.0
    """Until Slack is told again that a session works: it forgets that after an hour.

    An edit of a card is tried again then, too, if the bot was not in the channel.
    """

    watch_pause: float = 1.0
    """After a reply, until its session is polled; other pauses of the watch are multiples."""

    adopt_pause: float = 60.0
    """Between two looks for new sessions that fit a channel's rules."""

    poll_pause: float = 1.0
    """Between two polls for work that is due; twice as long after one that found nothing."""

    mail_pause: float = 1.0
    """Until mail that is due counts as not being delivered by the process that accepted it."""

    entry_pause: float = 5.0
    """The same for an entry, which often waits for Slack, in the process that has caused it."""

    thread_pause: float = 2.0
    """Between two reads of threads by the backfill while no mail waits for one: 30 of the 50 a
    minute that Slack allows."""

    backfill_pause: float = 5.0
    """Until the backfill reads on after Slack gave no answer."""

    listen_pause: float = 2.0
    """Between two notes of what was heard, and two looks for what the backfill has to read."""

    redis_seconds: float = 2.0
    """A command of Redis: below Slack's 3 s, so that an event can be refused if Redis hangs."""

    review_pause: float = 30.0
    """Between two reads of the state of a Devin Review."""

    review_wait: timedelta = timedelta(hours=2)
    """How long one is asked for, or its result waited for."""

    stop_seconds: float = 10.0
    """The embedded Valkey, to stop; and half of the time for a process that is stopping it."""

    stopped_wait: timedelta = timedelta(seconds=60)
    """How long a session that was asked to stop is not shown as working, nor asked again."""

    rewrite_wait: timedelta = timedelta(days=1)
    """Between two rewrites of the embedded Valkey's file, which holds what was deleted since."""

    rewrite_pause: float = 600.0
    """Until its first rewrite after a start, and until another try at one that failed."""

    look_up_seconds: float = 1.0
    """One try of a look-up at Slack; two fit into Slack's 3 s for an acknowledgement."""

    look_up_pause: float = 5.0
    """After one that failed, until Slack is asked the same again."""

    member_seconds: float = 2.0
    """One try to find a person's account, at Slack and then in Devin's two lists."""

    names_seconds: float = 2.0
    """All names in one text."""

    root_seconds: float = 1.0
    """The first message of a thread, for a form or an answer to a press."""

    connect_seconds: float = 5.0
    answer_seconds: float = 30.0
    """The parts of a call of Devin's API."""

    call_seconds: float = 45.0
    """A whole call: that for an answer restarts with each byte."""

    list_seconds: float = 0.9
    """What Devin is asked for while a person waits, who can do without: lists, titles, a first
    poll of a session, which reads what is old."""

    read_seconds: float = 5.0
    """A session at Devin while its mail waits, or the states of many: no person waits for it."""

    state_seconds: float = 3.0
    """The state of a session at Devin that did not take a message."""

    batch_seconds: float = 20.0
    """A try at a batch of what Devin says: after it, no part begins, and other threads follow."""

    file_seconds: float = 120.0
    """A file that Devin sends, from its first try, before it is linked."""

    upload_seconds: float = 30.0
    """One try at such a file: it ends before that at its outbox entry does, and so knows why."""

    modal_seconds: float = 1.0
    """The contents of a modal, before one opens that says to wait."""

    form_seconds: float = 2.5
    """The work of a submitted form, before its person is asked to try again."""

    soon_seconds: float = 1.0
    """What a command or a press asks for, before it is acknowledged: a share of Slack's 3 s."""

    claim_seconds: float = 2.0
    """Another process that is doing the same."""


TIMING = Timing()
"""What production uses."""
