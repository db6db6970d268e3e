"""Messages about the options of a start that can't be used."""

from collections.abc import Mapping

from bot.model.options import BadDefaults, BadOptions, OptionFlaw, OptionProblem
from bot.text.characters import cut
from bot.text.mrkdwn import unescape
from bot.wording.message import SlackMessage
from bot.wording.phrases import as_code

MOST_NAMED = 8

_EXPECTED: Mapping[str, str] = {
    "repo": "a repository is written `owner/name`",
    "mode": "a mode is one word, such as `normal`, `fast`, `lite`, `ultra` or `fusion`",
    "playbook": "a playbook is an ID (`playbook-…`) or a macro (`!deploy`)",
    "max": "the cap is a whole number of ACUs, 1 or more",
    "tag": "a tag is a word, or words in quotation marks",
    "title": "a title is a word, or words in quotation marks",
    "words": "standing words are written in quotation marks",
}


def bad(error: BadOptions, typed: str = "") -> SlackMessage:
    """Say all that is wrong with options, and that nothing was started or changed.

    What was `typed` is quoted, if it isn't in the thread or in a form.
    """
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
