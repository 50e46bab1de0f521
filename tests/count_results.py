#!/usr/bin/env python3
"""Counts what tests/check did: prints what failed and why, then "N passed, N failed, N skipped"; exits with 1 if any failed.

Cases are counted where a test program reports them (GoogleTest's XML); a program that doesn't, or that died before it
could, counts as one. What a failed case said is told here again, since the logs are often gone when somebody asks.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

MOST_LINES = 60


def output_of(test, cases):
    """What a program printed while cases of it failed, or the end of all that it printed; indented."""
    text = test.findtext("system-out") or ""
    runs = [re.search(rf"\[ RUN      \] {re.escape(case)}\n(.*?)\[  FAILED  \]", text, re.DOTALL) for case in cases]
    lines = [line for run in runs if run for line in run.group(1).rstrip().split("\n")] or text.rstrip().split("\n")
    return "".join(f"\n      {line}" for line in lines[-MOST_LINES:])


def cases_of(report):
    """(passed, failed names, skipped) of one GoogleTest report."""
    passed, failed, skipped = 0, [], 0
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None:
            failed.append(f'{case.get("classname")}.{case.get("name")}')
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def count_run(folder):
    passed, failed, skipped = 0, [], 0
    where = "/".join(folder.parts[-2:])
    for test in ElementTree.parse(folder / "ctest.xml").getroot().iter("testcase"):
        name, status = test.get("name"), test.get("status")
        program = "test-" + name.replace("/", "-", 1)
        reports = [r for r in (folder / "cases").glob("*.xml") if r.stem == program]
        bad = []
        if status in ("notrun", "disabled"):
            reason = test.find("skipped")
            message = reason.get("message", "") if reason is not None else ""
            if status == "notrun" and not message.startswith("SKIP_"):  # such as: Unable to find executable
                failed.append(f"{where} {name}: {message or 'not run'}")
            else:
                skipped += 1
            continue
        for report in reports:
            case_passed, bad, case_skipped = cases_of(report)
            passed += case_passed
            skipped += case_skipped
            failed += [f"{where} {name}: {case}{output_of(test, [case])}" for case in bad]
        if status != "run" and not bad:
            failed.append(f"{where} {name}: the program failed{output_of(test, [])}")
        elif not reports and status == "run":
            passed += 1
    return passed, failed, skipped


def main():
    results = pathlib.Path(sys.argv[1])
    lines = lambda name: (results / name).read_text().split("\n")[:-1] if (results / name).exists() else []
    passed, failed, skipped = len(lines("fine")), [f"{step}: did not work" for step in lines("broken")], 0
    for report in sorted(results.glob("*/*/ctest.xml")):
        run_passed, run_failed, run_skipped = count_run(report.parent)
        passed, failed, skipped = passed + run_passed, failed + run_failed, skipped + run_skipped
    if failed:
        print("failed:")
        print("\n".join(f"  {name}" for name in failed))
    print(f"{passed} passed, {len(failed)} failed, {skipped} skipped")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
