//! The outside world: sources that bring events in and notifiers that carry detections out.
