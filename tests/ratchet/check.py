#!/usr/bin/env python3
"""Runs the conformance suites and compares with counts.json: a suite may pass more cases than last time, never fewer.

  check.py --score PATH --bin PROGRAM --bloblang-cmd CMD [--update]

A suite that falls short is run once more, because some of its cases depend on timing; both results are printed.
--update writes the counts that were reached where they are higher.
"""
import argparse
import json
import os
import subprocess
import sys

COUNTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "counts.json")


def score(a, only=()):
    words = [sys.executable, "-B", a.score, "--bin", a.bin, "--bloblang-cmd", a.bloblang_cmd]
    for name in only:
        words += ["--only", name]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    print(done.stdout, flush=True)
    passed = {}
    for line in done.stdout.splitlines()[1:]:
        columns = line.split(None, 5)
        if len(columns) >= 3 and columns[1].isdigit():
            passed[columns[0]] = int(columns[1])
    return passed


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--score", required=True)
    ap.add_argument("--bin", required=True)
    ap.add_argument("--bloblang-cmd", required=True)
    ap.add_argument("--update", action="store_true")
    a = ap.parse_args()
    with open(COUNTS, encoding="utf-8") as f:
        wanted = json.load(f)
    passed = score(a)
    short = [name for name, count in wanted.items() if passed.get(name, 0) < count]
    if short:
        print("fewer than before, run once more: %s" % ", ".join(short), flush=True)
        again = score(a, short)
        for name in short:
            passed[name] = max(passed.get(name, 0), again.get(name, 0))
    if a.update:
        for name, count in passed.items():
            wanted[name] = max(wanted.get(name, 0), count)
        with open(COUNTS, "w", encoding="utf-8") as f:
            json.dump(wanted, f, indent=2, sort_keys=True)
            f.write("\n")
    fell = ["%s: %d, was %d" % (n, passed.get(n, 0), c) for n, c in wanted.items() if passed.get(n, 0) < c]
    for line in fell:
        print("FELL %s" % line)
    return 1 if fell else 0


if __name__ == "__main__":
    sys.exit(main())
