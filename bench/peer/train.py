"""Fits the peer's isolation forest and stores it, for scikit-learn and as one ONNX tree ensemble.

Usage: train.py FOLDER [EVENTS.ndjson]. Without a file of events it makes some up, always the same.
"""
import json
import random
import sys
from pathlib import Path

import joblib
import numpy as np
import onnx
from onnx import TensorProto, helper
from sklearn.ensemble import IsolationForest

import features

ROWS = 20_000
ROUTES = ("/api/users/{}", "/api/orders/{}/items", "/api/search?q=term{}&page=1", "/api/session", "/api/reports/{}.csv")
AGENTS = ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "okhttp/5.1.0", "curl/8.14.1")


def invented_events(count, seed=1):
    draw = random.Random(seed)
    for number in range(count):
        endpoint = draw.choice(ROUTES).format(draw.randrange(10_000))
        method = draw.choice(("GET", "GET", "GET", "POST", "PUT"))
        payload = None if method == "GET" else {"name": f"item {number}", "count": draw.randrange(50), "note": "x" * draw.randrange(80)}
        headers = {"host": "api.example.com", "accept": "application/json", "user-agent": draw.choice(AGENTS)}
        yield {
            "endpoint": endpoint, "http_method": method, "headers": headers, "payload": payload,
            "timestamp": f"2026-01-{draw.randrange(1, 29):02}T{draw.randrange(24):02}:{draw.randrange(60):02}:00Z",
        }


def events_of(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def rows_of(events):
    fields = ("endpoint", "http_method", "headers", "payload", "timestamp")
    return np.array([features.row(*(event.get(f) for f in fields)) for event in events], dtype=np.float32)


def average_path(n):
    """Mean depth of an unsuccessful search in a binary search tree of n leaves."""
    if n <= 2:
        return float(max(n - 1, 0))
    return 2 * (np.log(n - 1) + np.euler_gamma) - 2 * (n - 1) / n


def round_down(threshold):
    """The largest 32-bit number at or below: `x <= threshold` then holds for the same 32-bit x."""
    near = np.float32(threshold)
    return float(near if near <= threshold else np.nextafter(near, np.float32(-np.inf)))


def ensemble_nodes(forest):
    """The attributes of one ai.onnx.ml TreeEnsembleRegressor whose sum over the trees is the mean path length."""
    a = {k: [] for k in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")}
    leaves = {k: [] for k in ("treeids", "nodeids", "ids", "weights")}
    for number, (estimator, columns) in enumerate(zip(forest.estimators_, forest.estimators_features_)):
        tree = estimator.tree_
        depth = {0: 0}
        for node in range(tree.node_count):
            left, right = int(tree.children_left[node]), int(tree.children_right[node])
            is_leaf = left < 0
            a["treeids"].append(number)
            a["nodeids"].append(node)
            a["featureids"].append(0 if is_leaf else int(columns[tree.feature[node]]))
            a["values"].append(0.0 if is_leaf else round_down(tree.threshold[node]))
            a["modes"].append("LEAF" if is_leaf else "BRANCH_LEQ")
            a["truenodeids"].append(max(left, 0))
            a["falsenodeids"].append(max(right, 0))
            if is_leaf:
                length = depth[node] + average_path(int(tree.n_node_samples[node]))
                for key, value in zip(leaves, (number, node, 0, length / len(forest.estimators_))):
                    leaves[key].append(value)
            else:
                depth[left] = depth[right] = depth[node] + 1
    return {f"nodes_{k}": v for k, v in a.items()} | {f"target_{k}": v for k, v in leaves.items()}


def to_onnx(forest, width):
    """A model from rows to mean path lengths."""
    node = helper.make_node(
        "TreeEnsembleRegressor", ["rows"], ["length"], domain="ai.onnx.ml", n_targets=1, aggregate_function="SUM",
        post_transform="NONE", **ensemble_nodes(forest),
    )
    graph = helper.make_graph(
        [node], "isolation_forest",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("length", TensorProto.FLOAT, [None, 1])],
    )
    versions = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=8)
    onnx.checker.check_model(model)
    return model


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rows = rows_of(events_of(sys.argv[2]) if len(sys.argv) == 3 else invented_events(ROWS))
    forest = IsolationForest(n_estimators=100, max_samples=256, contamination=0.1, random_state=1).fit(rows)
    joblib.dump(forest, folder / "forest.joblib")
    onnx.save(to_onnx(forest, rows.shape[1]), folder / "forest.onnx")
    scale = {"threshold": float(-forest.offset_), "average_path": float(average_path(256))}
    (folder / "scale.json").write_text(json.dumps(scale), encoding="utf-8")
    print(f"trained on {len(rows)} rows of {rows.shape[1]} features")


if __name__ == "__main__":
    main()
