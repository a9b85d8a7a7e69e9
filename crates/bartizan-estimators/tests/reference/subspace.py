"""Reference values of src/subspace, by scikit-learn 1.9.1 and numpy 2.4.6, seed 3.

Run in this folder: python subspace.py > subspace.csv (the figures of single tests go to the other stream)
Fitted on the first 200 of 240 rows, four features.
"""
import sys

import numpy as np
from sklearn.covariance import EmpiricalCovariance, LedoitWolf, MinCovDet
from sklearn.decomposition import PCA

rng = np.random.default_rng(3)
mix = np.array([[2, 0, 0, 0], [1.5, 1, 0, 0], [0.5, 0.5, 1, 0], [1, -1, 0.5, 0.7]])
x = (rng.normal(size=(240, 4)) @ mix.T + [1, -2, 0, 5]).astype(np.float32)
x[220:] += rng.normal(0, 4, (20, 4)).astype(np.float32)
x = x.astype(np.float64)
train = x[:200]

columns = {f"x{i}": x[:, i] for i in range(4)}
z = (x - train.mean(0)) / train.std(0)
pca = PCA().fit(z[:200])
along, variance = pca.transform(z), pca.explained_variance_
columns["pca_all"] = (along**2 / variance).mean(1)
columns["pca_2"] = (along**2 / variance)[:, :2].mean(1)
columns["pca_left_2"] = (along[:, 2:] ** 2).sum(1) / variance[2:].sum()
columns["pca_both_2"] = columns["pca_2"] + columns["pca_left_2"]
columns["mahalanobis"] = EmpiricalCovariance().fit(train).mahalanobis(x)
columns["min_cov_det"] = MinCovDet(random_state=0).fit(train).mahalanobis(x)
columns["min_cov_det_90"] = MinCovDet(random_state=0, support_fraction=0.9).fit(train).mahalanobis(x)

few = np.array([(i * i * 37 % 101) / 50 + i % 8 for i in range(96)]).reshape(12, 8)
print("parts of the variance", pca.explained_variance_ratio_, "ledoit_wolf", LedoitWolf().fit(few).shrinkage_, file=sys.stderr)
print(",".join(columns))
np.savetxt(sys.stdout, np.column_stack(list(columns.values())), fmt="%.12g", delimiter=",")
