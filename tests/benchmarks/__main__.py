"""`make bench`: what tradewind costs, as ratios against something plain that is measured in the same run.

Machines differ and are busy: only the ratios and the shares mean something. `make bench ARGS="imports latency"` runs
some of them.
"""

import sys

from tests.benchmarks import gsheet, hooks, imports, mysql, parsing, postgres, s3, scheduling, transfers

ALL = {
    "imports": imports.run,
    "latency": scheduling.run_chain,
    "throughput": scheduling.run_parallel,
    "parsing": parsing.run,
    "gsheet": gsheet.run,
    "hooks": hooks.run,
    "mysql": mysql.run,
    "postgres": postgres.run,
    "transfers": transfers.run,
    "s3-listing": s3.run_listing,
}

#: Those that take many minutes, and are measured only when they are named.
LONG = {"transfer-memory": transfers.run_memory, "s3": s3.run}


def main(names):
    known = {**ALL, **LONG}
    unknown = set(names) - set(known)
    if unknown:
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    for name in names or ALL:
        print(f"\n== {name} ==")
        known[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
