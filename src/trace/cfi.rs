//! From a module's unwind tables (`.eh_frame`, LSB core chapter 10) to a [`Rule`].
//!
//! gimli parses them; nothing is allocated. Rules that go by rsp and rbp, directly or through one load, are understood:
//! compilers write no others. A CFA in another register occurs in hand-written assembly, and for a few instructions of
//! a prologue. Such a frame ends the walk instead of misleading it.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, Encoding, EndianSlice, LittleEndian, Operation,
    Register, RegisterRule, UnwindContext, UnwindContextStorage, UnwindExpression, UnwindSection,
    UnwindTableRow, X86_64,
};

use super::modules::Module;
use super::rules::{Base, Rule, SavedBp};
use crate::sys::attempt;

/// Room for the rules of one row (the x86_64 ABI's tables number 17 registers) and for the remember/restore stack. Rows
/// are copied to the walking thread's stack, so they are small: gimli's own limit of 192 rules would take 10 KiB there.
struct FixedStorage;

impl<T: gimli::ReaderOffset> UnwindContextStorage<T> for FixedStorage {
    type Rules = [(Register, RegisterRule<T>); 32];
    type Stack = [UnwindTableRow<T, Self>; 4];
}

type Context = UnwindContext<usize, FixedStorage>;

/// A working context. It has about 20 KiB, too large for the stacks of the programs we run in.
struct ContextPlace {
    taken: AtomicBool,
    /// Null until `init`. Only the thread that has set `taken` uses the context.
    context: AtomicPtr<UnsafeCell<Context>>,
}

/// As many contexts as threads may miss the rule cache at the same moment.
static PLACES: [ContextPlace; 8] = [const {
    ContextPlace { taken: AtomicBool::new(false), context: AtomicPtr::new(core::ptr::null_mut()) }
}; 8];

/// Makes the working contexts. Allocates. Further calls do nothing.
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

/// In the child of a fork: frees contexts that were taken by threads which do not exist here. gimli resets a context
/// before it uses it, so their state does not matter.
pub(super) fn reset_after_fork() {
    for place in &PLACES {
        place.taken.store(false, Ordering::Release);
    }
}

/// Runs `body` with a context of its own. `None` before `init`, or if all contexts stay taken for long.
fn with_context<R>(body: impl FnOnce(&mut Context) -> R) -> Option<R> {
    for _ in 0..1_000 {
        for place in &PLACES {
            if place.taken.swap(true, Ordering::Acquire) {
                continue;
            }
            // SAFETY: the pointer was set once, to a leaked box, or is null.
            let context = unsafe { place.context.load(Ordering::Acquire).as_ref() };
            // SAFETY: `taken` makes this thread the only user, and `body` can't reach this place again.
            let result = context.map(|context| body(unsafe { &mut *context.get() }));
            place.taken.store(false, Ordering::Release);
            return result;
        }
        // SAFETY: sched_yield has no preconditions.
        unsafe { libc::sched_yield() };
    }
    None
}

/// Returns the rule for the frame at `lookup` in `module`. `None` if no context was free. If the program has unmapped
/// the tables, or cut their file short, the rule is unknown.
///
/// # Safety
///
/// The module must be loaded, and stay so during the call.
pub(super) unsafe fn rule_for(module: &Module, lookup: usize) -> Option<Rule> {
    // SAFETY: the caller promises that the module is loaded and stays so during the call.
    let tables = unsafe { Tables::of(module) };
    with_context(|context| {
        let read = || tables.rule_for(lookup, context);
        // SAFETY: the work holds nothing, and the context is reset before it is used again.
        let rule = unsafe { attempt::read_what_may_vanish(module.start..module.end, read) };
        rule.flatten().unwrap_or(Rule::Unknown)
    })
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
        // SAFETY: the caller promises that the module is loaded and stays so.
        let (hdr_bytes, frame_bytes) = unsafe { (hdr.bytes(), frames.bytes()) };
        let mut eh_frame = EhFrame::new(frame_bytes, LittleEndian);
        eh_frame.set_address_size(8);
        // The tables are relative to themselves, so their addresses in memory are the bases.
        let bases = BaseAddresses::default()
            .set_eh_frame_hdr(hdr.start as u64)
            .set_eh_frame(frames.start as u64);
        Self { hdr: hdr_bytes, eh_frame, bases }
    }

    /// Returns the rule at an address; `None` if no table covers it, or the table is malformed.
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

    /// Turns a row into a rule; `None` if it has a form that is not understood.
    fn translate(
        &self,
        row: &UnwindTableRow<usize, FixedStorage>,
        encoding: Encoding,
    ) -> Option<Rule> {
        match row.register(X86_64::RA) {
            Some(RegisterRule::Offset(-8)) => {}
            // By "undefined" the outermost function says that it is the outermost.
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

    /// Matches the expression `DW_OP_breg n`, followed by a `DW_OP_deref` if `load` says so.
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
