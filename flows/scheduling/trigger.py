"""When scheduled runs begin."""

from prefect.client.schemas.schedules import CronSchedule
from pydantic import ValidationError

from pipeline.errors import InputError


def cron_schedule(cron: str) -> CronSchedule:
    """The schedule of a cron text. Raises `InputError` for one that is none."""
    try:
        return CronSchedule(cron=cron)
    except ValidationError:
        raise InputError(
            f"--cron needs five fields: minute, hour, day of the month, month, day of the week. "
            f'Given: {cron!r}. For two at night: "0 2 * * *".'
        ) from None
