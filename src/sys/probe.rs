//! Loads from addresses that may be unreadable, and stores to addresses that may not be writable.
//!
//! This works like the kernel's exception tables: each probe is one instruction at a known address,
//! and the fault handler asks [`recovery`] whether the faulting instruction is one of them and
//! where to go on. A load that succeeds costs a call and nothing else: no system call, and no
//! state that a signal could find half-changed.
//!
//! Once the SIGSEGV and SIGBUS handlers call [`recovery`], any address may be probed. Before that,
//! a load that fails ends the process; so does one while the signal is blocked. So a handler that
//! probes needs SA_NODEFER, or must unblock both signals first.

use super::PAGE_BYTES;
use core::arch::naked_asm;

/// The result of a probe, in rax and rdx (where the System V ABI returns a pair of eightbytes).
#[repr(C)]
struct Loaded {
    value: usize,
    readable: usize,
}

/// Loads the eight bytes at `addr`, aligned or not; `None` when any of them is unreadable.
#[inline]
pub fn load(addr: usize) -> Option<usize> {
    // SAFETY: the function touches no memory but the probed bytes. A fault on them resumes at
    // `load_failed`, which returns to us with the stack as the call left it.
    let loaded = unsafe { load_word(addr) };
    (loaded.readable != 0).then_some(loaded.value)
}

/// Loads the byte at `addr`; `None` when it is unreadable.
#[inline]
pub fn load_byte(addr: usize) -> Option<u8> {
    // SAFETY: the function touches only the probed byte, and a fault resumes at `load_failed`, which returns to us.
    let loaded = unsafe { load_one(addr) };
    (loaded.readable != 0).then_some(loaded.value as u8)
}

/// A word of memory, and the value that it is expected to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Expected {
    /// Address of the word.
    pub slot: usize,
    /// The expected value.
    pub value: usize,
}

/// Counts how many words in a row, from `first` on, are readable and as expected.
///
/// Each next [`Expected`] lies `stride_bytes` further on (back, if negative). This is the inner loop of
/// stack validation: about a nanosecond a word.
///
/// # Safety
///
/// There must be `count` valid values at that distance. Their slots may be any addresses.
#[inline]
pub unsafe fn count_matching(first: *const Expected, stride_bytes: isize, count: usize) -> usize {
    if count == 0 {
        return 0;
    }
    // SAFETY: the caller promises `count` valid values. A load from a slot may fault, which resumes
    // at `match_ended`, where a mismatch leads too.
    unsafe { match_words(first, stride_bytes, count) }
}

/// Copies bytes from `addr` on, up to the first unreadable one, into `bytes`; returns how many.
pub fn copy(addr: usize, bytes: &mut [u8]) -> usize {
    for (offset, byte) in bytes.iter_mut().enumerate() {
        match load_byte(addr.wrapping_add(offset)) {
            Some(value) => *byte = value,
            None => return offset,
        }
    }
    bytes.len()
}

/// Whether all of the `bytes` bytes from `addr` on can be read; at least one is looked at.
pub fn can_read(addr: usize, bytes: usize) -> bool {
    let Some(last) = addr.checked_add(bytes.saturating_sub(1)) else { return false };
    let pages = (addr | (PAGE_BYTES - 1)).saturating_add(1)..=last;
    core::iter::once(addr)
        .chain(pages.step_by(PAGE_BYTES))
        .all(|address| load_byte(address).is_some())
}

/// Whether the `words` eight-byte words from `addr` on all hold `value`. Only words before the first
/// unreadable one count.
#[inline]
pub fn are_all(addr: usize, words: usize, value: usize) -> bool {
    if words == 0 {
        return true;
    }
    // SAFETY: the function touches no memory but the probed words; a fault resumes at `scan_ended`,
    // which returns to us.
    unsafe { scan_words(addr, addr + 8 * words, value) != 0 }
}

/// The words that [`find_between`] looks for: those that, with the bits outside of `kept_bits` cleared, lie in
/// `low..low + span`. `low` must be at least 2.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub kept_bits: usize,
    pub low: usize,
    pub span: usize,
}

/// What [`find_between`] has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is no such word.
    Nothing,
    /// There is one at `at`; `value` is the word with the bits cleared.
    Word { at: usize, value: usize },
    /// The word at this address can't be read.
    Unreadable(usize),
}

/// What rdx holds after a search that found no word.
const NOTHING: usize = 0;
const UNREADABLE: usize = 1;

/// Finds the first wanted word from `addr` on, below `end`. Both addresses must be multiples of 8.
#[inline]
pub fn find_between(addr: usize, end: usize, wanted: &Wanted) -> Found {
    if addr >= end {
        return Found::Nothing;
    }
    // SAFETY: the function touches no memory but the probed words; a fault resumes at `find_failed`,
    // which returns to us.
    let at = unsafe { find_each(addr, end, wanted.kept_bits, wanted.low, wanted.span) };
    match at.readable {
        NOTHING => Found::Nothing,
        UNREADABLE => Found::Unreadable(at.value),
        value => Found::Word { at: at.value, value },
    }
}

/// Copies `bytes` bytes from `from` to `to`; false if a byte of `to` can't be written.
///
/// # Safety
/// `from` must be readable. Nobody else may use the memory at `to`, as far as it is writable.
pub unsafe fn store(to: usize, from: usize, bytes: usize) -> bool {
    // SAFETY: the caller promises that `from` is readable and that nobody uses `to`. A fault resumes at `load_failed`,
    // which returns to us.
    unsafe { store_bytes(to, from, bytes) != 0 }
}

/// Whether the instruction at `pc` is the store of [`store`].
pub fn is_store(pc: usize) -> bool {
    pc == store_bytes as *const () as usize + STORE
}

/// Where to resume if the instruction at `pc` faulted; `None` if it is no probe.
///
/// The SIGSEGV and SIGBUS handlers must store the result in the context's rip, leave all other
/// registers as they are, and return. Async-signal-safe.
#[inline]
pub fn recovery(pc: usize) -> Option<usize> {
    if pc == load_word as *const () as usize || pc == load_one as *const () as usize {
        Some(load_failed as *const () as usize)
    } else if pc == match_each as *const () as usize + MATCH_LOAD {
        Some(match_ended as *const () as usize)
    } else if pc == scan_words as *const () as usize {
        Some(scan_ended as *const () as usize)
    } else if pc == find_each as *const () as usize {
        Some(find_failed as *const () as usize)
    } else if is_store(pc) {
        Some(load_failed as *const () as usize)
    } else {
        None
    }
}

// In each of the functions below one instruction may fault, at a known distance from the start.

#[unsafe(naked)]
#[unsafe(link_section = ".text.hot")]
unsafe extern "C" fn load_word(addr: usize) -> Loaded {
    naked_asm!("mov rax, qword ptr [rdi]", "mov edx, 1", "ret")
}

#[unsafe(naked)]
#[unsafe(link_section = ".text.hot")]
unsafe extern "C" fn load_one(addr: usize) -> Loaded {
    naked_asm!("movzx eax, byte ptr [rdi]", "mov edx, 1", "ret")
}

#[unsafe(naked)]
#[unsafe(link_section = ".text.hot")]
unsafe extern "C" fn load_failed() {
    naked_asm!("xor eax, eax", "xor edx, edx", "ret")
}

/// The loop begins with the load that may fault. Returns 1 when all match.
#[unsafe(naked)]
#[unsafe(link_section = ".text.hot")]
unsafe extern "C" fn scan_words(addr: usize, end: usize, value: usize) -> usize {
    naked_asm!(
        "2:",
        "cmp qword ptr [rdi], rdx",
        "jne 3f",
        "add rdi, 8",
        "cmp rdi, rsi",
        "jb 2b",
        "jmp {ended}",
        "3:",
        "xor eax, eax",
        "ret",
        ended = sym scan_ended,
    )
}

#[unsafe(naked)]
#[unsafe(link_section = ".text.hot")]
unsafe extern "C" fn scan_ended() {
    naked_asm!("mov eax, 1", "ret")
}

/// The loop begins with the load that may fault. Leaves the address in rax, and in rdx what [`find_between`] wants to
/// know of it.
#[unsafe(naked)]
#[unsafe(link_section = ".text.hot")]
unsafe extern "C" fn find_each(
    addr: usize,
    end: usize,
    kept_bits: usize,
    low: usize,
    span: usize,
) -> Loaded {
    naked_asm!(
        "2:",
        "mov rax, qword ptr [rdi]",
        "and rax, rdx",
        "sub rax, rcx",
        "cmp rax, r8",
        "jb 3f",
        "add rdi, 8",
        "cmp rdi, rsi",
        "jb 2b",
        "mov rax, rdi",
        "xor edx, edx",
        "ret",
        "3:",
        "lea rdx, [rax + rcx]",
        "mov rax, rdi",
        "ret",
    )
}

#[unsafe(naked)]
#[unsafe(link_section = ".text.hot")]
unsafe extern "C" fn find_failed() {
    naked_asm!("mov rax, rdi", "mov edx, {unreadable}", "ret", unreadable = const UNREADABLE)
}

/// `count` must not be zero. rdx counts down from it: at the end it holds the number of words not matched.
#[unsafe(naked)]
#[unsafe(link_section = ".text.hot")]
unsafe extern "C" fn match_words(
    first: *const Expected,
    stride_bytes: isize,
    count: usize,
) -> usize {
    naked_asm!("mov r8, rdx", "jmp {each}", each = sym match_each)
}

#[unsafe(naked)]
#[unsafe(link_section = ".text.hot")]
unsafe extern "C" fn match_each() {
    naked_asm!(
        "2:",
        "mov rcx, qword ptr [rdi]",
        "mov rcx, qword ptr [rcx]",
        "cmp rcx, qword ptr [rdi + 8]",
        "jne 3f",
        "add rdi, rsi",
        "dec rdx",
        "jnz 2b",
        "3:",
        "jmp {ended}",
        ended = sym match_ended,
    )
}

/// Length of the instruction `mov rcx, qword ptr [rdi]`: 48 8b 0f. The next one may fault.
const MATCH_LOAD: usize = 3;

#[unsafe(naked)]
#[unsafe(link_section = ".text.hot")]
unsafe extern "C" fn match_ended() {
    naked_asm!("mov rax, r8", "sub rax, rdx", "ret")
}

#[unsafe(naked)]
unsafe extern "C" fn store_bytes(to: usize, from: usize, bytes: usize) -> usize {
    naked_asm!("mov rcx, rdx", "rep movsb", "mov eax, 1", "ret")
}

/// Length of the instruction `mov rcx, rdx`: 48 89 d1. The next one may fault.
const STORE: usize = 3;

/// Handles a fault that is no probe, in a unit test. Returns whether it was the test's.
#[cfg(test)]
pub(crate) type TestFault = fn(&mut libc::ucontext_t) -> bool;

/// Installs a handler that resumes probes as the runtime's does, for the unit tests of modules that probe.
#[cfg(test)]
pub(crate) fn install_test_handler() {
    handle_test_faults(None);
}

/// Installs the same handler, and has it ask `own` about every other fault from now on. Nothing else in the tests may
/// handle SIGSEGV or SIGBUS: an action holds for all threads, and tests in other threads probe at the same time.
#[cfg(test)]
pub(crate) fn handle_test_faults(own: Option<TestFault>) {
    static OWN: std::sync::OnceLock<TestFault> = std::sync::OnceLock::new();
    extern "C" fn on_fault(
        signal: libc::c_int,
        _info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        // SAFETY: the kernel passes a ucontext_t to an SA_SIGINFO handler.
        let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
        let rip = &mut context.uc_mcontext.gregs[libc::REG_RIP as usize];
        if let Some(resume) = recovery(*rip as usize) {
            *rip = resume as i64;
        } else if !OWN.get().is_some_and(|own| own(context)) {
            // In this thread, so that a core shows the fault and not a probe of a bystander.
            // SAFETY: these calls are async-signal-safe.
            unsafe {
                let text: &[u8] = if signal == libc::SIGBUS { b"SIGBUS\n" } else { b"SIGSEGV\n" };
                libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len());
                libc::abort();
            }
        }
    }
    if let Some(own) = own {
        OWN.set(own).ok();
    }
    static ONCE: std::sync::Once = std::sync::Once::new();
    // SAFETY: a zeroed sigaction is a valid one; the handler is async-signal-safe.
    ONCE.call_once(|| unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = on_fault as *const () as usize;
        // Not on the small alternate stack that the standard library sets up for threads, as a test's own handling may
        // walk the stack. That probes, so the signal must not be blocked meanwhile.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &action, core::ptr::null_mut()), 0);
        assert_eq!(libc::sigaction(libc::SIGBUS, &action, core::ptr::null_mut()), 0);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_up_to_what_cannot_be_read() {
        install_test_handler();
        let base = crate::sys::memory::reserve(2 * 4096).unwrap();
        // SAFETY: the reservation is this test's own, and the word lies in what is committed.
        unsafe {
            crate::sys::memory::commit(base, 4096).unwrap();
            assert!(are_all(base, 512, 0) && are_all(base, 600, 0) && are_all(base + 4096, 1, 0));
            ((base + 4088) as *mut usize).write(5);
        }
        assert!(are_all(base, 511, 0) && !are_all(base, 512, 0) && !are_all(base + 4088, 9, 0));
    }

    #[test]
    fn reads_what_is_there() {
        let words = [0x1122_3344_5566_7788_usize, usize::MAX];
        let at = words.as_ptr() as usize;
        assert_eq!(load(at), Some(words[0]));
        assert_eq!(load(at + 1), Some(0xff11_2233_4455_6677));
        assert_eq!(load_byte(at), Some(0x88));
    }

    #[test]
    fn survives_what_is_not() {
        install_test_handler();
        for addr in [0, 1, 4095, usize::MAX, usize::MAX - 7, 0x8000_0000_0000_0000] {
            assert_eq!(load(addr), None, "{addr:#x}");
            assert_eq!(load_byte(addr), None, "{addr:#x}");
        }
    }

    #[test]
    fn a_word_that_straddles_into_a_guard_page_is_unreadable() {
        install_test_handler();
        // SAFETY: a fresh anonymous mapping of two pages, the second made inaccessible.
        let page = unsafe {
            let at = libc::mmap(
                core::ptr::null_mut(),
                8192,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert_ne!(at, libc::MAP_FAILED);
            assert_eq!(libc::mprotect(at.byte_add(4096), 4096, libc::PROT_NONE), 0);
            at as usize
        };
        assert_eq!(load(page + 4088), Some(0));
        assert_eq!(load(page + 4089), None);
        assert_eq!(load_byte(page + 4095), Some(0));
        assert_eq!(load_byte(page + 4096), None);
        let pairs = [page, page + 8, page + 4096, page].map(|slot| Expected { slot, value: 0 });
        // SAFETY: `pairs` has four elements.
        assert_eq!(unsafe { count_matching(pairs.as_ptr(), 16, 4) }, 2);
        let low = page + 64;
        let wanted = Wanted { kept_bits: !(0xff << 56), low, span: 8 };
        // SAFETY: the page is this test's own.
        unsafe { ((page + 4080) as *mut usize).write((low + 7) | (0x12 << 56)) };
        let word = Found::Word { at: page + 4080, value: low + 7 };
        assert_eq!(find_between(page, page + 8192, &wanted), word);
        assert_eq!(find_between(page + 4088, page + 8192, &wanted), Found::Unreadable(page + 4096));
        assert_eq!(find_between(page, page + 4080, &wanted), Found::Nothing);
        // SAFETY: as above.
        unsafe { ((page + 4080) as *mut usize).write(0) };
        let text = b"stored";
        // SAFETY: the page is this test's own.
        let stores = |to| unsafe { store(to, text.as_ptr() as usize, text.len()) };
        assert!(stores(page) && stores(page + 4090) && !stores(page + 4091));
        assert_eq!(load(page).unwrap().to_le_bytes()[..6], *text);
    }

    #[test]
    fn counts_the_matching_prefix() {
        let words = [7_usize, 8, 9];
        let count = |values: [usize; 3]| {
            let slot_of = |index: usize| &words[index] as *const usize as usize;
            let pairs: Vec<Expected> = (0..3)
                .map(|index| Expected { slot: slot_of(index), value: values[index] })
                .collect();
            // SAFETY: `pairs` has three elements.
            unsafe {
                (
                    count_matching(pairs.as_ptr(), 16, 3),
                    count_matching(&pairs[2], -16, 3),
                    count_matching(pairs.as_ptr(), 16, 0),
                )
            }
        };
        assert_eq!(count([7, 8, 9]), (3, 3, 0));
        assert_eq!(count([7, 0, 9]), (1, 1, 0));
        assert_eq!(count([0, 8, 9]), (0, 2, 0));
    }
}
