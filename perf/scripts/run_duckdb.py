"""DuckDB on one workload: run_duckdb.py idle | w2 IN OUT | w5 csv|ndjson IN OUT.

`idle` stops after the import and the connection, so that start-up can be told from work.
"""
import sys

import duckdb

EVENT = """{
  id: 'VARCHAR', ts: 'VARCHAR', host: 'VARCHAR', service: 'VARCHAR', level: 'VARCHAR',
  msg: 'VARCHAR', value: 'DOUBLE', count: 'BIGINT', ok: 'BOOLEAN',
  nested: 'STRUCT(region VARCHAR, zone VARCHAR, lat_ms DOUBLE,
                  meta STRUCT(build VARCHAR, retries BIGINT))',
  tags: 'VARCHAR[]'}"""
TICK = "{ts: 'BIGINT', key: 'VARCHAR', v: 'DOUBLE'}"


def quoted(path):
    """The path as an SQL string literal."""
    return "'" + path.replace("'", "''") + "'"


def mapping(source, target):
    """W2: three computed columns and a filter."""
    return f"""COPY (
      SELECT * REPLACE (lower(level) AS level), value * count AS total,
             host || '/' || service AS origin
      FROM read_json({quoted(source)}, format = 'newline_delimited', columns = {EVENT})
      WHERE ok) TO {quoted(target)} (FORMAT json)"""


def windows(kind, source, target):
    """W5: sum, average and count per key and ten seconds of event time."""
    if kind == "csv":
        rows = f"read_csv({quoted(source)}, header = false, columns = {TICK})"
    else:
        rows = f"read_json({quoted(source)}, format = 'newline_delimited', columns = {TICK})"
    return f"""COPY (
      SELECT ts // 10000 * 10000 AS start, key, sum(v) AS total, avg(v) AS mean, count(*) AS n
      FROM {rows} GROUP BY 1, 2) TO {quoted(target)} (FORMAT csv, HEADER)"""


def main(args):
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false; SET preserve_insertion_order = false")
    if args[0] == "w2":
        connection.execute(mapping(*args[1:]))
    elif args[0] == "w5":
        connection.execute(windows(*args[1:]))


if __name__ == "__main__":
    main(sys.argv[1:])
