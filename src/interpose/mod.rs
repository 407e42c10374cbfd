//! The C and C++ face: what `libfencepost.so` exports in place of libc's functions.
//!
//! Every function here is called `fencepost_…`; `exports.list` says under which names the preload
//! library exports it. Those that need the caller's stack are entered through a trampoline that
//! adds the stack and frame pointers of the call as two more arguments and jumps, so that the stack
//! walk begins at the caller and no frame of ours has to be left out.

mod api;
mod descriptors;
mod malloc;
mod malloc_info;
mod operators;
mod process;
mod signals;

/// Defines trampoline `$entry`: moves rsp and rbp, as they are on entry, into the two argument
/// registers named, and jumps to `$target`.
macro_rules! trampoline {
    ($($(#[$meta:meta])* $entry:ident($sp:literal, $bp:literal) => $target:path;)*) => {
        $(
            $(#[$meta])*
            #[unsafe(naked)]
            #[unsafe(no_mangle)]
            #[unsafe(link_section = ".text.hot")]
            pub extern "C" fn $entry() {
                core::arch::naked_asm!(
                    concat!("mov ", $sp, ", rsp"),
                    concat!("mov ", $bp, ", rbp"),
                    "jmp {target}",
                    target = sym $target,
                )
            }
        )*
    };
}
use trampoline;
