"""The sandbox's command line: `python -m sandbox` alone, or `python -m sandbox demo` with a bot.

Both run until Ctrl-C or SIGTERM. The exit code is then 0; it is 1 if the bot exits on its own, and
2 for invalid arguments.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from sandbox.demo import DemoError, run_demo
from sandbox.launch import DEFAULT_PORT, Sandbox, environment_of, running_sandbox
from sandbox.loopback import is_loopback

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run; return the exit code."""
    options = parse_arguments(arguments)
    try:
        asyncio.run(_run(options))
    except (DemoError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the options; invalid ones end the process with exit code 2 and a sentence."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A local Slack and a local Devin for a relay of your own, with a web page.",
        epilog='"python -m sandbox demo" starts the relay beside them.',
    )
    parser.add_argument(
        "--request-url", help="send Slack's events to this URL instead of over Socket Mode"
    )
    _add_options(parser)
    demo = parser.add_subparsers(dest="command", metavar="[demo]").add_parser(
        "demo",
        help="start the relay, too",
        description="Start a local Slack, a local Devin and the relay, with one thread already "
        "linked, and print the address of the web page. Ctrl-C stops everything.",
        argument_default=argparse.SUPPRESS,  # what stands before the command counts, too
    )
    _add_options(demo)
    options = parser.parse_args(arguments)
    if options.acting is None:
        options.acting = options.command == "demo"
    if not is_loopback(options.host):
        parser.error("--host must be a loopback address: anyone who reaches the page can drive it")
    if not 0 <= options.port <= 65_533:  # noqa: PLR2004 - the two after it must exist as well
        parser.error("--port must be between 0 and 65533")
    if options.command == "demo" and options.request_url:
        parser.error("--request-url is for a relay of your own; the demo uses Socket Mode")
    return options


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add what both commands take; a default that the parser has goes before the one here."""

    def default(value: object) -> object:
        return parser.argument_default or value

    parser.add_argument(
        "--host",
        default=default("127.0.0.1"),
        help="loopback address to listen on (default: 127.0.0.1)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=default(DEFAULT_PORT),
        help=f"port of the web page (default: {DEFAULT_PORT}); the next two are Slack's and "
        "Devin's; if one is in use, a free port is used instead",
    )
    parser.add_argument(
        "--api",
        choices=["v1", "v3"],
        default=default("v3"),
        help="version of Devin's API that the bot gets a key for (default: v3)",
    )
    parser.add_argument(
        "--acting",
        action=argparse.BooleanOptionalAction,
        default=default(None),
        help="let Devin answer on its own (default: only in the demo)",
    )
    parser.add_argument(
        "--agent",
        action=argparse.BooleanOptionalAction,
        default=default(True),
        help="declare the app as an agent in Slack, which gives threads a state and Stop",
    )
    parser.add_argument(
        "--org",
        action="store_true",
        default=default(False),
        help="install the relay to an organization of two workspaces, as on Enterprise Grid",
    )


async def _run(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOPS:
        loop.add_signal_handler(number, stop.set)
    sandbox_ports = running_sandbox(
        options.host,
        options.port,
        request_url=options.request_url,
        api=options.api,
        pace=1.0 if options.acting else None,
        is_agent=options.agent,
        org=options.org,
    )
    async with sandbox_ports as sandbox:
        for note in sandbox.notes:
            _say(note)
        if options.command == "demo":
            await run_demo(sandbox, stop, _say)
        else:
            _say(_instructions(sandbox))
            await stop.wait()


def _instructions(sandbox: Sandbox) -> str:
    settings = environment_of(sandbox.slack, sandbox.devin)
    lines = "\n".join(f"{name}={value}" for name, value in settings.items())
    return f"The page is at {sandbox.page.url}\nSettings for a relay of your own:\n\n{lines}\n"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
