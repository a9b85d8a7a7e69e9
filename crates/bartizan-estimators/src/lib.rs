//! Estimators, calibration, metrics and the stored model format.
