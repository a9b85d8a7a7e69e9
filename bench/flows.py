#!/usr/bin/env python3
"""A table of flows from file to verdicts in a file: bartizan beside pandas and scikit-learn in one process.

Both learn from the same benign flows, once, which is not timed: standard scaling and a one-class SVM (rbf, nu 0.05, gamma "scale") there, the
detector's default here. Then both read the same table, judge every flow and write every verdict, in turns.

    bench/flows.py --bartizan PATH [--rows 100000] [--train 10000] [--rounds 5]

Prints seconds, flows a second, the ratio, and the most memory either took. Needs numpy, pandas and scikit-learn.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

PEER = """
import pickle, sys
import numpy as np, pandas as pd
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM
FIRST, LAST = "Destination Port", "Idle Min"

def read(path):
    table = pd.read_csv(path, low_memory=False)
    table.columns = table.columns.str.strip()
    numbers = table.loc[:, FIRST:LAST].apply(pd.to_numeric, errors="coerce")
    return table, numbers.replace([np.inf, -np.inf], np.nan).fillna(0.0).to_numpy()

if sys.argv[1] == "train":
    _, rows = read(sys.argv[2])
    scaler = StandardScaler().fit(rows)
    model = OneClassSVM(kernel="rbf", nu=0.05, gamma="scale").fit(scaler.transform(rows))
    pickle.dump((scaler, model), open(sys.argv[3], "wb"))
else:
    scaler, model = pickle.load(open(sys.argv[3], "rb"))
    table, rows = read(sys.argv[2])
    decision = model.decision_function(scaler.transform(rows))
    out = table[["Flow ID", "Timestamp"]].copy()
    out["decision"], out["attack"] = decision, decision < 0
    out.to_csv(sys.argv[4], index=False)
"""


def timed(command, cwd):
    """Seconds and most resident megabytes of a command."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command} failed: {error.decode()}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bartizan", required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--train", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bartizan = os.path.abspath(args.bartizan)
        run = lambda *words: subprocess.run([bartizan, *map(str, words)], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run("generate", "flows", "--rows", args.train, "--seed", 1, "--attack-share", 0, "--labels", "--out", "train.csv")
        run("generate", "flows", "--rows", args.rows, "--seed", 2, "--attack-share", 0.1, "--labels", "--out", "test.csv")
        run("train", "flows", "train.csv")
        open(os.path.join(folder, "peer.py"), "w").write(PEER)
        subprocess.run([sys.executable, "peer.py", "train", "train.csv", "model.pkl"], cwd=folder, check=True)
        size = os.path.getsize(os.path.join(folder, "test.csv")) / 1e6
        ours, theirs, ratios, memory = [], [], [], [0, 0]
        for _ in range(args.rounds):
            mine, mine_mb = timed([bartizan, "score", "flows", "test.csv", "--out", "ours.csv", "--top", "10"], folder)
            peer, peer_mb = timed([sys.executable, "peer.py", "score", "test.csv", "model.pkl", "theirs.csv"], folder)
            ours.append(mine), theirs.append(peer), ratios.append(peer / mine)
            memory = [max(memory[0], mine_mb), max(memory[1], peer_mb)]
        lines = [sum(1 for _ in open(os.path.join(folder, name))) - 1 for name in ("ours.csv", "theirs.csv")]
        if lines != [args.rows, args.rows]:
            sys.exit(f"verdicts are missing: {lines}")
        median = statistics.median
        print(json.dumps({"rows": args.rows, "megabytes": round(size, 1), "bartizan_s": round(median(ours), 3), "peer_s": round(median(theirs), 2),
                          "bartizan_flows_per_s": round(args.rows / median(ours)), "ratio": round(median(ratios), 1),
                          "ratios": [round(min(ratios), 1), round(max(ratios), 1)], "bartizan_mb": round(memory[0]), "peer_mb": round(memory[1])}))


if __name__ == "__main__":
    main()
