"""How many values a Parquet file announces, those inside lists included.

Usage: python -I parquet_values.py FILE. A program of its own, because PyArrow ends the process that
looks at the statistics of some damaged columns, where no exception can be caught.
"""

import sys

import pyarrow.parquet


def main() -> None:
    """Print the number."""
    metadata = pyarrow.parquet.read_metadata(sys.argv[1])
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    print(sum(g.column(n).num_values for g in groups for n in range(g.num_columns)))


if __name__ == "__main__":
    main()
