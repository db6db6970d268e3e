"""The files of a reply, and what became of each on its way to Devin."""

from enum import StrEnum

from bot.records import Record


class Attached(Record):
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


class Hitch(StrEnum):
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


class Brought(Record):
    """What became of `file`: its address at Devin, or why it went as a link instead."""

    file: Attached
    url: str = ""
    hitch: Hitch | None = None
    detail: str = ""
