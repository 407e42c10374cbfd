//! Data of one thread: values in thread-local storage, and words that its signal handlers may
//! change too.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

/// Defines a thread-local value that is all zeros at first and is never dropped. It can be used before
/// main, in signal handlers, and in thread exit.
///
/// `thread_local!` in a shared library calls `__tls_get_addr` at every access; each malloc and free
/// would do so ten times. These values lie in static thread-local storage (the initial-exec model of
/// "ELF Handling For Thread-Local Storage", 4.3.6): two instructions, no call. Only libraries loaded at
/// the start can use that storage, and it is small: beside a library of LD_AUDIT, ours must fit into
/// the rest of 512 bytes (glibc.rtld.optional_static_tls). `tests/address_space.rs` checks this.
///
/// `unsafe` promises that the type is valid when all its bytes are zero, and has no drop glue.
macro_rules! per_thread {
    ($(#[$attribute:meta])* unsafe static $name:ident: $type:ty, $symbol:literal) => {
        core::arch::global_asm!(
            concat!(".pushsection .tbss.", $symbol, ", \"awT\", @nobits"),
            concat!(".globl ", $symbol),
            concat!(".hidden ", $symbol),
            concat!(".type ", $symbol, ", @object"),
            concat!(".size ", $symbol, ", {bytes}"),
            ".balign {align}",
            concat!($symbol, ":"),
            ".zero {bytes}",
            ".popsection",
            bytes = const size_of::<$type>(),
            align = const align_of::<$type>(),
        );

        $(#[$attribute])*
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        struct $name;

        impl $name {
            /// Gives `f` the calling thread's value.
            #[inline(always)]
            fn with<R>(self, f: impl FnOnce(&$type) -> R) -> R {
                let value: *const $type;
                // SAFETY: the first word of a thread's control block is its own address (System V
                // ABI for x86-64, TLS variant II), to which the linker's offset of the symbol is
                // added. Neither changes while the thread runs. The symbol is as large and as
                // aligned as the type, which zeros are valid for, and only this thread gets it.
                unsafe {
                    core::arch::asm!(
                        "mov {value}, qword ptr fs:[0]",
                        concat!("add {value}, qword ptr [rip + ", $symbol, "@GOTTPOFF]"),
                        value = out(reg) value,
                        options(pure, nomem, nostack),
                    );
                    f(&*value)
                }
            }
        }
    };
}
pub(crate) use per_thread;

/// Returns the address of the calling thread's control block, whose first word is that address (System V ABI for x86-64,
/// TLS variant II).
pub fn control_block() -> usize {
    let address: usize;
    // SAFETY: the word is there as long as the thread runs.
    unsafe {
        asm!("mov {address}, qword ptr fs:[0]", address = out(reg) address,
            options(pure, readonly, nostack));
    }
    address
}

/// A word that only one thread and the signal handlers that interrupt it may change. Every change is
/// one instruction, which no signal can split. It has no lock prefix, which would wait for all earlier
/// stores. Other threads may read the word.
#[derive(Default)]
#[repr(transparent)]
pub struct OwnWord(AtomicU64);

impl OwnWord {
    pub const fn new(value: u64) -> OwnWord {
        OwnWord(AtomicU64::new(value))
    }

    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds, wrapping.
    #[inline]
    pub fn add(&self, value: u64) {
        // SAFETY: the instruction writes this word only; no lock is needed because no other thread changes it.
        unsafe {
            asm!("add qword ptr [{word}], {value}", word = in(reg) self.0.as_ptr(),
                value = in(reg) value, options(nostack));
        }
    }

    /// Replaces `old` by `new`. `Err` with the value that is there instead, which stays.
    #[inline]
    pub fn exchange(&self, old: u64, new: u64) -> Result<(), u64> {
        let found: u64;
        // SAFETY: the instruction writes this word only; no lock is needed because no other thread changes it.
        unsafe {
            asm!("cmpxchg qword ptr [{word}], {new}", word = in(reg) self.0.as_ptr(),
                new = in(reg) new, inlateout("rax") old => found, options(nostack));
        }
        if found == old { Ok(()) } else { Err(found) }
    }

    /// Replaces the value, and returns the old one. (Not by `xchg`, which always locks.)
    #[inline]
    pub fn swap(&self, new: u64) -> u64 {
        let mut old = self.get();
        loop {
            match self.exchange(old, new) {
                Ok(()) => return old,
                Err(found) => old = found,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    per_thread! {
        unsafe static NUMBER: [Cell<u64>; 3], "fencepost_test_number"
    }

    #[test]
    fn threads_have_values_of_their_own() {
        let take = || NUMBER.with(|words| words[2].replace(words[2].get() + 1));
        assert_eq!((take(), take()), (0, 1));
        assert_eq!(std::thread::spawn(take).join().unwrap(), 0);
        assert_eq!(take(), 2);
    }

    #[test]
    fn a_word_adds_and_exchanges() {
        let word = OwnWord::new(5);
        word.add(2);
        word.add(1u64.wrapping_neg());
        assert_eq!(word.exchange(5, 9), Err(6));
        assert_eq!((word.exchange(6, 9), word.get()), (Ok(()), 9));
    }
}
