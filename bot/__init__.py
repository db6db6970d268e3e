"""Devin Relay's core: it decides, keeps and delivers; only `app.py` knows Bolt."""

import sys

# httpx 0.28 imports its command line, and structlog its coloured tracebacks, wherever what these
# need is installed, which it is for docket's sake: memory for what nothing here uses. None is how
# Python marks what is not there.
sys.modules["httpx._main"] = sys.modules.get("httpx._main")  # type: ignore[assignment]
sys.modules["rich"] = sys.modules.get("rich")  # type: ignore[assignment]
