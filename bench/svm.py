#!/usr/bin/env python3
"""Times the one-class support vector machine: scikit-learn and Bartizan in turns on the same rows, one thread each.

Build Bartizan's side first: cargo build --release -p bartizan-estimators --example svm_bench
Rows come from five clusters of 78 features and 5 % outliers, standardised. Prints Markdown tables of medians, ranges and
ratios within a round: the exact fit, scoring, and the approximate fit with its peak memory.
"""
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import sklearn
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import SGDOneClassSVM
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import OneClassSVM

WIDTH = 78
SCORED = 20_000
ROOT = Path(__file__).resolve().parent.parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="5000:5,10000:5,20000:3,50000:1", help="training rows and rounds of the exact fit")
    parser.add_argument("--approximate", default="50000:3,1000000:3", help="the same of the approximate fit")
    parser.add_argument("--peer-limit", type=int, default=50_000, help="most rows that scikit-learn's approximate fit is given")
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    parser.add_argument("--example", default=f"{target}/release/examples/svm_bench", help="Bartizan's side")
    return parser.parse_args()


def clusters(rows, seed):
    """Rows and whether each is an outlier: half of these lie anywhere, half are a cluster's with some features tripled."""
    shape = np.random.default_rng(1000 + WIDTH)
    mean, deviation = shape.uniform(-4, 4, (5, WIDTH)), shape.uniform(0.5, 1.5, (5, WIDTH))
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, 5, rows)
    x = (deviation[cluster] * rng.standard_normal((rows, WIDTH), dtype=np.float32) + mean[cluster]).astype(np.float32)
    odd = rng.random(rows) < 0.05
    anywhere, inflated = np.array_split(rng.permutation(np.flatnonzero(odd)), 2)
    x[anywhere] = rng.uniform(-6, 6, (len(anywhere), WIDTH))
    tripled = rng.random((len(inflated), WIDTH)) < 0.3
    x[inflated] = np.where(tripled, mean[cluster[inflated]] + 3 * (x[inflated] - mean[cluster[inflated]]), x[inflated])
    return x, odd


def rows_and_rounds(text):
    return [tuple(int(number) for number in part.split(":")) for part in text.split(",") if part]


def bartizan(options, solver, folder, threads):
    """Bartizan's own figures and its scores."""
    command = [options.example, solver, *(f"{folder}/{name}.f32" for name in ("train", "test")), str(WIDTH), f"{folder}/scores.f64"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "RAYON_NUM_THREADS": str(threads)})
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed: {done.stderr}")
    return json.loads(done.stdout), np.fromfile(f"{folder}/scores.f64")


def peer(model, train, test, score_rows):
    started = time.perf_counter()
    model.fit(train)
    fit, test = time.perf_counter() - started, test[:score_rows]
    started = time.perf_counter()
    scores = -model.decision_function(test)
    return fit, len(test) / (time.perf_counter() - started), scores


def prepared(rows, folder):
    (train, _), (test, odd) = clusters(rows, 2), clusters(SCORED, 3)
    mean, deviation = train.mean(0, dtype=np.float64).astype(np.float32), train.std(0, dtype=np.float64).astype(np.float32)
    for name, values in (("train", train), ("test", test)):
        values -= mean
        values /= deviation
        values.tofile(f"{folder}/{name}.f32")
    return train, test, odd


def spread(values, form=".3g"):
    return f"{statistics.median(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def exact(options):
    print(f"\nExact, rbf, nu 0.1, {WIDTH} features; scikit-learn {sklearn.__version__} with its cache of 200 MB\n")
    print("| rows | fit, scikit-learn, s | Bartizan, 1 thread, s | ratio | 2 threads, s | ratio | support rows of each | farthest score apart (of rho) |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    scoring = []
    for rows, rounds in rows_and_rounds(options.rows):
        fits, rates = [], []
        with tempfile.TemporaryDirectory() as folder:
            train, test, odd = prepared(rows, folder)
            for _ in range(rounds):
                model = OneClassSVM(nu=0.1, gamma="scale", cache_size=200)
                fit, rate, scores = peer(model, train.astype(np.float64), test.astype(np.float64), SCORED if rows <= 20_000 else 5_000)
                ours, ours_scores = bartizan(options, "exact", folder, 1)
                both, _ = bartizan(options, "exact", folder, 2)
                fits.append((fit, ours["fit_s"], both["fit_s"]))
                rates.append((rate, ours["rows_per_second"], ours["microseconds_per_row"]))
        apart = np.abs(scores - ours_scores[: len(scores)]).max()
        theirs, one, two = zip(*fits)
        ratio = lambda other: spread([a / b for a, b in zip(theirs, other)])
        support = f"{len(model.support_)} / {ours['support_rows']}"
        cells = [f"{rows:,}", spread(theirs), spread(one), ratio(one), spread(two), ratio(two), support, f"{apart:.2g} ({abs(model.offset_[0]):.4g})"]
        print(f"| {' | '.join(cells)} |", flush=True)
        scoring.append((ours["support_rows"], rates, roc_auc_score(odd[: len(scores)], scores), roc_auc_score(odd[: len(scores)], ours_scores[: len(scores)])))
    print("\nScoring with these, one thread\n")
    print("| support rows | scikit-learn, rows/s | Bartizan, rows/s | ratio | one row, µs | ROC AUC of each |\n|--:|--:|--:|--:|--:|--:|")
    for support, rates, their_area, area in scoring:
        theirs, ours, single = zip(*rates)
        ratios = spread([b / a for a, b in zip(theirs, ours)])
        print(f"| {support:,} | {spread(theirs, ',.0f')} | {spread(ours, ',.0f')} | {ratios} | {spread(single)} | {their_area:.4f} / {area:.4f} |")


def approximate(options):
    print("\nApproximate, 300 landmarks; scikit-learn: Nystroem and SGDOneClassSVM\n")
    print("| rows | scikit-learn, s | Bartizan, 1 thread, s | 2 threads, s | peak MB, with the rows | of these the rows | outside | ROC AUC of each |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    for rows, rounds in rows_and_rounds(options.approximate):
        theirs, one, two, their_area = [], [], [], None
        with tempfile.TemporaryDirectory() as folder:
            train, test, odd = prepared(rows, folder)
            for _ in range(rounds):
                if rows <= options.peer_limit:
                    gamma = 1 / (WIDTH * float(train.var()))
                    linear = SGDOneClassSVM(nu=0.1, random_state=1, tol=1e-4)
                    model = make_pipeline(Nystroem(gamma=gamma, n_components=300, random_state=1), linear)
                    fit, _, scores = peer(model, train.astype(np.float64), test.astype(np.float64), SCORED)
                    theirs.append(fit)
                    their_area = f"{roc_auc_score(odd, scores):.4f}"
                ours, scores = bartizan(options, "nystroem", folder, 1)
                one.append(ours["fit_s"])
                two.append(bartizan(options, "nystroem", folder, 2)[0]["fit_s"])
        areas = f"{their_area or '-'} / {roc_auc_score(odd, scores):.4f}"
        cells = [f"{rows:,}", spread(theirs) if theirs else "", spread(one), spread(two), str(ours['peak_mb']), f"{train.nbytes / 2**20:.0f}", f"{ours['outside']:.4f}", areas]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    chosen = arguments()
    exact(chosen)
    approximate(chosen)
