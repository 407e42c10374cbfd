//! Which processors threads may run on, and how a thread gets to another one.
//!
//! A thread is brought to a processor by narrowing its mask to that one; then it gets its own mask back at once. So
//! whoever asks for a mask, forks, executes or starts a thread meets the program's own masks. Only another thread could
//! meet a narrow one: its question waits ([`ask`]).

use super::sandbox::Need;
use super::signal::{self, KernelSet};
use super::{Errno, process, sandbox, syscall};
use core::arch::asm;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Bytes of a mask: 2048 processors. On a larger machine the kernel refuses to fill it, and no thread is brought.
const MASK_BYTES: usize = 256;

/// Bit `n` stands for processor `n`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mask([u64; MASK_BYTES / 8]);

impl Mask {
    const ALL: Mask = Mask([u64::MAX; MASK_BYTES / 8]);

    fn of(processor: u32) -> Option<Mask> {
        let mut mask = Mask([0; MASK_BYTES / 8]);
        *mask.0.get_mut(processor as usize / 64)? = 1 << (processor % 64);
        Some(mask)
    }

    /// The next processor behind `processor`, or from the first one on.
    fn next_after(&self, processor: u32) -> Option<u32> {
        let most = 8 * MASK_BYTES as u32;
        let rising = (processor.saturating_add(1)..most).chain(0..processor.min(most));
        rising.into_iter().find(|&other| self.contains(other))
    }

    fn contains(&self, processor: u32) -> bool {
        self.0.get(processor as usize / 64).is_some_and(|word| word >> (processor % 64) & 1 != 0)
    }

    /// The calling thread's.
    fn read() -> Result<Mask, Errno> {
        let mut mask = Mask([0; MASK_BYTES / 8]);
        let args = [0, MASK_BYTES, mask.0.as_mut_ptr() as usize, 0, 0, 0];
        // SAFETY: the kernel writes at most that many bytes.
        unsafe { syscall(libc::SYS_sched_getaffinity, args) }.map(|_| mask)
    }

    /// Makes it the calling thread's.
    fn apply(&self) -> Result<(), Errno> {
        let args = [0, MASK_BYTES, self.0.as_ptr() as usize, 0, 0, 0];
        // SAFETY: the kernel reads that many bytes.
        unsafe { syscall(libc::SYS_sched_setaffinity, args) }.map(drop)
    }
}

/// The number of the processor on which the thread runs, or just ran. `None` where the kernel does not show it.
#[inline]
pub fn processor() -> Option<u32> {
    /// The segment whose limit holds the number in its lower 12 bits, for the vDSO's getcpu(2).
    const SELECTOR: u32 = 0x7b;
    let (limit, is_there): (u32, u8);
    // SAFETY: the instruction reads the limit of a segment. If there is none, it only says so in the zero flag.
    unsafe {
        asm!("lsl {limit:e}, {selector:e}", "setz {is_there}", selector = in(reg) SELECTOR,
            limit = out(reg) limit, is_there = out(reg_byte) is_there, options(nomem, nostack));
    }
    (is_there != 0).then_some(limit & 0xfff)
}

/// Whether a thread is being brought to a processor: its mask may be a narrow one.
static IS_BRINGING: AtomicBool = AtomicBool::new(false);
/// How many calls under [`ask`] are under way.
static ASKING: AtomicU32 = AtomicU32::new(0);

/// What became of the attempt to bring a thread to a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brought {
    /// It runs there.
    Yes,
    /// It runs where it was: another thread is being brought, or somebody asks for masks.
    NotNow,
    /// It must not run there: its mask, its scheduling policy, or the kernel forbids it.
    Never,
}

/// Brings the calling thread to a processor. It may leave again at any time. Signals wait meanwhile, so that no handler
/// meets the narrow mask.
pub fn bring(processor: u32) -> Brought {
    while_nobody_asks(|own| bring_alone(own, processor))
}

/// Brings the calling thread to any processor but this one. Signals wait as in [`bring`].
pub fn leave(processor: u32) -> Brought {
    while_nobody_asks(|own| {
        own.next_after(processor).map_or(Brought::Never, |other| bring_alone(own, other))
    })
}

/// Passes the thread's mask to `bring`, while no other thread is being brought and nobody asks for masks.
fn while_nobody_asks(bring: impl FnOnce(&Mask) -> Brought) -> Brought {
    if IS_BRINGING.load(Ordering::Relaxed) {
        return Brought::NotNow;
    }
    if !sandbox::allows(Need::SignalMask) {
        return Brought::Never;
    }
    let signals = signal::change_mask(libc::SIG_BLOCK, KernelSet::MAX);
    // Sequentially consistent, as in `ask`: each side notes itself before it looks for the other.
    let brought = if IS_BRINGING.swap(true, Ordering::SeqCst) {
        Brought::NotNow
    } else {
        let brought = match ASKING.load(Ordering::SeqCst) {
            0 => Mask::read().map_or(Brought::Never, |own| bring(&own)),
            _ => Brought::NotNow,
        };
        IS_BRINGING.store(false, Ordering::SeqCst);
        brought
    };
    signal::change_mask(libc::SIG_SETMASK, signals);
    brought
}

fn bring_alone(own: &Mask, processor: u32) -> Brought {
    let Some(narrow) = Mask::of(processor) else { return Brought::Never };
    if !own.contains(processor) || !has_usual_policy() || narrow.apply().is_err() {
        return Brought::Never;
    }
    // A thread whose mask was never set follows changes of its group of processors (cpuset(7)). So does one whose mask is
    // as wide as can be.
    let widened = Mask::ALL.apply();
    if widened.is_err() || Mask::read() != Ok(*own) {
        let _ = own.apply();
    }
    Brought::Yes
}

/// Whether the calling thread has no real-time policy, under which it would wait, or keep others waiting.
fn has_usual_policy() -> bool {
    // SAFETY: the call touches no memory.
    let policy = unsafe { syscall(libc::SYS_sched_getscheduler, [0; 6]) };
    policy.is_ok_and(|policy| {
        let policy = policy as i32 & !libc::SCHED_RESET_ON_FORK;
        [libc::SCHED_OTHER, libc::SCHED_BATCH, libc::SCHED_IDLE].contains(&policy)
    })
}

/// Makes a call that reads or sets masks of threads, or may forbid that, while no thread is being brought anywhere.
pub fn ask<R>(call: impl FnOnce() -> R) -> R {
    /// A second; whoever is brought has to wait for the processor.
    const ROUNDS: usize = 20_000;
    ASKING.fetch_add(1, Ordering::SeqCst);
    for _ in 0..ROUNDS {
        if !IS_BRINGING.load(Ordering::SeqCst) {
            break;
        }
        process::nap();
    }
    let result = call();
    ASKING.fetch_sub(1, Ordering::SeqCst);
    result
}

/// In the child of a fork, which has only the calling thread.
pub fn after_fork_in_child() {
    IS_BRINGING.store(false, Ordering::SeqCst);
    ASKING.store(0, Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_the_processors_that_were_put_in() {
        let mask = Mask::of(70).unwrap();
        assert!(mask.contains(70));
        assert!(!mask.contains(6) && !mask.contains(71) && !mask.contains(1 << 20));
        assert_eq!([0, 69, 71, u32::MAX].map(|from| mask.next_after(from)), [Some(70); 4]);
        assert_eq!(mask.next_after(70), None);
        assert!(Mask::of(8 * MASK_BYTES as u32).is_none());
    }

    // One test, as both count the calls under `ask` of the whole process.
    #[test]
    fn a_thread_is_brought_to_its_processors_unless_masks_are_asked_for() {
        let own = Mask::read().unwrap();
        for processor in (0..2048).filter(|&processor| own.contains(processor)) {
            assert_eq!(bring(processor), Brought::Yes);
            assert!(Mask::read() == Ok(own));
        }
        let here = processor().unwrap();
        assert!(own.contains(here));
        assert_eq!(ask(|| bring(here)), Brought::NotNow);
        let others = own.next_after(here);
        assert_eq!(leave(here), others.map_or(Brought::Never, |_| Brought::Yes));
        let missing = (0..2048).find(|&processor| !own.contains(processor)).unwrap();
        assert_eq!(bring(missing), Brought::Never);
        assert!(Mask::read() == Ok(own));
    }
}
