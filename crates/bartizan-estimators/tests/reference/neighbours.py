"""Reference values of src/neighbours, by scikit-learn 1.9.1 and numpy 2.4.6, seed 5.

Run in this folder: python neighbours.py > neighbours.csv
Fitted on the first 300 of 340 rows, three features, two clusters of unlike density; some rows are there twice.
"""
import sys

import numpy as np
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

rng = np.random.default_rng(5)
x = np.where(rng.random((340, 1)) < 0.3, rng.normal(4, 0.2, (340, 3)), rng.normal(0, 1, (340, 3))).astype(np.float32)
x[280:300] = x[:20]
x[320:] += rng.normal(0, 3, (20, 3)).astype(np.float32)
x = x.astype(np.float64)
train = x[:300]

columns = {f"x{i}": x[:, i] for i in range(3)}
distances = NearestNeighbors(n_neighbors=8).fit(train).kneighbors(x)[0]
columns["largest_5"] = distances[:, 4]
columns["mean_5"] = distances[:, :5].mean(1)
columns["median_5"] = np.median(distances[:, :5], axis=1)
columns["median_8"] = np.median(distances, axis=1)
for neighbours in (5, 20, 299):
    columns[f"lof_{neighbours}"] = -LocalOutlierFactor(n_neighbors=neighbours, novelty=True).fit(train).score_samples(x)
print(",".join(columns))
np.savetxt(sys.stdout, np.column_stack(list(columns.values())), fmt="%.12g", delimiter=",")
