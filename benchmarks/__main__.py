"""`make bench`: the relay beside a script and beside the floor, in one run, on the same wire.

Rounds of all measures and contestants are interleaved, so that what disturbs the machine disturbs
all of them. Without names everything is measured and the page is written; with names only those,
and no page unless `--page` says where.
"""

import argparse
import asyncio
import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import uvloop

from benchmarks.contest import Values
from benchmarks.history import Run, medians, read, record
from benchmarks.measures import measures
from benchmarks.page import Results, figure, write
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.processes import ROOT, Contestant, commit_of, relay_of
from benchmarks.sizes import SIZED
from bot.model.generation import Generation

ROUNDS = 3
HISTORY = ROOT / "benchmarks" / "history.json"


async def measured(
    names: Sequence[str], plan: Plan, rounds: int, others: Sequence[Contestant] = ()
) -> Results:
    """Run the named measures, and print each number as it comes; `others` are relays, too."""
    loads = measures(plan, others)
    titles = {name: one.title for name, one in loads.items()}
    titles |= {name: title for name, (title, _) in SIZED.items()}
    found = Results({name: titles[name] for name in titles if name in names}, rounds, plan)
    for _ in range(rounds):
        for name, one in loads.items():
            for case, run in one.cases.items() if name in names else ():
                _keep(found, name, case, await run())
    for name, (_, sized) in SIZED.items():
        if name in names:
            async for case, values in sized(plan, rounds):
                _keep(found, name, case, values)
    return found


def _keep(found: Results, name: str, case: str, values: Values) -> None:
    number = found.add(name, case, values)
    shown = ", ".join(f"{column} {figure(value)}" for column, value in values.items())
    print(f"round {number}  {name}, {case}: {shown}", flush=True)


def _parsed(argv: Sequence[str] | None, environ: Mapping[str, str]) -> argparse.Namespace:
    names = [*measures(FULL), *SIZED]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=int(environ.get("ROUNDS") or ROUNDS))
    parser.add_argument("--quick", action="store_true", default=environ.get("QUICK") == "1")
    parser.add_argument(
        "--api", type=Generation, choices=list(Generation), default=Generation.V3, help="of Devin"
    )
    parser.add_argument(
        "--beside",
        type=Path,
        action="append",
        default=[],
        metavar="CHECKOUT",
        help="also measure the relay of this checkout",
    )
    parser.add_argument("--page", type=Path, help="directory for RESULTS.md and results.png")
    arguments = parser.parse_args(argv)
    if unknown := set(arguments.names) - set(names):
        parser.error(f"there is no {', '.join(sorted(unknown))}: only {', '.join(names)}")
    arguments.is_whole = not arguments.names
    if not arguments.names:
        arguments.names = names
        arguments.page = arguments.page or ROOT / "benchmarks"
    return arguments


def _run(found: Results) -> Run:
    return Run(
        date=f"{found.began:%Y-%m-%d %H:%M}",
        commit=commit_of(ROOT),
        version=_version(),
        api=found.plan.api,
        figures=medians(found.each),
    )


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write the page."""
    arguments = _parsed(argv, os.environ)
    plan = replace(QUICK if arguments.quick else FULL, api=arguments.api)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        others = [relay_of(root) for root in arguments.beside]
        found = runner.run(measured(arguments.names, plan, arguments.rounds, others))
    if arguments.page:
        is_kept = arguments.is_whole and not plan.is_quick
        runs = record(_run(found), HISTORY) if is_kept else read(HISTORY)
        for path in write(found, arguments.page, runs):
            print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
