"""Polars and DuckDB on TICKS: run_ticks.py eager|streaming|duckdb IN OUT.

The ticks are there as columns, a thousand rows a batch, when the clock starts. A loop over the
batches collects those of a second, and cuts the last one where the second ends; then the mean price
by sym, weighted by size, is computed of all of them at once. Prints the seconds that it took.
"""
import json
import os
import sys
import time

# One thread takes the least CPU time for windows of this size.
os.environ["POLARS_MAX_THREADS"] = "1"

import polars

ROWS = 1000
SECOND = 1_000_000_000
COLUMNS = {
    "time": polars.Int64,
    "sym": polars.String,
    "price": polars.Float64,
    "size": polars.Int64,
}


def prepared(path):
    """The batches, each with its last time."""
    ticks = polars.read_csv(path, has_header=False, schema=COLUMNS)
    names = polars.Enum(ticks["sym"].unique().sort())
    ticks = ticks.with_columns(polars.col("sym").cast(names)).rechunk()
    batches = [ticks.slice(at, ROWS) for at in range(0, len(ticks), ROWS)]
    return [(batch, batch["time"][-1]) for batch in batches]


def windows(batches):
    """The batches of each second, the last one cut; all slices without a copy."""
    held, end = [], (batches[0][0]["time"][0] // SECOND + 1) * SECOND
    for batch, last in batches:
        while last >= end:
            cut = batch["time"].search_sorted(end)
            if cut:
                held.append(batch.slice(0, cut))
                batch = batch.slice(cut)
            yield held
            held, end = [], end + SECOND
        held.append(batch)
    yield held


def vwap():
    value, size = polars.col("price") * polars.col("size"), polars.col("size")
    return (value.sum() / size.sum()).alias("vwap")


def eager(held):
    return polars.concat(held, rechunk=False).group_by("sym").agg(vwap())


def streaming(held):
    rows = polars.concat(held, rechunk=False).lazy()
    return rows.group_by("sym").agg(vwap()).collect(engine="streaming")


class Columns:
    """Columns of Arrow as DuckDB takes them without pyarrow."""

    def __init__(self, rows):
        self.rows = rows

    def __arrow_c_stream__(self, requested_schema=None):
        return self.rows.__arrow_c_stream__(requested_schema)


def duckdb():
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false; SET threads = 1")
    query = "SELECT sym, sum(price * size) / sum(size) AS vwap FROM rows GROUP BY sym"

    def compute(held):
        rows = Columns(polars.concat(held, rechunk=False))
        return connection.execute(query).fetchall()

    return compute


def write(results, path):
    """A line for each window, as the engine writes it."""
    with open(path, "w") as out:
        for number, rows in enumerate(results, 1):
            rows = rows.rows() if isinstance(rows, polars.DataFrame) else rows
            means = [mean for _, mean in sorted((str(sym), mean) for sym, mean in rows)]
            placed = sum(place * mean for place, mean in enumerate(means, 1))
            print(number, len(means), round(1e6 * sum(means)), round(1e6 * placed), file=out)


def main(mode, source, target):
    batches = prepared(source)
    compute = {"eager": lambda: eager, "streaming": lambda: streaming, "duckdb": duckdb}[mode]()
    compute([batches[0][0]])
    cpu, wall = time.process_time(), time.perf_counter()
    results = [compute(held) for held in windows(batches)]
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    write(results, target)
    print(json.dumps({"cpu_s": cpu, "wall_s": wall}))


if __name__ == "__main__":
    main(*sys.argv[1:])
