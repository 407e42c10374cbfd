//! A stack as data: the registers that a walk starts from, and the program counters, innermost first.

use core::arch::asm;

/// What a program counter points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PcKind {
    /// At the instruction after a call. Debug information and unwind tables must be asked about the call itself, one
    /// byte earlier: the next instruction may belong to another line, or to another function if the call does not
    /// return.
    Return,
    /// At the instruction itself: the first frame of a fault, or one that a signal interrupted.
    Exact,
}

/// The most frames that a [`Frames`] holds and a walk records.
pub const MAX_DEPTH: usize = 256;

/// A program counter that knows what it points at.
///
/// Its top bit says so. No user-space address of x86_64 uses that bit (they have at most 57 bits, without the sign
/// bit).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Pc(usize);

const EXACT: usize = 1 << 63;

impl Pc {
    /// Makes a program counter of `address`, without its top bit, which no code address has.
    #[inline]
    pub const fn new(address: usize, kind: PcKind) -> Self {
        match kind {
            PcKind::Return => Self(address & !EXACT),
            PcKind::Exact => Self(address | EXACT),
        }
    }

    /// Returns the instruction pointer or the return address.
    #[inline]
    pub const fn address(self) -> usize {
        self.0 & !EXACT
    }

    /// Returns the address to look up in debug information: inside the call instruction, for a return address.
    #[inline]
    pub const fn lookup_address(self) -> usize {
        match self.kind() {
            PcKind::Return => self.address().saturating_sub(1),
            PcKind::Exact => self.address(),
        }
    }

    /// Returns what the address points at.
    #[inline]
    pub const fn kind(self) -> PcKind {
        if self.0 & EXACT == 0 { PcKind::Return } else { PcKind::Exact }
    }

    /// Whether this is the address after a call.
    #[inline]
    pub const fn is_return_address(self) -> bool {
        matches!(self.kind(), PcKind::Return)
    }

    /// Returns the bits that [`Pc::from_bits`] takes.
    #[inline]
    pub(super) const fn bits(self) -> usize {
        self.0
    }

    #[inline]
    pub(super) const fn from_bits(bits: usize) -> Self {
        Self(bits)
    }
}

/// The registers of one frame that a walk outward needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The program counter, of the kind that `kind` says.
    pub pc: usize,
    /// The stack pointer of the frame at `pc`.
    pub sp: usize,
    /// The rbp register, even if the frame does not use it as a frame pointer.
    pub bp: usize,
    /// What `pc` points at.
    pub kind: PcKind,
}

impl Caller {
    /// Returns the caller of a function, from the values of rsp and rbp on entry to it.
    ///
    /// For trampolines that have not moved the stack pointer yet: the return address is at `sp`, and the caller's own
    /// stack begins above it.
    ///
    /// # Safety
    ///
    /// `sp` must point to the return address of a live frame.
    #[inline(always)]
    pub unsafe fn from_entry(sp: usize, bp: usize) -> Self {
        // SAFETY: the caller promises that `sp` points to the return address of a live frame.
        let pc = unsafe { *(sp as *const usize) };
        Self { pc, sp: sp + 8, bp, kind: PcKind::Return }
    }

    /// Returns the code that a signal interrupted, from the context that its handler got.
    pub fn from_context(context: &libc::ucontext_t) -> Self {
        let register = |index: libc::c_int| context.uc_mcontext.gregs[index as usize] as usize;
        Self {
            pc: register(libc::REG_RIP),
            sp: register(libc::REG_RSP),
            bp: register(libc::REG_RBP),
            kind: PcKind::Exact,
        }
    }

    /// Returns the Rust function that this is inlined into, at this very place.
    #[inline(always)]
    pub fn here() -> Self {
        let (pc, sp, bp);
        // SAFETY: this reads three registers and nothing else.
        unsafe {
            asm!(
                "lea {pc}, [rip]",
                "mov {sp}, rsp",
                "mov {bp}, rbp",
                pc = out(reg) pc,
                sp = out(reg) sp,
                bp = out(reg) bp,
                options(nomem, nostack, preserves_flags),
            );
        }
        Self { pc, sp, bp, kind: PcKind::Exact }
    }
}

/// The program counters of a stack, innermost first.
#[derive(Clone)]
pub struct Frames {
    len: usize,
    of_another: bool,
    pcs: [Pc; MAX_DEPTH],
}

impl Frames {
    /// Returns a stack without frames.
    pub const fn new() -> Self {
        Self { len: 0, of_another: false, pcs: [Pc(0); MAX_DEPTH] }
    }

    /// Removes all frames.
    pub fn clear(&mut self) {
        self.len = 0;
        self.of_another = false;
    }

    /// Whether these are the frames of an earlier call from the same place, because the call itself was not walked. Its
    /// outer frames may have been others.
    pub fn are_of_another(&self) -> bool {
        self.of_another
    }

    /// Removes the first frame, which says that the others are of another call.
    pub(super) fn drop_stand_in(&mut self) {
        self.pcs.copy_within(1..self.len, 0);
        self.len -= 1;
        self.of_another = true;
    }

    /// Adds a frame outside the others. Returns false if there is no room for it.
    pub fn push(&mut self, pc: Pc) -> bool {
        let Some(slot) = self.pcs.get_mut(self.len) else {
            return false;
        };
        *slot = pc;
        self.len += 1;
        true
    }

    /// Keeps the innermost `len` frames.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Returns the frames, innermost first.
    pub fn as_slice(&self) -> &[Pc] {
        &self.pcs[..self.len]
    }

    /// Returns the number of frames.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no frame.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Default for Frames {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Frames {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

impl PartialEq for Frames {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Frames {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pc_keeps_its_kind() {
        let call = Pc::new(0x401000, PcKind::Return);
        let fault = Pc::new(0x401000, PcKind::Exact);
        assert_ne!(call, fault);
        assert_eq!((call.address(), call.lookup_address()), (0x401000, 0x400fff));
        assert_eq!((fault.address(), fault.lookup_address()), (0x401000, 0x401000));
        assert_eq!(Pc::from_bits(fault.bits()), fault);
    }

    #[test]
    fn frames_stop_at_capacity() {
        let mut frames = Frames::new();
        for address in 1..=MAX_DEPTH {
            assert!(frames.push(Pc::new(address, PcKind::Return)));
        }
        assert!(!frames.push(Pc::new(1, PcKind::Return)));
        assert_eq!(frames.len(), MAX_DEPTH);
    }
}
