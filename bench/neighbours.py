#!/usr/bin/env python3
"""Times neighbour searches in process, on one thread: scikit-learn and Bartizan in turns (A B A B ...), same rows.

Prints a Markdown table of medians and ratios, taken within a round, for k nearest neighbours (5; as
scikit-learn chooses, and by brute force) and the local outlier factor (20, novelty). Build first:
`cargo build --release -p bartizan-estimators --example neighbours_bench`, and give its path.
"""
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import sklearn
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", help="path of the built example")
    parser.add_argument("--rows", type=int, default=100_000, help="training rows (default 100000)")
    parser.add_argument("--queries", type=int, default=2_000, help="rows scored (default 2000)")
    parser.add_argument("--columns", default="10,78", help="numbers of features, a list (default 10,78)")
    parser.add_argument("--kinds", default="clusters,correlated", help="kinds of rows, a list (default clusters,correlated)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--no-lof", action="store_true", help="leave scikit-learn's LOF out, whose fit takes minutes")
    return parser.parse_args()


def made_up(kind, rows, width):
    random = np.random.default_rng(1)
    if kind == "clusters":
        centres = random.uniform(-4, 4, (5, width))
        return (centres[random.integers(0, 5, rows)] + random.standard_normal((rows, width))).astype(np.float32)
    # Six causes behind all columns, and a little noise: real columns depend on each other.
    causes = random.standard_normal((rows, 6)) @ random.standard_normal((6, width))
    return (causes + 0.1 * random.standard_normal((rows, width))).astype(np.float32)


def timed(model, train, rows, score):
    started = time.perf_counter()
    model.fit(train)
    fit = time.perf_counter() - started
    started, done = time.perf_counter(), 0
    while done == 0 or time.perf_counter() - started < 1:
        scores = score(model, rows)
        done += len(rows)
    return {"fit": fit, "rate": done / (time.perf_counter() - started), "sum": float(np.sum(scores, dtype=np.float64))}


def farthest(model, rows):
    return model.kneighbors(rows)[0][:, -1]


def round_of(options, train, rows, path):
    found = {
        ("knn", f"scikit-learn {sklearn.__version__}, auto"): timed(NearestNeighbors(n_neighbors=5), train, rows, farthest),
        ("knn", "scikit-learn, brute"): timed(NearestNeighbors(n_neighbors=5, algorithm="brute"), train, rows, farthest),
    }
    if not options.no_lof:
        found["lof", f"scikit-learn {sklearn.__version__}, auto"] = timed(
            LocalOutlierFactor(novelty=True), train, rows, lambda model, rows: -model.score_samples(rows)
        )
    command = [options.bench, path, str(train.shape[1]), str(len(train))]
    environment = {**os.environ, "RAYON_NUM_THREADS": "1"}
    ours = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)
    return found | {(what, "bartizan"): result for what, result in ours.items()}


def spread(values, form):
    return f"{statistics.median(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def main():
    options = arguments()
    for kind in options.kinds.split(","):
        for width in map(int, options.columns.split(",")):
            data = made_up(kind, options.rows + options.queries, width)
            train, rows = data[: options.rows], data[options.rows :]
            with tempfile.NamedTemporaryFile(suffix=".f32") as file:
                data.astype("<f4").tofile(file.name)
                rounds = [round_of(options, train, rows, file.name) for _ in range(options.rounds)]
            print(f"\n{kind}, {options.rows} x {width}, one thread, medians of {options.rounds} (lowest–highest):\n")
            print("| what | by | fit, s | rows/s | ratio to the first | mean score |\n|---|---|--:|--:|--:|--:|")
            for what, name in rounds[0]:
                first = next(key for key in rounds[0] if key[0] == what)
                fits, rates = ([r[what, name][of] for r in rounds] for of in ("fit", "rate"))
                ratios = [r[what, name]["rate"] / r[first]["rate"] for r in rounds]
                print(f"| {what} | {name} | {spread(fits, '.3g')} | {spread(rates, ',.0f')} | {spread(ratios, '.3g')} | {rounds[0][what, name]['sum'] / len(rows):.6f} |")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
