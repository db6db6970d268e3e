"""What is away for long doesn't flood the log: a line for each kind, and a count now and then."""

import io
import json
import logging
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from bot.runtime import logs
from bot.settings import load_settings
from sandbox import Sandbox
from tests.support.bots import environ_of, open_bot
from tests.support.desk import Desk
from tests.support.logbook import logging_to
from tests.support.processes import kept_valkey
from tests.support.tables import each
from tests.support.waiting import wait_until

log = logging.getLogger("bot.some_module")
FAILED = "embedded Valkey did not start"


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Book(logging.Handler):
    """Counts every record, whether or not it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = Counter[str]()

    def emit(self, record: logging.LogRecord) -> None:
        """Count a record."""
        self.counts[record.getMessage()] += 1


@contextmanager
def written(clock: Clock) -> Iterator[tuple[io.StringIO, Book]]:
    """Write the log as the command line does, by that clock; count what is not written, too."""
    stream, book = io.StringIO(), Book()
    with logging_to(stream, "json", "INFO", clock=clock):
        logging.getLogger().addHandler(book)
        yield stream, book


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_identical_warning_is_written_each_30_seconds_with_a_count() -> None:
    """The first is written at once, and nothing is missing from the count."""
    clock = Clock()
    with written(clock) as (stream, _):
        for second in range(100):
            clock.now = float(second)
            log.warning("Redis is waited for", extra={"reason": "x", "seconds": second})
    told = lines(stream)
    assert [one["seconds"] for one in told] == [0, 30, 60, 90]
    assert [one.get("suppressed") for one in told] == [None, 29, 29, 29]


@each(
    ("level", "extra"),
    [(logging.INFO, {}), (logging.WARNING, {"reply_id": "{}"}), (logging.ERROR, {"reason": "{}"})],
)
def test_lines_that_differ_are_all_written(level: int, extra: dict[str, str]) -> None:
    """This holds for each reply's own lines, and for the story that INFO tells."""
    with written(Clock()) as (stream, _):
        for number in range(5):
            log.log(level, "waits", extra={k: one.format(number) for k, one in extra.items()})
    assert len(lines(stream)) == 5


def test_a_flood_of_kinds_is_forgotten() -> None:
    """Only so many are remembered; then lines may repeat themselves."""
    filter_ = logs.Repeats(Clock())
    for number in range(3 * logs.MOST_KINDS):
        record = logging.makeLogRecord({"levelno": logging.WARNING, "msg": f"kind {number}"})
        assert filter_.filter(record)
    assert len(filter_._seen) <= logs.MOST_KINDS  # noqa: SLF001  (its memory is all that counts)


async def test_a_disk_that_takes_nothing_is_told_in_one_line_and_by_readiness(
    box: Sandbox, environ: dict[str, str], tmp_path: Path
) -> None:
    """The reason is the disk's; it isn't lost in a traceback, nor told as a network's."""
    del environ["REDIS_URL"]
    home = tmp_path / "data"
    with written(Clock()) as (stream, book):
        async with open_bot(load_settings(environ, None)) as bot:
            await box.slack.wait_connected()
            obstacle = home / "valkey.log"
            obstacle.unlink()
            obstacle.mkdir()
            os.kill(int((home / "valkey.pid").read_text()), signal.SIGKILL)
            await wait_until(lambda: book.counts[FAILED] > 1, "it is tried again")
            url = f"http://127.0.0.1:{bot.port}/readyz"
            async with aiohttp.ClientSession() as web, web.get(url) as answer:
                missing = (await answer.json())["waiting_for"]
            obstacle.rmdir()
    reason = f"{obstacle}: is a directory"
    assert missing["embedded Valkey"] == reason
    told = [one for one in lines(stream) if one["event"] == FAILED]
    assert [(one["level"], one["reason"], "exception" in one) for one in told] == [
        ("error", reason, False)
    ]


async def test_a_redis_outage_is_told_in_one_line_of_each_kind(
    box: Sandbox, desk: Desk, tmp_path: Path
) -> None:
    """Whatever its length; the clock stands still, so that none of them is due again."""
    async with kept_valkey(tmp_path / "valkey") as valkey:
        settings = load_settings(environ_of(box, valkey.url, tmp_path), None)
        with written(Clock()) as (stream, book):
            async with open_bot(settings):
                await box.slack.wait_connected()
                await desk.linked_thread()
                await valkey.stop()
                before = book.counts.copy()
                await wait_until(
                    lambda: max((book.counts - before).values(), default=0) > 3,
                    "something is tried again and again",
                )
                await valkey.start()
    bad = [one for one in lines(stream) if one["level"] in {"warning", "error"}]
    assert any(one.get("reason") == "ConnectionError: connection refused" for one in bad), bad
    kinds = Counter((one["event"], one.get("reason")) for one in bad)
    assert kinds.most_common(1)[0][1] == 1
    assert len(bad) < 20
    assert not any("exception" in one for one in bad)
