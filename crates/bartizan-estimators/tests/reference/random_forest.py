"""Reference values of src/random_forest, by scikit-learn 1.9.1 and numpy 2.4.6, seed 7.

Run in this folder: python random_forest.py > random_forest.csv
Fitted on the first 300 of 900 rows of three overlapping classes. `tree` is the probability of class 0 of one tree of depth 4 on
all rows and features; `p0` to `p2` are means over 20 forests of 100 trees of depth 8. What the test needs of their spread goes
to standard error.
"""
import sys

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

rng = np.random.default_rng(7)
y = rng.integers(0, 3, 900)
centres = np.array([[0, 0, 0, 0], [1.5, 0.5, -1, 0], [0, 2, 1, 0]])
x = (centres[y] + rng.standard_normal((900, 4))).astype(np.float32).round(4).astype(np.float32)
x[:, 2] = np.exp(x[:, 2]).round(4)
train, held = slice(0, 300), slice(300, 900)

tree = DecisionTreeClassifier(max_depth=4, random_state=1).fit(x[train], y[train])
forests = [RandomForestClassifier(100, max_depth=8, random_state=seed).fit(x[train], y[train]) for seed in range(20)]
shares = np.array([forest.predict_proba(x) for forest in forests])
accuracies = [forest.score(x[held], y[held]) for forest in forests]
print(f"accuracy {np.mean(accuracies):.4f}, {min(accuracies):.4f} to {max(accuracies):.4f}", file=sys.stderr)
print("mean distance of a forest to the mean", np.abs(shares - shares.mean(axis=0)).mean().round(4), file=sys.stderr)

print("x0,x1,x2,x3,class,tree,p0,p1,p2")
for row, label, one, mean in zip(x, y, tree.predict_proba(x)[:, 0], shares.mean(axis=0)):
    print(",".join([*(f"{v:.4f}" for v in row), str(label), f"{one:.6f}", *(f"{p:.4f}" for p in mean)]))
