"""Days and instants in the lists of the staff site, as everywhere else in German: 20. Nov. 2026."""

DATE_FORMAT = "j. M Y"
SHORT_DATE_FORMAT = "j. M Y"
DATETIME_FORMAT = "j. M Y, H:i"
SHORT_DATETIME_FORMAT = "j. M Y, H:i"
