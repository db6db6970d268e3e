"""The files of a reply, their uploads, and the messages that it forwards."""

from enum import StrEnum

from pydantic import JsonValue

from bot.model.errors import RelayError
from bot.model.record import Record

MOST_FORWARDED = 10
"""Forwarded messages that are read per reply; Slack's own clients forward one at a time."""


class AttachedFile(Record):
    """A file of a reply: `permalink` is for people, also elsewhere, and `url` for its content.

    `name` is the title that people see, `filename` the name to save the file under. `url` is empty
    if Slack does not give the content, also because it does not store the file (`is_external`).
    `look_up` is the id to pass to `files.info` if the event left the rest out. `size` is in bytes,
    0 if unknown. `spoken` is the beginning of what a voice clip says, if Slack has written it down.
    `by` is the ID of the person or bot who uploaded it, if Slack says.
    """

    name: str
    permalink: str
    filename: str = ""
    url: str = ""
    look_up: str = ""
    kind: str = ""
    size: int = 0
    is_external: bool = False
    spoken: str = ""
    by: str = ""

    @property
    def is_hidden(self) -> bool:
        """True if Slack shows nothing of it: it was deleted, is too old, or not for this app."""
        return not (self.name or self.permalink or self.url or self.look_up)


class Forwarded(Record):
    """A forwarded message; `name` is that of its `author`, `place` that of its `channel`."""

    author: str = ""
    name: str = ""
    channel: str = ""
    place: str = ""
    permalink: str = ""
    text: str = ""
    blocks: tuple[dict[str, JsonValue], ...] = ()
    files: tuple[AttachedFile, ...] = ()


class WhyLink(StrEnum):
    """The reason why a file went as a link.

    `ELSEWHERE`: Slack never stored it, or files are not to be read; the author is not told.
    `HIDDEN`: Slack does not give its content, as that of a list, or shows nothing of it at all.
    `FOREIGN`: Slack stores it, but its address leads to a host that may not see our token.
    `TOO_MANY`: the reply had as many files before it as are uploaded for one.
    """

    ELSEWHERE = "elsewhere"
    HIDDEN = "hidden"
    FOREIGN = "foreign"
    TOO_LARGE = "too_large"
    SIGN_IN = "sign_in"
    SLACK = "slack"
    DEVIN = "devin"
    SLOW = "slow"
    TOO_MANY = "too_many"


class FileLeftOut(RelayError):
    """A file does not go to Devin; `hitch` says why, `detail` is Slack's or Devin's error code.

    `again_after` are the seconds after which another try may succeed; None if none will.
    """

    def __init__(
        self, hitch: WhyLink, detail: str = "", *, again_after: float | None = None
    ) -> None:
        super().__init__(f"{hitch.value} {detail}".strip())
        self.hitch = hitch
        self.detail = detail
        self.again_after = again_after


class Upload(Record):
    """The result for `file`: its address at Devin, or the reason why it went as a link instead."""

    file: AttachedFile
    url: str = ""
    hitch: WhyLink | None = None
    detail: str = ""

    @property
    def is_told(self) -> bool:
        """True if people are told about a file's link; not if it was never in Slack."""
        return self.hitch is not None and self.hitch is not WhyLink.ELSEWHERE
