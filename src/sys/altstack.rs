//! Alternate signal stacks: a fault must be reportable on a thread whose stack is spent or tiny.
//!
//! In each thread that we meet, the kernel is given a stack of ours. The stack that the program asks for is kept
//! here, and the program's handlers are moved to it (see `signal_frame`). So a report never has to fit on it.

use super::blocks::Blocks;
use super::per_thread::per_thread;
use super::sandbox::{self, Need};
use super::{Errno, probe, round_up_to_page, signal, signal_frame, syscall};
use core::cell::Cell;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Key of getauxval(3) for the size of the kernel's largest signal frame, in bytes.
const AT_MINSIGSTKSZ: libc::c_ulong = 51;

/// Frame size for kernels before 5.14, which do not state theirs: AMX makes a frame of 11 KiB.
const UNTOLD_FRAME_BYTES: usize = 12 * 1024;

/// Bytes that our handlers need beside the kernel's frames, before they move to the report stack.
const HANDLER_BYTES: usize = 48 * 1024;

/// Frames that a stack has room for: our handler may fault, and the handler of that fault may fault again.
const FRAMES: usize = 3;

/// The kernel's flag for a stack that is forgotten while a handler runs on it (sigaltstack(2)).
const SS_AUTODISARM: libc::c_int = 1 << 31;

/// The memory of all our stacks. No page of a stack is touched before a signal uses it.
static OURS: Blocks = Blocks::new();

/// The alternate stacks of one thread. All zeros: the thread has none.
#[derive(Clone, Copy)]
#[repr(C)]
struct Stacks {
    /// Upper end of our stack, or 0. It is the first field because assembler code at a handler's end reads it.
    top: usize,
    /// The program's stack; its size is 0 where the program has none.
    program: libc::stack_t,
}

per_thread! {
    unsafe static STACKS: Cell<Stacks>, "fencepost_alternate_stacks"
}

/// Bytes that the largest frame of a signal takes on this machine.
pub fn frame_bytes() -> usize {
    // SAFETY: getauxval has no preconditions, and changes nothing.
    match unsafe { libc::getauxval(AT_MINSIGSTKSZ) } as usize {
        0 => UNTOLD_FRAME_BYTES,
        bytes => bytes,
    }
}

/// Bytes of one alternate stack of ours. Untouched pages take no memory.
pub fn bytes() -> usize {
    static BYTES: AtomicUsize = AtomicUsize::new(0);
    match BYTES.load(Ordering::Relaxed) {
        0 => {
            let bytes = round_up_to_page(HANDLER_BYTES + FRAMES * frame_bytes());
            BYTES.store(bytes, Ordering::Relaxed);
            bytes
        }
        bytes => bytes,
    }
}

const fn none() -> libc::stack_t {
    libc::stack_t { ss_sp: core::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 }
}

/// The alternate stack that the kernel has for the calling thread, if any.
pub fn current() -> Option<libc::stack_t> {
    let mut stack = none();
    // SAFETY: the kernel fills `stack`.
    unsafe { syscall(libc::SYS_sigaltstack, [0, &raw mut stack as usize, 0, 0, 0, 0]) }.ok()?;
    (stack.ss_flags & libc::SS_DISABLE == 0).then_some(stack)
}

/// Sets the calling thread's alternate stack in the kernel.
///
/// # Safety
/// The stack's memory must be writable, and unused by others until another stack is set. A bad pointer is an error.
unsafe fn set(stack: *const libc::stack_t) -> Result<(), Errno> {
    // SAFETY: the kernel checks the pointer `stack`; the caller promises that the stack's memory may be used.
    unsafe { syscall(libc::SYS_sigaltstack, [stack as usize, 0, 0, 0, 0, 0]) }.map(drop)
}

fn at(base: usize) -> libc::stack_t {
    libc::stack_t { ss_sp: base as *mut _, ss_flags: 0, ss_size: bytes() }
}

/// The value that a thread begins with: no stack, and no flags.
const fn never() -> libc::stack_t {
    libc::stack_t { ss_flags: 0, ..none() }
}

/// Sets the calling thread's alternate stack in the kernel, in a handler that has left the one of before. A filter that
/// forbids sigaltstack(2) does not forbid that.
///
/// # Safety
/// As for [`set`].
unsafe fn set_in_handler(stack: &libc::stack_t) {
    // SAFETY: the caller promises that the stack's memory may be used.
    if unsafe { set(stack) }.is_ok() || sandbox::allows(Need::AlternateStack) {
        return;
    }
    let returns = sandbox::refusal(libc::SYS_rt_sigreturn, &[0; 6]).is_none();
    let mask = match sandbox::allows(Need::SignalMask) {
        true => signal::change_mask(libc::SIG_BLOCK, 0),
        // As the handler began.
        false => !signal::SYNCHRONOUS,
    };
    if returns {
        // SAFETY: as above. The thread is in a handler, whose code is ours and changes no mode of the vector units.
        unsafe { signal_frame::set_alternate_stack(stack, mask) };
    }
}

/// The alternate stack of a thread before [`install`].
#[derive(Clone, Copy)]
pub struct Before {
    stack: Option<libc::stack_t>,
    /// Whether the thread is in a handler that has begun there.
    in_handler: bool,
}

/// Call this before the stack pointer leaves the present stack.
pub fn before() -> Before {
    let in_handler = own().is_some_and(|own| own.contains(&super::stack_pointer()));
    let shown = if in_handler { own_as_shown() } else { None };
    Before { stack: current().or(shown), in_handler }
}

/// Gives the calling thread `[base, base + bytes())` as its alternate stack, until [`restore`].
///
/// # Safety
/// Until [`restore`], the range must be writable and unused by others. The stack pointer must not be there, and must
/// have left the stack of `before`.
pub unsafe fn install(base: usize, before: Before) {
    // SAFETY: the caller promises that the range is writable and unused until `restore`. The call fails only while
    // the thread runs on an alternate stack.
    unsafe { exchange(&at(base), before) };
}

/// Sets the alternate stack from before [`install`].
///
/// # Safety
/// The stack's memory must still be mapped and unused.
pub unsafe fn restore(before: Before) {
    // Only the kernel may set SS_ONSTACK.
    let stack = before.stack.map_or_else(none, |stack| libc::stack_t {
        ss_flags: stack.ss_flags & SS_AUTODISARM,
        ..stack
    });
    // SAFETY: the caller promises that the stack's memory is still there.
    unsafe { exchange(&stack, before) };
}

/// # Safety
/// As for [`set`].
unsafe fn exchange(stack: &libc::stack_t, before: Before) {
    // SAFETY: the caller promises that the stack's memory may be used.
    unsafe {
        if before.in_handler {
            set_in_handler(stack);
        } else {
            let _ = set(stack);
        }
    }
}

/// Gives the calling thread a stack of ours; from now on the program's stack is kept here. The kernel must have no
/// alternate stack for the thread. If there is no memory, nothing changes.
pub fn adopt() {
    OURS.reserve(bytes());
    let Some(base) = OURS.take() else { return };
    // SAFETY: the block is as large as a stack of ours, and belongs to this thread until `give_back`.
    match unsafe { set(&at(base)) } {
        Ok(()) => {
            STACKS.with(|stacks| stacks.set(Stacks { top: base + bytes(), program: never() }));
        }
        // SAFETY: the block was taken above, and the kernel has refused it, so nobody uses it.
        Err(_) => unsafe { OURS.give_back(base) },
    }
}

/// In the child of a fork, frees the stacks of all threads but the calling one, which is the only one left.
pub fn after_fork_in_child() {
    OURS.forget_others(own().map(|own| own.start));
}

/// Ends [`adopt`]: gives the kernel the stack that the program asked for. Signals must be blocked.
pub fn give_back() {
    let Stacks { top, program } = STACKS.with(Cell::get);
    let Some(base) = own().map(|own| own.start) else { return };
    if current().is_some_and(|stack| stack.ss_sp as usize == base) {
        let program = if program.ss_size == 0 { none() } else { program };
        // SAFETY: the program passed this stack to sigaltstack, and by that promised that its memory may be used.
        if unsafe { set(&raw const program) }.is_err() {
            return;
        }
    }
    debug_assert!(top > base);
    STACKS.with(|stacks| stacks.set(Stacks { top: 0, program: none() }));
    // SAFETY: `adopt` took the block, and the kernel now has another stack or none.
    unsafe { OURS.give_back(base) };
}

/// The calling thread's alternate stack of ours, if it has one.
pub fn own() -> Option<Range<usize>> {
    let top = STACKS.with(Cell::get).top;
    (top != 0).then(|| top - bytes()..top)
}

/// The calling thread's stack of ours in the form that sigaltstack(2) returns, if there is one.
pub fn own_as_shown() -> Option<libc::stack_t> {
    own().map(|own| at(own.start))
}

/// The program's alternate stack in the calling thread, if it has one that is ready for a handler.
#[derive(Clone, Copy)]
pub struct ProgramStack(libc::stack_t);

/// The program's alternate stack in the calling thread. It may be none.
pub fn program() -> ProgramStack {
    ProgramStack(STACKS.with(Cell::get).program)
}

impl ProgramStack {
    fn keep(self) {
        STACKS.with(|stacks| stacks.set(Stacks { program: self.0, ..stacks.get() }));
    }

    /// The stack as the kernel notes it in a signal frame.
    pub fn as_noted(self) -> libc::stack_t {
        self.0
    }

    /// The stack as sigaltstack(2) shows it to code whose stack pointer is `sp`.
    pub fn as_shown(self, sp: usize) -> libc::stack_t {
        let state = match self.0.ss_size {
            0 => libc::SS_DISABLE,
            _ if self.is_in_use(sp) => libc::SS_ONSTACK,
            _ => 0,
        };
        libc::stack_t { ss_flags: self.0.ss_flags & SS_AUTODISARM | state, ..self.0 }
    }

    /// Whether `sp` lies on the stack, by the kernel's rule.
    pub fn contains(self, sp: usize) -> bool {
        let base = self.0.ss_sp as usize;
        sp > base && sp - base <= self.0.ss_size
    }

    /// Whether code whose stack pointer is `sp` uses the stack, by the kernel's rule: a stack that disarms itself
    /// is never in use.
    pub fn is_in_use(self, sp: usize) -> bool {
        self.0.ss_flags & SS_AUTODISARM == 0 && self.contains(sp)
    }

    /// Where a handler starts if it interrupts code whose stack pointer is `sp`; `None` if it stays on that stack.
    pub fn top_for(self, sp: usize) -> Option<usize> {
        (self.0.ss_size != 0 && !self.is_in_use(sp)).then(|| self.0.ss_sp as usize + self.0.ss_size)
    }

    /// Call this when a signal has been delivered: a stack that disarms itself is forgotten.
    pub fn disarm(self) {
        if self.0.ss_flags & SS_AUTODISARM != 0 {
            ProgramStack(none()).keep();
        }
    }

    /// At the end of a handler, sets the stack that the handler's frame notes; not if code whose stack pointer is
    /// `sp` uses the stack that is set now.
    pub fn bring_back(self, noted: libc::stack_t, sp: usize) {
        let mode = noted.ss_flags & !SS_AUTODISARM;
        if mode & libc::SS_DISABLE != 0 && !self.is_in_use(sp) {
            ProgramStack(none()).keep();
        } else if matches!(mode, 0 | libc::SS_ONSTACK)
            && noted.ss_size >= libc::MINSIGSTKSZ
            && !self.is_in_use(sp)
        {
            ProgramStack(noted).keep();
        }
    }
}

/// Notes the alternate stack that the program asks for, in a thread that has one of ours. The kernel checks whether
/// it is valid. Signals must be blocked.
///
/// # Safety
/// The stack's memory must be fit for sigaltstack(2). The pointer may be bad: that is an error.
pub unsafe fn set_program(wanted: *const libc::stack_t) -> Result<(), Errno> {
    let word = |index: usize| probe::load((wanted as usize).wrapping_add(8 * index));
    let (Some(base), Some(flags), Some(size)) = (word(0), word(1), word(2)) else {
        return Err(Errno(libc::EFAULT));
    };
    let wanted =
        libc::stack_t { ss_sp: base as *mut _, ss_flags: flags as libc::c_int, ss_size: size };
    // The kernel never holds a stack that disarms itself to be in use, so it takes ours back afterwards.
    let asked = libc::stack_t { ss_flags: wanted.ss_flags | SS_AUTODISARM, ..wanted };
    // SAFETY: the caller promises that the program's memory is fit for a stack; the kernel gets ours back at once.
    unsafe {
        set(&asked)?;
        if let Some(own) = own() {
            set(&at(own.start))?;
        }
    }
    let is_off = wanted.ss_flags & libc::SS_DISABLE != 0;
    ProgramStack(if is_off {
        libc::stack_t { ss_flags: wanted.ss_flags, ..none() }
    } else {
        wanted
    })
    .keep();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(flags: libc::c_int) -> ProgramStack {
        ProgramStack(libc::stack_t { ss_sp: 0x1000 as *mut _, ss_flags: flags, ss_size: 0x1000 })
    }

    #[test]
    fn a_handler_starts_at_the_top_unless_the_stack_is_in_use() {
        assert_eq!(stack(0).top_for(0x8000), Some(0x2000));
        assert_eq!(stack(0).top_for(0x1800), None);
        // Its lower end is no part of it, its upper end is.
        assert_eq!((stack(0).top_for(0x1000), stack(0).top_for(0x2000)), (Some(0x2000), None));
        assert_eq!(stack(SS_AUTODISARM).top_for(0x1800), Some(0x2000));
        assert_eq!(ProgramStack(none()).top_for(0x8000), None);
    }

    #[test]
    fn it_is_shown_as_the_kernel_would() {
        assert_eq!(stack(0).as_shown(0x1800).ss_flags, libc::SS_ONSTACK);
        assert_eq!(stack(0).as_shown(0x8000).ss_flags, 0);
        assert_eq!(stack(SS_AUTODISARM).as_shown(0x1800).ss_flags, SS_AUTODISARM);
        assert_eq!(ProgramStack(none()).as_shown(0x1800).ss_flags, libc::SS_DISABLE);
    }

    #[test]
    fn ours_has_room_for_frames_of_any_size() {
        assert!(bytes() >= HANDLER_BYTES + FRAMES * frame_bytes() && frame_bytes() >= 1024);
    }
}
