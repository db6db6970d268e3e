"""A channel's digest: how often it is posted, and when the next one is due."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.model.options import Profile
from bot.model.people import UserId
from bot.model.record import Record

PART = "digest"
"""The name of the part of a channel's profile that has it."""

HOUR = 9
"""The hour of the day at which a digest is due."""


class Often(StrEnum):
    """How often a digest is posted: each day, or on Mondays."""

    DAILY = "daily"
    WEEKLY = "weekly"

    @property
    def days(self) -> int:
        """The number of days that it covers."""
        return 7 if self is Often.WEEKLY else 1


class Digest(Record):
    """A digest that `by` has set; it is due at nine in the time zone `zone`, or in UTC if empty."""

    often: Often
    by: UserId
    zone: str = ""

    @classmethod
    def of(cls, profile: Profile) -> Self | None:
        """Return the digest of a channel, by its profile."""
        return cls.model_validate(profile.part(PART)) if profile.part(PART) else None

    def after(self, at: datetime) -> datetime:
        """Return the first time after `at` at which a digest is due, in UTC."""
        return next(due for due in self._dues(at, range(9)) if due > at)

    def latest(self, at: datetime) -> datetime:
        """Return the last time, not later than `at`, at which a digest was due, in UTC."""
        return next(due for due in self._dues(at, range(0, -9, -1)) if due <= at)

    def before(self, due: datetime) -> datetime:
        """Return when the digest before the one that is `due` was."""
        return self.latest(due - timedelta(microseconds=1))

    def _dues(self, at: datetime, days: Iterable[int]) -> Iterable[datetime]:
        """Return the times at which digests are due, some `days` from `at`."""
        zone = zone_of(self.zone) or UTC
        today = at.astimezone(zone).date()
        for day in (today + timedelta(days=one) for one in days):
            if self.often is Often.DAILY or day.weekday() == 0:
                yield datetime.combine(day, time(HOUR), zone).astimezone(UTC)


def zone_of(name: str) -> tzinfo | None:
    """Return a time zone by its name, as in "Europe/Berlin"; None if it is not known here."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
