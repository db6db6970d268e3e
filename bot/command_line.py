"""The words of the command line: its commands, their options and their help."""

import argparse
from pathlib import Path

from bot.runtime.version import version

ABOUT = "Devin Relay {version}: turns a Slack thread and a Devin session into one conversation."
CLOSING = """\
Settings come from environment variables and from .env (copy .env.example to
start); docs/configuration.md explains them. Check them with "{prog} doctor".
Run "{prog} <command> --help" for more about a command.
"""
RUN = """\
Start the relay: receive events from Slack, send replies to Devin, and post
what Devin says. One process is enough for most teams.

It serves /healthz, /readyz and /metrics on PORT, and in HTTP mode (without
SLACK_APP_TOKEN) also /slack/events.

SIGTERM or Ctrl-C stops it: it finishes what it has begun, which can take about
a minute. Exit codes: 0 stopped by a signal, 1 a problem that you have to fix,
2 invalid settings."""
WORKER = """\
Start another process that sends replies to Devin and posts in threads, but
receives nothing from Slack. Use it to scale out.

It needs the same Redis as "run" (REDIS_URL, or DATA_DIR on the same machine),
but neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET. It stops like "run", and
has the same exit codes."""
DOCTOR = """\
Check the settings, Redis, Slack's tokens and scopes, and Devin's API key, and
say how to fix problems. Nothing is posted in Slack or sent to a session, and a
running relay isn't disturbed.

Exit codes: 0 no problems, 1 problems, 2 invalid settings."""
MANIFEST = """\
Print the Slack app manifest, with the reason for each scope. No settings are
needed.

To create the app, choose Create New App > From a manifest in Slack, and paste
it. To update an app, paste it under App Manifest, and reinstall the app."""
DEMO = """\
Start a local Slack, a local Devin and the relay, and print the address of a
web page to try them on. No accounts and no settings are needed, and nothing
leaves this machine. Ctrl-C stops everything."""


def parser_for(typed: str) -> argparse.ArgumentParser:
    """Return the parser of the program that was started as `typed`, which its messages name."""
    prog = "devin-relay" if Path(typed).stem == "devin-relay" else "python -m bot"
    parser = argparse.ArgumentParser(
        prog=prog,
        description=ABOUT.format(version=version()),
        epilog=CLOSING.format(prog=prog),
        formatter_class=_as_written,
    )
    parser.add_argument(
        *("-V", "--version"),
        action="version",
        version=f"devin-relay {version()}",
        help="show the version and exit",
    )
    parser.add_argument(
        "--env-file",
        type=_readable_file,
        help="read settings from this file instead of .env (goes before the command)",
    )
    commands = parser.add_subparsers(title="commands", dest="command", metavar="<command>")
    _add(commands, "run", "start the relay", RUN)
    _add(commands, "worker", "start another process that only delivers, to scale out", WORKER)
    _add(commands, "doctor", "check credentials, and say how to fix problems", DOCTOR)
    manifest = _add(commands, "manifest", "print the Slack app manifest", MANIFEST)
    manifest.add_argument("--url", help="https URL of this deployment, for HTTP mode")
    manifest.add_argument(
        "--workflow-steps", action="store_true", help="with Workflow Builder steps (paid plans)"
    )
    demo = _add(commands, "demo", "try it on this machine, without accounts", DEMO)
    demo.add_argument("--port", type=int, help="port of the page (default: 8377, or a free one)")
    demo.add_argument("--api", choices=["v1", "v3"], help="version of Devin's API (default: v3)")
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    summary: str,
    description: str,
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=summary,
        description=description,
        formatter_class=_as_written,
    )


def _as_written(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=24)


def _readable_file(path: str) -> Path:
    try:
        with Path(path).open("rb"):
            return Path(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise argparse.ArgumentTypeError(f"can't read {path}: {why}") from error
