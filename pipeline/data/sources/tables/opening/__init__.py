"""Files of any usual kind as rows that DuckDB can be asked for."""
