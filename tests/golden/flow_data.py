#!/usr/bin/env python3
"""The captures of many vendors with other programs' answers: every case agrees, or DIFFERENCES.md says why not.

    flow_data.py FOLDER COLLECTOR

FOLDER holds compare.py, pcaps/ and expected/; it is no part of this repository. Without it the test is skipped
(exit 77). A case that DIFFERENCES.md lists and that agrees by now is a failure too: the list stays true.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def known_differences():
    with open(f"{HERE}/DIFFERENCES.md") as f:
        return dict(re.findall(r"^\| `([^`]+)` \| (.+?) \|$", f.read(), re.M))


def main(folder, collector):
    folder = os.path.abspath(folder)
    if not os.path.exists(f"{folder}/compare.py"):
        print(f"skipped: {folder} is not here")
        sys.exit(77)
    command = [sys.executable, "-B", f"{folder}/compare.py", collector, "--pcap", "{}", "--transport", "file",
               "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True)
    failed = dict(re.findall(r"^FAIL (\S+) (.*)$", done.stdout, re.M))
    known = known_differences()
    for case, why in failed.items():
        print(f"{'known' if case in known else 'NEW'}: {case} {why}")
    stale = sorted(set(known) - set(failed))
    for case in stale:
        print(f"agrees by now, take it out of DIFFERENCES.md: {case}")
    print(done.stdout[-300:].strip())
    if not re.search(r"^\d+ passed", done.stdout, re.M):
        sys.exit(f"compare.py did not finish: {done.stderr[-500:]}")
    sys.exit(1 if stale or set(failed) - set(known) else 0)


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(*sys.argv[1:])
