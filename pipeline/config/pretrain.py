"""What pretraining starts from."""

from typing import Any

from pydantic import Field, create_model

from pipeline.config.part import Part

# Made by name, because `from` is a word of Python's.
_FIELDS: dict[str, Any] = {
    "from": (
        str | None,
        Field(
            None,
            description="A run whose stacks the levels start from, instead of new weights: an "
            "experiment (its latest finished run), a run's id, or a registered model "
            "(`models:/NAME@ALIAS`). The run's own experiment may be named: its first run starts "
            "from new weights. Needs test rows that are held out by their values "
            "(`data.holdout: stable`), or that the source marks.",
        ),
    )
}


class PretrainConfig(create_model("Start", __base__=Part, **_FIELDS)):  # type: ignore[misc]
    """Where pretraining starts."""

    @property
    def start(self) -> str | None:
        """The run to start from, as it is named; None: from new weights."""
        named: str | None = getattr(self, "from")
        return named
