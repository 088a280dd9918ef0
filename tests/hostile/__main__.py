"""`python -m tests.hostile [--count N] [--seed N]`: changed copies, and a table of what came."""

from __future__ import annotations

import argparse
import json
import sys
import time

from tests.hostile.mutations import HANGS_S, tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutations", description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    began = time.monotonic()
    told = tally(wanted.count, wanted.seed)
    for code, count in sorted({"poster": told.posters, **told.codes}.items()):
        print(f"{code:20} {count:6}")
    for wrong in told.wrong:
        print(f"wrong: {wrong}")
    print(f"slowest: {told.slowest}")
    figures = {
        "count": wanted.count,
        "seed": wanted.seed,
        "posters": told.posters,
        "refused": sum(told.codes.values()),
        "wrong": len(told.wrong),
        "slowest_s": round(told.slowest_s, 1),
        "took_s": round(time.monotonic() - began, 1),
    }
    goals = {"wrong": 0, "slowest_s": HANGS_S}
    met = not told.wrong
    print(json.dumps({"name": "mutations", "figures": figures, "goals": goals, "met": met}))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
