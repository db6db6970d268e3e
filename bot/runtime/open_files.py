"""The open files that a process may have: each connection is one."""

import resource
from contextlib import suppress

ENOUGH = 8_192


def raise_open_files() -> None:
    """Raise the soft limit on open files to what this process needs, as far as permitted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS has a lower limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
