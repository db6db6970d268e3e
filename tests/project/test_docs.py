"""The documents name existing settings, commands, targets, outcomes, keys and log lines."""

import ast
import re
import tomllib
from html import unescape
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

import bot.__main__
import sandbox.__main__
from bot.model.people import Standing
from bot.model.replies import Change, OutcomeKind
from bot.model.threads import Link
from bot.redis import keys
from bot.runtime import metrics
from bot.settings import Settings, load_settings
from bot.slack.app.manifest import manifest_yaml, options
from bot.slack.lookups import TIER_3, Need
from bot.timing import TIMING
from bot.wording import delivery_reports
from tests.store.test_lua import HASHES
from tests.support.features import EVENTS, HELP, VERBS, WORDING

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CONFIGURATION = (DOCS / "configuration.md").read_text(encoding="utf-8")
DELIVERY = (DOCS / "delivery.md").read_text(encoding="utf-8")
IN_SLACK = (DOCS / "using-in-slack.md").read_text(encoding="utf-8")
KEYS = (DOCS / "architecture" / "redis.md").read_text(encoding="utf-8")
SOURCE = "\n".join(
    path.read_text(encoding="utf-8")
    for part in ("bot", "handlers")
    for path in sorted((ROOT / part).rglob("*.py"))
)
FOLDERS = ("docs", "benchmarks", "deploy", "tests", ".github")
PAGES = [*ROOT.glob("*.md"), *(path for at in FOLDERS for path in (ROOT / at).rglob("*.md"))]
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted(PAGES)
}
GUIDES = "\n".join(
    text for name, text in DOCUMENTS.items() if re.fullmatch(r"(README|docs/[^/]+)\.md", name)
)
"""The pages for people who use the relay or run it, in one."""

ENOUGH = {
    "SLACK_BOT_TOKEN": "xoxb-1-secret",
    "SLACK_APP_TOKEN": "xapp-1-secret",
    "DEVIN_API_KEY": "apk_secret",
}
EMOJI = {
    "white_check_mark": "✅",
    "hourglass_flowing_sand": "⏳",
    "zzz": "💤",
    "x": "❌",
    "pencil2": "✏️",
    "wastebasket": "🗑️",
}
"""The marks, as pages show them."""

SETTINGS = re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \| [^|]+ \|$", CONFIGURATION, re.MULTILINE)
COMMAND = re.compile(
    r"(?:python -m (bot|sandbox)|(?:^ {0,3}|[`&] ?|/bin/)devin-relay(?![\w./-]))"
    r"(?: --env-file \S+)?((?: (?:--)?[a-z][a-z-]*(?: https?://[^\s`]+| \d+)?)*)",
    re.MULTILINE,
)


def test_every_setting_has_a_row_and_no_other() -> None:
    """The tables and the model name the same variables."""
    assert sorted(name for name, _ in SETTINGS) == sorted(map(str.upper, Settings.model_fields))


def test_the_default_in_the_table_is_the_default() -> None:
    """The table shows the value that an operator gets by default, or could set instead."""
    for name, field in Settings.model_fields.items():
        told = dict(SETTINGS)[name.upper()]
        if field.default is PydanticUndefined:
            assert told == "**required**", name
        elif field.default in {None, "", frozenset()}:
            assert told == "not set", name
        else:
            as_told = load_settings(ENOUGH | {name.upper(): told.strip("`")}, env_file=None)
            assert getattr(as_told, name) == field.default, name


def test_every_make_target_that_is_named_exists() -> None:
    """This holds for running text and code alike."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for document, text in DOCUMENTS.items():
        named = set(re.findall(r"`make ([a-z-]+)`|^ *make ([a-z-]+)", text, re.MULTILINE))
        assert {one for pair in named for one in pair if one} <= targets, document


def test_every_command_that_is_shown_exists(capsys: pytest.CaptureFixture[str]) -> None:
    """Each command exists with its options."""
    mains = {"bot": bot.__main__.main, "sandbox": sandbox.__main__.main}
    for module, rest in {one for text in DOCUMENTS.values() for one in COMMAND.findall(text)}:
        program, words = module or "bot", rest.split()
        verbs = [word for word in words[:1] if not word.startswith("-")]
        with pytest.raises(SystemExit) as ended:
            mains[program]([*verbs, "--help"])
        assert ended.value.code == 0, f"python -m {program} {' '.join(verbs)}"
        usage = capsys.readouterr().out
        assert all(word in usage for word in words if word.startswith("--")), rest


def test_the_commands_are_found_in_the_text() -> None:
    """The test above finds commands."""
    shown = {rest.strip() for text in DOCUMENTS.values() for _, rest in COMMAND.findall(text)}
    assert {"run", "doctor", "demo", "manifest --agent --url https://relay.example.com"} <= shown


@pytest.mark.parametrize("page", ["help", "docs"])
def test_every_command_of_people_is_explained_and_no_other(page: str) -> None:
    """The verbs and their fixed words are those of the parser; what a person chooses isn't one."""
    section = IN_SLACK.split("\n## Commands\n")[1].split("\n## ")[0].split("\n### In a message")[0]
    rows = "\n".join(re.findall(r"^\| .*`.*$", section, re.MULTILINE))
    text = unescape(HELP.advice) if page == "help" else rows
    spans = [one.removeprefix("@Devin Relay ") for one in re.findall(r"`([^`]+)`", text)]
    shown = {one for one in spans if one[0] not in "(/" and not re.search("[<:]", one)}
    named = {one.split()[0] for one in spans if one[0] not in "(/<"} | {"help"}
    assert named == VERBS.keys()
    fixed = {f"{verb} {word}" for verb, one in VERBS.items() for word in one.words}
    assert {one for one in shown if " " in one} == fixed


def test_each_command_that_needs_the_mention_in_a_direct_message_s_thread_is_named() -> None:
    """Without it, Devin gets the reply; any other command is never sent to Devin."""
    listed = re.findall(r"such as\s`status`;(.*?)need the mention", IN_SLACK, re.DOTALL)
    named = re.findall(r"`(\w+)`", "".join(listed))
    assert sorted(named) == sorted(verb for verb, one in VERBS.items() if one.may_be_talk)


def test_every_outcome_has_a_row_and_its_mark_stands_in_it() -> None:
    """Every outcome that people can meet is explained."""
    table = DELIVERY.split("| Devin answers | outcome | the thread sees |\n|---|---|---|\n")[1]
    rows = re.findall(r"^\| .+ \| `([a-z_]+)` \| (.+) \|$", table.split("\n\n")[0], re.MULTILINE)
    assert {outcome for outcome, _ in rows} == {*OutcomeKind, "waiting"}
    marks = *delivery_reports.MARKS.items(), ("waiting", delivery_reports.WAITING_MARK)
    for kind, mark in marks:
        assert all(EMOJI[mark] in sees for outcome, sees in rows if outcome == kind), kind


def test_every_mark_stands_where_people_look_for_it() -> None:
    """A mark that is another one now is changed on all these pages."""
    told = delivery_reports
    of_changes = {told.CHANGED_MARK, told.WITHDRAWN_MARK}
    assert {*told.MARKS.values(), told.WAITING_MARK, *of_changes} == EMOJI.keys(), "change `EMOJI`"
    for page in ("README.md", "docs/using-in-slack.md", "docs/architecture/words.md"):
        assert not [one for one in EMOJI.values() if one not in DOCUMENTS[page]], page


def test_every_outcome_is_in_the_diagram() -> None:
    """The state diagram and the model are kept in sync."""
    diagram = DELIVERY.split("```mermaid")[1].split("```")[0]
    assert all(re.search(rf"--> {kind}:", diagram) for kind in OutcomeKind)


SAID = " ".join(
    node.value.replace("*", "")
    for path in WORDING
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
)


def test_every_phrase_of_the_bot_that_is_quoted_is_its_own() -> None:
    """A person who looks for what they read in Slack finds it."""
    quoted = re.findall(r'^\| "([^"]+)" \|', IN_SLACK, re.MULTILINE)
    assert len(quoted) > 5
    assert [phrase for phrase in quoted if phrase not in SAID] == []


def test_every_button_that_is_named_is_there() -> None:
    """So are shortcuts, steps and their fields."""
    ours = SAID + manifest_yaml(*options())
    others = {"More message shortcuts", "Insert a variable", "Delayed Events", "Ada Lovelace"}
    named = set(re.findall(r"(?<!\*)\*([A-Z][^*\n]+)\*(?!\*)", IN_SLACK + DELIVERY))
    assert len(named) > 30
    assert [name for name in named - others if name not in ours] == []


def test_every_log_line_that_is_named_is_logged() -> None:
    """A person who searches the log for it finds it."""
    levels, several = r"[Ll]ogs?|ERROR|WARNING", r"(?:`[A-Za-z -]+`(?:\s+(?:or|and)\s+)?)+"
    phrases = re.findall(rf"\b(?:{levels})\s+({several})", GUIDES)
    tables = re.findall(r"^ *\| log line \|.*\n((?: *\|.*\n)+)", GUIDES, re.MULTILINE)
    phrases += [row.split("|")[1] for rows in tables for row in rows.splitlines()]
    named = {line for one in phrases for line in re.findall(r"`([a-z -]+)`", one, re.IGNORECASE)}
    assert len(tables) > 3
    assert len(named) > 60
    acts = EVENTS
    assert [
        line
        for line in named - acts
        if not re.search(rf'\blog\w*\.\w+\([^{{}}]{{0,80}}"{line}\b', SOURCE)
    ] == []


def test_every_warning_and_error_says_what_it_means() -> None:
    """Each has a row among the log lines, which on-call reads word by word."""
    page = DOCUMENTS["docs/troubleshooting.md"].partition("\n## Log lines\n")[2]
    named = {
        line
        for row in re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE)
        for line in re.findall(r"`([^`]+)`", row)
    }
    levels = r"(?:warning|error|exception|log)"
    logged = set(re.findall(rf'\blog\.{levels}\([^"{{}}()]*"([A-Za-z -]{{5,}})', SOURCE))
    assert len(logged) > 80
    own = {"demo takes no settings"}  # a command line's, where nobody reads a log
    assert sorted(logged - own - named) == []


def test_every_reason_why_a_reply_is_not_taken_is_explained() -> None:
    """Whoever is on call reads it in the log, as `why`."""
    page = DOCUMENTS["docs/troubleshooting.md"]
    reasons = {*Change, *Standing} - {Change.ACCEPTED, Standing.ALLOWED}
    assert not [why.value for why in reasons if f"`{why.value}`" not in page]


def test_the_pages_say_how_fast_threads_are_read_after_an_outage() -> None:
    """At rest by the backfill's own pause, and while mail waits by its share of Slack's limit."""
    least, most = 60 / TIMING.thread_pause, TIER_3 * Need.MAIL.share
    told = re.findall(r"(\d+ to \d+)(?: threads)? a minute", GUIDES)
    assert told == [f"{least:.0f} to {most:.0f}"] * 4


def test_every_metric_that_is_named_is_there() -> None:
    """A person who charts it sees data."""
    defined = Path(metrics.__file__).read_text(encoding="utf-8")
    for name in set(re.findall(r"`(relay_[a-z_]+)`", GUIDES)):
        assert f'"{name}"' in defined


def test_every_redis_key_is_explained() -> None:
    """Each key builder has a row."""
    builders = {name for name in vars(keys) if name.endswith(("_key", "_KEY"))}
    rows = set(re.findall(r"^\| `(\w+_(?:key|KEY))` \|", KEYS, re.MULTILINE))
    assert rows == builders


def test_every_field_of_a_link_is_explained() -> None:
    """Scripts, old processes and people read them."""
    (row,) = re.findall(r"^\| `link_key` \|.*$", KEYS, re.MULTILINE)
    assert Link.model_fields.keys() <= set(re.findall(r"`(\w+)`", row))


def test_every_field_of_a_session_and_of_a_reply_is_explained() -> None:
    """Those of a thread, such as `by:`, end with its name."""
    told = set(re.findall(r"`(\w+:?)(?:<thread>)?`", KEYS))
    assert not (HASHES["watched"] | HASHES["reply"]) - told, "a row of docs/architecture/redis.md"


def test_every_key_that_is_named_exists() -> None:
    """Whoever is on call looks for it in Redis."""
    builders = {name for name in vars(keys) if name.endswith(("_key", "_KEY"))}
    known = {*builders, *(name for name, _ in SETTINGS), "x_key", "X_KEY"}
    for document, text in DOCUMENTS.items():
        assert set(re.findall(r"`(\w+_(?:key|KEY))`", text)) <= known, document


def test_every_file_that_is_named_exists() -> None:
    """Paths are relative to the root of the repository, to `bot/` or to `handlers/`."""
    for document, text in DOCUMENTS.items():
        named = set(re.findall(r"`((?:bot|handlers|sandbox|tests|docs|\.ci)/[\w./-]*)`", text))
        modules = set(re.findall(r"`([a-z_/]+\.py)`", text))
        missing = [path for path in named if not (ROOT / path).exists()]
        missing += [
            path
            for path in modules
            if not any((ROOT / room / path).exists() for room in ("bot", "handlers", "."))
        ]
        assert missing == [], document


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found: list[str] = []
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#+ (.+)$", prose, re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        found.append(f"{slug}-{count}" if (count := found.count(slug)) else slug)
    return set(found)


def test_every_link_leads_somewhere() -> None:
    """It leads to a file or folder of the repository, and to a heading in it."""
    missing = []
    for document, text in DOCUMENTS.items():
        page = ROOT / document
        for link in re.findall(r"\]\((?!https?://)([^)\s]+)\)", text):
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            if not target.exists() or (
                anchor and anchor not in anchors(target.read_text(encoding="utf-8"))
            ):
                missing.append(f"{document}: {link}")
    assert missing == []


def test_the_badge_has_the_version_of_the_package() -> None:
    """It is a picture of a fixed text, so that it needs nobody's service to count."""
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shown = re.findall(r"\[!\[Version ([\d.]+)\]\(\S+/version-([\d.]+)-", DOCUMENTS["README.md"])
    assert shown == [(package["version"],) * 2]
    assert package["urls"]["Repository"] + "/actions/workflows/ci.yml" in DOCUMENTS["README.md"]
    assert (ROOT / ".github" / "workflows" / "ci.yml").exists()


def test_the_readme_is_short() -> None:
    """A newcomer reads all of it; the rest has pages of its own."""
    assert len(DOCUMENTS["README.md"].splitlines()) <= 150


def test_the_state_in_redis_fits_on_a_page() -> None:
    """A newcomer reads all of it, too."""
    assert len(KEYS.splitlines()) <= 80
