"""Messages about a channel's defaults: what its sessions start with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.features.defaults.changes import Changes
from bot.model.options import Options, Profile
from bot.model.sessions import NamedSession
from bot.text.to_slack import cut, quiet
from bot.wording import actions
from bot.wording.lifecycle.options import Offer, beside, fields
from bot.wording.message import SlackMessage, View, button, context, field, form, text_input
from bot.wording.phrases import as_code, cap_of, codes, session_link

CHANGE_DEFAULTS = "change_defaults"
DEFAULTS_FORM = "defaults_form"
PREFACE_FIELD = "words"

HELP = (
    "• `defaults repo:owner/name max:10`: set what this channel's sessions start with (`defaults` "
    "shows it, `defaults none` clears it)"
)
SAY_HELP = "• `/devin-say defaults`: see what this channel's sessions start with"

PREFACE_SHOWN = 400
LONGEST_ADDRESS = 300
"""What is longer would make the message longer than Slack takes."""

SET = (
    "press *Change*, or mention me with "
    '`defaults repo:owner/name max:10 words:"Always run the tests"`.'
)
HOW = (
    f"To change them, {SET} `none` clears a value (`max:none`), and `defaults none` clears all of "
    "them."
)


TITLE = "Defaults"
HEADING = "Every session that starts here uses these. A prompt's own options take precedence."
TOO_LONG = "The words before each prompt are too long to show here. They stay as they are."
PREFACE_LIMIT = 3_000

CHANGE = button(CHANGE_DEFAULTS, "Change")


@dataclass(frozen=True, slots=True)
class ProfileShown:
    """A channel's profile as people see it: the `preface` without markup, and `by`'s name.

    `ignored` are options that the generation of Devin's API lacks, `ceiling` is the highest cap,
    and `cap` what the operator lets a session use unless something else is chosen.
    """

    profile: Profile
    preface: str
    by: str
    session: NamedSession | None = None
    ignored: Sequence[str] = ()
    ceiling: int | None = None
    cap: int | None = None


def shown(it: ProfileShown) -> SlackMessage:
    """Show what sessions start with in this channel, and how to change it."""
    session = it.session
    if session and len(session.url) > LONGEST_ADDRESS:
        session = replace(session, url="")
    default = f"Default session for `/devin-say`: *{session_link(session)}*" if session else ""
    if not it.profile.by:
        nothing = "No defaults are set for new sessions here."
        advice = "\n".join(filter(None, (_limits(it), default)))
        return SlackMessage(nothing, advice=advice, footer=f"To set some, {SET}", buttons=(CHANGE,))
    return SlackMessage(
        f"New sessions here start with {_listed(it)} (set by {quiet(it.by)}).",
        quote=cut(it.preface, PREFACE_SHOWN),
        advice="\n".join(filter(None, (_limits(it), default))),
        footer=HOW,
        buttons=(CHANGE,),
    )


def changed(changes: Changes, it: ProfileShown) -> SlackMessage:
    """Tell the channel who changed which of its defaults, and what they are now."""
    if not it.profile.by:
        return SlackMessage(f"*{quiet(it.by)}* cleared the defaults for new sessions here.")
    named = ", ".join(as_code(one) for one in changes.named)
    return SlackMessage(
        f"*{quiet(it.by)}* changed the defaults for new sessions here ({named}). They now start "
        f"with {_listed(it)}.",
        quote=cut(it.preface, PREFACE_SHOWN),
        advice=_limits(it),
    )


def change(number: str, options: Options, preface: str, offer: Offer) -> View:
    """Return the form that changes a profile, whose `preface` is shown without markup."""
    if beside(options, offer).repos:  # a menu has one that is short, and a text any
        offer = replace(offer, repositories=None)
    tags, tags_hint = text_input(tags_of(options)), "Separate several with commas."
    precedes = field(
        PREFACE_FIELD,
        "Words before each prompt",
        text_input(preface, multiline=True, max_length=PREFACE_LIMIT),
        "They precede each prompt, such as: Always run the tests.",
        optional=True,
    )
    blocks = [
        *fields(options, offer, HEADING),
        field(actions.TAGS_FIELD, "Tags", tags, tags_hint, optional=True),
        precedes if len(preface) <= PREFACE_LIMIT else context(TOO_LONG),
    ]
    return form(TITLE, blocks, "Save", DEFAULTS_FORM, number)


def tags_of(options: Options) -> str:
    """Return the tags as the form shows them."""
    return ", ".join(options.tags)


def _listed(it: ProfileShown) -> str:
    parts = [codes(it.profile.options.each())] if it.profile.options != Options() else []
    if it.preface:
        parts.append("these words before each prompt")
    return " and ".join(parts)


def _limits(it: ProfileShown) -> str:
    told = []
    cap = it.profile.options.max_acu
    if cap is None and it.cap is not None:
        told.append(f"Each may use {cap_of(it.cap)}, unless its prompt says `max:`.")
    if it.ceiling is not None and cap is not None and cap > it.ceiling:
        told.append(f"The highest cap here is {cap_of(it.ceiling)}, so that applies.")
    if it.ignored:
        named = ", ".join(as_code(one) for one in it.ignored)
        told.append(f"Devin's API v1 ignores {named}.")
    return " ".join(told)
