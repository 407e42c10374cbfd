//! The C and C++ face: what `libfencepost.so` exports in place of libc's functions.
//!
//! Every function here is called `fencepost_…`; `exports.list` says under which names the preload
//! library exports it. A function that needs the caller's stack is entered through a trampoline,
//! which adds the call's stack and frame pointers as two more arguments and jumps. So the stack
//! walk begins at the caller, and no frame of ours has to be left out.

mod advice;
mod affinity;
mod api;
mod bystander;
mod checked;
mod descriptors;
mod execution;
mod fork;
mod guarding;
mod history;
mod lengths;
mod libraries;
mod limits;
mod malloc;
mod malloc_info;
mod mapping_numbers;
mod mappings;
mod memory_locks;
mod object_pages;
mod operators;
mod own;
mod process;
mod protection;
mod seccomp;
mod segments;
mod sent_signals;
mod signals;
mod userfaults;
mod waits;

use crate::options::MappingsChoice;
use crate::runtime;
use crate::sys::next;
use crate::trace::{self, ModuleKind};
use core::num::NonZeroUsize;

/// Looks up the next functions of the checked ones. Takes the loader's lock: for the constructor.
fn resolve_checked() {
    execution::take_over();
    limits::take_over();
    affinity::take_over();
    let libc = trace::module_of(libc::gnu_get_libc_version as *const () as usize);
    let is_libcs = |address| libc.is_some_and(|libc| libc.contains(address)) || is_systems(address);
    let popen = fork::popen_behind_gate()
        .filter(|_| next::POPEN.address().is_some_and(|address| is_libcs(address.get())));
    popen.inspect(|&popen| checked::popen::NEXT.put_before(popen));
    for next in checked::NEXT {
        // A function of another library is not checked. (For one that libc lacks, the next function is ours.)
        if let Some(address) = next.address().map(NonZeroUsize::get)
            && !is_libcs(address)
            && !is_ours(address)
        {
            next.leave_alone();
        }
    }
    if runtime::get().is_some_and(|it| it.options.mappings.has(MappingsChoice::CHECK)) {
        for front in checked::FRONTS {
            front.stand(|address| is_libcs(address) || is_ours(address));
        }
    }
}

/// Whether `address` is in this library.
fn is_ours(address: usize) -> bool {
    let here = trace::module_of(resolve_checked as *const () as usize);
    here.is_some_and(|here| here.contains(address))
}

/// Whether a function that is not in libc belongs to the system all the same. Any other library may export a function
/// under a name that ISO C does not reserve, such as `link`; what that does with its arguments is not known.
fn is_systems(address: usize) -> bool {
    // `time` and its like are in the vDSO; before glibc 2.34 some functions were in libpthread.
    trace::module_of(address).is_some_and(|module| {
        module.kind == ModuleKind::Vdso || module.path.to_string_lossy().contains("/libpthread")
    })
}

/// Defines trampoline `$entry`: copies rsp and rbp of its entry into the two named argument
/// registers, and jumps to `$target`.
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

/// As [`trampoline`], for functions that are exported by way of [`bystander`] only.
macro_rules! way_trampoline {
    ($($(#[$meta:meta])* $entry:ident($sp:literal, $bp:literal) => $target:path;)*) => {
        $(
            $(#[$meta])*
            #[unsafe(naked)]
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
use way_trampoline;
