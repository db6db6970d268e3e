"""The options of a start: their inputs in forms, and what is said of those that can't be used.

Each input may stay empty: then the option comes from the channel's defaults, or from Devin. Where
Devin lists what there is, people search in it; else they type it. They choose one repository: more
of them, tags and a title are words before the prompt.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.model.options import (
    MODES,
    BadDefaults,
    BadOptions,
    OptionFlaw,
    OptionProblem,
    Options,
    Playbook,
)
from bot.text.options import parse_options
from bot.text.to_slack import cut, escape, shortened
from bot.wording import actions, message
from bot.wording.message import LABEL_LIMIT, Block, SlackMessage, option
from bot.wording.phrases import as_code, plain


@dataclass(frozen=True, slots=True)
class Offer:
    """What people may choose from; without a list, they type. They don't have what it `lacks`."""

    repositories: Sequence[str] | None = None
    playbooks: Sequence[Playbook] | None = None
    lacks: frozenset[str] = frozenset()
    ceiling: int | None = None


HEADING = (
    "_Optional._ What you leave empty comes from the channel's defaults, your admin, or Devin."
)

_FIELDS = {"max": actions.CAP_FIELD, "tag": actions.TAGS_FIELD}
"""The inputs that are not called like their options."""

MOST_OPTIONS = 100
VALUE_LIMIT = 150
"""Slack's limits for a menu (docs.slack.dev, "Option object" and "Select menu element")."""


def fields(chosen: Options, offer: Offer, heading: str = HEADING) -> list[Block]:
    """Return the inputs, with what is `chosen` filled in; `beside` has the rest of it."""
    inputs = {
        "repo": _repo(chosen, offer),
        "mode": _mode(chosen.mode),
        "playbook": _playbook(chosen.playbook, offer),
        "max": _cap(chosen.max_acu, offer.ceiling),
    }
    offered = (one for key, one in inputs.items() if key not in offer.lacks)
    return [message.context(heading), *offered]


def beside(chosen: Options, offer: Offer) -> Options:
    """Return what `fields` has no room for, which are words before the prompt."""
    listed = offer.repositories is not None
    shown = {"mode": "", "playbook": "", "max_acu": None}
    repos = chosen.repos[1:] if _first_repo(chosen) else chosen.repos
    return chosen.model_copy(update={**shown, "repos": repos if listed else ()})


def _first_repo(chosen: Options) -> str:
    """Return the repository that a menu shows as chosen: one at most, and none that is too long."""
    first = next(iter(chosen.repos), "")
    return first if len(first) <= VALUE_LIMIT else ""


def written(typed: Mapping[str, str]) -> str:
    """Return what was chosen in a submitted form as it is written, as plain text, unchecked."""
    cap = "".join(typed.get(actions.CAP_FIELD, "").split())
    repos = (one.strip() for one in typed.get(actions.REPO_FIELD, "").split(","))
    chosen = Options(
        repos=tuple(filter(None, repos)),
        mode=typed.get(actions.MODE_FIELD, ""),
        playbook=typed.get(actions.PLAYBOOK_FIELD, "").strip(),
    )
    return " ".join([*chosen.each(), *([f"max:{cap}"] if cap else [])])


def problems(typed: Mapping[str, str]) -> dict[str, str]:
    """Validate a submitted form; the result maps each bad field to its error."""
    try:
        parse_options(escape(written(typed)))
    except BadOptions as error:
        return errors_of(error, typed)
    return {}


def errors_of(error: BadOptions, typed: Mapping[str, str], otherwise: str = "") -> dict[str, str]:
    """Map what is wrong with options to the inputs that have them, and to `otherwise`."""
    found: dict[str, str] = {}
    for one in error.problems:
        block = _FIELDS.get(one.key, one.key)
        if block := block if typed.get(block) else otherwise:
            said = plain(problem(one))
            found[block] = f"{found[block]} {said}" if block in found else said
    return found


def repositories_like(names: Sequence[str], typed: str) -> list[Block]:
    """Return the menu's options for what was `typed`, which may be a name that isn't listed."""
    found = _best(names, typed, str)
    if not found and "/" in typed and not _is_bad(Options(repos=(typed.strip(),))):
        found = [typed.strip()]
    return [option(one, one) for one in found if len(one) <= VALUE_LIMIT][:MOST_OPTIONS]


def playbooks_like(playbooks: Sequence[Playbook], typed: str) -> list[Block]:
    """Return the menu's options for what was `typed`: a part of a title, a macro or an ID."""
    found = _best(playbooks, typed, lambda one: f"{one.title} {one.macro} {one.id}")
    options = [option(_named(one), one.called) for one in found]
    return [one for one in options if len(one["value"]) <= VALUE_LIMIT][:MOST_OPTIONS]


def _best(listed: Sequence[Any], typed: str, text_of: Callable[[Any], str]) -> list[Any]:
    """Return the entries that have all that was typed; those with a word that begins so first."""
    wanted = " ".join(typed.lower().split())
    found = [one for one in listed if wanted in text_of(one).lower()]
    return sorted(found, key=lambda one: not _begins(text_of(one).lower(), wanted))


def _begins(text: str, wanted: str) -> bool:
    return any(one.startswith(wanted) for one in (text, *text.replace("/", " ").split()))


def _is_bad(chosen: Options) -> bool:
    try:
        return parse_options(escape(chosen.written())) != (chosen, "")
    except BadOptions:
        return True


def _repo(chosen: Options, offer: Offer) -> Block:
    element = message.text_input(", ".join(chosen.repos))
    hint = "Such as acme/api. Separate several with commas."
    if offer.repositories is not None:
        first = _first_repo(chosen)
        element = _search("Search repositories", option(first, first) if first else None)
        hint = "For more than one, begin the prompt with repo:owner/name."
    return message.field(actions.REPO_FIELD, "Repository", element, hint, optional=True)


def _mode(chosen: str) -> Block:
    modes = dict.fromkeys((*MODES, chosen) if chosen else MODES)
    options = {one: option(one.capitalize(), one) for one in modes}
    element = message.menu("Default", options.get(chosen), options=list(options.values()))
    return message.field(actions.MODE_FIELD, "Mode", element, optional=True)


def _playbook(chosen: str, offer: Offer) -> Block:
    element, hint = message.text_input(chosen), "A macro, such as !deploy, or a playbook's ID."
    if offer.playbooks is not None:
        label = next(
            (_named(one) for one in offer.playbooks if chosen in {one.id, one.macro}), chosen
        )
        element = _search("Search playbooks", option(label, chosen) if chosen else None)
        hint = ""
    return message.field(actions.PLAYBOOK_FIELD, "Playbook", element, hint, optional=True)


def _cap(chosen: int | None, ceiling: int | None) -> Block:
    most = {} if ceiling is None else {"max_value": str(ceiling)}
    cap = {} if chosen is None else {"initial_value": str(min(chosen, ceiling or chosen))}
    element = {"type": "number_input", "is_decimal_allowed": False, "min_value": "1", **most, **cap}
    hint = "The session stops once it has used this many."
    hint += "" if ceiling is None else f" At most {ceiling}."
    return message.field(actions.CAP_FIELD, "Cap in ACUs", element, hint, optional=True)


def _named(playbook: Playbook) -> str:
    is_shown = 0 < len(playbook.macro) < LABEL_LIMIT // 2
    macro = f" ({playbook.macro})" if is_shown else ""
    return f"{shortened(playbook.title, LABEL_LIMIT - len(macro))}{macro}"


def _search(placeholder: str, chosen: Block | None) -> Block:
    return message.menu(placeholder, chosen, "external_select", min_query_length=0)


MOST_NAMED = 8

_EXPECTED: Mapping[str, str] = {
    "repo": "a repository is written `owner/name`",
    "mode": "a mode is one word, such as `normal`, `fast`, `lite`, `ultra` or `fusion`",
    "playbook": "a playbook is an ID (`playbook-…`) or a macro (`!deploy`)",
    "max": "the cap must be a whole number of ACUs from 1 to 999,999",
    "tag": "a tag is a word, or words in quotation marks, without a mention or a channel",
    "origin": "Devin's origins are `webapp`, `slack`, `teams`, `api`, `linear`, `jira`, "
    "`automation`, `cli`, `desktop`, `code_scan` and `other`",
    "title": "a title is a word, or words in quotation marks, without a mention or a channel",
    "words": "standing words are written in quotation marks",
}


def bad(error: BadOptions) -> SlackMessage:
    """Say all that is wrong with options."""
    named = [f"• {problem(one)}" for one in error.problems[:MOST_NAMED]]
    if (more := len(error.problems) - MOST_NAMED) > 0:
        named.append(f"• and {more} more")
    is_start = not isinstance(error, BadDefaults)
    undone = "start* a session, since I can't use its options" if is_start else "change* anything"
    return SlackMessage(f"I *didn't {undone}:\n" + "\n".join(named))


def problem(one: OptionProblem) -> str:
    """Say what is wrong with one option."""
    value = as_code(cut(one.value, 80))
    shown = as_code(cut(f"{one.key}:{one.value}", 80))
    expected = _EXPECTED.get(one.key, "")
    words = {
        OptionFlaw.EMPTY: f"`{one.key}:` has no value, or a space before one; {expected}",
        OptionFlaw.WRONG: f"{shown}: {expected}",
        OptionFlaw.TWICE: f"{shown}: the `{one.key}:` before it rules this one out",
        OptionFlaw.NEAR: f"{value}: did you mean `{one.key}:`? If not, put a word in front of it",
        OptionFlaw.TOO_MANY: f"a session can have {value} tags at most",
        OptionFlaw.LACKING: f"`{one.key}` can't be chosen with Devin's API v1",
        OptionFlaw.ABOVE: f"`max:` can be at most {value} here",
        OptionFlaw.NO_PLAYBOOK: f"none of Devin's playbooks has the macro {value}",
        OptionFlaw.NO_DEFAULT: f"a `{one.key}` is for one session, and can't be a default",
        OptionFlaw.TOO_LONG: f"`{one.key}` can have {value} characters at most",
        OptionFlaw.MORE: f'{value} isn\'t an option; standing words are written `words:"…"`',
        OptionFlaw.UNREAD: "Devin didn't list its playbooks, so I can't look up the macro "
        f"{value}; try again in a minute, or use the playbook's ID (`playbook:playbook-…`)",
    }
    return words[one.flaw]
