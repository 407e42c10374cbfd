//! Waiting for another thread that may never come: by the clock, as on a loaded machine every turn that is given away
//! costs milliseconds.

use super::process;

/// Turns in which the clock has not to be right.
const MOST_TURNS: u32 = 4000;

/// One wait, see [`Patience::is_left`].
pub struct Patience {
    turns: u32,
    end_nanoseconds: u64,
}

impl Patience {
    pub fn new(milliseconds: u64) -> Patience {
        let now = process::clock_nanoseconds();
        Patience { turns: 0, end_nanoseconds: now + milliseconds * 1_000_000 }
    }

    /// Gives the processor away for a while. False when there has been time enough.
    pub fn is_left(&mut self) -> bool {
        self.turns += 1;
        if self.turns > MOST_TURNS || process::clock_nanoseconds() > self.end_nanoseconds {
            return false;
        }
        // A real-time thread yields to its equals only.
        if self.turns.is_multiple_of(64) {
            process::nap()
        } else {
            process::yield_now()
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_and_not_at_once() {
        let mut patience = Patience::new(20);
        let turns = core::iter::repeat_with(|| patience.is_left()).take_while(|left| *left).count();
        assert!(turns >= 1 && turns <= MOST_TURNS as usize, "{turns}");
        assert!(!patience.is_left());
    }
}
