"""The command line: `devin-relay run | worker | doctor | manifest | demo`.

`python -m bot` is the same. Exit codes: 0 success or stopped by a signal, 1 a problem that an
operator must fix, 2 bad settings or a bad command line.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bot.command_line import parser_for
from bot.terminal import make_lenient

OK, MISUSED = 0, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    make_lenient()
    parser = parser_for(sys.argv[0])
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return MISUSED
    if arguments.command == "demo":
        if arguments.env_file is not None:
            parser.error("demo takes no settings, so --env-file has no effect on it")
        _become_the_demo(arguments.port, arguments.api)
    if arguments.command == "manifest":
        return _manifest(arguments.url, workflow_steps=arguments.workflow_steps)
    from bot.commands import run  # noqa: PLC0415  (these imports take ten times as long as the rest)

    return run(arguments.command, arguments.env_file)


def _manifest(url: str | None, *, workflow_steps: bool) -> int:
    from bot.slack.app.manifest import manifest_yaml  # noqa: PLC0415  (as above)

    try:
        text = manifest_yaml(url=url, workflow_steps=workflow_steps)
    except ValueError as error:
        sys.stderr.write(f"error: --url {error}\n")
        return MISUSED
    sys.stdout.write(text)
    return OK


def _become_the_demo(port: int | None, api: str | None) -> NoReturn:
    """Replace this process by the sandbox's, which shares no code with the bot.

    Python looks for it beside this package, and not in the working directory.
    """
    given = {"--port": port, "--api": api}
    options = [f"{name}={value}" for name, value in given.items() if value is not None]
    here = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-P", "-m", "sandbox", "demo", *options]
    os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": path})  # noqa: S606


if __name__ == "__main__":
    sys.exit(main())
