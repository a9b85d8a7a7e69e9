//! What reading an input costs: bytes allocated in all, at most at once, and processor time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static HELD: AtomicU64 = AtomicU64::new(0);
static PEAK: AtomicU64 = AtomicU64::new(0);
static TOTAL: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, with a count.
pub(crate) struct Counting;

fn taken(bytes: usize) {
    let bytes = bytes as u64;
    TOTAL.fetch_add(bytes, Relaxed);
    PEAK.fetch_max(HELD.fetch_add(bytes, Relaxed) + bytes, Relaxed);
}

fn given(bytes: usize) {
    HELD.fetch_sub(bytes as u64, Relaxed);
}

// SAFETY: every call is handed on to the system's allocator as it came; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps to the contract of this function, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        given(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Growing in place is usual: what is added is what is taken.
        if size > layout.size() {
            taken(size - layout.size());
        } else {
            given(layout.size() - size);
        }
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// What something took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Most bytes held at once.
    pub(crate) peak: u64,
    /// Bytes allocated in all.
    pub(crate) total: u64,
}

/// Runs something and counts what all threads allocate meanwhile.
pub(crate) fn measured<T>(run: impl FnOnce() -> T) -> (T, Cost) {
    let (held, total) = (HELD.load(Relaxed), TOTAL.load(Relaxed));
    PEAK.store(held, Relaxed);
    let result = run();
    (result, Cost { peak: PEAK.load(Relaxed).saturating_sub(held), total: TOTAL.load(Relaxed) - total })
}

/// Processor time that this thread has had, in nanoseconds; `None` where the system does not say.
pub(crate) fn thread_nanos() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::measured;

    #[test]
    fn memory_held_and_memory_allocated_are_counted_separately() {
        let (_, cost) = measured(|| (0..10).for_each(|_| drop(vec![0_u8; 1 << 20])));
        assert!(cost.total >= 10 << 20, "{cost:?}");
        assert!(cost.peak >= 1 << 20 && cost.peak < 9 << 20, "{cost:?}");
    }
}
