"""The scripts as Redis gets them.

`python -m tests.support.lua DIR` writes them into DIR, where luacheck finds them.
"""

import sys
from pathlib import Path

from bot.redis.scripts import assembled

BOT = Path(__file__).parents[2] / "bot"
FILES = sorted(path for path in BOT.rglob("*.lua") if path.parent.name != "include")
SCRIPTS = {
    f"{path.relative_to(BOT).parts[0]}/{path.stem}": assembled(path.read_text("utf-8"), path.parent)
    for path in FILES
}
"""Each assembled script, by its room and its name."""


def main(directory: Path) -> None:
    """Write every script into `directory`."""
    for name, source in SCRIPTS.items():
        file = directory / f"{name}.lua"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
