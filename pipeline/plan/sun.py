"""Sun: when it rises, sets and so on, by the calculations of PyEphem that Celery uses too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import ephem

#: Event → which of an observer's questions it is, the height of the sun in degrees, and whether
#: its middle counts and not its edge (Celery 5.7, `schedules.solar`).
_EVENTS = {
    "dawn_astronomical": ("next_rising", "-18", True),
    "dawn_nautical": ("next_rising", "-12", True),
    "dawn_civil": ("next_rising", "-6", True),
    "sunrise": ("next_rising", "-0:34", False),
    "solar_noon": ("next_transit", "0", False),
    "sunset": ("next_setting", "-0:34", False),
    "dusk_civil": ("next_setting", "-6", True),
    "dusk_nautical": ("next_setting", "-12", True),
    "dusk_astronomical": ("next_setting", "-18", True),
}
#: Where the sun stays up or down for months, it is looked for this many days ahead.
_SEARCH_D = 400
#: Asked from the moment of an event on, the calculation may give that event again, a second later.
_SAME = timedelta(seconds=5)


@dataclass(frozen=True)
class Sun:
    """An event of the sun at a place; degrees, north and east positive."""

    event: str
    latitude: Decimal
    longitude: Decimal

    def next(self, after: datetime) -> datetime | None:
        """Give the first moment after `after`, in UTC and whole seconds.

        None when it does not come within a year.
        """
        question, horizon, middle = _EVENTS[self.event]
        observer = ephem.Observer()
        observer.lat, observer.lon = str(self.latitude), str(self.longitude)
        observer.horizon, observer.pressure, observer.elev = horizon, 0, 0
        start = ephem.Date((after + _SAME).astimezone(UTC).replace(tzinfo=None))
        options = {"use_center": True} if middle else {}
        for _ in range(_SEARCH_D):
            try:
                found = getattr(observer, question)(ephem.Sun(), start=start, **options)
            except ephem.CircumpolarError:
                start = observer.next_antitransit(ephem.Sun(), start=start)
                continue
            moment: datetime = found.datetime()
            return moment.replace(tzinfo=UTC, microsecond=0)
        return None
