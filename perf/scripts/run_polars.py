"""Polars on W5: run_polars.py idle | w5 csv|ndjson IN OUT.

`idle` stops after the import, so that start-up can be told from work.
"""
import sys

import polars

TICK = {"ts": polars.Int64, "key": polars.String, "v": polars.Float64}


def windows(kind, source, target):
    """W5: sum, average and count per key and ten seconds of event time."""
    if kind == "csv":
        ticks = polars.scan_csv(source, has_header=False, schema=TICK)
    else:
        ticks = polars.scan_ndjson(source, schema=TICK)
    value = polars.col("v")
    start = (polars.col("ts") // 10_000 * 10_000).alias("start")
    (
        ticks.group_by(start, "key")
        .agg(value.sum().alias("total"), value.mean().alias("mean"), polars.len().alias("n"))
        .collect(engine="streaming")
        .write_csv(target)
    )


if __name__ == "__main__":
    if sys.argv[1] == "w5":
        windows(*sys.argv[2:])
