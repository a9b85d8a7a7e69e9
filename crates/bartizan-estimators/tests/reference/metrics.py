"""Reference values of the tests in src/metrics, by scikit-learn 1.9.1 with numpy 2.4.6. Run: python metrics.py"""
import numpy as np
from sklearn.metrics import accuracy_score, average_precision_score, precision_recall_fscore_support, roc_auc_score

scores = np.array([0.1, 0.4, 0.35, 0.8, 0.8, 0.2, 0.35, 0.9])
truth = np.array([0, 0, 1, 1, 0, 0, 1, 1])
print("roc_auc", roc_auc_score(truth, scores))
print("average_precision", average_precision_score(truth, scores))

classes = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 0, 1])
predicted = np.array([0, 0, 1, 1, 2, 2, 2, 0, 2, 2, 4, 1])
print("per class", precision_recall_fscore_support(classes, predicted, zero_division=0))
print("accuracy", accuracy_score(classes, predicted))
