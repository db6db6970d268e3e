"""Keeps unused parts of libraries out of the memory of a process; imported before all others.

httpx 0.28 imports its command line wherever that one's dependencies are installed, and docket needs
those dependencies. In `sys.modules`, None makes an import fail as if the module did not exist. Only
the command line of the bot does this.

docket's results are kept by py-key-value, which checks its own types as it runs, unless it is told
not to; the relay's tasks have no results.
"""

import os
import sys

os.environ["PY_KEY_VALUE_DISABLE_BEARTYPE"] = "true"

sys.modules["httpx._main"] = sys.modules.get("httpx._main")  # type: ignore[assignment]
