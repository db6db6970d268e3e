"""The fields with which every form asks for a session: a menu of titles, and a field to paste into.

A chosen session is parsed like a pasted one: a client may send anything in place of an option.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.model.sessions import NamedSession, SessionId, parse_session
from bot.text.characters import shortened
from bot.wording.actions import SESSION_FIELD, TYPED_FIELD
from bot.wording.message import Block, field, literal_text, plain
from bot.wording.phrases import session_address, short_id, title_of
from bot.wording.refusals import no_session

LABEL = "Devin session"
CHOOSE = "Choose a session"
HERE = "Linked here"
ELSEWHERE = "Recent sessions"

BOTH = "Pick a session above or paste one here, not both."
NEITHER = "Pick a session, or paste its link or ID."

LABEL_LIMIT = 75


@dataclass(frozen=True, slots=True)
class Choices:
    """The sessions to choose from: the channel's, Devin's others, and the likeliest.

    `meant` is filled in; it need not be among the others.
    """

    here: Sequence[NamedSession]
    elsewhere: Sequence[NamedSession]
    meant: SessionId | None


def fields(choices: Choices) -> list[Block]:
    """Return the input blocks; without sessions to choose from, there is no menu."""
    groups = [group for group in ((HERE, choices.here), (ELSEWHERE, choices.elsewhere)) if group[1]]
    listed = {one.session for _, ones in groups for one in ones}
    pasted = None if choices.meant in listed else choices.meant
    menu = [_menu(groups, choices.meant)] if groups else []
    return [*menu, _paste(pasted, is_alone=not groups)]


def picked(filled: Mapping[str, str]) -> SessionId | None:
    """Return the session of a submitted form; None if `problems` has something to say."""
    chosen, pasted = _answers(filled)
    return None if chosen and pasted else parse_session(chosen or pasted)


def problems(filled: Mapping[str, str]) -> dict[str, str]:
    """Validate a submitted form; the result maps the field to its error."""
    chosen, pasted = _answers(filled)
    if chosen and pasted:
        return {TYPED_FIELD: BOTH}
    if not (chosen or pasted):
        return {TYPED_FIELD: NEITHER}
    if parse_session(chosen or pasted) is None:
        return {TYPED_FIELD: plain(no_session(chosen or pasted).text)}
    return {}


def option(one: NamedSession, value: str) -> Block:
    """Return an option of a menu: a title, which is foreign but stands in a `plain_text`."""
    title, label = title_of(one), short_id(one.session)
    if title:
        label = f"{shortened(title, LABEL_LIMIT - len(f' ({label})'))} ({label})"
    return {"text": literal_text(label), "value": value}


def _answers(filled: Mapping[str, str]) -> tuple[str, str]:
    chosen, pasted = (filled.get(name, "").strip() for name in (SESSION_FIELD, TYPED_FIELD))
    return chosen, pasted


def _menu(groups: Sequence[tuple[str, Sequence[NamedSession]]], meant: SessionId | None) -> Block:
    options = {one.session: option(one, one.session) for _, ones in groups for one in ones}
    select: dict[str, Any] = {
        "type": "static_select",
        "placeholder": literal_text(CHOOSE),
        "option_groups": [
            {"label": literal_text(label), "options": [options[one.session] for one in ones]}
            for label, ones in groups
        ],
    }
    if meant in options:
        select["initial_option"] = options[meant]
    hint = literal_text("Pick one, or paste a link or an ID below.")
    return field(SESSION_FIELD, LABEL, select, hint=hint, optional=True)


def _paste(pasted: SessionId | None, *, is_alone: bool) -> Block:
    typed: dict[str, Any] = {"type": "plain_text_input"}
    if pasted is not None:
        typed["initial_value"] = session_address(NamedSession(pasted))
    if not is_alone:
        return field(TYPED_FIELD, "Or paste a session link or ID", typed, optional=True)
    typed["focus_on_load"] = True
    return field(TYPED_FIELD, LABEL, typed, hint=literal_text("Paste a session link or ID"))
