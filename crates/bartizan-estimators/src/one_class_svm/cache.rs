//! A cache of rows of kernel values.

/// No slot, or no row.
const NONE: u32 = u32::MAX;

/// A bounded number of rows; the one not used for longest is evicted.
pub(super) struct Cache {
    length: usize,
    capacity: usize,
    slot_of: Vec<u32>,
    row_of: Vec<u32>,
    used: Vec<u64>,
    clock: u64,
    slots: Vec<Vec<f32>>,
}

impl Cache {
    /// For `rows` rows of `length` values, in about `bytes`; two rows always fit.
    pub(super) fn new(rows: usize, length: usize, bytes: usize) -> Self {
        let capacity = (bytes / (4 * length.max(1))).max(2);
        Self { length, capacity, slot_of: vec![NONE; rows], row_of: Vec::new(), used: Vec::new(), clock: 0, slots: Vec::new() }
    }

    /// Returns the slot of a row, filled by `compute` unless it is cached. The slot returned before stays valid.
    pub(super) fn slot(&mut self, row: usize, compute: impl Fn(usize, &mut [f32])) -> usize {
        self.clock += 1;
        let mut slot = self.slot_of[row] as usize;
        if self.slot_of[row] == NONE {
            slot = self.free_slot();
            self.slot_of[row] = slot as u32;
            self.row_of[slot] = row as u32;
            compute(row, &mut self.slots[slot]);
        }
        self.used[slot] = self.clock;
        slot
    }

    pub(super) fn row(&self, slot: usize) -> &[f32] {
        &self.slots[slot]
    }

    fn free_slot(&mut self) -> usize {
        if self.slots.len() < self.capacity {
            self.slots.push(vec![0.0; self.length]);
            self.row_of.push(NONE);
            self.used.push(0);
            return self.slots.len() - 1;
        }
        let oldest = (0..self.used.len()).min_by_key(|slot| self.used[*slot]).unwrap_or(0);
        self.slot_of[self.row_of[oldest] as usize] = NONE;
        oldest
    }
}

#[cfg(test)]
mod tests {
    use super::Cache;
    use std::cell::Cell;

    #[test]
    fn rows_are_computed_once_while_there_is_room() {
        let computed = Cell::new(0);
        let compute = |row: usize, out: &mut [f32]| {
            computed.set(computed.get() + 1);
            out.fill(row as f32);
        };
        let mut cache = Cache::new(10, 8, 3 * 8 * 4);
        for (row, expected) in [(1, 1), (2, 2), (1, 2), (3, 3), (4, 4), (1, 4), (2, 5)] {
            let slot = cache.slot(row, compute);
            assert_eq!((cache.row(slot)[7], computed.get()), (row as f32, expected), "row {row}");
        }
    }
}
