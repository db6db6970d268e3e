"""Devin's playbooks: instructions that a session can be started with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Playbook:
    """A playbook of the organization; the title is people's text.

    `macro`, such as `!deploy`, is by what people may call it; not each playbook has one.
    """

    id: str
    title: str
    macro: str = ""

    @property
    def called(self) -> str:
        """The value of the option `playbook` that stands for it: its macro, or else its ID."""
        return self.macro or self.id
