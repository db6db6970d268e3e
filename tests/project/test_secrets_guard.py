"""The guard that looks for secrets in the output of all tests finds every leak."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from sandbox.slack.server import SlackSandbox

ROOT = Path(__file__).parents[2]

LEAKS = f"""
import asyncio, logging, os, subprocess, sys
from tests.support.processes import BotProcess

TOKEN, SIGNING = {SlackSandbox.bot_token!r}, {SlackSandbox.signing_secret!r}
log = logging.getLogger("some.module")

def test_nothing():
    log.warning("all is well", extra={{"reason": "no token"}})
    print("xoxb, xapp and apk_ alone are no tokens")

def test_stdout():
    print(TOKEN)

def test_stderr_of_a_child():
    subprocess.run(["sh", "-c", f"echo {{SIGNING}} >&2"])

def test_a_field_of_a_record():
    log.warning("refused", extra={{"reason": f"no {{TOKEN}}"}})

def test_a_traceback():
    try:
        raise ValueError(TOKEN)
    except ValueError:
        log.exception("failed")

def test_a_file(tmp_path):
    (tmp_path / "run.log").write_text(TOKEN)

def test_a_process():
    async def run():
        command = [sys.executable, "-c", f"print('apk_user_x' 'yz')"]
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        await BotProcess(child).ends()
    asyncio.run(run())
"""


async def test_a_test_that_lets_a_secret_out_fails_the_run(tmp_path: Path) -> None:
    """The failure has the test's name and place, but not the secret, in a worker as well."""
    (tmp_path / "test_leaks.py").write_text(LEAKS)
    (tmp_path / "pytest.ini").write_text("[pytest]")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-p", "tests.support.secrets_guard"),
        *("-p", "xdist", "-n", "1"),
        *("-c", str(tmp_path / "pytest.ini"), "--show-capture=no", str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    out = (await process.communicate())[0].decode()
    leaks = set(re.findall(r"def (test_\w+)", LEAKS)) - {"test_nothing"}
    assert process.returncode == pytest.ExitCode.TESTS_FAILED
    assert set(re.findall(r"(?:FAILED|ERROR) \S+::(\w+)", out)) == leaks
    assert SlackSandbox.bot_token not in out
