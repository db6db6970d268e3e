"""On-call gets alerts, a dashboard and a page that agree with what the relay exposes and logs."""

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis.exceptions
import yaml
from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from bot.model.replies import Change
from bot.runtime import metrics
from bot.settings import Settings
from tests.support.features import EVENTS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CASES = sorted(Path(__file__).parent.glob("alerts_*test.yaml"))
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
LOOK_UPS = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
PAGE_URL = "https://github.com/devin-relay/devin-relay/blob/main/docs/operations.md"
SETTING_NAMES = {name.upper() for name in Settings.model_fields}
SOURCE = "\n".join(
    path.read_text(encoding="utf-8")
    for part in ("bot", "handlers")
    for path in sorted((ROOT / part).rglob("*.py"))
)


def rules() -> list[dict[str, Any]]:
    """Return every alert."""
    (group,) = yaml.safe_load((DEPLOY / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


ALERTS = {rule["alert"]: rule["expr"] for rule in rules()}
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = [one for one in DASHBOARD["panels"] if one["type"] != "row"]
SHOWN = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in PANELS
    for target in panel["targets"]
}
EXPRESSIONS = ALERTS | SHOWN
OTHERS = {
    *("up", "ALERTS", "process_resident_memory_bytes", "process_cpu_seconds_total"),
    *("process_open_fds", "process_max_fds", "process_start_time_seconds"),
}
"""Series that Prometheus, or its client, adds."""

KEYWORDS = {
    *("sum", "max", "by", "or", "rate", "increase", "absent", "time", "histogram_quantile"),
    *("unless", "offset"),
    *("job", "instance", "le", "alertname", "alertstate", "severity"),
}


def exposed() -> dict[str, set[str]]:
    """Return every series of `/metrics` by its name, with its labels."""
    found: dict[str, set[str]] = {}
    for metric in vars(metrics).values():
        if not isinstance(metric, Counter | Gauge | Histogram):
            continue
        labels = set(metric._labelnames)  # noqa: SLF001  (nothing public tells them)
        (family,) = metric.describe()
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        for suffix in suffixes.get(family.type, [""]):
            found[family.name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return found


# Alerts and dashboard.


def test_dashboard_and_alerts_name_series_and_labels_that_exist() -> None:
    """Prometheus accepts a name that nobody exposes, and never shows anything for it."""
    known = exposed()
    for where, expression in EXPRESSIONS.items():
        bare = re.sub(r'"[^"]*"|\[[^\]]*\]', "", expression)
        names = set(re.findall(r"\b[A-Za-z_]{2,}\b", bare))
        series = names & set(known)
        labels = {label for one in series for label in known[one]}
        assert names - series - labels - OTHERS <= KEYWORDS, where
        assert series or names & OTHERS, where


def test_an_alert_adds_up_no_two_environments() -> None:
    """Each selector names the job, and each aggregation keeps it."""
    for alert, expression in ALERTS.items():
        assert not re.search(r"\b(relay_\w+|up)\b(?!\{job=~?\"devin-relay)", expression), alert
        assert not re.search(r"\b(sum|max)\b(?! by \(job\b)", expression), alert


def test_a_panel_shows_the_chosen_job_and_processes() -> None:
    """Two environments in one Prometheus are told apart."""
    series = "|".join([r"relay_\w+", *OTHERS - {"ALERTS"}])
    chosen = r'\{job="\$job", instance=~"\$instance"\}'
    for where, expression in SHOWN.items():
        assert not re.search(rf"\b({series})\b(?!{chosen})", expression), where


def test_a_value_that_an_alert_asks_for_is_one_that_a_label_takes() -> None:
    """Outcomes, refusals and results are exposed from the start, so that the first one counts."""
    metrics.begin(timedelta(minutes=15))
    for rule in rules():
        for series, label, values in asked_for(rule["expr"]):
            family = next(one for one in REGISTRY.collect() if f"{one.name}_total" == series)
            taken = {sample.labels.get(label) for sample in family.samples}
            assert set(values.split("|")) <= taken, rule["alert"]


def asked_for(expression: str) -> Iterator[tuple[str, str, str]]:
    """Yield each label that an expression wants of a counter, with its values."""
    for series, matchers in re.findall(r"(relay_\w+_total)\{([^}]*)\}", expression):
        for label, values in re.findall(r'(\w+)=~?"([^"]+)"', matchers):
            if label != "job":
                yield series, label, values


def test_every_metric_is_on_the_dashboard() -> None:
    """Nobody would notice a number that is not shown."""
    shown = "\n".join(SHOWN.values())
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed()}
    assert [name for name in sorted(families) if name not in shown] == []


def test_a_process_that_is_down_or_not_ready_is_red() -> None:
    """Grafana draws a plain 0 in green, and nothing at all for a process that is gone."""
    for panel in PANELS[:2]:
        assert panel["targets"][0]["expr"].startswith("relay_ready{")
        assert " or up{" in panel["targets"][0]["expr"]
        ((mapping),) = panel["fieldConfig"]["defaults"]["mappings"]
        colors = {value: one["color"] for value, one in mapping["options"].items()}
        assert colors == {"-1": "dark-red", "0": "red", "1": "green"}


def test_no_two_panels_overlap() -> None:
    """Grafana would push one of them away, and the rows apart."""
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not taken & cells, panel["title"]
        taken |= cells


needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not here: apt-get install promtool"
)


@needs_promtool
async def test_the_alerts_fire_when_they_should() -> None:
    """Prometheus's own tool runs each of them over series of some hours."""
    rules = ("check", "rules", "--lint=all", "--lint-fatal", str(DEPLOY / "alerts.yaml"))
    assert f" {len(ALERTS)} rules found" in await promtool(*rules)
    await promtool("test", "rules", *map(str, CASES))


def test_every_alert_is_made_to_fire() -> None:
    """One that never fires in a test may never fire at all."""
    cases = "".join(one.read_text(encoding="utf-8") for one in CASES)
    assert set(re.findall(r'alertname="(\w+)"', cases)) == set(ALERTS)


@needs_promtool
async def test_prometheus_can_read_the_panels(tmp_path: Path) -> None:
    """They are checked as recording rules, with values for Grafana's variables."""
    values = {
        "$__rate_interval": "1m",
        "$__interval": "5m",
        "$instance": ".+",
        "$job": "devin-relay",
    }
    records = []
    for number, expression in enumerate(SHOWN.values()):
        for name, value in values.items():
            expression = expression.replace(name, value)  # noqa: PLW2901
        records.append({"record": f"panel:{number}", "expr": expression})
    path = tmp_path / "panels.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": records}]}))
    assert f" {len(SHOWN)} rules found" in await promtool("check", "rules", str(path))


async def promtool(*arguments: str) -> str:
    """Run it, and return what it says, or fail with that."""
    process = await asyncio.create_subprocess_exec(
        *("promtool", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


# The page.


def test_every_alert_has_its_section_and_every_section_its_alert() -> None:
    """A person on call finds each alert explained, and nothing that is out of date."""
    part = PAGE.partition("## Alerts\n")[2].partition("\n## ")[0]
    sections = re.findall(r"^### (\w+)$", part, re.MULTILINE)
    assert sections == list(ALERTS)
    for rule in rules():
        notes = rule["annotations"]
        assert notes["runbook_url"] == f"{PAGE_URL}#{rule['alert'].lower()}"
        assert notes.keys() == {"summary", "description", "runbook_url"}
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_the_page_names_errors_of_redis_as_the_panel_does() -> None:
    """The panel's label is the name of a class; more is only in a reason."""
    section = PAGE.partition("### RelayRedisErrors\n")[2].partition("\n### ")[0]
    kinds = re.findall(r"`(.+?)`", "".join(re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)))
    assert "ResponseError" in kinds
    assert [one for one in kinds if not hasattr(redis.exceptions, one)] == []


def test_the_panels_lead_to_sections_of_the_page() -> None:
    """The link over a panel, and the one over the dashboard."""
    links = [link["url"] for panel in PANELS for link in panel.get("links", ())]
    assert {url.partition("#")[0] for url in [*links, DASHBOARD["links"][0]["url"]]} == {PAGE_URL}
    assert {url.partition("#")[2] for url in links} <= {alert.lower() for alert in ALERTS}


@pytest.mark.parametrize("page", [PAGE, LOOK_UPS], ids=["operations", "troubleshooting"])
def test_what_a_page_names_is_there(page: str) -> None:
    """These are settings, metrics, panels, files and log lines."""
    named = set(re.findall(r"`([A-Z][A-Z_]+[A-Z])`", page))
    redis_words = {"BGREWRITEAOF", "INFO", "REPLICAOF", "SLOWLOG", "WRONGTYPE"}
    assert named - redis_words <= SETTING_NAMES
    assert set(re.findall(r"`(relay_[a-z_]+)`", page)) <= set(exposed())
    for path in re.findall(r"\]\((?!https?:)([^)#]+)\)", page):
        assert (ROOT / "docs" / path).exists(), path
    titles = {panel["title"] for panel in PANELS}
    assert set(re.findall(r"[Pp]anels? \*([^*]+)\*", page)) <= titles
    known = {*(change.value for change in Change), *EVENTS}
    for line in set(re.findall(r"\b[Ll]og `([a-z ]+)`", page)) - known:
        assert re.search(rf'log\.\w+\((?:level, )?\s*"{line}\b', SOURCE), line
