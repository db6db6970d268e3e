"""What a new session may be started with, as far as the local Devin checks it.

No document has the answers to an unknown mode, repository or playbook. That of an unknown label of
a platform is a 400 that lists the labels; public clients read the modes of an organization from
such a 400, too.
"""

from collections.abc import Mapping
from typing import Any

from sandbox.devin.bodies import RejectedError
from sandbox.devin.catalog import Catalog

MODES = ("normal", "fast", "lite", "ultra", "fusion")


def check_choices(body: Mapping[str, Any], catalog: Catalog) -> None:
    """Raise what answers a checked body that names something that there isn't."""
    mode, playbook = body.get("devin_mode"), body.get("playbook_id")
    if mode is not None and mode not in MODES:
        raise RejectedError(400, f"Unknown devin_mode '{mode}'. Valid modes: {', '.join(MODES)}")
    for repo in body.get("repos") or ():
        if repo not in catalog.repositories:
            raise RejectedError(400, f"Repository '{repo}' is not connected to this organization")
    if playbook is not None and playbook not in [one.id for one in catalog.playbooks]:
        raise RejectedError(404, "Playbook not found")
