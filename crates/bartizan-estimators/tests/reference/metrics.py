"""Reference values of the tests in src/metrics.rs, by scikit-learn 1.9.1 with numpy 2.4.6. Run: python metrics.py"""
import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

scores = np.array([0.1, 0.4, 0.35, 0.8, 0.8, 0.2, 0.35, 0.9])
truth = np.array([0, 0, 1, 1, 0, 0, 1, 1])
print("roc_auc", roc_auc_score(truth, scores))
print("average_precision", average_precision_score(truth, scores))
print("brier", brier_score_loss(truth, scores))
print("log_loss", log_loss(truth, scores))
