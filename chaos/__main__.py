"""`python -m chaos --seed 7`: a run, its ledger, and exit code 1 when the relay failed it.

It ends by itself, and kills what it started, also on Ctrl-C. The exit code is 2 when the run could
not be judged: something was still unfinished when waiting for it ended.
"""

import argparse
import asyncio
import logging
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from chaos.clocks import MISSING, Clocks, drawn, library
from chaos.scenes import EARLY
from chaos.schedule import EVERYTHING, MODES, Act, Mode, plan
from chaos.stage import Setup, Stage, open_stage
from chaos.verdict import Verdict, judge
from sandbox.devin.answers import Api

SETTLE_SECONDS = 400.0
"""Time within which mail must be delivered once all faults are over.

Slack lets threads be read 50 times a minute, and what a run asks for may take minutes of that.
"""

OK, FAILED, UNFINISHED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Run:
    """The parameters of a run.

    `only`: the acts to perform, all if empty. `crowd`: the number of busy sessions at the end; none
    if 0. `voices`: the number of sessions in which Devin speaks. `reports_within`: the seconds that
    reports may still take after everything has ended; if the process that reports is killed,
    another one takes over within about a minute.
    """

    seed: int
    seconds: float
    kills: int
    sessions: int = 8
    rate: float = 4.0
    mode: Mode = "socket"
    api: Api = "v3"
    only: frozenset[str] = frozenset()
    crowd: int = 400
    voices: int = 10
    has_clocks: bool = True
    reports_within: float = 90.0

    @property
    def clocks(self) -> Clocks:
        """The differences between the clocks of this run."""
        return drawn(self.seed) if self.has_clocks else Clocks()

    @property
    def has_pages(self) -> bool:
        """True if answers of long sessions are lost at the end."""
        return self._is_meant("pages")

    @property
    def has_crowd(self) -> bool:
        """True if a crowd comes at the end."""
        return self.crowd > 0 and self._is_meant("crowd")

    @property
    def has_strangers(self) -> bool:
        """True if strangers come at the end."""
        return self.mode == "http" and self._is_meant("strangers")

    def _is_meant(self, scene: str) -> bool:
        return not self.only or scene in self.only


async def run(asked: Run, home: Path) -> tuple[Verdict, int]:
    """Perform one run with its logs in `home`; return the verdict and the exit code."""
    acts = plan(asked.seed, asked.seconds, asked.kills, asked.sessions, asked.only, asked.api)
    early = sum(EARLY.get(act.what, 0) for act in acts)
    setup = Setup(
        asked.seed, asked.sessions, asked.mode, asked.api, asked.clocks, early, asked.voices
    )
    async with open_stage(home, setup) as stage:
        always = [
            asyncio.create_task(stage.people.carrier.carry()),
            asyncio.create_task(stage.think()),
            asyncio.create_task(stage.keeping.hurry()),
        ]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(stage.people.write(asked.seconds, asked.rate))
                group.create_task(stage.people.surfaces.press(asked.seconds))
                group.create_task(stage.wishes.make(asked.seconds))
                for session in stage.orders.roots:
                    stage.people.carrier.begin(stage.orders.give(session, asked.seconds))
                for speech in stage.crowd.speeches(asked.seconds):
                    stage.people.carrier.begin(speech)
                for act in acts:
                    group.create_task(_when_due(stage, act))
            await stage.heal()
            is_finished = await _settled(stage, asked.reports_within)
            if await _has_played_last(stage, asked):
                is_finished &= await _settled(stage, asked.reports_within)
        finally:
            for task in always:
                task.cancel()
            await asyncio.gather(*always, return_exceptions=True)
        stage.read()
        await stage.read_kept()
        stage.ledger.tracebacks = [line for post in stage.posts for line in post.tracebacks]
        return _judged(stage, is_finished=is_finished)


async def _when_due(stage: Stage, act: Act) -> None:
    await asyncio.sleep(act.at)
    await stage.act(act)


async def _has_played_last(stage: Stage, asked: Run) -> bool:
    """Play the scenes that come at the end; return False if there were none."""
    if asked.has_pages:
        await stage.scenes.pages()
        stage.done["pages"] += 1
    if asked.has_strangers:
        await stage.scenes.flood(stage.ports)
        stage.done["strangers"] += 1
    if asked.has_crowd:
        await stage.scenes.crowd(asked.crowd, stage.read)
        stage.done["crowd"] += 1
    return asked.has_pages or asked.has_strangers or asked.has_crowd


async def _settled(stage: Stage, reports_within: float) -> bool:
    """Wait until every reply has ended and every thread was told; False if some never did."""
    began, ended = time.monotonic(), 0.0
    while time.monotonic() - began < SETTLE_SECONDS:
        stage.read()
        open_work, reports = await stage.keeping.depths()
        if not open_work and stage.ledger.is_over and stage.people.carrier.is_quiet:
            ended = ended or time.monotonic()
            if not reports or time.monotonic() - ended > reports_within:
                return True
        await asyncio.sleep(0.2)
    return False


def _judged(stage: Stage, *, is_finished: bool) -> tuple[Verdict, int]:
    verdict = judge(stage.ledger)
    deaths = {post.name: post.deaths for post in stage.posts if post.deaths}
    for what, count in sorted((stage.done | stage.pressed()).items()):
        _say(f"  {what:<20}{count:>7}")
    for line in verdict.lines():
        _say(line)
    for entry in verdict.concerned(stage.ledger):
        _say(f"  {entry}")
    if deaths:
        _say(f"ended by themselves (exit codes): {deaths}")
    if not is_finished:
        _say(f"not finished after {SETTLE_SECONDS:.0f} s")
    if not verdict.is_clean:
        return verdict, FAILED
    return verdict, OK if is_finished and not deaths else UNFINISHED


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run in each requested mode; return the worst exit code."""
    # aiohttp's server logs a bot that is killed amid a request as an error; here it is the purpose.
    logging.getLogger("aiohttp.server").disabled = True
    if library() is None:
        _say(MISSING)
    codes = [_run(asked) for asked in _parse(arguments)]
    return min(codes, key=(FAILED, UNFINISHED, OK).index)


def _run(asked: Run) -> int:
    home = Path(tempfile.mkdtemp(prefix=f"chaos-{asked.seed}-{asked.mode}-"))
    how = f"{asked.mode} mode, Devin's API {asked.api}"
    _say(f"seed {asked.seed}, {how}: {asked.seconds:.0f} s, {asked.kills} kills")
    _say(str(asked.clocks))
    code = FAILED
    try:
        code = asyncio.run(_interruptible(asked, home))
    except (KeyboardInterrupt, asyncio.CancelledError):
        _say("interrupted")
        raise SystemExit(FAILED) from None
    finally:
        if code == OK:
            shutil.rmtree(home)
        else:
            _say(f"the logs are in {home}")
    return code


async def _interruptible(asked: Run, home: Path) -> int:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  (asyncio.run made one)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    _, code = await run(asked, home)
    return code


def _parse(arguments: Sequence[str] | None) -> Sequence[Run]:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--seconds", type=float, default=240.0, help="for all modes together")
    parser.add_argument("--kills", type=int, default=50, help="in all modes together")
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--rate", type=float, default=4.0, help="messages a second")
    parser.add_argument("--mode", choices=(*MODES, "both"), default="both")
    parser.add_argument("--api", choices=get_args(Api), default="v3", help="of Devin (%(default)s)")
    parser.add_argument("--only", default="", help=f"acts apart by commas: {', '.join(EVERYTHING)}")
    parser.add_argument("--crowd", type=int, default=400, help="busy sessions at the end")
    parser.add_argument("--voices", type=int, default=10, help="sessions in which Devin speaks")
    parser.add_argument("--true-clocks", action="store_true", help="let no clock be wrong")
    given = parser.parse_args(arguments)
    only = frozenset(filter(None, given.only.split(",")))
    if unknown := only - set(EVERYTHING):
        parser.error(f"--only does not know {', '.join(sorted(unknown))}")
    modes = MODES if given.mode == "both" else (given.mode,)
    return [
        Run(
            seed=given.seed,
            seconds=given.seconds / len(modes),
            kills=given.kills // len(modes),
            sessions=given.sessions,
            rate=given.rate,
            mode=mode,
            api=given.api,
            only=only,
            crowd=given.crowd,
            voices=given.voices,
            has_clocks=not given.true_clocks,
        )
        for mode in modes
    ]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
