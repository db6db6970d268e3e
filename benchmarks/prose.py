"""The sentences of the page: how it was measured, and what its numbers leave out."""

from collections.abc import Mapping
from dataclasses import asdict

from benchmarks.plan import Plan
from benchmarks.restart import ANSWER_SECONDS

METHOD = """\
Each row was measured on processes of its own, started afresh, linked and warmed up, against the
same Slack and Devin of wire only (`benchmarks/wire.py`), which share a process with the load.
Devin's API is {api}, unless a row names another generation. *relay* is `python -m bot run` with its
defaults and an embedded Valkey that syncs each write, *script* is `benchmarks/script.py`, *floor*
is one durable write to Redis and one POST (`benchmarks/floor.py`); `make bench` gives them the
packages of `requirements.txt` alone. Rounds are interleaved; a cell is the median, then the lowest
and highest round. CPU is in percent of one core: *own* is the
contestant's, *load* that of the wire and the load. *Starved* is the share of the time in which the
contestant was ready to run but had no core. The contestant, its Valkey and the load share this
machine's {cores} cores, so with workers beside `run` the machine is full before they are.
`python -m benchmarks inflight --beside CHECKOUT` adds the relay of another checkout to the run.

*Lost* are replies that had not arrived after a minute, *out of order* those that came after a later
one of their session, *twice* those that came again, *sent again* events that were not acknowledged
in 3 s, *warnings* unexpected ones in the log. *Redis commands* include those inside scripts.
Replies that wait, and links, are measured in one process with the relay's own modules; each size
has a Valkey of its own, which is filled once. The sizes of waiting replies take turns by round,
those of links by look-up.

Links that are *watched* are made before the relay starts, in its own Redis, with a look in the past
at what their sessions do; the next looks are due at any time within the pace of a session's state.
*From Devin's words to their post* counts from the moment when Devin lists a message to the arrival
of its post at Slack, for what is said within {talk[seconds]:g} s after {talk[warm_up]:g} s, with
`DEVIN_READS` at its default of 300 a minute; *longest* includes what was posted after that. Slack's
limit of one post a second in a channel does not apply on this wire."""

HISTORY = """\
A full run adds a row, under the commit that it measured; `+` marks uncommitted changes. The commits
of November 24 are those that brought the page. A cell has the figures of the relay, the script and
the floor from the same run, after the relay's divided by the script's. Only that ratio compares
between rows: machines differ, and the same one's speed varies by the hour. The rows are kept in
`benchmarks/history.json`."""

THROUGHPUT = """\
A session's next reply is written when its last one arrives at Devin. That goes on for {warm_up:g} s
and is then counted for {counted:g} s. With 200 requests at once, the script pays for httpx's
connection pool: of 100 connections it keeps 20 open, so it opens 60 to 200 new ones a second, and
it searches its lists for each request. A run in which it did 97 replies/s at 27 % of a core was not
a stall: each sample of its stack found it running, with unread bytes in its sockets, while other
programs had the cores. A row of that kind now shows as *starved*."""

IN_FLIGHT = """\
The next reply of a session is written when the last one *arrives* at Devin, as above. So the relay
accepts it during the {delay:.0f} ms in which Devin answers, and the time for accepting is hidden.
The ideal is that of a contestant that sends a session's next reply after Devin answered the last;
the script and the floor do not wait, and so may pass it."""

CLOSED = """\
A reply is written, with the time of that moment, when Devin has *answered* an earlier one, in the
session that has rested longest. So exactly {in_flight} are unanswered, each in another session, and
nobody can pass the ideal: every millisecond from writing to arrival counts.

An independent benchmark of this shape found 39 % of the ideal when `inflight` had 65 %. This one
found 44 to 56 % at commit f258505. The reason is a convoy: replies that are answered together are
followed by replies that are written together. The relay acknowledged all 64 of them before the
first came to Devin, so they arrived and were answered together again, and the relay had nothing to
do for the 50 ms that Devin took. It used half a core, and a reply took 43 ms to arrive. Scripts
that travel alone, and a reader of events that lets work go on after each of them, have ended the
convoy since.

The rest of the difference is the time that only this shape shows: with the next reply written on
arrival, that relay reached 74 % with the same 200 sessions, and 84 % with 64."""

BURST = "From the first event to the last arrival; the script gets a quarter of the replies."

STORE = """\
Real processes poll one Valkey, each with a worker's pauses: 1 s, or 2 s after a poll that found
nothing. In a row with sessions that are *due*, each gets a reply at once that no process is
delivering; the polls find it after 1 s, and Devin's answer takes {delay:.0f} ms. Rates are those of
{polled:g} s from then on. A *poll* is the script that looks for due mail, by Valkey's own clock.
*All taken* is the time until the last reply was taken; *twice* counts those taken a second time."""


RESTART = """\
Here the relay meets the sandbox's Slack and Devin: ten channels of talk and threads, one thread in
ten, or half of them, with Devin's words of half a minute ago; 50 reads a minute of threads, and as
many of channels; and up to {answer:g} s for each call. An earlier process has kept everything until
just before the start. From the connection on, within {seconds:g} s, somebody writes a reply in each
thread."""


def method(plan: Plan, cores: int) -> str:
    """Return how everything was measured."""
    return METHOD.format(cores=cores, **asdict(plan))


def notes(plan: Plan) -> Mapping[str, str]:
    """Return, by measure, the text between its title and its table."""
    return {
        "throughput": THROUGHPUT.format(warm_up=plan.warm_up, counted=plan.counted),
        "inflight": IN_FLIGHT.format(delay=plan.api_delay * 1000),
        "closed": CLOSED.format(in_flight=plan.in_flight),
        "burst": BURST,
        "restart": RESTART.format(answer=ANSWER_SECONDS, seconds=plan.restart),
        "store": STORE.format(polled=plan.polled, delay=plan.api_delay * 1000),
    }
