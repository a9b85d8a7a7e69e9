"""Reference values of src/one_class_svm, by scikit-learn 1.9.1 with numpy 2.4.6.

Run in this folder: python one_class_svm.py > one_class_svm.csv
Rows are made up by the rule in `rows`, which the test repeats in exact arithmetic, so only results are kept: parameters, support
rows, the offset and the decision function at the first 12 rows after training.
"""
import numpy as np
from sklearn.svm import OneClassSVM

PROBES = 12


def rows(count, width):
    """Three bent clusters; the numbers are multiples of 1/1024 and fit 32 bits."""
    row, column = np.meshgrid(np.arange(count, dtype=np.uint64), np.arange(width, dtype=np.uint64), indexing="ij")
    state = (row * np.uint64(width) + column + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    state ^= state >> np.uint64(29)
    state *= np.uint64(0xBF58476D1CE4E5B9)
    state ^= state >> np.uint64(32)
    noise = sum(((state >> np.uint64(10 * i)) & np.uint64(1023)).astype(np.int64) for i in range(4)) - 2046
    centre = ((row % np.uint64(3)) * (column + np.uint64(2)) % np.uint64(5)).astype(np.int64) * 1024 - 2048
    return (noise + centre) / 1024


cases = []
for count, width in [(500, 2), (1000, 5), (2000, 20), (2500, 8)]:
    cases.append((count, width, "rbf", 0.1, "scale", 3, 0.0))
cases += [
    (1000, 5, "rbf", 0.5, 0.05, 3, 0.0),
    (1000, 5, "rbf", 0.02, "auto", 3, 0.0),
    (500, 4, "linear", 0.9, "scale", 3, 0.0),
    (1000, 5, "linear", 0.3, "scale", 3, 0.0),
    (500, 2, "poly", 0.1, "scale", 3, 1.0),
    (1000, 5, "poly", 0.2, "auto", 2, 0.5),
    (500, 2, "sigmoid", 0.1, 0.01, 3, 0.1),
    (1000, 5, "sigmoid", 0.2, 0.001, 3, 0.0),
]
print("rows,width,kernel,nu,gamma,degree,coef0,support,offset," + ",".join(f"d{i}" for i in range(PROBES)))
for count, width, kernel, nu, gamma, degree, coef0 in cases:
    x = rows(count + PROBES, width)
    model = OneClassSVM(kernel=kernel, nu=nu, gamma=gamma, degree=degree, coef0=coef0, tol=1e-6).fit(x[:count])
    values = [len(model.support_), model.offset_[0], *model.decision_function(x[count:])]
    print(",".join(str(part) for part in (count, width, kernel, nu, gamma, degree, coef0)) + "," + ",".join(f"{v:.9g}" for v in values))
