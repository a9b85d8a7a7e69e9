"""Trees and their SHAP values for src/treeshap/tests.rs, by shap 0.51.0 with scikit-learn 1.9.1, seed 1.

Run: python treeshap.py > ../fixtures/treeshap.csv
Lines: `forest,NAME`; `tree` and per node `node,feature,threshold,left,right,cover,value`; `row,values...`; `shap,expected,shares...`.
Thresholds are for `x < threshold`: scikit-learn's `x <= t` moved to the next 32-bit number.
"""
import numpy as np
import shap
from sklearn.ensemble import IsolationForest, RandomForestRegressor

rng = np.random.default_rng(1)
rows = rng.standard_normal((400, 6)).astype(np.float32)
target = rows[:, 0] * rows[:, 1] + np.abs(rows[:, 2]) + 0.1 * rng.standard_normal(400)
probes = (1.5 * rng.standard_normal((12, 6))).astype(np.float32)


def below(threshold):
    down = np.float32(threshold)
    if float(down) > threshold:
        down = np.nextafter(down, np.float32(-np.inf))
    return np.nextafter(down, np.float32(np.inf))


def number(value):
    return repr(float(value))


def dump(name, model):
    explainer = shap.TreeExplainer(model)
    print(f"forest,{name}")
    for tree, estimator, columns in zip(explainer.model.trees, model.estimators_, getattr(model, "estimators_features_", [range(6)] * len(model.estimators_))):
        assert list(columns) == list(range(6))
        print("tree")
        cut = estimator.tree_
        for i in range(cut.node_count):
            leaf = cut.children_left[i] < 0
            left, right = (i, i) if leaf else (cut.children_left[i], cut.children_right[i])
            threshold = 0.0 if leaf else below(cut.threshold[i])
            # shap's own covers and leaf values: for the isolation forest it works out path lengths itself.
            value = tree.values[i, 0] if leaf else 0.0
            print("node", max(cut.feature[i], 0), number(threshold), left, right, number(tree.node_sample_weight[i]), number(value), sep=",")
    expected = float(np.ravel(explainer.expected_value)[0])
    for row, shares in zip(probes, explainer.shap_values(probes.astype(np.float64))):
        print("row", *map(number, row), sep=",")
        print("shap", number(expected), *map(number, shares), sep=",")


dump("isolation forest", IsolationForest(n_estimators=6, max_samples=64, random_state=1).fit(rows))
dump("random forest", RandomForestRegressor(n_estimators=3, max_depth=12, random_state=1).fit(rows, target))
