"""Configures the log as the command line does, for as long as a test reads it."""

import io
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.runtime import logs


@contextmanager
def logging_to(
    stream: io.StringIO,
    form: str,
    level: str = "DEBUG",
    secrets: frozenset[str] = frozenset(),
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Configure the process's logging like the command line, for the block."""
    root = logging.getLogger()
    before = root.handlers, root.level
    facts = logging.logThreads, logging.logProcesses, logging.logMultiprocessing
    quiet = {name: logging.getLogger(name).level for name in logs.QUIET}
    logs.configure(level, form, secrets, stream, clock)
    try:
        yield
    finally:
        root.handlers, root.level = before
        logging.logThreads, logging.logProcesses, logging.logMultiprocessing = facts
        for name, number in quiet.items():
            logging.getLogger(name).setLevel(number)
