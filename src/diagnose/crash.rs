//! Crashes that have nothing to do with the heap: what can be learned from a signal that would kill the process.

use super::access::{Access, Direction, Unnamed};
use super::bug::{Bug, BugKind, Cause, Crash};
use super::mapping::{self, Scene};
use crate::heap::record::ThreadId;
use crate::sys::PAGE_BYTES;
use crate::sys::address_map::Mapping;
use crate::trace::Frames;
use libc::c_int;

/// Signal codes of the kernel that libc's bindings lack (sigaction(2)).
const SI_KERNEL: c_int = 0x80;
const FPE_INTDIV: c_int = 1;
const SEGV_PKUERR: c_int = 4;
const BUS_MCEERR_AR: c_int = 4;
const BUS_MCEERR_AO: c_int = 5;

/// Addresses below this are never mapped (`vm.mmap_min_addr`): there a pointer was null, plus an offset.
const NULL_ZONE_BYTES: usize = 64 << 10;

/// How far from the stack pointer code may touch stack that it has just made room for.
const STACK_REACH_BYTES: usize = 64 << 10;

/// A signal that the kernel raised for an instruction.
pub struct Trap {
    pub signal: c_int,
    /// The `si_code` of the signal.
    pub code: c_int,
    pub access: Access,
    pub unnamed: Unnamed,
    /// The mapping at the access.
    pub mapping: Option<Mapping>,
    /// The byte that fills freed objects while they can still be read.
    pub junk: Option<u8>,
}

/// How far from a pointer an instruction reaches: displacements have 32 bits, one of them the sign.
const REACH_BYTES: usize = 1 << 31;

fn is_near_junk(address: usize, junk: u8) -> bool {
    let pointer = usize::from_ne_bytes([junk; size_of::<usize>()]);
    address.abs_diff(pointer) <= REACH_BYTES
}

/// Whether the signal's code says nothing of an address, as for alignment and general protection faults.
pub fn names_no_address(code: c_int) -> bool {
    code == SI_KERNEL
}

/// Diagnoses the crash that `trap` is, with what is known around its address.
pub fn diagnose_crash(trap: Trap, scene: &Scene, thread: ThreadId, stack: Frames) -> Bug {
    let access = trap.access;
    let crash = why(&trap);
    if let Some((kind, subject)) =
        mapping::explain((trap.signal, trap.code), &access, &crash, scene)
    {
        let bug = Bug::new(kind, access.start, Cause::Access(access), thread, stack);
        return Bug { mapping: Some(subject), ..bug };
    }
    let (kind, cause, address) = match trap.signal {
        libc::SIGFPE => (BugKind::Fpe, raised(&access, "SIGFPE"), access.pc),
        libc::SIGILL => (BugKind::Ill, raised(&access, "SIGILL"), access.pc),
        _ if crash == Crash::Stack => (BugKind::StackOverflow, Cause::Access(access), access.start),
        libc::SIGBUS => (BugKind::Bus, Cause::Access(access), access.start),
        _ => (BugKind::Segv, Cause::Access(access), access.start),
    };
    let near = match crash {
        Crash::Unmapped => mapping::neighbours(access.fault, scene),
        _ => Vec::new(),
    };
    Bug { crash: Some(crash), near, ..Bug::new(kind, address, cause, thread, stack) }
}

fn raised(access: &Access, signal: &'static str) -> Cause {
    Cause::Raised { signal, pc: access.pc, bp: access.bp, sp: access.sp }
}

fn why(trap: &Trap) -> Crash {
    let Trap { signal, code, access, mapping, .. } = trap;
    let name = || mapping.as_ref().map(|mapping| mapping.name.clone()).unwrap_or_default();
    match *signal {
        libc::SIGFPE if *code == FPE_INTDIV => return Crash::Division,
        libc::SIGFPE => return Crash::FloatingPoint,
        libc::SIGILL => return Crash::Instruction,
        libc::SIGBUS if matches!(*code, BUS_MCEERR_AR | BUS_MCEERR_AO) => return Crash::Hardware,
        libc::SIGBUS if *code == libc::BUS_ADRERR => {
            return match name() {
                name if name.starts_with('/') => Crash::PastEndOfFile(name),
                _ => Crash::Unavailable,
            };
        }
        _ => {}
    }
    if names_no_address(*code) || *signal == libc::SIGBUS {
        return match trap.unnamed {
            Unnamed::NonCanonical => match trap.junk {
                Some(junk) if is_near_junk(access.start, junk) => Crash::Junk(junk),
                _ => Crash::NonCanonical,
            },
            Unnamed::Misaligned(alignment) => Crash::Misaligned(alignment),
            Unnamed::Nothing => Crash::NoAddress,
        };
    }
    let is_dead = mapping.as_ref().is_none_or(|mapping| !mapping.readable && !mapping.writable);
    // Pushes and probes go below the stack pointer, local variables lie above it.
    let reach = access.sp.saturating_sub(PAGE_BYTES)..access.sp.saturating_add(STACK_REACH_BYTES);
    match mapping {
        _ if *code == SEGV_PKUERR => Crash::Key,
        _ if access.fault < NULL_ZONE_BYTES => Crash::Null,
        _ if is_dead && access.direction != Direction::Execute && reach.contains(&access.fault) => {
            Crash::Stack
        }
        None => Crash::Unmapped,
        Some(_) if access.direction == Direction::Execute => Crash::NotExecutable(name()),
        Some(mapping) if mapping.readable && !mapping.writable => Crash::ReadOnly(name()),
        Some(mapping) if !mapping.readable => Crash::Inaccessible(name()),
        // It has become accessible since, or the kernel knows why it is not.
        Some(_) => Crash::Unavailable,
    }
}

/// Diagnoses an abort(3).
pub fn diagnose_abort(thread: ThreadId, stack: Frames) -> Bug {
    Bug { crash: Some(Crash::Abort), ..Bug::new(BugKind::Abrt, 0, Cause::Aborted, thread, stack) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SP: usize = 0x7fff_0000_0000;

    fn access(fault: usize, direction: Direction) -> Access {
        Access { start: fault, fault, width: Some(4), direction, pc: 0x40_0000, bp: 0, sp: SP }
    }

    fn mapping(permissions: &str, name: &str) -> Option<Mapping> {
        let line = format!("10000000-20000000 {permissions} 00000000 00:00 0 {name}");
        crate::sys::address_map::parse(line.as_bytes())
    }

    fn told(signal: c_int, code: c_int, access: Access, mapping: Option<Mapping>) -> Crash {
        let trap = Trap { signal, code, access, unnamed: Unnamed::Nothing, mapping, junk: None };
        diagnose_crash(trap, &Scene::default(), ThreadId(0), Frames::new()).crash.unwrap()
    }

    fn segv(fault: usize, direction: Direction, mapping: Option<Mapping>) -> Crash {
        told(libc::SIGSEGV, 1, access(fault, direction), mapping)
    }

    #[test]
    fn near_zero_is_null() {
        for fault in [0, 8, 4095, 0xfff0] {
            assert_eq!(segv(fault, Direction::Read, None), Crash::Null);
        }
        assert_eq!(segv(0, Direction::Execute, None), Crash::Null);
        assert_eq!(segv(0x10_0000, Direction::Read, None), Crash::Unmapped);
    }

    #[test]
    fn near_the_stack_pointer_is_the_stack() {
        for fault in [SP - 8, SP - 4096, SP, SP + 4096] {
            assert_eq!(segv(fault, Direction::Write, None), Crash::Stack);
            let guard = mapping("---p", "");
            assert_eq!(segv(fault, Direction::Write, guard), Crash::Stack);
        }
        assert_eq!(segv(SP - (1 << 20), Direction::Write, None), Crash::Unmapped);
        let there = mapping("r--p", "");
        assert_eq!(segv(SP, Direction::Write, there), Crash::ReadOnly(String::new()));
    }

    #[test]
    fn permissions_tell_why() {
        let at = 0x1000_0000;
        let name = || "/lib/x.so".to_owned();
        let of = |permissions, direction| segv(at, direction, mapping(permissions, "/lib/x.so"));
        assert_eq!(of("r--p", Direction::Write), Crash::ReadOnly(name()));
        assert_eq!(of("r-xp", Direction::Write), Crash::ReadOnly(name()));
        assert_eq!(of("---p", Direction::Read), Crash::Inaccessible(name()));
        assert_eq!(of("rw-p", Direction::Execute), Crash::NotExecutable(name()));
        let bus = told(libc::SIGBUS, libc::BUS_ADRERR, access(at, Direction::Read), of_file());
        assert_eq!(bus, Crash::PastEndOfFile("/tmp/file".to_owned()));
    }

    fn of_file() -> Option<Mapping> {
        mapping("r--p", "/tmp/file")
    }

    #[test]
    fn pointers_from_freed_objects_are_known() {
        let told = |start: usize, junk| {
            let access = access(start, Direction::Read);
            let unnamed = Unnamed::NonCanonical;
            let (signal, code) = (libc::SIGSEGV, SI_KERNEL);
            let trap = Trap { signal, code, access, unnamed, mapping: None, junk };
            diagnose_crash(trap, &Scene::default(), ThreadId(0), Frames::new()).crash.unwrap()
        };
        let pointer = 0xdfdf_dfdf_dfdf_dfdf;
        for address in [pointer, pointer + 24, pointer - 16, pointer + (1 << 30)] {
            assert_eq!(told(address, Some(0xdf)), Crash::Junk(0xdf));
        }
        assert_eq!(told(pointer, None), Crash::NonCanonical);
        assert_eq!(told(pointer + (1 << 40), Some(0xdf)), Crash::NonCanonical);
        assert_eq!(told(0x4141_4141_4141_4141, Some(0xdf)), Crash::NonCanonical);
    }

    #[test]
    fn other_signals_speak_for_themselves() {
        let here = access(0x40_0000, Direction::Read);
        assert_eq!(told(libc::SIGFPE, FPE_INTDIV, here, None), Crash::Division);
        assert_eq!(told(libc::SIGFPE, 3, here, None), Crash::FloatingPoint);
        assert_eq!(told(libc::SIGILL, 2, here, None), Crash::Instruction);
        assert_eq!(told(libc::SIGSEGV, SI_KERNEL, here, None), Crash::NoAddress);
    }
}
