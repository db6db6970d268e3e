"""On-call gets alerts, a dashboard and a page that agree with what the relay exposes and logs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from bot.model.replies import Change
from bot.runtime import metrics
from bot.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RUNBOOK = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
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


def panels() -> list[dict[str, Any]]:
    """Return every panel of the dashboard."""
    dashboard = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = dashboard["panels"]
    return found


EXPRESSIONS = {rule["alert"]: rule["expr"] for rule in rules()} | {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in panels()
    for target in panel["targets"]
}
KEYWORDS = {
    *("sum", "max", "by", "rate", "increase", "histogram_quantile"),
    *("job", "up", "le", "process_resident_memory_bytes"),
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


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_dashboard_and_alerts_name_series_and_labels_that_exist(where: str) -> None:
    """Prometheus accepts a name that nobody exposes, and never shows anything for it."""
    expression = EXPRESSIONS[where]
    known = exposed()
    bare = re.sub(r'"[^"]*"|\[[^\]]*\]', "", expression)
    names = set(re.findall(r"\b[a-z_]{2,}\b", bare))
    series = names & set(known)
    labels = {label for one in series for label in known[one]}
    assert names - series - labels <= KEYWORDS
    assert series or names & {"up", "process_resident_memory_bytes"}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_a_value_that_an_alert_asks_for_is_one_that_a_label_takes(rule: dict[str, Any]) -> None:
    """Outcomes, refusals and results are exposed from the start, so that the first one counts."""
    metrics.begin()
    for series, label, values in re.findall(r'(relay_\w+_total)\{(\w+)=~?"([^"]+)"', rule["expr"]):
        family = next(one for one in REGISTRY.collect() if f"{one.name}_total" == series)
        taken = {sample.labels.get(label) for sample in family.samples}
        assert set(values.split("|")) <= taken


def test_every_metric_is_on_the_dashboard() -> None:
    """Nobody would notice a number that is not shown."""
    shown = "\n".join(EXPRESSIONS.values())
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed()}
    assert [name for name in sorted(families) if name not in shown] == []


def test_every_alert_has_its_section_and_every_section_its_alert() -> None:
    """A person on call finds each alert explained, and nothing that is out of date."""
    part = RUNBOOK.partition("## Alerts\n")[2].partition("\n## ")[0]
    sections = re.findall(r"^### (\w+)$", part, re.MULTILINE)
    assert sections == sorted(sections, key=[rule["alert"] for rule in rules()].index)
    assert {rule["alert"] for rule in rules()} == set(sections)
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_what_the_runbook_names_is_there() -> None:
    """These are settings, metrics, files and log lines."""
    named = set(re.findall(r"`([A-Z][A-Z_]+[A-Z])`", RUNBOOK))
    redis_words = {"REPLICAOF", "SLOWLOG", "RELAY", "WRONGTYPE"}
    assert named - redis_words <= SETTING_NAMES
    assert set(re.findall(r"`(relay_[a-z_]+)`", RUNBOOK)) <= set(exposed())
    for path in re.findall(r"\]\(([^)#]+)\)", RUNBOOK):
        assert (ROOT / "docs" / path).exists(), path
    changes = {change.value for change in Change}
    for line in set(re.findall(r"\b[Ll]og `([a-z ]+)`", RUNBOOK)) - changes:
        assert re.search(rf'log\.\w+\((?:level, )?\s*"{line}\b', SOURCE), line
