"""Polars on QKERNELS: run_kernels.py KERNEL ROWS TIMES [digest].

Makes the columns, does the same so many times, and prints a number that depends on every row of the
result if it is asked to. With 0 times it only makes the columns.
"""
import sys

import polars
from polars import col

A = 6364136223846793005
B = 1442695040888963407


def hashed(row):
    return (row * (row * A) + row * B) // 8589934592


def rows(count):
    return polars.select(i=polars.int_range(0, count))


def by_group(count, groups):
    return rows(count).select(k=hashed(col("i")) % groups, v=(col("i") % 9973).cast(polars.Float64))


def of_groups(result):
    return result.select((2 * (1 + col("k") % 97) * col("v")).sum()).item()


def of_places(result):
    place = polars.int_range(0, polars.len()) % 97
    return result.select((col("p").cast(polars.Int64) * place).sum()).item()


def of_rows(result):
    return result.select((2 * col("w") * (col("j") % 97)).sum()).item()


def grouped(aggregate, groups):
    def kernel(count):
        table = by_group(count, groups or count // 10)
        return lambda: table.group_by("k").agg(aggregate(col("v"))), of_groups

    return kernel


def distinct(row):
    return A * (row * (1 + 2 * row))


def iasc(count):
    series = rows(count).select(distinct(col("i")))["literal"]
    return series.arg_sort, lambda result: of_places(polars.DataFrame({"p": result}))


def xasc(count):
    table = rows(count).select(a=hashed(col("i")) % 100, b=distinct(col("i")), p="i")
    return lambda: table.sort("a", "b"), of_places


def aj(count):
    names = polars.Enum([f"s{number:02}" for number in range(100)])
    name = lambda row: (hashed(row) % 100).cast(polars.UInt8).cat.to(names)
    time = lambda ns: ns.cast(polars.Datetime("ns")).set_sorted()
    i = col("i")
    value = (i % 9973).cast(polars.Float64)
    quotes = rows(count).select(sym=name(i), time=time(1000 * i), w=value)
    trades = rows(count).select(sym=name(i + 7919), time=time(500 + 1000 * i), j=i)
    join = lambda: trades.join_asof(quotes, on="time", by="sym", check_sortedness=False)
    return join, of_rows


def lj(count):
    keys = count // 10
    table = rows(count).select(k=hashed(col("i")) % (keys + keys // 10), j="i")
    keyed = rows(keys).select(
        k=7919 * col("i") % keys, w=(col("i") % 9973).cast(polars.Float64)
    )
    return lambda: table.join(keyed, on="k", how="left"), of_rows


KERNELS = {
    "sum-100": grouped(polars.Expr.sum, 100),
    "sum-tenth": grouped(polars.Expr.sum, None),
    "med-100": grouped(polars.Expr.median, 100),
    "iasc": iasc,
    "xasc": xasc,
    "aj": aj,
    "lj": lj,
}


def main(name, count, times, *digest):
    kernel, number = KERNELS[name](int(count))
    for _ in range(int(times)):
        result = kernel()
    if digest:
        print(int(number(result)))


if __name__ == "__main__":
    main(*sys.argv[1:])
