//! From a module's unwind tables (`.eh_frame`, LSB core chapter 10) to a [`Rule`].
//!
//! gimli does the parsing; nothing is allocated. Rules that follow rsp and rbp, directly or through
//! one load, are understood, which is what compilers write. A CFA in another register occurs in
//! hand-written assembly and for a few instructions of a prologue; such a frame ends the walk
//! rather than mislead it.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, Encoding, EndianSlice, LittleEndian, Operation,
    Register, RegisterRule, UnwindContext, UnwindContextStorage, UnwindExpression, UnwindSection,
    UnwindTableRow, X86_64,
};

use super::modules::Module;
use super::rules::{Base, Rule, SavedBp};

/// Room for the rules of one row (17 registers have numbers in the x86_64 ABI's tables) and for the
/// remember/restore stack. Rows are copied on the stack of whatever thread walks, so they are kept
/// small: gimli's own limit of 192 rules would need 10 KiB of it.
struct FixedStorage;

impl<T: gimli::ReaderOffset> UnwindContextStorage<T> for FixedStorage {
    type Rules = [(Register, RegisterRule<T>); 32];
    type Stack = [UnwindTableRow<T, Self>; 4];
}

type Context = UnwindContext<usize, FixedStorage>;

/// A working context, about 20 KiB: too large for the stacks of the programs we run in.
struct ContextPlace {
    taken: AtomicBool,
    /// Null until `init`; touched by whoever set `taken` only.
    context: AtomicPtr<UnsafeCell<Context>>,
}

/// As many as threads are likely to miss the rule cache at the same instant.
static PLACES: [ContextPlace; 8] = [const {
    ContextPlace { taken: AtomicBool::new(false), context: AtomicPtr::new(core::ptr::null_mut()) }
}; 8];

/// Makes the working contexts. Allocates; idempotent.
pub(super) fn init() {
    for place in &PLACES {
        if place.context.load(Ordering::Acquire).is_null() {
            let fresh = Box::into_raw(Box::new(UnsafeCell::new(Context::new_in())));
            let null = core::ptr::null_mut();
            let order = (Ordering::AcqRel, Ordering::Acquire);
            if place.context.compare_exchange(null, fresh, order.0, order.1).is_err() {
                // SAFETY: `fresh` came from Box::into_raw and was not published.
                drop(unsafe { Box::from_raw(fresh) });
            }
        }
    }
}

/// In the child of a fork: contexts taken by threads that do not exist here are free. gimli
/// resets a context before it uses it, so what they were in the middle of does not matter.
pub(super) fn reset_after_fork() {
    for place in &PLACES {
        place.taken.store(false, Ordering::Release);
    }
}

/// Runs `body` with a context of its own; `None` when all are taken for long, or before `init`.
fn with_context<R>(body: impl FnOnce(&mut Context) -> R) -> Option<R> {
    for _ in 0..1_000 {
        for place in &PLACES {
            if place.taken.swap(true, Ordering::Acquire) {
                continue;
            }
            // SAFETY: set once, to a leaked box; `taken` makes us its only user.
            let context = unsafe { place.context.load(Ordering::Acquire).as_ref() };
            // SAFETY: as above, and `body` cannot reach this place again.
            let result = context.map(|context| body(unsafe { &mut *context.get() }));
            place.taken.store(false, Ordering::Release);
            return result;
        }
        // SAFETY: sched_yield has no preconditions.
        unsafe { libc::sched_yield() };
    }
    None
}

/// The rule for the frame at `lookup` in `module`; `None` when no context was to be had.
///
/// # Safety
///
/// The module must be loaded and stay so during the call.
pub(super) unsafe fn rule_for(module: &Module, lookup: usize) -> Option<Rule> {
    // SAFETY: the module is loaded and stays so during the call, as this function demands.
    let tables = unsafe { Tables::of(module) };
    with_context(|context| tables.rule_for(lookup, context).unwrap_or(Rule::Unknown))
}

/// A module's unwind tables in memory.
struct Tables<'a> {
    hdr: &'a [u8],
    eh_frame: EhFrame<EndianSlice<'a, LittleEndian>>,
    bases: BaseAddresses,
}

impl Tables<'_> {
    /// # Safety
    ///
    /// The module must be loaded and stay so as long as the tables are used.
    unsafe fn of(module: &Module) -> Self {
        let (hdr, frames) = (module.eh_frame_hdr(), module.eh_frame());
        // SAFETY: the module is loaded and stays so, as this function demands.
        let (hdr_bytes, frame_bytes) = unsafe { (hdr.bytes(), frames.bytes()) };
        let mut eh_frame = EhFrame::new(frame_bytes, LittleEndian);
        eh_frame.set_address_size(8);
        // The tables are relative to themselves, so addresses in memory serve as bases as they are.
        let bases = BaseAddresses::default()
            .set_eh_frame_hdr(hdr.start as u64)
            .set_eh_frame(frames.start as u64);
        Self { hdr: hdr_bytes, eh_frame, bases }
    }

    /// `None` when no table covers the address, or when it is malformed.
    fn rule_for(&self, lookup: usize, context: &mut Context) -> Option<Rule> {
        let hdr = EhFrameHdr::new(self.hdr, LittleEndian).parse(&self.bases, 8).ok()?;
        let (table, lookup) = (hdr.table()?, lookup as u64);
        let fde = table
            .fde_for_address(&self.eh_frame, &self.bases, lookup, EhFrame::cie_from_offset)
            .ok()?;
        if fde.is_signal_trampoline() {
            return Some(Rule::Signal);
        }
        let encoding = fde.cie().encoding();
        let row = fde.unwind_info_for_address(&self.eh_frame, &self.bases, context, lookup).ok()?;
        Some(self.translate(row, encoding).unwrap_or(Rule::End))
    }

    /// `None` for a rule of a form not understood.
    fn translate(
        &self,
        row: &UnwindTableRow<usize, FixedStorage>,
        encoding: Encoding,
    ) -> Option<Rule> {
        match row.register(X86_64::RA) {
            Some(RegisterRule::Offset(-8)) => {}
            // "Undefined" is how the outermost function says that it is.
            None | Some(RegisterRule::Undefined) => return Some(Rule::End),
            Some(_) => return None,
        }
        let (register, offset, deref) = match row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => (*register, *offset, false),
            CfaRule::Expression(expression) => {
                let (register, offset) = self.load_at_register(expression, encoding, Load::Once)?;
                (register, offset, true)
            }
        };
        let base = match register {
            X86_64::RSP => Base::Sp,
            X86_64::RBP => Base::Bp,
            _ => return None,
        };
        let saved_bp = match row.register(X86_64::RBP) {
            None | Some(RegisterRule::SameValue | RegisterRule::Undefined) => SavedBp::Unchanged,
            Some(RegisterRule::Offset(offset)) => SavedBp::FromCfa(SavedBp::fits(offset)?),
            Some(RegisterRule::Expression(expression)) => {
                match self.load_at_register(&expression, encoding, Load::Never)? {
                    (X86_64::RBP, offset) => SavedBp::FromBp(SavedBp::fits(offset)?),
                    _ => return None,
                }
            }
            Some(_) => return None,
        };
        Some(Rule::Frame { base, cfa_offset: offset.try_into().ok()?, deref, saved_bp })
    }

    /// Matches the expression `DW_OP_breg n`, with one `DW_OP_deref` after it if `load` says so.
    fn load_at_register(
        &self,
        expression: &UnwindExpression<usize>,
        encoding: Encoding,
        load: Load,
    ) -> Option<(Register, i64)> {
        let mut operations = expression.get(&self.eh_frame).ok()?.operations(encoding);
        let Ok(Some(Operation::RegisterOffset { register, offset, .. })) = operations.next() else {
            return None;
        };
        if load == Load::Once {
            let Ok(Some(Operation::Deref { size: 8, .. })) = operations.next() else {
                return None;
            };
        }
        matches!(operations.next(), Ok(None)).then_some((register, offset))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    Never,
    Once,
}

#[cfg(test)]
mod tests {
    use super::super::modules::module_of;
    use super::*;

    fn rule_at(lookup: usize) -> Rule {
        super::super::init();
        let module = module_of(lookup).expect("a module");
        // SAFETY: the test executable and libc stay loaded.
        unsafe { rule_for(module, lookup) }.expect("a free context")
    }

    #[test]
    fn a_function_begins_with_its_return_address_at_sp() {
        let entry = a_function_begins_with_its_return_address_at_sp as *const () as usize;
        let expected = Rule::Frame {
            base: Base::Sp,
            cfa_offset: 8,
            deref: false,
            saved_bp: SavedBp::Unchanged,
        };
        assert_eq!(rule_at(entry), expected);
    }

    #[test]
    fn data_has_no_rule() {
        super::super::init();
        let address = super::super::modules::all().next().unwrap().start;
        assert_eq!(rule_at(address), Rule::Unknown);
    }
}
