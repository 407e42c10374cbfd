//! How to get from a frame to its caller, as one word, and a cache of such words.
//!
//! A rule depends on the program counter only, so one cache serves all threads: a pc is looked up in the unwind tables
//! once per process, not once per thread. The cache is direct-mapped and lock-free. An entry's two words are stored
//! separately, and an entry torn by two writers must not pair one pc with another's rule. So the first word is the pc
//! xor the rule, and a torn entry fits no pc.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::modules::Module;

/// How to unwind one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The outermost frame.
    End,
    /// No unwind table covers the pc: this is code compiled at run time, assembly, or a wild jump.
    Unknown,
    /// The kernel's ucontext is at sp: the pc is a signal handler's return address.
    Signal,
    /// `cfa = base + cfa_offset`, or the value stored there if `deref`; `(pc, sp, bp) = (*(cfa - 8), cfa, saved_bp)`.
    Frame {
        /// The register that the CFA is relative to.
        base: Base,
        /// In bytes.
        cfa_offset: i32,
        /// Whether the CFA itself was saved on the stack, as gcc does for over-aligned locals.
        deref: bool,
        /// Where the caller's rbp is.
        saved_bp: SavedBp,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Sp,
    Bp,
}

/// Where a frame has saved rbp. Offsets are in bytes, within [`SavedBp::fits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SavedBp {
    /// It is still in the register.
    Unchanged,
    FromCfa(i32),
    FromBp(i32),
}

impl SavedBp {
    /// Returns the offset if it fits a packed rule.
    pub(super) fn fits(offset: i64) -> Option<i32> {
        (-(1 << 23)..1 << 23).contains(&offset).then_some(offset as i32)
    }
}

// A packed rule has the kind in bits 0..3, the base in 3, deref in 4, rbp's place in 5..7 and its offset in 8..32, and
// the CFA's offset in 32..64. It is never zero, so an empty cache entry fits no pc but 0.
const END: u64 = 1;
const UNKNOWN: u64 = 2;
const SIGNAL: u64 = 3;
const FRAME: u64 = 4;

impl Rule {
    #[inline]
    fn pack(self) -> u64 {
        match self {
            Self::End => END,
            Self::Unknown => UNKNOWN,
            Self::Signal => SIGNAL,
            Self::Frame { base, cfa_offset, deref, saved_bp } => {
                let (kind, offset) = match saved_bp {
                    SavedBp::Unchanged => (0, 0),
                    SavedBp::FromCfa(offset) => (1, offset),
                    SavedBp::FromBp(offset) => (2, offset),
                };
                let base = u64::from(base == Base::Bp);
                let offset = u64::from(offset as u32 & 0xff_ffff);
                FRAME
                    | base << 3
                    | u64::from(deref) << 4
                    | kind << 5
                    | offset << 8
                    | u64::from(cfa_offset as u32) << 32
            }
        }
    }

    #[inline]
    fn unpack(word: u64) -> Self {
        // Nearly every rule is of this kind. It is tested first, so that the processor predicts the branches of a walk.
        if word & 7 == FRAME {
            // The shift extends the sign of the offset's 24 bits.
            let offset = (word as u32) as i32 >> 8;
            return Self::Frame {
                base: if word >> 3 & 1 == 0 { Base::Sp } else { Base::Bp },
                cfa_offset: (word >> 32) as i32,
                deref: word >> 4 & 1 != 0,
                saved_bp: match word >> 5 & 3 {
                    0 => SavedBp::Unchanged,
                    1 => SavedBp::FromCfa(offset),
                    _ => SavedBp::FromBp(offset),
                },
            };
        }
        match word & 7 {
            END => Self::End,
            SIGNAL => Self::Signal,
            _ => Self::Unknown,
        }
    }
}

/// The cache has 512 KiB of zeros, of which a program touches what it uses.
const ENTRIES: usize = 1 << 15;

struct CachedRule {
    /// The lookup address xor `rule`.
    key: AtomicU64,
    /// The packed rule; 0 if the entry is empty.
    rule: AtomicU64,
}

static CACHE: [CachedRule; ENTRIES] =
    [const { CachedRule { key: AtomicU64::new(0), rule: AtomicU64::new(0) } }; ENTRIES];

#[inline]
fn entry(lookup: usize) -> &'static CachedRule {
    &CACHE[(lookup ^ lookup >> 15) % ENTRIES]
}

/// Returns the cached rule for the frame whose lookup address is `lookup`.
#[inline]
pub(super) fn find(lookup: usize) -> Option<Rule> {
    let entry = entry(lookup);
    let rule = entry.rule.load(Ordering::Relaxed);
    let key = entry.key.load(Ordering::Relaxed);
    (rule != 0 && key ^ rule == lookup as u64).then(|| Rule::unpack(rule))
}

/// The bounds of the addresses outside all modules for which a rule was cached.
static LOWEST_STRAY: AtomicUsize = AtomicUsize::new(usize::MAX);
static HIGHEST_STRAY: AtomicUsize = AtomicUsize::new(0);

/// Caches a rule for code that is in no known module.
pub(super) fn remember_stray(lookup: usize, rule: Rule) {
    LOWEST_STRAY.fetch_min(lookup, Ordering::Relaxed);
    HIGHEST_STRAY.fetch_max(lookup, Ordering::Relaxed);
    remember(lookup, rule);
}

/// Whether rules may be cached for addresses in the module's range from before it was loaded.
pub(super) fn has_strays(module: &Module) -> bool {
    LOWEST_STRAY.load(Ordering::Relaxed) < module.end
        && module.start <= HIGHEST_STRAY.load(Ordering::Relaxed)
}

/// Caches a rule, and replaces the one that shared its entry.
pub(super) fn remember(lookup: usize, rule: Rule) {
    let entry = entry(lookup);
    let rule = rule.pack();
    entry.key.store(lookup as u64 ^ rule, Ordering::Relaxed);
    entry.rule.store(rule, Ordering::Relaxed);
}

/// Drops the rules for addresses in the module's range, where other code is now.
pub(super) fn forget(module: &Module) {
    for entry in &CACHE {
        let lookup = entry.key.load(Ordering::Relaxed) ^ entry.rule.load(Ordering::Relaxed);
        if module.contains(lookup as usize) {
            entry.rule.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_survive_packing() {
        let frame =
            |base, cfa_offset, deref, saved_bp| Rule::Frame { base, cfa_offset, deref, saved_bp };
        let rules = [
            Rule::End,
            Rule::Unknown,
            Rule::Signal,
            frame(Base::Sp, 8, false, SavedBp::Unchanged),
            frame(Base::Bp, 16, false, SavedBp::FromCfa(-16)),
            frame(Base::Bp, -8, true, SavedBp::FromBp(0)),
            frame(Base::Sp, i32::MAX, false, SavedBp::FromCfa(-(1 << 23))),
            frame(Base::Sp, i32::MIN, true, SavedBp::FromBp((1 << 23) - 1)),
        ];
        for rule in rules {
            assert_ne!(rule.pack(), 0);
            assert_eq!(Rule::unpack(rule.pack()), rule);
        }
    }

    #[test]
    fn a_torn_entry_fits_no_pc() {
        // These are not addresses of code, so no other test's walk uses the same entries with them.
        let (mine, other) = (0x7000_0000_1234, 0x7000_0000_1234 ^ (1 << 40));
        remember(mine, Rule::End);
        assert_eq!(find(mine), Some(Rule::End));
        assert_eq!(find(other), None);
        entry(mine).rule.store(Rule::Signal.pack(), Ordering::Relaxed);
        assert_eq!(find(mine), None);
        assert_eq!(find(0), None);
    }
}
