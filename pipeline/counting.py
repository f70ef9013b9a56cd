"""Counts in sentences for people."""


def counted(number: int, what: str) -> str:
    """A number of things in words, as `1 row`, `1,234 rows` and `0 classes`."""
    ending = "" if number == 1 else "es" if what.endswith("s") else "s"
    return f"{number:,} {what}{ending}"


def with_labels(number: int, where: str = "at") -> str:
    """At which label budget, as `at 200 labels`; `without labels` where a task needs none."""
    return f"{where} {counted(number, 'label')}" if number else "without labels"
