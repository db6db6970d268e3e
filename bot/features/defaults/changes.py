"""What changes in a channel's defaults, and how it is written: `repo:owner/name max:10`."""

from collections.abc import Mapping

from bot.model.options import (
    FIELDS,
    PREFACE,
    BadDefaults,
    OptionFlaw,
    OptionProblem,
    Options,
    Profile,
)
from bot.model.people import UserId
from bot.model.record import Record
from bot.text.options import KEYS, Reading, shown


class Changes(Record):
    """What changes in a profile: what is `named`, by its key, has the value that it has here."""

    options: Options = Options()
    preface: str = ""
    named: tuple[str, ...] = ()

    def of(self, options: Options) -> Options:
        """Return `options` with these changes."""
        named = (name for key, name in FIELDS.items() if key in self.named)
        return options.model_copy(update={name: getattr(self.options, name) for name in named})

    def to(self, profile: Profile, by: UserId) -> Mapping[str, object]:
        """Return the fields of `profile` that change, when the person `by` makes the changes."""
        options = self.of(profile.options)
        preface = self.preface if PREFACE in self.named else profile.preface
        if (options, preface) == (profile.options, profile.preface):
            return {}
        nobody = UserId("")
        is_empty = options == Options() and not preface
        whose = profile.preface_by if preface == profile.preface else by
        changed = {"options": options, "preface": preface, "by": nobody if is_empty else by}
        return changed | {"preface_by": whose if preface else nobody}


def parse_changes(text: str) -> Changes | None:
    """Return what the argument of `defaults` changes; None if it doesn't begin with an option.

    Beside the options it may have `words`, and `none` clears what it is the value of. Raises
    `BadDefaults`.
    """
    reading = Reading(text, (*KEYS, PREFACE))
    rest = reading.run().strip()
    if not (reading.found or reading.problems):
        return None
    if "title" in reading.found:
        reading.problems.append(OptionProblem(OptionFlaw.NO_DEFAULT, "title"))
    if rest and not reading.problems:
        reading.problems.append(OptionProblem(OptionFlaw.MORE, PREFACE, shown(rest)))
    if reading.problems:
        raise BadDefaults(reading.problems)
    named = tuple(key for key in (*FIELDS, PREFACE) if key in reading.found)
    preface = "".join(reading.found.get(PREFACE, ()))
    return Changes(options=reading.options(), preface=preface, named=named)
