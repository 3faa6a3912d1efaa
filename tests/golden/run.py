#!/usr/bin/env python3
"""Golden captures: what weir-collector prints for a capture has to be what stands beside it.

    run.py COLLECTOR NAME             compares the output for NAME.pcap with NAME.json (options: TESTLIST)
    run.py --approve COLLECTOR [NAME...]   writes NAME.json from what comes now (then run judge.py, and read the diff)

In pcap mode the time of receipt is the packet's own, so the whole output is fixed.
"""
import difflib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def test_list():
    """name -> (capture, expected file, options)"""
    tests = {}
    with open(f"{HERE}/TESTLIST") as f:
        for line in f:
            words = line.split("#")[0].split()
            if words:
                tests[words[0]] = (words[1], words[2], words[3:])
    return tests


def decode(collector, capture, options):
    command = [collector, "--pcap", f"{HERE}/{capture}", "--transport", "file", "--format", "json", *options]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nexit status {done.returncode}: {done.stderr.decode('utf8', 'replace')}")
    return done.stdout.decode("utf8")


def main(argv):
    approve = argv[1:2] == ["--approve"]
    if approve:
        del argv[1]
    if len(argv) < (2 if approve else 3):
        sys.exit(__doc__)
    collector, names = argv[1], argv[2:]
    tests = test_list()
    for name in names or tests:
        capture, expected, options = tests[name]
        got = decode(collector, capture, options)
        if approve:
            with open(f"{HERE}/{expected}", "w") as f:
                f.write(got)
            print(f"{name}: {got.count(chr(10))} flows")
            continue
        with open(f"{HERE}/{expected}") as f:
            want = f.read()
        if got != want:
            diff = difflib.unified_diff(want.splitlines(), got.splitlines(), expected, "now", lineterm="", n=0)
            print("\n".join(list(diff)[:40]))
            sys.exit(f"{name}: {got.count(chr(10))} flows, {want.count(chr(10))} expected; they differ")
        print(f"{name}: {got.count(chr(10))} flows, as expected")


main(sys.argv)
