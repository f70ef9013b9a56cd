"""What every kind of source says of itself. A new one is a file here and a line in `read.READERS`.

Sources of arrays begin with `matrix.ArraysReader`, tables with `table.TableReader`.
"""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path

from pipeline.config.data import DataConfig
from pipeline.data.source import RawRows, Source, Wanted
from pipeline.data.sources.open_rows import OpenRows


class Reader(ABC):
    """A kind of source: how it is recognised, read for a run, and read for inference.

    Attributes:
        suffixes: those of the files that are of this kind, in lower case; a folder has none.
    """

    suffixes: tuple[str, ...] = ()

    def recognises(self, spec: str) -> bool:
        """Whether the source of this name is of this kind: here, by its suffix."""
        return Path(spec).suffix.lower() in self.suffixes

    @abstractmethod
    def source(self, spec: str, config: DataConfig, scratch: Path | None) -> Source:
        """The source for a run, with the columns that the config leaves.

        What must be converted, so that rows may stay on disk, is written into `scratch`.

        Raises:
            InputError: for a source that is damaged or cannot be used.
        """

    @abstractmethod
    def opened(self, spec: str, wanted: Wanted) -> AbstractContextManager[OpenRows]:
        """Rows for inference, which can be read while the block lasts.

        Raises:
            InputError: as for `source`, and where rows do not fit the columns.
        """

    def rows(self, spec: str, wanted: Wanted) -> RawRows:
        """The same rows, all in memory.

        Raises:
            InputError: as for `opened`, and for more than fits in memory.
        """
        with self.opened(spec, wanted) as rows:
            return rows.whole()
