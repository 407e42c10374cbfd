//! One step outward: from a frame to its caller.
//!
//! All loads go through [`probe`]. So a smashed stack, a coroutine's stack, or garbage in a register ends the walk, and
//! never the process.

use super::frames::{Pc, PcKind};
use super::rules::{self, Base, Rule, SavedBp};
use super::{cfi, learn};
use crate::sys::{loader, probe};

/// The registers of the frame that a walk has reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registers {
    pub(super) pc: Pc,
    pub(super) sp: usize,
    pub(super) bp: usize,
}

/// The next outer frame of another.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallerFrame {
    /// The registers of this frame.
    pub(super) registers: Registers,
    /// The address that its pc was loaded from.
    pub(super) slot: usize,
    /// What the step did with the inner frame's rbp.
    pub(super) bp_fate: BpFate,
    /// The address that its rbp was loaded from; 0 if it is the inner frame's.
    pub(super) bp_slot: usize,
}

/// What a step does with the rbp that it starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum BpFate {
    /// Not used: the caller's rbp was on the stack.
    Restored = 0,
    /// Passed on to the caller's frame, not used.
    Carried,
    /// The way outward depends on it.
    Used,
}

/// No code is below this address (`vm.mmap_min_addr`).
const LEAST_CODE_ADDRESS: usize = 0x1000;

/// Steps from the frame with `registers` to its caller. `None` at the outermost frame, and if the stack can't be
/// followed.
#[inline(always)]
pub(super) fn step(registers: &Registers) -> Option<CallerFrame> {
    let lookup = registers.pc.lookup_address();
    let rule = match rules::find(lookup) {
        Some(rule) => rule,
        None => find_rule(registers.pc),
    };
    let step = if let Rule::Frame { base, cfa_offset, deref, saved_bp } = rule {
        let step = step_frame(registers, base, cfa_offset, deref, saved_bp)?;
        // The stack grows down, so a caller's frame is above.
        (step.registers.sp > registers.sp).then_some(step)?
    } else {
        step_rarely(registers, rule)?
    };
    let address = step.registers.pc.address();
    (address >= LEAST_CODE_ADDRESS && step.slot % 8 == 0).then_some(step)
}

#[cold]
#[inline(never)]
fn step_rarely(registers: &Registers, rule: Rule) -> Option<CallerFrame> {
    match rule {
        // A signal may have switched stacks, so its sp may have any value.
        Rule::Signal => step_signal(registers),
        Rule::Unknown => step_unknown(registers).filter(|step| step.registers.sp > registers.sp),
        Rule::End | Rule::Frame { .. } => None,
    }
}

#[inline(always)]
fn step_frame(
    registers: &Registers,
    base: Base,
    cfa_offset: i32,
    deref: bool,
    saved_bp: SavedBp,
) -> Option<CallerFrame> {
    let Registers { sp, bp, .. } = *registers;
    let from = match base {
        Base::Sp => sp,
        Base::Bp => bp,
    };
    let mut cfa = from.wrapping_add_signed(cfa_offset as isize);
    if deref {
        cfa = probe::load(cfa)?;
    }
    let slot = cfa.wrapping_sub(8);
    let address = probe::load(slot)?;
    let saved_at = match saved_bp {
        SavedBp::Unchanged => None,
        SavedBp::FromCfa(offset) => Some(cfa.wrapping_add_signed(offset as isize)),
        SavedBp::FromBp(offset) => Some(bp.wrapping_add_signed(offset as isize)),
    };
    let caller_bp = match saved_at {
        Some(at) => probe::load(at)?,
        None => bp,
    };
    Some(CallerFrame {
        registers: Registers { pc: Pc::new(address, PcKind::Return), sp: cfa, bp: caller_bp },
        slot,
        bp_fate: match saved_bp {
            SavedBp::FromBp(_) => BpFate::Used,
            _ if base == Base::Bp => BpFate::Used,
            SavedBp::Unchanged => BpFate::Carried,
            SavedBp::FromCfa(_) => BpFate::Restored,
        },
        bp_slot: saved_at.unwrap_or(0),
    })
}

/// Steps to the code that a signal interrupted. In the kernel's `struct rt_sigframe`, the ucontext is right above the
/// return address that the handler returned to.
fn step_signal(registers: &Registers) -> Option<CallerFrame> {
    let register = |index: libc::c_int| {
        let gregs = core::mem::offset_of!(libc::ucontext_t, uc_mcontext)
            + core::mem::offset_of!(libc::mcontext_t, gregs);
        registers.sp.wrapping_add(gregs + index as usize * 8)
    };
    let slot = register(libc::REG_RIP);
    let interrupted = Registers {
        pc: Pc::new(probe::load(slot)?, PcKind::Exact),
        sp: probe::load(register(libc::REG_RSP))?,
        bp: probe::load(register(libc::REG_RBP))?,
    };
    Some(CallerFrame { registers: interrupted, slot, bp_fate: BpFate::Restored, bp_slot: 0 })
}

/// Steps without a table. A jump to a wild address leaves the return address on top of the stack. Other code most
/// likely keeps a frame pointer, as run-time compilers do.
fn step_unknown(registers: &Registers) -> Option<CallerFrame> {
    let Registers { pc, sp, bp } = *registers;
    if pc.kind() == PcKind::Exact {
        let top = probe::load(sp)?;
        if learn::module_at(top.wrapping_sub(1)).is_some() {
            return Some(CallerFrame {
                registers: Registers { pc: Pc::new(top, PcKind::Return), sp: sp + 8, bp },
                slot: sp,
                bp_fate: BpFate::Carried,
                bp_slot: 0,
            });
        }
    }
    // A frame pointer is aligned, and points above sp into the same stack.
    if bp % 8 != 0 || bp < sp {
        return None;
    }
    let (caller_bp, address) = (probe::load(bp)?, probe::load(bp.wrapping_add(8))?);
    // rbp may have held data, so at least there must be memory before the return address.
    probe::load_byte(address.wrapping_sub(1))?;
    Some(CallerFrame {
        registers: Registers {
            pc: Pc::new(address, PcKind::Return),
            sp: bp.wrapping_add(16),
            bp: caller_bp,
        },
        slot: bp.wrapping_add(8),
        bp_fate: BpFate::Used,
        bp_slot: bp,
    })
}

/// Finds the rule in the tables of the module that `pc` is in, and caches it.
#[cold]
#[inline(never)]
fn find_rule(pc: Pc) -> Rule {
    let lookup = pc.lookup_address();
    let module = learn::module_at(lookup);
    let rule = match module {
        // SAFETY: the module is loaded, and its code is on a stack: a program that unloads it now will crash when it
        // returns there, whatever we do.
        Some(module) => match unsafe { cfi::rule_for(module, lookup) } {
            Some(rule) => rule,
            // Don't cache this: next time there will be a free context.
            None => return Rule::Unknown,
        },
        // The registry was busy, or is full.
        None if loader::object_at(lookup).is_some() => return Rule::Unknown,
        None => Rule::Unknown,
    };
    let rule = match rule {
        Rule::Unknown if is_signal_return(pc.address()) => Rule::Signal,
        rule => rule,
    };
    match module {
        Some(_) => rules::remember(lookup, rule),
        None => rules::remember_stray(lookup, rule),
    }
    rule
}

/// Whether the code at `address` is the system call that ends a signal handler: `mov rax, 15; syscall`, in either
/// encoding. Programs may have their own restorer, without unwind tables.
pub fn is_signal_return(address: usize) -> bool {
    let Some(word) = probe::load(address) else {
        return false;
    };
    let long = word == usize::from_le_bytes([0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f]);
    let short =
        word & 0xff_ffff_ffff_ffff == usize::from_le_bytes([0xb8, 0x0f, 0, 0, 0, 0x0f, 5, 0]);
    long && probe::load_byte(address.wrapping_add(8)) == Some(5) || short
}
