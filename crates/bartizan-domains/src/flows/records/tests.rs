//! Files, case by case.
