//! The system's unwinder (libgcc's `_Unwind_Backtrace`, through the backtrace crate). It is a cross-check on ours, and
//! walks code that registers its unwind tables with libgcc only.
//!
//! It starts at this function and not at the caller, so the runtime's own frames are walked and dropped. It is ten
//! times slower, may take libgcc's lock for registered tables, and follows a damaged stack into a fault.

use super::frames::{Caller, Frames, Pc, PcKind};

/// Walks outward from `caller`, which must be a frame of the calling thread outside this one. Returns false, with `out`
/// empty, if the walk did not find `caller`.
pub(super) fn walk(caller: &Caller, out: &mut Frames, depth: usize) -> bool {
    out.clear();
    let mut kind = caller.kind;
    let visit = |frame: &backtrace::Frame| {
        let address = frame.ip() as usize;
        if out.is_empty() {
            // The caller's frame is the first that has the caller's pc or its stack pointer.
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
    // At some roots the system's walk ends with a null frame.
    let roots = out.as_slice().iter().rev().take_while(|pc| pc.address() == 0).count();
    out.truncate(out.len() - roots);
    !out.is_empty()
}
