"""Reference values of the tests in src/metrics, by scikit-learn 1.9.1 with numpy 2.4.6. Run: python metrics.py"""
import numpy as np
from sklearn.metrics import (accuracy_score, average_precision_score, brier_score_loss, log_loss, matthews_corrcoef,
                             precision_recall_curve, precision_recall_fscore_support, roc_auc_score, roc_curve)

scores = np.array([0.1, 0.4, 0.35, 0.8, 0.8, 0.2, 0.35, 0.9])
truth = np.array([0, 0, 1, 1, 0, 0, 1, 1])
print("roc_auc", roc_auc_score(truth, scores))
print("average_precision", average_precision_score(truth, scores))
print("brier", brier_score_loss(truth, scores))
print("log_loss", log_loss(truth, scores))
print("roc_curve", *(x.tolist() for x in roc_curve(truth, scores, drop_intermediate=False)))
precision, recall, at = precision_recall_curve(truth, scores)
print("precision_recall_curve", precision.tolist(), recall.tolist(), at.tolist())
flagged = (scores > 0.4).astype(int)
print("matthews", matthews_corrcoef(truth, flagged))

classes = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 0, 1])
predicted = np.array([0, 0, 1, 1, 2, 2, 2, 0, 2, 2, 4, 1])
print("per class", precision_recall_fscore_support(classes, predicted, zero_division=0))
for average in ("macro", "weighted"):
    print(average, [float(x) for x in precision_recall_fscore_support(classes, predicted, average=average, zero_division=0)[:3]])
print("accuracy", accuracy_score(classes, predicted), "matthews", matthews_corrcoef(classes, predicted))
rows = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.0, 1.0, 0.0]])
print("class log_loss", log_loss([0, 1, 0, 1], rows, labels=[0, 1, 2]))
