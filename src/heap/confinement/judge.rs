//! Decides when threads are kept together, by what was counted: no clock, no thread, no kernel.
//!
//! While threads are apart, windows of time are measured. If several threads spend most of their time on revocations,
//! they are brought together for a trial. If the trial was better than the window before, they stay together. Now and then
//! they part for a fresh comparison. After a trial that was not better, the next one waits, longer each time.

const MILLISECOND: u64 = 1_000_000;

/// The lengths of windows.
const APART: u64 = 15 * MILLISECOND;
/// While threads find each other nothing is measured.
const GATHERING: u64 = 4 * MILLISECOND;
const TRIAL: u64 = 16 * MILLISECOND;
const TOGETHER: u64 = 50 * MILLISECOND;

/// How long threads stay together without a fresh comparison.
const MOST_TOGETHER: u64 = 2000 * MILLISECOND;

/// How long no trial is made after one that failed; doubled up to the most.
const LEAST_PAUSE: u64 = 300 * MILLISECOND;
const MOST_PAUSE: u64 = 9600 * MILLISECOND;

/// With fewer ended objects in a window nothing can be said, and little gained.
const FEW_ENDS: u64 = 100;

/// What was counted in a window.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// Objects that ended.
    pub ends: u64,
    /// What a revocation took on average, in nanoseconds of processor time.
    pub price: u64,
    /// Whether several threads spend most of their time on revocations.
    pub are_several: bool,
}

/// How fast a process works.
#[derive(Clone, Copy, Debug)]
struct Pace {
    ends: u64,
    /// Nanoseconds, by the clock and of all processors.
    wall: u64,
    cpu: u64,
}

impl Pace {
    /// Whether this pace is at least `faster` eighths of `other` by the clock, and takes at most `cheaper` eighths of
    /// its processor time.
    fn compares_to(self, other: Pace, faster: u128, cheaper: u128) -> bool {
        let [ends, wall, cpu] = [self.ends, self.wall, self.cpu].map(u128::from);
        let [other_ends, other_wall, other_cpu] =
            [other.ends, other.wall, other.cpu].map(u128::from);
        8 * ends * other_wall >= faster * other_ends * wall
            && 8 * cpu * other_ends <= cheaper * other_cpu * ends
    }

    /// Whether it is worth to be together.
    fn beats(self, apart: Pace) -> bool {
        self.compares_to(apart, 8, 6)
    }

    /// Whether it still is: other programs disturb the figures.
    fn still_beats(self, apart: Pace) -> bool {
        self.compares_to(apart, 6, 7)
    }
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Apart,
    /// Threads are being brought together. The pace is that from before.
    Gathering(Pace),
    Trial(Pace),
    /// `since`: when the trial ended.
    Together {
        before: Pace,
        since: u64,
    },
}

pub struct Judge {
    phase: Phase,
    /// The clock and the processor time when the window began; 0 before the first.
    start: u64,
    cpu: u64,
    /// What a revocation takes together; 0 before that was measured.
    price_together: u64,
    /// When the next trial may begin, and how long the pause is after one that fails.
    next_trial: u64,
    pause: u64,
}

impl Judge {
    pub const fn new() -> Judge {
        Judge {
            phase: Phase::Apart,
            start: 0,
            cpu: 0,
            price_together: 0,
            next_trial: 0,
            pause: LEAST_PAUSE,
        }
    }

    /// Whether threads run where they like.
    pub fn is_apart(&self) -> bool {
        matches!(self.phase, Phase::Apart)
    }

    /// Decides what to do after a window that ends `now`, when the process has used `cpu` of processor time. Returns
    /// the length of the next window.
    pub fn decide(&mut self, now: u64, cpu: u64, window: Window) -> u64 {
        let is_first = self.start == 0;
        let pace = Pace {
            ends: window.ends,
            wall: now.saturating_sub(self.start),
            cpu: cpu.saturating_sub(self.cpu),
        };
        (self.start, self.cpu) = (now, cpu);
        if !is_first {
            self.phase = self.next(now, pace, window);
        }
        match self.phase {
            Phase::Apart => APART,
            Phase::Gathering(_) => GATHERING,
            Phase::Trial(_) => TRIAL,
            Phase::Together { .. } => TOGETHER,
        }
    }

    fn next(&mut self, now: u64, pace: Pace, window: Window) -> Phase {
        let is_busy = window.ends >= FEW_ENDS;
        match self.phase {
            Phase::Apart => {
                // Threads that were together may go on so, if nobody moves them.
                let is_dear = 2 * window.price > 3 * self.price_together;
                if is_busy && window.are_several && is_dear && now >= self.next_trial {
                    Phase::Gathering(pace)
                } else {
                    Phase::Apart
                }
            }
            Phase::Gathering(before) => Phase::Trial(before),
            Phase::Trial(before) => {
                if is_busy {
                    self.price_together = window.price;
                }
                if is_busy && pace.beats(before) {
                    self.pause = LEAST_PAUSE;
                    Phase::Together { before, since: now }
                } else {
                    self.pause_trials(now)
                }
            }
            Phase::Together { before, since } => {
                if !is_busy || !pace.still_beats(before) {
                    self.pause_trials(now)
                } else if now.saturating_sub(since) >= MOST_TOGETHER {
                    Phase::Apart
                } else {
                    self.phase
                }
            }
        }
    }

    fn pause_trials(&mut self, now: u64) -> Phase {
        self.next_trial = now + self.pause;
        self.pause = MOST_PAUSE.min(2 * self.pause);
        Phase::Apart
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of two threads, and a machine of two processors.
    struct Program {
        /// What one object takes beside its revocation, and that on one processor and on two, in nanoseconds.
        beside: u64,
        price: [u64; 2],
        /// How much slower it gets on one processor, because one thread spins until the other is done.
        spins: u64,
    }

    impl Program {
        /// Runs it for `seconds`. Returns the share of the time, in percent, in which its threads were together.
        fn run(&self, judge: &mut Judge, start: u64, seconds: u64) -> u64 {
            let (mut now, mut cpu, mut together) = (start, start, 0);
            let mut length = judge.decide(now, cpu, Window::default());
            while now < start + seconds * 1000 * MILLISECOND {
                let is_apart = judge.is_apart();
                let processors = if is_apart { 2 } else { 1 };
                let price = self.price[processors as usize - 1];
                let spins = if is_apart { 1 } else { self.spins };
                now += length;
                cpu += processors * length;
                together += if is_apart { 0 } else { length };
                let ends = processors * length / (self.beside + price) / spins;
                let worth = if is_apart { price } else { self.price[1] };
                let are_several = self.beside <= worth;
                length = judge.decide(now, cpu, Window { ends, price, are_several });
            }
            100 * together / (now - start)
        }
    }

    const ALLOCATES: Program = Program { beside: 500, price: [1500, 7000], spins: 1 };

    #[test]
    fn threads_that_wait_for_each_other_are_kept_together() {
        let share = ALLOCATES.run(&mut Judge::new(), 1, 10);
        assert!((90..100).contains(&share), "{share} %");
    }

    #[test]
    fn threads_that_compute_keep_their_processors() {
        let computes = Program { beside: 50_000, ..ALLOCATES };
        assert_eq!(computes.run(&mut Judge::new(), 1, 10), 0);
    }

    #[test]
    fn a_trial_that_does_not_pay_is_repeated_ever_more_rarely() {
        // It would take a third less processor time, but more time.
        let balanced = Program { beside: 7000, ..ALLOCATES };
        let share = balanced.run(&mut Judge::new(), 1, 20);
        assert!(share <= 1, "{share} %");
        let spins = Program { spins: 10, ..ALLOCATES };
        let share = spins.run(&mut Judge::new(), 1, 20);
        assert!(share <= 1, "{share} %");
    }

    #[test]
    fn revocations_as_cheap_as_alone_need_no_second_trial() {
        let quiet = Program { price: [1500, 1500], ..ALLOCATES };
        let mut judge = Judge::new();
        quiet.run(&mut judge, 1, 1);
        assert_eq!(quiet.run(&mut judge, 1_000_000_000_000, 10), 0);
    }

    #[test]
    fn threads_are_let_go_when_they_begin_to_compute_and_when_they_stop() {
        let second = 1000 * MILLISECOND;
        let mut judge = Judge::new();
        ALLOCATES.run(&mut judge, 1, 1);
        assert!(!judge.is_apart());
        let computes = Program { beside: 50_000, ..ALLOCATES };
        let share = computes.run(&mut judge, 10 * second, 10);
        assert!(share <= 1, "{share} %");
        ALLOCATES.run(&mut judge, 30 * second, 1);
        assert!(!judge.is_apart());
        judge.decide(40 * second, 40 * second, Window::default());
        assert!(judge.is_apart());
    }
}
