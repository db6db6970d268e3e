"""The page of `make bench` shows the numbers that it was given, and says what they leave out."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.__main__ import HISTORY, main, measured
from benchmarks.history import read
from benchmarks.page import Results, write
from benchmarks.plan import FULL, QUICK
from benchmarks.sizes import SIZED


@pytest.mark.timeout(300)
async def test_what_waits_is_filled_up_to_each_size(tmp_path: Path) -> None:
    """Each size is measured once per round, and plotted."""
    found = await measured([*SIZED], QUICK, 2)
    assert list(found.found["mail"]) == ["10 waiting", "100 waiting"]
    assert list(found.found["links"]) == ["10 links", "100 links"]
    assert len(found.each("mail", "100 waiting", "accept ms")) == 2
    assert found.each("links", "100 links", "bytes a link")[0] > 0
    assert list(found.found["store"]) == [
        "10 links, 2 polling, 0 due",
        "10 links, 2 polling, 5 due",
    ]
    assert found.each("store", "10 links, 2 polling, 5 due", "all taken s")[0] > 0
    assert found.each("store", "10 links, 2 polling, 5 due", "twice") == [0, 0]
    page, *pictures = write(found, tmp_path)
    assert_shown(page, pictures, ["sizes.png", "sizes-dark.png"])


def assert_shown(page: Path, pictures: Sequence[Path], names: Sequence[str]) -> None:
    assert [one.name for one in pictures] == names
    for picture in pictures:
        assert f'="{picture.name}"' in page.read_text()
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_page_says_which_targets_are_reached(tmp_path: Path) -> None:
    """The median of the rounds counts; latency is what the relay adds in each round."""
    found = Results({"throughput": "Rates", "latency": "Times"}, 3, FULL)
    for relay, script in ((900.0, 200.0), (1_000.0, 200.0), (2_000.0, 100.0)):
        found.add("throughput", "relay", {"replies/s": relay})
        found.add("throughput", "script", {"replies/s": script})
    for relay, script in ((5.0, 1.0), (9.0, 7.0), (3.5, 1.0)):
        found.add("latency", "relay", {"p50 ms": relay})
        found.add("latency", "script", {"p50 ms": script})
    page, *pictures = write(found, tmp_path)
    assert_shown(page, pictures, ["results.png", "results-dark.png"])
    text = page.read_text()
    assert "the script | 5.00 × (1,000 to 200) | reached |" in text  # noqa: RUF001  (the sign)
    assert "| ≤ 1 ms | 2.50 ms (5.00 to 1.00) | **not reached** |" in text
    assert "| relay | 1,000 (900 to 2,000) |" in text
    assert "smoke run" not in text
    assert "cores" in text


def test_the_history_of_this_project_has_each_commit_once() -> None:
    """Otherwise the table would show two figures for one version."""
    commits = [run.commit for run in read(HISTORY)]
    assert len(commits) == len({*commits}) > 0


def test_a_measure_can_be_run_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`python -m benchmarks links` does so; the page is written only on request."""
    wanted = ["links", "--rounds", "1", "--quick", "--api", "v1", "--page", str(tmp_path)]
    assert main(wanted) == 0
    out = capsys.readouterr().out
    assert "round 1  links, 10 links: links 10, bytes a link" in out
    assert f"wrote {tmp_path / 'RESULTS.md'}" in out
    page = (tmp_path / "RESULTS.md").read_text()
    assert "Devin's API is v1" in page
    assert "smoke run" in page
