"""Writes the golden cases: `generate.py [folder]` (default: the test resources of the cli).

Deterministic: the numbers depend on the seed in cases.py and on each case's name only.
Needs python3-torch, python3-sklearn and python3-numpy, none of which the build needs.
"""
import pathlib
import sys
import time

import cases
import recipe
import touched
from casefiles import write
from goldenlib import finish

DEFAULT = pathlib.Path(__file__).resolve().parents[1] / "test" / "resources" / "golden"


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    start, size, count, kinds = time.time(), 0, 0, {}
    for case in cases.cases():
        fixed = case.pop("_tolerance", None)
        size += write(finish(case, fixed), folder)
        count += 1
        kinds[case["kind"]] = kinds.get(case["kind"], 0) + 1
    for case in [*touched.cases(), *recipe.cases()]:
        size += write(case, folder)
        count += 1
        kinds[case["kind"]] = kinds.get(case["kind"], 0) + 1
    print(f"{count} cases, {size / 1048576:.2f} MiB, {time.time() - start:.0f} s, {kinds}")


if __name__ == "__main__":
    main()
