"""When scheduled runs begin: by cron, an interval or a calendar rule, in a time zone."""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from prefect.client.schemas.schedules import is_valid_timezone
from prefect.schedules import Cron, Interval, RRule, Schedule

from flows.duration import duration_of
from pipeline.errors import InputError, noted, raise_all

SHORTEST = timedelta(minutes=1)


@dataclass(frozen=True)
class Trigger:
    """When runs begin, and the time zone in which people read their times."""

    schedule: Schedule
    zone: ZoneInfo

    def next_times(self, count: int = 3, after: datetime | None = None) -> list[datetime]:
        """The next times, as Prefect's server finds them; fewer where there are no more."""
        # The server's own classes: the client's cannot compute dates.
        from prefect.deployments.schedules import create_deployment_schedule_create
        from prefect.server.schemas.actions import DeploymentScheduleCreate

        sent = create_deployment_schedule_create(self.schedule).schedule.model_dump(mode="json")
        received = DeploymentScheduleCreate.model_validate({"schedule": sent}).schedule
        times = asyncio.run(received.get_dates(count, after or datetime.now(UTC)))
        return [datetime.fromtimestamp(time.timestamp(), self.zone) for time in times]

    def __str__(self) -> str:
        """The next three times."""
        times = ", ".join(f"{time:%a %Y-%m-%d %H:%M}" for time in self.next_times())
        return f"{times} ({self.zone.key})"


def trigger_of(
    cron: str | None = None,
    interval: str | None = None,
    rrule: str | None = None,
    timezone: str | None = None,
) -> Trigger:
    """The trigger of one text: cron, an interval like "1h30m", or a rule (RFC 5545).

    Without a time zone the machine's is taken. Cron and rules follow its clock, also when summer
    time begins or ends. An interval is elapsed time: a day is 24 hours, in every night.

    Raises `InputError` with all that is wrong.
    """
    problems: list[str] = []
    zone = ZoneInfo("UTC")
    with noted(problems):
        zone = _zone(timezone)
    texts = {"--cron": cron, "--interval": interval, "--rrule": rrule}
    given = {option: text for option, text in texts.items() if text is not None}
    if len(given) != 1:
        problems.append(
            "A schedule needs one of --cron, --interval and --rrule. Given: "
            f'{" and ".join(given) or "none"}. For two at night: --cron "0 2 * * *".'
        )
    triggers = []
    for option, text in given.items():
        with noted(problems):
            triggers.append(_trigger(option, text, zone))
    raise_all(problems)
    return triggers[0]


def _trigger(option: str, text: str, zone: ZoneInfo) -> Trigger:
    make = {"--cron": _cron, "--interval": _interval, "--rrule": _rrule}[option]
    trigger = Trigger(make(text, zone), zone)
    try:
        times = trigger.next_times(1)
    except ValueError as error:
        raise InputError(f"{option} names no time: {error}. Given: {text!r}.") from None
    if not times:
        raise InputError(f"{option} names no time to come. Given: {text!r}.")
    return trigger


def _cron(text: str, zone: ZoneInfo) -> Schedule:
    try:
        if len(text.split()) == 5 or text.startswith("@"):
            return Cron(text, timezone=zone.key)
    except ValueError:
        pass
    raise InputError(
        "--cron needs five fields: minute, hour, day of the month, month, day of the week. "
        f'Given: {text!r}. For two at night: "0 2 * * *".'
    )


def _interval(text: str, zone: ZoneInfo) -> Schedule:
    length = duration_of(text)
    if length < SHORTEST:
        raise InputError(
            "--interval needs a length of time of a minute or more, such as 15m, 1h30m or 1d. "
            f"Given: {text!r}."
        )
    # Counted from a fixed local midnight: a schedule that is served again does not shift.
    # In UTC: in other zones Prefect's daily intervals are an hour off for half of the year.
    anchor = datetime(2020, 1, 1, tzinfo=zone).astimezone(UTC)
    return Interval(length, anchor_date=anchor, timezone="UTC")


def _rrule(text: str, zone: ZoneInfo) -> Schedule:
    try:
        if not re.search(r"INTERVAL=0+\b", text, re.IGNORECASE):  # dateutil would never end
            return RRule(text, timezone=zone.key)
        reason = "INTERVAL must be 1 or more"
    except ValueError as error:
        reason = str(error).partition('": ')[2]
    raise InputError(
        f"--rrule needs a rule of RFC 5545: {reason}. Given: {text!r}. For two at night on "
        'workdays: "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=2;BYMINUTE=0;BYSECOND=0".'
    )


def _zone(name: str | None) -> ZoneInfo:
    """The zone of a name, or the machine's."""
    if name is None:
        import tzlocal

        try:
            name = tzlocal.get_localzone_name()
        except ZoneInfoNotFoundError:
            name = None
        if name is None:
            raise InputError(
                "The time zone of this machine has no name that can be found. "
                "Give one, e.g. --timezone Europe/Berlin."
            )
    if not is_valid_timezone(name):
        close = get_close_matches(name, available_timezones() - {name}, n=1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        raise InputError(f"--timezone needs a name like Europe/Berlin. Given: {name!r}.{guess}")
    return ZoneInfo(name)
