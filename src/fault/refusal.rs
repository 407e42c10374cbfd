//! `mappings=check`: calls that the kernel has refused with EFAULT, for memory that the program unmapped or protected itself.
//!
//! The kernel does what the program asked for, so the process goes on.

use super::bad_call::report_refusal;
use super::scene;
use super::suspicion::checker;
use crate::diagnose::{self, Access, Direction, LibcCall, Misuse, Operand, Scene};
use crate::sys::scope::RuntimeScope;
use crate::sys::{PAGE_BYTES, address_map, passed};
use crate::trace::Caller;

/// Pages of an operand that the kernel is asked about one by one.
const MOST_PAGES: usize = 256;

/// A call that was refused.
pub struct Refusal {
    pub function: &'static str,
    pub caller: Caller,
    pub direction: Direction,
    pub operand: Operand,
    /// The first byte that the kernel can't use.
    pub at: usize,
}

/// Whether such calls are looked at now.
pub fn is_looked_for() -> bool {
    checker().is_some()
}

/// The first byte of an operand that the kernel can't use.
pub fn first_bad(operand: &Operand, direction: Direction) -> Option<usize> {
    if operand.start > isize::MAX as usize {
        // The kernel's half of the addresses.
        return Some(operand.start);
    }
    let forbidden = first_forbidden(operand, direction);
    // What is mapped may not be there all the same: behind the end of a file, or a guard of madvise.
    let end = forbidden.unwrap_or(operand.end());
    let pages = (operand.start | (PAGE_BYTES - 1)) + 1..end;
    let first = (operand.start < end).then_some(operand.start);
    let pages = first.into_iter().chain(pages.step_by(PAGE_BYTES));
    { pages }.take(MOST_PAGES).find(|&page| !passed::is_readable_to_kernel(page)).or(forbidden)
}

/// The first byte of an operand where nothing is mapped, or what is mapped forbids the access.
fn first_forbidden(operand: &Operand, direction: Direction) -> Option<usize> {
    let (mut at, end) = (operand.start, operand.end());
    let visited = address_map::visit(|mapping| {
        if mapping.end <= at {
            return true;
        }
        let is_permitted = match direction {
            Direction::Write => mapping.writable,
            // What may be written or executed, this processor reads.
            _ => mapping.is_accessible,
        };
        if mapping.start > at || !is_permitted {
            return false;
        }
        at = mapping.end;
        at < end
    });
    (visited.is_ok() && at < end).then_some(at)
}

/// Reports a call that was refused, if the history of the program's mappings tells why.
pub fn report(refusal: Refusal) {
    let Some(runtime) = checker() else { return };
    let Refusal { function, caller, direction, operand, at } = refusal;
    let (start, width) = (at, Some(operand.bytes));
    let access =
        Access { start, fault: at, width, direction, pc: caller.pc, bp: caller.bp, sp: caller.sp };
    let told = {
        let _scope = RuntimeScope::enter();
        // The alignment tells nothing of the pointer.
        let scene = Scene { is_in_libc: true, ..scene::around(at) };
        diagnose::explain_refusal(&access, &scene)
    };
    if let Some((kind, subject)) = told {
        let inside = at - operand.start;
        let misuse = Misuse::OutOfBounds { direction, operand, inside };
        report_refusal(runtime, kind, subject, LibcCall { function, caller, misuse });
    }
}
