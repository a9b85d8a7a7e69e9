//! Priorities of threads.

/// How much less of a busy processor a thread that learns gets than one that answers (`nice`, 0 to 19): at 10, about a
/// tenth, so that a training comes to its end beside full load too.
#[cfg(target_os = "linux")]
const LEARNING: i32 = 10;

/// Lets other threads go before this one where they want the same processor. On Linux a priority is a thread's own; elsewhere it would be
/// that of the whole process, and nothing is done.
pub(crate) fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(LEARNING) {
        tracing::debug!(%error, "the priority of a thread could not be lowered");
    }
}
