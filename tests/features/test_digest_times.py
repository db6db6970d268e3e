"""When digests are due: at nine where they were set, in summer and in winter."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.features.digest.digest import Digest, Often, zone_of
from bot.model.people import UserId
from tests.support.tables import each

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC", "")
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  (hypothesis adds the zone)


def digest(often: Often = Often.DAILY, zone: str = "") -> Digest:
    """Return a digest of Ada's."""
    return Digest(often=often, by=UserId("U0ADA"), zone=zone)


@each(
    ("zone", "at", "due"),
    [
        ("Europe/Berlin", "2026-10-24T07:00", "2026-10-25T08:00"),
        ("Europe/Berlin", "2026-03-28T08:00", "2026-03-29T07:00"),
        ("America/New_York", "2026-11-28T13:59", "2026-11-28T14:00"),
        ("America/New_York", "2026-11-28T14:00", "2026-11-29T14:00"),
        ("Pacific/Auckland", "2026-11-28T19:59", "2026-11-28T20:00"),
        ("", "2026-11-28T08:59", "2026-11-28T09:00"),
    ],
)
def test_a_daily_digest_is_due_at_nine(zone: str, at: str, due: str) -> None:
    """By the clock on the wall there, also on the day on which it changes."""
    found = digest(zone=zone).after(datetime.fromisoformat(f"{at}+00:00"))
    assert found == datetime.fromisoformat(f"{due}+00:00")


@given(at=TIMES, often=st.sampled_from(Often), zone=st.sampled_from(ZONES))
def test_one_is_due_before_and_after_each_moment(at: datetime, often: Often, zone: str) -> None:
    """None lies in between, and a weekly one is due on a Monday."""
    one = digest(often, zone)
    latest, following = one.latest(at), one.after(at)
    assert latest <= at < following
    assert one.after(latest) == following
    assert one.before(following) == latest
    assert abs((following - latest) - timedelta(days=often.days)) <= timedelta(hours=1)
    there = following.astimezone(zone_of(zone) or UTC)
    assert (there.hour, there.minute) == (9, 0)
    assert often is Often.DAILY or there.weekday() == 0


@each("name", ["", "Mars/Olympus", "../etc/passwd", "America", "\0", "/etc"])
def test_an_unknown_zone_is_none(name: str) -> None:
    """Then UTC counts."""
    assert zone_of(name) is None
