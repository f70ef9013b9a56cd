"""When runs begin: the times that Prefect's own server finds for cron, intervals and rules."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from flows.scheduling.trigger import Trigger, trigger_of
from pipeline.errors import InputError

BERLIN = ZoneInfo("Europe/Berlin")
# Nights in which 02:30 does not exist, and in which it comes twice; two hours on either side.
SPRING = datetime(2026, 3, 28, 22, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 24, 21, tzinfo=UTC)
AT_HALF_PAST_TWO = {"cron": "30 2 * * *"}, {"rrule": "FREQ=DAILY;BYHOUR=2;BYMINUTE=30;BYSECOND=0"}


def found_in(trigger: Trigger, night: datetime) -> list[str]:
    """All times of a night that the server may find, whenever it looks: it looks every minute."""
    looks = [night + timedelta(minutes=minutes) for minutes in range(0, 7 * 60, 5)]
    times = {time for look in looks for time in trigger.next_times(2, after=look)}
    return sorted(f"{time:%H:%M%z}" for time in times if time < night + timedelta(hours=8))


@pytest.mark.parametrize("texts", AT_HALF_PAST_TWO)
def test_a_time_that_summer_time_leaves_out_comes_once_an_hour_before(texts: dict[str, str]):
    assert found_in(trigger_of(**texts, timezone="Europe/Berlin"), SPRING) == ["01:30+0100"]


@pytest.mark.parametrize("texts", AT_HALF_PAST_TWO)
def test_a_time_that_the_end_of_summer_time_repeats_comes_once(texts: dict[str, str]):
    assert found_in(trigger_of(**texts, timezone="Europe/Berlin"), AUTUMN) == ["02:30+0200"]


@pytest.mark.parametrize("day", [datetime(2026, 3, 28, 12), datetime(2026, 10, 24, 12)])
def test_cron_keeps_the_time_of_the_clock(day: datetime):
    trigger = trigger_of(cron="0 9 * * *", timezone="Europe/Berlin")
    times = trigger.next_times(3, after=day.replace(tzinfo=BERLIN))
    assert [time.hour for time in times] == [9, 9, 9]


@pytest.mark.parametrize("day", [datetime(2026, 3, 28, 12), datetime(2026, 10, 24, 12)])
def test_an_interval_is_elapsed_time(day: datetime):
    trigger = trigger_of(interval="1d", timezone="Europe/Berlin")
    before = trigger.next_times(3, after=day.replace(tzinfo=BERLIN))
    after = trigger.next_times(1, after=before[1].astimezone(UTC) + timedelta(seconds=1))
    utc = [time.astimezone(UTC) for time in [*before, *after]]
    assert utc[1] - utc[0] == utc[2] - utc[1] == timedelta(days=1)
    assert utc[3] == utc[2]


@pytest.mark.parametrize(
    ("text", "minutes"), [("15m", 15), ("1h30m", 90), ("2 hours", 120), ("1d", 1440), ("1w", 10080)]
)
def test_an_interval_is_given_in_words(text: str, minutes: int):
    first, second = trigger_of(interval=text).next_times(2)
    assert second - first == timedelta(minutes=minutes)


def test_an_interval_does_not_shift_when_it_is_served_again():
    after = datetime(2026, 11, 28, 12, 7, tzinfo=UTC)
    (time,) = trigger_of(interval="15m", timezone="UTC").next_times(1, after)
    assert time == datetime(2026, 11, 28, 12, 15, tzinfo=UTC)


def test_the_zone_of_the_machine_is_the_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setattr("tzlocal.unix._cache_tz_name", None)
    trigger = trigger_of(cron="0 2 * * *")
    assert trigger.zone.key == "Asia/Tokyo"
    assert {time.astimezone(UTC).hour for time in trigger.next_times()} == {17}
    assert str(trigger).endswith("02:00 (Asia/Tokyo)")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({}, "needs one of --cron, --interval and --rrule. Given: none"),
        ({"cron": "@daily", "interval": "1d"}, "Given: --cron and --interval"),
        ({"cron": "every night"}, "five fields"),
        ({"cron": "0 0 2 * * *"}, "five fields"),
        ({"cron": "0 0 31 2 *"}, "names no time"),
        ({"interval": "15"}, "such as 15m, 1h30m or 1d. Given: '15'"),
        ({"interval": "-1h"}, "a minute or more"),
        ({"interval": "1M"}, "such as 15m"),
        ({"interval": "NaT"}, "such as 15m"),
        ({"interval": "10s"}, "a minute or more"),
        ({"interval": "9999999999d"}, "such as 15m"),
        ({"rrule": "FREQ=NIGHTLY"}, "RFC 5545"),
        ({"rrule": "FREQ=DAILY;INTERVAL=0"}, "INTERVAL must be 1 or more"),
        ({"rrule": "FREQ=DAILY;COUNT=3"}, "names no time to come"),
        ({"cron": "@daily", "timezone": "Europe/Berlyn"}, "Did you mean 'Europe/Berlin'?"),
        ({"cron": "@daily", "timezone": "../../etc/passwd"}, "a name like Europe/Berlin"),
    ],
)
def test_what_names_no_time_is_refused_with_the_cure(texts: dict[str, str], message: str):
    with pytest.raises(InputError) as error:
        trigger_of(**texts)
    assert message in str(error.value)


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(InputError) as error:
        trigger_of(cron="every night", interval="15", timezone="Berlin")
    assert len(error.value.problems) == 4
