//! How much memory guarding may take, given the machine and the memory control groups of the process.
//!
//! A group kills when its limit is reached, and memory taken for guarding can't be taken back. So in a group guarding
//! takes a small share, and ends before the program needs the rest. The program may set a limit or move to a group at
//! any time, so the group is looked at again when much more or less memory is held.

use crate::sys::control_group::{self, Standing};
use core::sync::atomic::{AtomicUsize, Ordering};

/// Guarded objects may hold this part of a group's limit, and what is kept of other objects as much again.
const GROUP_PARTS: usize = 8;

/// If less than this part of a group's limit is left, nothing more is guarded; with half of it nothing more is kept.
const ENDING_PARTS: usize = 4;

/// How many bytes more or less must be held before the next look: this part of what is left, within bounds.
const STEP_PARTS: usize = 16;
const LEAST_STEP_BYTES: usize = 256 << 10;
const MOST_STEP_BYTES: usize = 8 << 20;

/// While nothing may be guarded, there is a look after so many refusals.
const REFUSALS: usize = 4096;

/// How many bytes may be held if nothing is known of a group.
#[derive(Clone, Copy, Debug)]
pub struct Shares {
    /// By guarded objects.
    pub guarded: usize,
    /// For other objects: their canaries, and a row of the table.
    pub kept: usize,
    /// Whether `guarded` may be reduced in a group, as the user did not ask for so much.
    pub is_default: bool,
}

#[cfg(test)]
impl Shares {
    /// Returns the shares of a user who asks for `guarded` bytes.
    pub fn of_user(guarded: usize) -> Shares {
        Shares { guarded, kept: usize::MAX, is_default: false }
    }
}

/// How many bytes guarding may still take.
pub struct Headroom {
    shares: Shares,
    guarded: AtomicUsize,
    most_kept: AtomicUsize,
    /// How many bytes are kept for other objects now.
    kept: AtomicUsize,
    /// How many bytes were held at the last look, and by how much that may change before the next.
    seen: AtomicUsize,
    step: AtomicUsize,
    refusals: AtomicUsize,
}

impl Headroom {
    pub fn new(shares: Shares) -> Headroom {
        Headroom {
            shares,
            guarded: AtomicUsize::new(shares.guarded),
            most_kept: AtomicUsize::new(shares.kept),
            kept: AtomicUsize::new(0),
            seen: AtomicUsize::new(0),
            step: AtomicUsize::new(0),
            refusals: AtomicUsize::new(0),
        }
    }

    /// Returns how many bytes guarded objects may hold.
    pub fn guarded_bytes(&self) -> usize {
        self.guarded.load(Ordering::Relaxed)
    }

    /// Looks at the groups if `held` is much more or less than at the last look.
    #[inline]
    pub fn watch(&self, held: usize) {
        let seen = self.seen.load(Ordering::Relaxed);
        let step = self.step.load(Ordering::Relaxed);
        if held.abs_diff(seen) >= step
            // Only one of several threads looks.
            && self.seen.compare_exchange(seen, held, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            self.look();
        }
    }

    /// Notes that an object is not guarded for lack of memory.
    pub fn note_refusal(&self) {
        if self.refusals.fetch_add(1, Ordering::Relaxed) % REFUSALS == REFUSALS - 1 {
            self.look();
        }
    }

    #[cold]
    #[inline(never)]
    fn look(&self) {
        // If nothing can be read, everything stays as it was.
        if let Ok(standing) = control_group::standing() {
            self.follow(standing);
        } else if self.step.load(Ordering::Relaxed) == 0 {
            self.step.store(MOST_STEP_BYTES, Ordering::Relaxed);
        }
    }

    fn follow(&self, standing: Option<Standing>) {
        let Shares { mut guarded, mut kept, is_default } = self.shares;
        let mut step = MOST_STEP_BYTES;
        if let Some(Standing { limit, left }) = standing {
            kept = kept.min(limit / GROUP_PARTS);
            if is_default {
                guarded = guarded.min(limit / GROUP_PARTS);
            }
            if left < limit / ENDING_PARTS {
                guarded = 0;
            }
            if left < limit / ENDING_PARTS / 2 {
                kept = 0;
            }
            step = (left / STEP_PARTS).clamp(LEAST_STEP_BYTES, MOST_STEP_BYTES);
        }
        self.guarded.store(guarded, Ordering::Relaxed);
        self.most_kept.store(kept, Ordering::Relaxed);
        self.step.store(step, Ordering::Relaxed);
    }

    /// Takes `bytes` to keep something of an object that is not guarded. Returns false if that is too much.
    pub fn keep(&self, bytes: usize) -> bool {
        let fits = self.kept.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes)
            <= self.most_kept.load(Ordering::Relaxed);
        if !fits {
            self.keep_no_more(bytes);
        }
        fits
    }

    /// Gives back what [`Headroom::keep`] took.
    pub fn keep_no_more(&self, bytes: usize) {
        self.kept.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: Shares = Shares { guarded: 5000 << 20, kept: 1000 << 20, is_default: true };

    fn followed(shares: Shares, standing: Option<(usize, usize)>) -> [usize; 3] {
        let headroom = Headroom::new(shares);
        headroom.follow(
            standing.map(|(limit, left)| Standing { limit: limit << 20, left: left << 20 }),
        );
        let Headroom { guarded, most_kept, step, .. } = &headroom;
        [guarded, most_kept, step].map(|value| value.load(Ordering::Relaxed) >> 10)
    }

    #[test]
    fn a_group_leaves_a_small_share_until_little_is_left() {
        assert_eq!(followed(SHARES, None), [5000 << 10, 1000 << 10, 8 << 10]);
        assert_eq!(followed(SHARES, Some((800, 700))), [100 << 10, 100 << 10, 8 << 10]);
        assert_eq!(followed(SHARES, Some((800, 200))), [100 << 10, 100 << 10, 8 << 10]);
        assert_eq!(followed(SHARES, Some((800, 160))), [0, 100 << 10, 8 << 10]);
        assert_eq!(followed(SHARES, Some((800, 64))), [0, 0, 4 << 10]);
        assert_eq!(followed(SHARES, Some((800, 0))), [0, 0, 256]);
        // A group with more than the machine has changes nothing.
        let most = 1 << 40;
        assert_eq!(followed(SHARES, Some((most, most))), followed(SHARES, None));
    }

    #[test]
    fn what_the_user_asks_for_is_given_until_little_is_left() {
        let shares = Shares { guarded: 300 << 20, is_default: false, ..SHARES };
        assert_eq!(followed(shares, Some((800, 700)))[0], 300 << 10);
        assert_eq!(followed(shares, Some((800, 160)))[0], 0);
    }

    #[test]
    fn looks_when_much_has_changed() {
        let headroom = Headroom::new(SHARES);
        let seen = |held| {
            headroom.watch(held);
            headroom.seen.load(Ordering::Relaxed)
        };
        assert_eq!(seen(1000), 1000);
        headroom.step.store(4096, Ordering::Relaxed);
        assert_eq!((seen(5000), seen(5096)), (1000, 5096));
        headroom.step.store(4096, Ordering::Relaxed);
        assert_eq!((seen(2000), seen(1000)), (5096, 1000));
    }

    #[test]
    fn what_is_no_longer_kept_can_be_kept_again() {
        let headroom = Headroom::new(Shares { kept: 100, ..SHARES });
        assert!(headroom.keep(60) && !headroom.keep(60) && headroom.keep(40));
        headroom.keep_no_more(60);
        assert!(headroom.keep(60) && !headroom.keep(1));
    }
}
