"""What goes along with a reply: its files, what became of each, and messages that it forwards."""

from enum import StrEnum

from pydantic import JsonValue

from bot.model.record import Record

MOST_FORWARDED = 10
"""So many forwarded messages of one reply are read; Slack's own clients forward one at a time."""


class AttachedFile(Record):
    """A file of a reply: `permalink` is for people, `url` for its content.

    `name` is what people see, `filename` what it is saved as. `url` is empty where Slack does not
    keep the file; `look_up` is the id to ask `files.info` for where the event left the rest out.
    `size` is in bytes, 0 where it is not known.
    """

    name: str
    permalink: str
    filename: str = ""
    url: str = ""
    look_up: str = ""
    kind: str = ""
    size: int = 0


class Forwarded(Record):
    """A message that somebody forwards with theirs, as Slack quotes it there.

    `author` and `channel` are ids, `name` and `place` what Slack calls them where it says so.
    `permalink` is an address of Slack's, or empty.
    """

    author: str = ""
    name: str = ""
    channel: str = ""
    place: str = ""
    permalink: str = ""
    text: str = ""
    blocks: tuple[dict[str, JsonValue], ...] = ()
    files: tuple[AttachedFile, ...] = ()


class WhyLink(StrEnum):
    """Why a file did not go to Devin.

    `ELSEWHERE`: it was never kept in Slack, or no file is to be read; nobody wants to hear of that.
    `FOREIGN`: Slack keeps it, but its address leads to a host that may not see our token.
    """

    ELSEWHERE = "elsewhere"
    FOREIGN = "foreign"
    TOO_LARGE = "too_large"
    SIGN_IN = "sign_in"
    SLACK = "slack"
    DEVIN = "devin"
    SLOW = "slow"


class Upload(Record):
    """What became of `file`: its address at Devin, or why it went as a link instead."""

    file: AttachedFile
    url: str = ""
    hitch: WhyLink | None = None
    detail: str = ""
