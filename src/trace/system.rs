//! The system's unwinder (libgcc's `_Unwind_Backtrace`, through the backtrace crate), as a
//! cross-check on ours and for code that registers its unwind tables with libgcc only.
//!
//! It starts at this function rather than at the caller, so the frames of the runtime are walked
//! and dropped. It is slower by an order of magnitude, may take libgcc's lock for registered tables
//! and follows a damaged stack into a fault.

use super::frames::{Caller, Frames, Pc, PcKind};

/// Walks outward from `caller`, which must be a frame of the calling thread outside this one.
/// False, with `out` empty, when the walk did not come across `caller`.
pub(super) fn walk(caller: &Caller, out: &mut Frames, depth: usize) -> bool {
    out.clear();
    let mut kind = caller.kind;
    let visit = |frame: &backtrace::Frame| {
        let address = frame.ip() as usize;
        if out.is_empty() {
            // The caller's frame is the first whose pc is known to be the caller's, or that has
            // the caller's stack pointer.
            let same_pc = address == caller.pc;
            let same_sp = frame.sp() as usize == caller.sp;
            if same_pc || same_sp {
                out.push(Pc::new(caller.pc, kind));
                kind = PcKind::Return;
            }
            return true;
        }
        out.push(Pc::new(address, kind)) && out.len() < depth
    };
    // SAFETY: "unsynchronized" concerns the crate's symbol cache, which tracing does not touch.
    unsafe { backtrace::trace_unsynchronized(visit) };
    // The system's walk ends with a null frame at some roots.
    let roots = out.as_slice().iter().rev().take_while(|pc| pc.address() == 0).count();
    out.truncate(out.len() - roots);
    !out.is_empty()
}
