#!/usr/bin/env python3
"""Times the random forest in process: scikit-learn, scikit-learn-intelex and Bartizan in turns (A B C A B C ...).

100 trees of depth 15, 6 features, 5 classes, made up by scikit-learn with a fixed seed. Prints a Markdown table of medians,
ranges and ratios taken within a round. Run it with a Python that has both; Bartizan times itself by the example `forest_bench`:
`cargo build --release -p bartizan-estimators --example forest_bench`. Fits use `--threads` threads everywhere, predictions one.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DEFAULT_BINARY = Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "release" / "examples" / "forest_bench"
TEST_ROWS = 100_000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="10000,100000", help="numbers of training rows, a list (default 10000,100000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--threads", type=int, default=2, help="threads that fit (default 2)")
    parser.add_argument("--bartizan", default=str(DEFAULT_BINARY), help="the example forest_bench")
    parser.add_argument("--peer", choices=["scikit-learn", "scikit-learn-intelex"], help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    return parser.parse_args()


def make_data(folder, sizes):
    import numpy as np
    from sklearn.datasets import make_classification

    values, classes = make_classification(
        200_000, 6, n_informative=5, n_redundant=1, n_classes=5, n_clusters_per_class=2, class_sep=1.0, flip_y=0.02, random_state=7
    )
    parts = {str(size): slice(0, size) for size in sizes} | {"test": slice(200_000 - TEST_ROWS, 200_000)}
    for name, part in parts.items():
        values[part].astype("<f4").tofile(folder / f"{name}.f32")
        classes[part].astype("<u4").tofile(folder / f"{name}.u32")


def peer(name, folder, size, threads):
    """Runs in a process of its own: the patch of scikit-learn cannot be taken back."""
    import numpy as np

    if name == "scikit-learn-intelex":
        import daal4py
        from sklearnex import patch_sklearn

        patch_sklearn(verbose=False)
        daal4py.daalinit(threads)
    from sklearn.ensemble import RandomForestClassifier

    def load(part):
        return np.fromfile(folder / f"{part}.f32", "<f4").reshape(-1, 6), np.fromfile(folder / f"{part}.u32", "<u4").astype(int)

    (values, classes), (test, test_classes) = load(size), load("test")
    fits = []
    for seed in range(2 if size >= 100_000 else 4):
        forest = RandomForestClassifier(100, max_depth=15, random_state=seed, n_jobs=threads)
        before = time.perf_counter()
        forest.fit(values, classes)
        fits.append(time.perf_counter() - before)
    if name == "scikit-learn-intelex":
        daal4py.daalinit(1)
    forest.n_jobs = 1
    predictions = []
    for _ in range(3):
        before = time.perf_counter()
        shares = forest.predict_proba(test)
        predictions.append(time.perf_counter() - before)
    accuracy = float((shares.argmax(axis=1) == test_classes).mean())
    print(json.dumps({"fit": min(fits), "rows_per_second": len(test) / min(predictions), "accuracy": accuracy}))


def run(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command} failed: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(name, options, folder, size):
    if name == "bartizan":
        return run([
            options.bartizan, options.threads, folder / f"{size}.f32", folder / f"{size}.u32", folder / "test.f32", folder / "test.u32", 6
        ])
    return run([
        sys.executable, __file__, "--peer", name, "--data", folder, "--rows", size, "--threads", options.threads
    ])


def spread(values, form):
    return f"{statistics.median(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def print_table(size, threads, runs):
    print(f"\n{size:,} rows, {threads} threads fit, one predicts; medians (lowest–highest):\n")
    print("| forest | fit, s | times as fast | predict_proba, rows/s | times as fast | accuracy |\n|---|--:|--:|--:|--:|--:|")
    first = next(iter(runs.values()))
    for name, results in runs.items():
        fits, rates = [r["fit"] for r in results], [r["rows_per_second"] for r in results]
        faster = [base["fit"] / fit for base, fit in zip(first, fits)]
        quicker = [rate / base["rows_per_second"] for base, rate in zip(first, rates)]
        accuracy = statistics.median(r["accuracy"] for r in results)
        print(f"| {name} | {spread(fits, '.3g')} | {spread(faster, '.3g')} | {spread(rates, ',.0f')} | {spread(quicker, '.3g')} | {accuracy:.4f} |")


def main():
    options = arguments()
    sizes = [int(size) for size in options.rows.split(",")]
    if options.peer:
        return peer(options.peer, Path(options.data), sizes[0], options.threads)
    names = ["scikit-learn", "scikit-learn-intelex", "bartizan"]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        make_data(folder, sizes)
        for size in sizes:
            runs = {name: [] for name in names}
            for number in range(1, options.rounds + 1):
                print(f"  {size:,} rows, round {number} of {options.rounds}", file=sys.stderr, flush=True)
                for name in names:
                    runs[name].append(measure(name, options, folder, size))
            print_table(size, options.threads, runs)


if __name__ == "__main__":
    main()
