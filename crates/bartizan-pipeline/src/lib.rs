//! A detector at work: score, decide, record, label, train, activate.
