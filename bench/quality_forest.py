#!/usr/bin/env python3
"""Compares the isolation forest's quality with scikit-learn's on the same splits of the sets in DIR/adbench (--data DIR).

The splits are those of `cargo xtask quality`: 70 % of each kind of row to learn from, labels unused, 10,000 rows at most, three
splits. Both forests have 100 trees of 256 rows and are fitted with several seeds on each split, since one forest's area under
the ROC curve moves by a hundredth with its seed. Prints a Markdown table: mean of splits and seeds for each set, the
difference, and the standard error of the difference that seeds alone make.
Build first: `cargo build --release -p bartizan-estimators --example forest_scores`.
"""
import argparse
import os
import statistics
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import sklearn
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

SPLITS = 3
SHARE, MOST_ROWS = 0.7, 10_000
WORD = (1 << 64) - 1
TARGET = os.environ.get("CARGO_TARGET_DIR", Path(__file__).resolve().parent.parent / "target")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the sets")
    parser.add_argument("--seeds", type=int, default=10, help="fits of either on each split (default 10)")
    parser.add_argument("--example", default=f"{TARGET}/release/examples/forest_scores", help="Bartizan's side")
    return parser.parse_args()


def derive(seed, index):
    """One step of SplitMix64, as bartizan_core::Seed takes it."""
    z = seed ^ ((index + 1) * 0x9E3779B97F4A7C15 & WORD)
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & WORD
    return z ^ (z >> 31)


def shuffled(rows, seed):
    return sorted(rows, key=lambda row: (derive(seed, row), row))


def nearest(value):
    """Halves go up: Python's round() takes them to even numbers."""
    return int(value + 0.5)


def split(anomalous, seed):
    """Rows to learn from and rows to test on, as `cargo xtask quality` takes them."""
    part = min(1.0, MOST_ROWS / len(anomalous))
    train, test = [], []
    for kind in (False, True):
        rows = shuffled(np.flatnonzero(anomalous == kind).tolist(), derive(seed, int(kind)))
        kept = rows[: nearest(len(rows) * part)]
        cut = nearest(len(kept) * SHARE)
        train += kept[:cut]
        test += kept[cut:]
    return shuffled(train, derive(seed, 7)), test


def measures(scores, truth):
    return roc_auc_score(truth, scores), average_precision_score(truth, scores)


def scikit_learn(train, test, truth, seed):
    forest = IsolationForest(n_estimators=100, max_samples=min(256, len(train)), random_state=seed)
    return measures(-forest.fit(train).score_samples(test), truth)


def bartizan(example, train, test, truth, seeds):
    with tempfile.TemporaryDirectory() as folder:
        train.tofile(f"{folder}/train.f32")
        test.tofile(f"{folder}/test.f32")
        command = [example, f"{folder}/train.f32", f"{folder}/test.f32", str(train.shape[1]), f"{folder}/scores.f64"]
        subprocess.run([*command, *map(str, seeds)], check=True)
        return [measures(scores, truth) for scores in np.fromfile(f"{folder}/scores.f64").reshape(len(seeds), -1)]


def measured(options, path):
    """For each split and seed: area and precision of scikit-learn, area and precision of Bartizan."""
    data = np.load(path)
    values, anomalous = np.ascontiguousarray(data["X"], "<f4"), data["y"] != 0
    found = []
    for number in range(SPLITS):
        train, test = split(anomalous, number)
        train, test, truth = values[train], values[test], anomalous[test]
        # The first seed is the split's number, as `cargo xtask quality` has it.
        seeds = [number + 100 * i for i in range(options.seeds)]
        ours = bartizan(options.example, train, test, truth, seeds)
        found.append([(*scikit_learn(train, test, truth, seed), *mine) for seed, mine in zip(seeds, ours)])
    return np.array(found)


def main():
    options = arguments()
    paths = sorted((options.data / "adbench").glob("*.npz"), key=lambda path: (int(path.stem.split("_")[0]), path.stem))
    print(f"scikit-learn {sklearn.__version__}; {SPLITS} splits, {options.seeds} seeds of either on each\n")
    print("| set | AUROC, scikit-learn | Bartizan | difference | standard error | AP, scikit-learn | Bartizan | difference |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda path: measured(options, path), paths))
    means, errors = [], []
    for path, runs in zip(paths, found):
        area, precision, our_area, our_precision = runs.mean((0, 1))
        # Variances over the seeds of one split, so that splits that are hard for both do not count.
        variance = sum(runs[:, :, column].var(axis=1, ddof=1).mean() for column in (0, 2)) / runs[:, :, 0].size if options.seeds > 1 else np.nan
        means.append((area, our_area, precision, our_precision))
        errors.append(variance)
        cells = [area, our_area, our_area - area, variance**0.5, precision, our_precision, our_precision - precision]
        print(f"| {path.stem} | {' | '.join(f'{cell:.4f}' for cell in cells)} |", flush=True)
    area, our_area, precision, our_precision = np.mean(means, axis=0)
    error = sum(errors) ** 0.5 / len(errors)
    cells = [area, our_area, our_area - area, error, precision, our_precision, our_precision - precision]
    print(f"| **mean of {len(means)} sets** | {' | '.join(f'{cell:.4f}' for cell in cells)} |")
    first = statistics.mean(runs[:, 0, 2].mean() for runs in found)
    print(f"\nBartizan with the seeds of `cargo xtask quality`: {first:.4f}")


if __name__ == "__main__":
    main()
