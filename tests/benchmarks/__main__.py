"""`make bench`: what tradewind costs, as ratios against something plain that is measured in the same run.

Machines differ and are busy: only the ratios and the shares mean something. `make bench ARGS="imports latency"` runs
some of them.
"""

import sys

from tests.benchmarks import hooks, imports, mysql, parsing, postgres, scheduling

ALL = {
    "imports": imports.run,
    "latency": scheduling.run_chain,
    "throughput": scheduling.run_parallel,
    "parsing": parsing.run,
    "hooks": hooks.run,
    "mysql": mysql.run,
    "postgres": postgres.run,
}


def main(names):
    unknown = set(names) - set(ALL)
    if unknown:
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    for name in names or ALL:
        print(f"\n== {name} ==")
        ALL[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
