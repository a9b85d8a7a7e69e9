#!/usr/bin/env python3
"""Times the isolation forest in process, on one thread: scikit-learn, ONNX Runtime and Bartizan in turns (A B C A B C ...).

Prints Markdown tables of medians, ranges and ratios to scikit-learn, taken within a round. Run it with the Python of
the environment that bench/README.md describes. Bartizan times itself: `bartizan bench --kernel-only --json`, one thread, scores included.
"""
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent / "peer"))

import numpy as np
import onnxruntime
import sklearn
from sklearn.ensemble import IsolationForest

import train

BATCH_SECONDS = 1.0
ONE_ROW_CALLS = 300


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", default="10,78", help="numbers of features, a list (default 10,78)")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the batch (default 100000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default 5)")
    parser.add_argument(
        "--bartizan", default=os.environ.get("BENCH_BARTIZAN") or "bartizan", help="the binary; an empty word leaves Bartizan out"
    )
    return parser.parse_args()


def made_up(rows, columns, seed):
    return np.random.default_rng(seed).standard_normal((rows, columns), dtype=np.float32)


def scikit_learn(forest):
    return lambda rows: forest.score_samples(rows)


def onnx_runtime(forest, columns):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = train.to_onnx(forest, columns).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    normal = float(train.average_path(256))
    return lambda rows: -(2 ** (-session.run(None, {"rows": rows})[0][:, 0] / normal))


def timed(score, rows):
    """Rows a second of the batch, microseconds of a call with one row."""
    started, done = time.perf_counter(), 0
    while (took := time.perf_counter() - started) < BATCH_SECONDS or done == 0:
        score(rows)
        done += len(rows)
    calls = []
    for i in range(ONE_ROW_CALLS):
        row = rows[i % len(rows)][np.newaxis, :]
        before = time.perf_counter()
        score(row)
        calls.append(time.perf_counter() - before)
    return {"rows_per_second": done / took, "microseconds_per_row": statistics.median(calls) * 1e6}


def bartizan_round(binary):
    """What Bartizan measured of itself: (columns, name) and its figures."""
    command = [*shlex.split(binary), "bench", "--kernel-only", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)} failed: {done.stderr}")
    timed = {}
    for row in json.loads(done.stdout)["isolation_forest"]:
        fast = {"columns": row["features"], "rows_per_second": row["rows_per_sec"], "microseconds_per_row": row["one_row_us"]}
        fast["threads_gain"] = row["all_threads_rows_per_sec"] / row["rows_per_sec"]
        timed[(row["features"], f"bartizan, {row['kernel']}")] = fast
        if row["kernel"] != "portable":
            portable = {"columns": row["features"], "rows_per_second": row["portable_rows_per_sec"], "microseconds_per_row": None}
            timed[(row["features"], "bartizan, portable")] = portable
    return timed


def peers(columns, rows):
    """Every peer's scoring function and the rows it scores, after checking that they agree."""
    found = {}
    for width in columns:
        forest = IsolationForest(n_estimators=100, max_samples=256, random_state=1).fit(made_up(10_000, width, seed=1))
        data = made_up(rows, width, seed=2)
        ours, theirs = scikit_learn(forest), onnx_runtime(forest, width)
        if not np.allclose(ours(data[:1000]), theirs(data[:1000]), atol=1e-5):
            sys.exit("the ONNX model does not score as scikit-learn does")
        found[width, f"scikit-learn {sklearn.__version__}"] = (ours, data)
        found[width, f"ONNX Runtime {onnxruntime.__version__}"] = (theirs, data)
    return found


def spread(values, form):
    return f"{statistics.median(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def print_table(width, runs):
    print(f"\n{width} columns, 100 trees of 256, one thread, medians (lowest–highest):\n")
    print("| kernel | rows/s | ratio to the first | one row, µs |\n|---|--:|--:|--:|")
    mine = {name: results for (columns, name), results in runs.items() if columns == width}
    base = [result["rows_per_second"] for result in next(iter(mine.values()))]
    for name, results in mine.items():
        rates = [result["rows_per_second"] for result in results]
        ratios = [rate / first for rate, first in zip(rates, base)]
        single = [r["microseconds_per_row"] for r in results if r["microseconds_per_row"] is not None]
        print(f"| {name} | {spread(rates, ',.0f')} | {spread(ratios, '.3g')} | {spread(single, '.3g') if single else ''} |")
    gains = [result["threads_gain"] for results in mine.values() for result in results if "threads_gain" in result]
    if gains:
        print(f"\nBartizan on all {os.cpu_count()} threads is {spread(gains, '.3g')} times as fast as on one.")


def main():
    options = arguments()
    columns = [int(width) for width in options.columns.split(",")]
    scorers = peers(columns, options.rows)
    runs = {}
    for number in range(1, options.rounds + 1):
        print(f"  round {number} of {options.rounds}", file=sys.stderr, flush=True)
        results = {key: timed(*scorer) for key, scorer in scorers.items()}
        if options.bartizan:
            results |= bartizan_round(options.bartizan)
        for key, result in results.items():
            runs.setdefault(key, []).append(result)
    for width in columns:
        print_table(width, runs)


if __name__ == "__main__":
    main()
