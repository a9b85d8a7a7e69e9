#!/usr/bin/env python3
"""Lines of a combined access log to events, on one core: bartizan's reader beside a regular expression in Python and GoAccess.

Each reads the same file in turns. What is taken is the processor time of the process, less that of an empty file, since the figure is about one
core and other processes may run beside it.

    cargo build --release -p bartizan-domains --example read_requests
    bench/access.py --reader target/release/examples/read_requests --file FILE [--rounds 5]

Prints MB/s of each, median, lowest and highest, and ratios within the rounds. GoAccess is left out where it is not installed.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

REGEX = r"""
import re, sys
LINE = re.compile(r'(\S+) (\S+) (.*?) \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d{3}|-) (\d+|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?')
events = 0
with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
    for line in log:
        found = LINE.match(line)
        if found:
            event = found.groups()
            events += 1
print(events)
"""


def processor_time(command):
    """User and system seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--reader", required=True)
    arguments.add_argument("--file", required=True)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    readers = {
        "bartizan": lambda path: [given.reader, path, "1"],
        "python re": lambda path: [sys.executable, "-c", REGEX, path],
    }
    if shutil.which("goaccess"):
        out = os.path.join(tempfile.gettempdir(), f"goaccess-{os.getpid()}.json")
        readers["goaccess"] = lambda path: ["goaccess", path, "--log-format=COMBINED", "--no-progress", "-o", out]
    size = os.path.getsize(given.file) / 1e6
    with tempfile.NamedTemporaryFile("w", suffix=".log") as empty:
        with open(given.file, encoding="utf-8", errors="replace") as log:
            empty.write(log.readline())
        empty.flush()
        rates = {name: [] for name in readers}
        for _ in range(given.rounds):
            for name, command in readers.items():
                start = processor_time(command(empty.name))
                rates[name].append(size / (processor_time(command(given.file)) - start))
    for name, found in rates.items():
        ratios = [ours / theirs for ours, theirs in zip(rates["bartizan"], found)]
        print(
            f"{name:10} {statistics.median(found):7.0f} MB/s ({min(found):.0f} to {max(found):.0f}); "
            f"bartizan {statistics.median(ratios):.1f} x ({min(ratios):.1f} to {max(ratios):.1f})"
        )


if __name__ == "__main__":
    main()
