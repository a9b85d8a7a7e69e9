#!/usr/bin/env python3
"""Times exact TreeSHAP of an isolation forest (100 trees of 256 rows) on one thread: the shap package and Bartizan in turns.

Both explain rows of a normal distribution, 10 and 78 columns. Build first: `cargo build --release --example shap_bench -p
bartizan-estimators`, and name the program with --bartizan. Prints a Markdown table: medians of the rounds in microseconds
a row, and the median and range of the ratios within a round.
"""
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import statistics
import subprocess
import time

import numpy as np
import shap
import sklearn
from sklearn.ensemble import IsolationForest

ROWS = 1_000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default 5)")
    parser.add_argument("--bartizan", default="target/release/examples/shap_bench", help="the example program")
    return parser.parse_args()


def explainer(columns):
    rows = np.random.default_rng(1).standard_normal((20_000, columns), dtype=np.float32)
    forest = IsolationForest(n_estimators=100, max_samples=256, random_state=1).fit(rows)
    return shap.TreeExplainer(forest), rows[:ROWS].astype(np.float64)


def main():
    options = arguments()
    peers = {columns: explainer(columns) for columns in (10, 78)}
    times = {columns: ([], []) for columns in peers}
    for _ in range(options.rounds):
        printed = subprocess.run([options.bartizan], check=True, capture_output=True, text=True).stdout
        ours = dict(line.split() for line in printed.splitlines())
        for columns, (peer, rows) in peers.items():
            started = time.perf_counter()
            peer.shap_values(rows, check_additivity=False)
            times[columns][0].append((time.perf_counter() - started) / ROWS * 1e6)
            times[columns][1].append(float(ours[str(columns)]))
    print(f"shap {shap.__version__}, scikit-learn {sklearn.__version__}, {options.rounds} rounds\n")
    print("| columns | shap, us a row | Bartizan, us a row | ratio (range) |\n|---|---|---|---|")
    for columns, (peer, ours) in times.items():
        ratios = [p / o for p, o in zip(peer, ours)]
        middle = statistics.median
        print(f"| {columns} | {middle(peer):.0f} | {middle(ours):.1f} | {middle(ratios):.1f} ({min(ratios):.1f}-{max(ratios):.1f}) |")


if __name__ == "__main__":
    main()
