"""The options of a start: the inputs of a form with which people choose them, and what is wrong.

Each input is optional: what is left empty comes from the channel's defaults, or from Devin. Where
Devin lists what there is, people search in it; else they type it. A form has only one repository:
more of them, tags and a title are words before the prompt.
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
from bot.text.mrkdwn import unescape
from bot.text.options import parse_options
from bot.text.to_slack import cut, escape, shortened
from bot.wording import actions
from bot.wording.message import (
    Block,
    SlackMessage,
    as_code,
    context,
    field,
    literal_text,
    plain,
    text_input,
)

HEADING = "_Optional._ What you leave empty comes from the channel's defaults, or from Devin."
REPO_LABEL = "Repository"
REPO_SEARCH = "Search repositories"
REPO_HINT = "For more than one, begin the prompt with repo:owner/name."
REPO_TYPED_HINT = "Such as acme/api. Separate several with commas."
MODE_LABEL = "Mode"
MODE_DEFAULT = "Default"
PLAYBOOK_LABEL = "Playbook"
PLAYBOOK_SEARCH = "Search playbooks"
PLAYBOOK_TYPED_HINT = "A macro, such as !deploy, or a playbook's ID."
CAP_LABEL = "Cap in ACUs"
CAP_HINT = "The session stops once it has used this many."

FIELDS: Mapping[str, str] = {
    "repo": actions.REPO_FIELD,
    "mode": actions.MODE_FIELD,
    "playbook": actions.PLAYBOOK_FIELD,
    "max": actions.CAP_FIELD,
    "tag": actions.TAGS_FIELD,
    "words": actions.WORDS_FIELD,
}
"""The input of each option that has one."""

MOST_OPTIONS = 100
LABEL_LIMIT = 75
VALUE_LIMIT = 150
"""Slack's limits for a menu (docs.slack.dev, "Option object" and "Select menu element")."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What people may choose from; without a list, they type. They don't have what it `lacks`."""

    repositories: Sequence[str] | None = None
    playbooks: Sequence[Playbook] | None = None
    lacks: frozenset[str] = frozenset()
    ceiling: int | None = None


def fields(chosen: Options, offer: Offer, heading: str = HEADING) -> list[Block]:
    """Return the inputs, with what is `chosen` filled in; `beside` has the rest of it."""
    makers: Mapping[str, Callable[[Options, Offer], Block]] = {
        "repo": _repo,
        "mode": _mode,
        "playbook": _playbook,
        "max": _cap,
    }
    return [
        context(heading),
        *(make(chosen, offer) for key, make in makers.items() if key not in offer.lacks),
    ]


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
    """Return the words of what was chosen in a submitted form, as plain text, unchecked."""
    cap = typed.get(actions.CAP_FIELD, "").strip()
    repos = (one.strip() for one in typed.get(actions.REPO_FIELD, "").split(","))
    return Options(
        repos=tuple(filter(None, repos)),
        mode=typed.get(actions.MODE_FIELD, ""),
        playbook=typed.get(actions.PLAYBOOK_FIELD, "").strip(),
        max_acu=(int(cap) if cap.isascii() and cap.isdigit() else 0) if cap else None,
    ).words()


def problems(typed: Mapping[str, str]) -> dict[str, str]:
    """Validate a submitted form; the result maps each bad field to its error."""
    try:
        parse_options(escape(written(typed)))
    except BadOptions as error:
        return errors(error, typed)
    return {}


def errors(error: BadOptions, typed: Mapping[str, str], otherwise: str = "") -> dict[str, str]:
    """Map what is wrong with options to the inputs that have them, and to `otherwise`."""
    found: dict[str, str] = {}
    for one in error.problems:
        block = FIELDS.get(one.key, "")
        block = block if typed.get(block) else otherwise
        if block:
            said = plain(problem(one))
            found[block] = f"{found[block]} {said}" if block in found else said
    return found


def repositories_like(names: Sequence[str], typed: str) -> list[Block]:
    """Return the menu's options for what was `typed`, which may be a name that isn't listed."""
    found = _best(names, typed, str)
    if not found and "/" in typed and not _is_bad(Options(repos=(typed.strip(),))):
        found = [typed.strip()]
    return [_option(one, one) for one in found if len(one) <= VALUE_LIMIT][:MOST_OPTIONS]


def playbooks_like(playbooks: Sequence[Playbook], typed: str) -> list[Block]:
    """Return the menu's options for what was `typed`: a part of a title, a macro or an ID."""
    found = _best(playbooks, typed, lambda one: f"{one.title} {one.macro} {one.id}")
    options = [_option(_named(one), one.called) for one in found]
    return [one for one in options if len(one["value"]) <= VALUE_LIMIT][:MOST_OPTIONS]


def _best(listed: Sequence[Any], typed: str, words: Callable[[Any], str]) -> list[Any]:
    """Return the entries that have all that was typed; those with a word that begins so first."""
    wanted = " ".join(typed.lower().split())
    found = [one for one in listed if wanted in words(one).lower()]
    return sorted(found, key=lambda one: not _begins(words(one).lower(), wanted))


def _begins(text: str, wanted: str) -> bool:
    return any(one.startswith(wanted) for one in (text, *text.replace("/", " ").split()))


def _is_bad(chosen: Options) -> bool:
    try:
        return parse_options(escape(chosen.words())) != (chosen, "")
    except BadOptions:
        return True


def _repo(chosen: Options, offer: Offer) -> Block:
    if offer.repositories is None:
        value = ", ".join(chosen.repos)
        return _input(actions.REPO_FIELD, REPO_LABEL, text_input(value), REPO_TYPED_HINT)
    first = _first_repo(chosen)
    element = _search(REPO_SEARCH, _option(first, first) if first else None)
    return _input(actions.REPO_FIELD, REPO_LABEL, element, REPO_HINT)


def _mode(chosen: Options, offer: Offer) -> Block:  # noqa: ARG001  (the signature of all of them)
    modes = dict.fromkeys((*MODES, chosen.mode) if chosen.mode else MODES)
    options = {one: _option(one.capitalize(), one) for one in modes}
    element = {
        "type": "static_select",
        "placeholder": literal_text(MODE_DEFAULT),
        "options": list(options.values()),
        **({"initial_option": options[chosen.mode]} if chosen.mode else {}),
    }
    return _input(actions.MODE_FIELD, MODE_LABEL, element)


def _playbook(chosen: Options, offer: Offer) -> Block:
    value = chosen.playbook
    if offer.playbooks is None:
        return _input(
            actions.PLAYBOOK_FIELD, PLAYBOOK_LABEL, text_input(value), PLAYBOOK_TYPED_HINT
        )
    known = (one for one in offer.playbooks if value in {one.id, one.macro})
    label = next(map(_named, known), value)
    element = _search(PLAYBOOK_SEARCH, _option(label, value) if value else None)
    return _input(actions.PLAYBOOK_FIELD, PLAYBOOK_LABEL, element)


def _cap(chosen: Options, offer: Offer) -> Block:
    cap = chosen.max_acu
    if cap is not None and offer.ceiling is not None:
        cap = min(cap, offer.ceiling)
    element = {
        "type": "number_input",
        "is_decimal_allowed": False,
        "min_value": "1",
        **({"max_value": str(offer.ceiling)} if offer.ceiling is not None else {}),
        **({"initial_value": str(cap)} if cap is not None else {}),
    }
    most = f" At most {offer.ceiling}." if offer.ceiling is not None else ""
    return _input(actions.CAP_FIELD, CAP_LABEL, element, CAP_HINT + most)


def _named(playbook: Playbook) -> str:
    macro = (
        f" ({playbook.macro})" if playbook.macro and len(playbook.macro) < LABEL_LIMIT // 2 else ""
    )
    return f"{shortened(playbook.title, LABEL_LIMIT - len(macro))}{macro}"


def _option(label: str, value: str) -> Block:
    return {"text": literal_text(shortened(label, LABEL_LIMIT)), "value": value}


def _search(placeholder: str, chosen: Block | None) -> Block:
    return {
        "type": "external_select",
        "placeholder": literal_text(placeholder),
        "min_query_length": 0,
        **({"initial_option": chosen} if chosen else {}),
    }


def _input(block: str, label: str, element: Block, hint: str = "") -> Block:
    more = {"hint": literal_text(hint)} if hint else {}
    return field(block, label, element, optional=True, **more)


MOST_NAMED = 8

_EXPECTED: Mapping[str, str] = {
    "repo": "a repository is written `owner/name`",
    "mode": "a mode is one word, such as `normal`, `fast`, `lite`, `ultra` or `fusion`",
    "playbook": "a playbook is an ID (`playbook-…`) or a macro (`!deploy`)",
    "max": "the cap is a whole number of ACUs, 1 or more",
    "tag": "a tag is a word, or words in quotation marks",
    "origin": "an origin is one word, such as `automation`, `api` or `slack`",
    "title": "a title is a word, or words in quotation marks",
    "words": "standing words are written in quotation marks",
}


def bad(error: BadOptions, typed: str = "") -> SlackMessage:
    """Say all that is wrong with options; `typed` is quoted if it isn't shown elsewhere."""
    named = [f"• {problem(one)}" for one in error.problems[:MOST_NAMED]]
    if more := len(error.problems) - MOST_NAMED:
        named += [f"• and {more} more"] if more > 0 else []
    is_start = not isinstance(error, BadDefaults)
    undone = "start* a session, since I can't use its options" if is_start else "change* anything"
    return SlackMessage(
        f"I *didn't {undone}:\n" + "\n".join(named),
        quote=unescape(typed),
    )


def problem(one: OptionProblem) -> str:
    """Say what is wrong with one option."""
    value = as_code(cut(one.value, 80))
    shown = as_code(cut(f"{one.key}:{one.value}", 80))
    expected = _EXPECTED.get(one.key, "")
    words = {
        OptionFlaw.EMPTY: f"`{one.key}:` has no value right behind it; {expected}",
        OptionFlaw.WRONG: f"{shown}: {expected}",
        OptionFlaw.TWICE: f"{shown}: `{one.key}` can be given only once",
        OptionFlaw.UNCLOSED: f"{shown}: the closing quotation mark is missing",
        OptionFlaw.NEAR: f"{value}: did you mean `{one.key}:`?",
        OptionFlaw.TOO_MANY: f"a session can have {value} tags at most",
        OptionFlaw.LACKING: f"`{one.key}` can't be chosen with Devin's API v1",
        OptionFlaw.ABOVE: f"`max:`: the highest cap that you can choose here is {value} ACUs",
        OptionFlaw.NO_PLAYBOOK: f"none of Devin's playbooks has the macro {value}",
        OptionFlaw.NO_DEFAULT: f"a `{one.key}` is for one session, and can't be a default",
        OptionFlaw.TOO_LONG: f"`{one.key}` can have {value} characters at most",
        OptionFlaw.MORE: f'{value} isn\'t an option; standing words are written `words:"…"`',
        OptionFlaw.UNREAD: f"I can't look up the macro {value}; use the playbook's ID "
        "(`playbook:playbook-…`)",
    }
    return words[one.flaw]
