import tomllib
from datetime import timedelta
from pathlib import Path

from prometheus_client import REGISTRY

from bot.runtime import metrics
from bot.runtime.version import version
from tests.support.raw_http import ID, V1, answering, serving, whole

ROOT = Path(__file__).parents[2]


def test_the_version_is_that_of_the_project() -> None:
    """In a checkout too, where nothing is installed; a release changes one line."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert version() == project["version"]


async def test_devin_and_prometheus_see_the_version() -> None:
    """An operator can tell which release a process runs, and Devin's support which one called."""
    metrics.begin(timedelta(minutes=15))
    assert REGISTRY.get_sample_value("relay_build_info", {"version": version()}) == 1
    answer = answering(whole("500 No"), closes=False)
    async with serving(answer) as server, V1.client(server.url) as devin:
        await devin.messages(ID)
    asked = server.requests[0].lower()  # a header's name may be written either way
    assert f"\r\nuser-agent: devin-relay/{version()}\r\n".encode() in asked
