//! How much writable memory the pool may still commit.

use core::sync::atomic::{AtomicIsize, Ordering};

/// The bytes that the pool may still commit; every slot in service counts, with its guard. A limit on writable memory
/// (RLIMIT_DATA, strict overcommit) is for the program, which must find memory as it would without us.
pub struct Room {
    bytes: AtomicIsize,
}

impl Room {
    pub const fn new(bytes: usize) -> Room {
        Room {
            bytes: AtomicIsize::new(if bytes > isize::MAX as usize {
                isize::MAX
            } else {
                bytes as isize
            }),
        }
    }

    /// Takes `bytes`. Returns false if there are fewer.
    pub fn take(&self, bytes: usize) -> bool {
        let fits = self.bytes.fetch_sub(bytes as isize, Ordering::Relaxed) >= bytes as isize;
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    pub fn give_back(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as isize, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_runs_out() {
        let room = Room::new(10);
        assert!(room.take(7) && !room.take(4) && room.take(3) && !room.take(1));
        room.give_back(1);
        assert!(room.take(1));
        assert!(Room::new(usize::MAX).take(1 << 60));
    }
}
