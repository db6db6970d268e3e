"""Keeps two unused packages out of the memory of a process (2.7 MB); imported before all others.

httpx 0.28 imports its command line, and structlog its colored tracebacks, wherever their
dependencies are installed, and docket needs those dependencies. In `sys.modules`, None makes an
import fail as if the module did not exist. Only the command line does this: a program that imports
`bot` keeps its rich.
"""

import sys

sys.modules["httpx._main"] = sys.modules.get("httpx._main")  # type: ignore[assignment]
sys.modules["rich"] = sys.modules.get("rich")  # type: ignore[assignment]
