"""Devin Relay's core: it decides, keeps and delivers; only `slack/` imports Bolt."""

import sys

# httpx 0.28 imports its command line, and structlog its colored tracebacks, wherever their
# dependencies are installed. docket needs those dependencies, so both would load unused code into
# memory. In `sys.modules`, None makes an import fail as if the module did not exist.
sys.modules["httpx._main"] = sys.modules.get("httpx._main")  # type: ignore[assignment]
sys.modules["rich"] = sys.modules.get("rich")  # type: ignore[assignment]
