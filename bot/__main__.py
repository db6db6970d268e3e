"""The command line: `devin-relay run | worker | doctor | why | manifest | demo`.

In the checkout, `python -m bot` is the same; in another folder, it would import a `bot` or
`handlers` from there. Exit codes: 0 success or stopped by a signal, 1 a problem that an operator
must fix, 2 bad settings or a bad command line.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bot.runtime.version import version

OK, MISUSED = 0, 2

ABOUT = "Devin Relay {version}: turns a Slack thread and a Devin session into one conversation."
CLOSING = """\
Settings come from environment variables and from .env (copy .env.example to
start); docs/configuration.md explains them. Check them with "{prog} doctor".
Run "{prog} <command> --help" for more about a command.

Exit codes: 0 success, or stopped by a signal, 1 a problem that you have to
fix, 2 invalid settings or a wrong command line.
"""
RUN = """\
Start the relay: receive events from Slack, send replies to Devin, and post
what Devin says. One process is enough for most teams.

It serves /healthz, /readyz and /metrics on PORT, and in HTTP mode (without
SLACK_APP_TOKEN) also /slack/events.

SIGTERM or Ctrl-C stops it: it finishes what it has begun, which can take about
a minute."""
WORKER = """\
Start another process that sends replies to Devin, and posts reports and what
Devin says in threads, but receives nothing from Slack. Use it to scale out.

It needs the same Redis as "run" (REDIS_URL, or DATA_DIR on the same machine),
but neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET. It stops like "run"."""
DOCTOR = """\
Check the settings, Redis, Slack's tokens and scopes, and Devin's API key, and
say how to fix problems. Nothing is posted in Slack or sent to a session, and a
running relay isn't disturbed."""
WHY = """\
Say what Redis knows of one message, why it waits or isn't in its thread, and
which page has what to do. Nothing is changed, posted or sent, and no text is
shown. Run it where a relay runs, with that relay's settings.

The message is a permalink ("Copy link" in Slack), in quotes, or an ID as the
log has it: T0123ABCD:C0123ABCD:1764000000.000100. The exit code is 1 if
something needs somebody."""
MANIFEST = """\
Print the Slack app manifest, with the reason for each scope. No settings are
needed.

To create the app, choose Create New App > From a manifest in Slack, and paste
it, or open what --link prints. To update an app, paste it under App Manifest,
and reinstall the app. Options can be combined."""
DEMO = """\
Start a local Slack, a local Devin and the relay, and print the address of a
web page to try them on. No accounts and no settings are needed, and nothing
leaves this machine. Ctrl-C stops everything."""

OPTIONS = {
    "--act-as": "with email addresses, for ACT_AS",
    "--agent": "as an agent, with Slack's own Stop (paid plans)",
    "--org": "for all workspaces of an Enterprise org",
    "--emoji": "with an emoji that starts a session (START_EMOJI)",
    "--workflow-steps": "with Workflow Builder steps (paid plans)",
}
"""What each option adds to the manifest."""

COMMANDS = {
    "run": ("start the relay", RUN),
    "worker": ("start another process, which doesn't listen to Slack", WORKER),
    "doctor": ("check credentials, and say how to fix problems", DOCTOR),
    "why": ("say what became of one message", WHY),
    "manifest": ("print the Slack app manifest", MANIFEST),
    "demo": ("try it on this machine, without accounts", DEMO),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for what its encoding lacks
    parser = _parser_for(sys.argv[0])
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return MISUSED
    if arguments.command == "demo":
        if arguments.env_file is not None:
            parser.error("demo takes no settings, so --env-file has no effect on it")
        _become_the_demo(arguments.port, arguments.api)
    if arguments.command == "manifest":
        return _manifest(arguments.options or (), arguments.url, as_link=arguments.link)
    from bot.commands import run  # noqa: PLC0415  (these imports take ten times as long as the rest)

    return run(arguments.command, arguments.env_file, getattr(arguments, "message", ""))


def _manifest(options: Sequence[str], url: str | None, *, as_link: bool) -> int:
    from bot.slack.app.manifest import creation_link, manifest_yaml  # noqa: PLC0415  (as above)

    try:
        text = manifest_yaml(*options, url=url)
        text = f"{creation_link(text)}\n" if as_link else text
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return MISUSED
    sys.stdout.write(text)
    return OK


def _become_the_demo(port: int | None, api: str | None) -> NoReturn:
    """Replace this process by the sandbox's, which is looked for beside this package only."""
    given = {"--port": port, "--api": api}
    options = [f"{name}={value}" for name, value in given.items() if value is not None]
    here = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-P", "-m", "sandbox", "demo", *options]
    os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": path})  # noqa: S606


def _parser_for(typed: str) -> argparse.ArgumentParser:
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
    found = parser.add_subparsers(title="commands", dest="command", metavar="<command>")
    commands = {
        name: found.add_parser(name, help=summary, description=says, formatter_class=_as_written)
        for name, (summary, says) in COMMANDS.items()
    }
    manifest, demo = commands["manifest"], commands["demo"]
    commands["why"].add_argument("message", metavar="<permalink>", help="of the message")
    manifest.add_argument("--url", help="https URL of this deployment, for HTTP mode")
    for option, adds in OPTIONS.items():
        manifest.add_argument(
            option, action="append_const", dest="options", const=option, help=adds
        )
    manifest.add_argument("--link", action="store_true", help="print the link that creates the app")
    demo.add_argument("--port", type=int, help="port of the page (default: 8377, or a free one)")
    demo.add_argument("--api", choices=["v1", "v3"], help="version of Devin's API (default: v3)")
    return parser


def _as_written(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=24)


def _readable_file(path: str) -> Path:
    try:
        with Path(path).open("rb"):
            return Path(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise argparse.ArgumentTypeError(f"can't read {path}: {why}") from error


if __name__ == "__main__":
    sys.exit(main())
