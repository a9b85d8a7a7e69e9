"""Reference values of src/labels/isotonic.rs, by scikit-learn 1.9.1 with numpy 2.4.6, seed 11.

Run in this folder: python isotonic.py > isotonic.csv
Rows of kind 0 are labelled scores, rows of kind 1 are scores with the probability expected there. Some scores are equal.
"""
import numpy as np
from sklearn.isotonic import IsotonicRegression

rng = np.random.default_rng(11)
scores = np.round(rng.normal(0, 2, 400), 2)
labels = (rng.uniform(size=400) < 1 / (1 + np.exp(-scores + 1))).astype(float)
model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, labels)
probes = np.concatenate([np.linspace(-9, 9, 61), np.sort(scores)[::10]])
print("kind,score,value")
for s, y in zip(scores, labels):
    print(f"0,{s:.12g},{y:.0f}")
for s, p in zip(probes, model.predict(probes)):
    print(f"1,{s:.12g},{p:.12g}")
