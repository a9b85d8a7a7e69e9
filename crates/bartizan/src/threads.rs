//! Priorities of threads.

/// Niceness (0 to 19) of threads that learn, which lowers their share of a busy processor: at 10 it is about a
/// tenth, so that a training ends under full load too.
#[cfg(target_os = "linux")]
const LEARNING: i32 = 10;

/// Lowers the priority of this thread below that of the others. On Linux a priority is a thread's own; elsewhere it would be
/// that of the whole process, and nothing is done.
pub(crate) fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(LEARNING) {
        tracing::debug!(%error, "the priority of a thread could not be lowered");
    }
}
