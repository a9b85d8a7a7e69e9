"""Reference values of src/{ecod,copod,hbos,robust_z}.rs, by PyOD 3.6.7, SciPy and numpy 2.4.6, seed 7.

Run in this folder: python statistics.py > statistics.csv
Fitted on the first 60 of 90 rows. ECOD and COPOD score each other row on its own, since PyOD adds the rows scored to the
distribution function; rows fitted on are then counted twice there, so here they are counted in as any other row is.
"""
import sys

import numpy as np
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from pyod.models.hbos import HBOS
from scipy.stats import median_abs_deviation, skew

rng = np.random.default_rng(7)
x = np.column_stack([
    rng.gamma(2, 3, 90),
    rng.exponential(100, 90),
    -rng.exponential(0.1, 90),
    rng.uniform(-1, 1, 90) ** 2,
    rng.poisson(2, 90) + rng.normal(0, 0.01, 90),
]).astype(np.float32)
x[80:] *= np.linspace(1, 3, 10, dtype=np.float32)[:, None]
x = x.astype(np.float64)
train = x[:60]
# COPOD looks at the sign of the skewness with the row scored; no row here turns one.
assert all((np.sign(skew(np.vstack([train, row]))) == np.sign(skew(train))).all() for row in x)

columns = {f"x{i}": x[:, i] for i in range(x.shape[1])}
for name, model in [("ecod", ECOD()), ("copod", COPOD())]:
    model.fit(train)
    columns[name] = np.array([model.decision_function(row[None])[0] for row in x])
low, high = train.min(0), train.max(0)
unit = (x - low) / (high - low)
for name, bins in [("hbos", 10), ("hbos_25", 25)]:
    columns[name] = HBOS(n_bins=bins).fit(unit[:60]).decision_function(unit)
z = np.abs(x - np.median(train, 0)) / median_abs_deviation(train, axis=0, scale="normal")
columns["robust_z_max"], columns["robust_z_mean"] = z.max(1), z.mean(1)

print(",".join(columns))
np.savetxt(sys.stdout, np.column_stack(list(columns.values())), fmt="%.12g", delimiter=",")
