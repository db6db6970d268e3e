"""Requests to change a link: each has a time, and none undoes what a later one did."""

from dataclasses import dataclass

from bot.model.errors import Outdated
from bot.model.sessions import SessionId
from bot.model.threads import Link


@dataclass(frozen=True, slots=True)
class Request:
    """A request to change a link; see `Links.create` and `Links.remove`."""

    at: int | None
    since: int
    session: SessionId | None = None

    def means(self, link: Link | None) -> bool:
        """Return True if it is about that link."""
        return self.session is None or (link is not None and link.session == self.session)


@dataclass(frozen=True, slots=True)
class Known:
    """A thread's link, and the last request that changed it, as they are kept; '' for none."""

    link: str
    changed: str

    @property
    def changed_at(self) -> int:
        """The time of that request, 0 without one."""
        return int(self.changed.partition(" ")[0] or 0)

    def is_later_than(self, request: Request) -> bool:
        """Return True if a later request has changed the link: `request` must not undo it."""
        return request.at is not None and self.changed_at > request.at

    def changed_by(self, request: Request) -> str:
        """Return the note of `request`; one without a time counts as later than all before.

        Raises:
            Outdated: a later request has changed the link.
        """
        if self.is_later_than(request):
            raise Outdated
        return str(max(self.changed_at, request.since) if request.at is None else request.at)
