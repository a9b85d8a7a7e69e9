//! A sign that work which takes long should end.

use crate::FitError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared by who may end a fit and who does it. Those who know the time or the wish of a person set it; what computes
/// looks at it between steps. One of its own, never set, is [`Stop::default`].
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks for the end.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the end was asked for.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Goes on unless the end was asked for.
    ///
    /// # Errors
    /// [`FitError::Stopped`].
    pub fn check(&self) -> Result<(), FitError> {
        if self.is_set() { Err(FitError::Stopped) } else { Ok(()) }
    }
}
