//! What the faulting instruction did: its direction, width and first byte.

use super::decoder;
use crate::sys::process;
use iced_x86::{
    FlowControl, Instruction, InstructionInfoFactory, OpAccess, OpKind, Register, UsedMemory,
};

/// The direction of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Read,
    Write,
    /// An instruction fetch: the code jumped to memory that holds no code.
    Execute,
}

/// An access that faulted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The first byte that the instruction meant to access.
    pub start: usize,
    /// The first byte that it could not access: the page's start, if the access crosses into that page.
    pub fault: usize,
    /// The access's size in bytes; `None` if the instruction can't be decoded.
    pub width: Option<usize>,
    pub direction: Direction,
    pub pc: usize,
    pub bp: usize,
    pub sp: usize,
}

/// What may be wrong with an address that the kernel does not report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unnamed {
    NonCanonical,
    Misaligned(usize),
    Nothing,
}

/// Bits of the page fault's error code in the trap frame (Intel SDM vol. 3, 4.7).
const ERROR_WRITE: u64 = 1 << 1;
const ERROR_FETCH: u64 = 1 << 4;

/// The bit of rflags that has string instructions go downwards.
const DIRECTION_FLAG: u64 = 1 << 10;

/// The size of the longest x86 instruction.
pub const MAX_INSTRUCTION_BYTES: usize = 15;

/// The integer registers, in the order of `gregs` in `ucontext_t`, and the bases of the segments fs and gs.
pub struct Registers<'a> {
    pub gregs: &'a [libc::greg_t],
    pub fs_base: u64,
    pub gs_base: u64,
}

impl<'a> Registers<'a> {
    /// Returns the calling thread's registers, as they were when it was interrupted at `context`.
    pub fn of(context: &'a libc::ucontext_t) -> Registers<'a> {
        Registers {
            gregs: &context.uc_mcontext.gregs,
            fs_base: process::fs_base(),
            gs_base: process::gs_base(),
        }
    }

    fn get(&self, index: libc::c_int) -> u64 {
        self.gregs[index as usize] as u64
    }

    pub(super) fn value(&self, register: Register) -> Option<u64> {
        let index = match register.full_register() {
            Register::RAX => libc::REG_RAX,
            Register::RBX => libc::REG_RBX,
            Register::RCX => libc::REG_RCX,
            Register::RDX => libc::REG_RDX,
            Register::RSI => libc::REG_RSI,
            Register::RDI => libc::REG_RDI,
            Register::RBP => libc::REG_RBP,
            Register::RSP => libc::REG_RSP,
            Register::R8 => libc::REG_R8,
            Register::R9 => libc::REG_R9,
            Register::R10 => libc::REG_R10,
            Register::R11 => libc::REG_R11,
            Register::R12 => libc::REG_R12,
            Register::R13 => libc::REG_R13,
            Register::R14 => libc::REG_R14,
            Register::R15 => libc::REG_R15,
            Register::RIP => libc::REG_RIP,
            // In 64-bit mode the other segments begin at 0.
            Register::ES | Register::CS | Register::SS | Register::DS => return Some(0),
            Register::FS => return Some(self.fs_base),
            Register::GS => return Some(self.gs_base),
            // A vector index (of a gather): its lanes are not in gregs.
            _ => return None,
        };
        let value = self.get(index);
        Some(match register.size() {
            4 => value & 0xffff_ffff,
            2 => value & 0xffff,
            1 => value & 0xff,
            _ => value,
        })
    }
}

/// Decodes the instruction in `code` (the bytes at rip) that faulted at `fault`. `registers` are those of the trap
/// frame.
pub fn decode(fault: usize, code: &[u8], registers: &Registers<'_>) -> Access {
    let error = registers.get(libc::REG_ERR);
    let direction = if error & ERROR_FETCH != 0 {
        Direction::Execute
    } else if error & ERROR_WRITE != 0 {
        Direction::Write
    } else {
        Direction::Read
    };
    let pc = registers.get(libc::REG_RIP) as usize;
    let operand = match direction {
        Direction::Execute => None,
        _ => operand_at(fault, pc, code, direction, registers),
    };
    let (start, width) = match operand {
        Some((start, width)) => (start, Some(width)),
        None => (fault, None),
    };
    Access {
        start,
        fault,
        width,
        direction,
        pc,
        bp: registers.get(libc::REG_RBP) as usize,
        sp: registers.get(libc::REG_RSP) as usize,
    }
}

/// Returns the start and the width of the memory operand that holds `fault`.
fn operand_at(
    fault: usize,
    pc: usize,
    code: &[u8],
    direction: Direction,
    registers: &Registers<'_>,
) -> Option<(usize, usize)> {
    let instruction = decoder::decode(code, pc);
    if instruction.is_invalid() {
        return None;
    }
    let mut factory = InstructionInfoFactory::new();
    let operands = factory.info(&instruction).used_memory();
    // A repeated string instruction advances its registers, and the processor may be ahead of them: the element that
    // faulted is among those still to come.
    let repeated = instruction.has_rep_prefix() || instruction.has_repne_prefix();
    let elements = if repeated { registers.get(libc::REG_RCX).max(1) as usize } else { 1 };
    let backwards = registers.get(libc::REG_EFL) & DIRECTION_FLAG != 0;
    let spans = |operand: &&UsedMemory| {
        let Some((start, width)) = extent(&instruction, operand, registers) else { return false };
        let span = width.saturating_mul(elements);
        let start = if backwards { start.wrapping_sub(span - width) } else { start };
        fault.wrapping_sub(start) < span
    };
    let operand = operands
        .iter()
        .filter(|operand| goes(operand.access(), direction))
        .find(spans)
        .or_else(|| operands.iter().find(spans));
    match operand {
        Some(operand) => extent(&instruction, operand, registers).map(|(start, width)| {
            let ahead = fault.wrapping_sub(start);
            if ahead < width { (start, width) } else { (fault, width) }
        }),
        // A gather or scatter: the width is that of a lane, and the lane is the one that faulted.
        None => operands
            .iter()
            .find(|operand| operand.index().is_vector_register())
            .map(|operand| (fault, operand.memory_size().element_size())),
    }
}

/// Decodes an instruction that the processor refused without reporting an address (a general protection fault).
/// `target` returns the value at an address that the instruction branches through.
pub fn decode_unnamed(
    code: &[u8],
    registers: &Registers<'_>,
    target: impl Fn(usize) -> Option<usize>,
) -> (Access, Unnamed) {
    let pc = registers.get(libc::REG_RIP) as usize;
    let access = |start: usize, width: Option<usize>, direction: Direction| Access {
        start,
        fault: start,
        width,
        direction,
        pc,
        bp: registers.get(libc::REG_RBP) as usize,
        sp: registers.get(libc::REG_RSP) as usize,
    };
    let nothing = (access(0, None, Direction::Read), Unnamed::Nothing);
    if !is_canonical(pc) {
        return (access(pc, None, Direction::Execute), Unnamed::NonCanonical);
    }
    let instruction = decoder::decode(code, pc);
    if instruction.is_invalid() {
        return nothing;
    }
    let mut factory = InstructionInfoFactory::new();
    let operands = factory.info(&instruction).used_memory();
    let extents = || {
        operands.iter().filter_map(|operand| {
            let (start, width) = extent(&instruction, operand, registers)?;
            let writes = goes(operand.access(), Direction::Write);
            let direction = if writes { Direction::Write } else { Direction::Read };
            Some(access(start, Some(width), direction))
        })
    };
    if let Some(found) = extents().find(|found| !is_canonical(found.start)) {
        return (found, Unnamed::NonCanonical);
    }
    let destination = match instruction.flow_control() {
        FlowControl::Return => target(access(0, None, Direction::Read).sp),
        FlowControl::IndirectBranch | FlowControl::IndirectCall
            if instruction.op0_kind() == OpKind::Register =>
        {
            registers.value(instruction.op0_register()).map(|value| value as usize)
        }
        FlowControl::IndirectBranch | FlowControl::IndirectCall => {
            let read = extents().find(|found| found.direction == Direction::Read);
            read.and_then(|found| target(found.start))
        }
        _ => None,
    };
    if let Some(to) = destination.filter(|&to| !is_canonical(to)) {
        return (access(to, None, Direction::Execute), Unnamed::NonCanonical);
    }
    let misaligned = |found: &Access| {
        found.width.is_some_and(|width| width >= 16 && !found.start.is_multiple_of(width))
    };
    match extents().find(misaligned) {
        Some(found) => (found, Unnamed::Misaligned(found.width.unwrap_or_default())),
        None => nothing,
    }
}

/// Whether the address is valid on a processor with pointers of 48 bits.
fn is_canonical(address: usize) -> bool {
    let high = address as i64 >> 47;
    high == 0 || high == -1
}

fn goes(access: OpAccess, direction: Direction) -> bool {
    let reads = matches!(
        access,
        OpAccess::Read | OpAccess::CondRead | OpAccess::ReadWrite | OpAccess::ReadCondWrite
    );
    let writes = matches!(
        access,
        OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
    );
    match direction {
        Direction::Read => reads,
        Direction::Write => writes,
        Direction::Execute => false,
    }
}

fn extent(
    instruction: &Instruction,
    operand: &UsedMemory,
    registers: &Registers<'_>,
) -> Option<(usize, usize)> {
    let start = operand.virtual_address(0, |register, _, _| registers.value(register))?;
    // The decoder does not know what size a repeated instruction uses, as that depends on rcx.
    let width = match operand.memory_size().size() {
        0 => instruction.memory_size().size(),
        width => width,
    };
    Some((start as usize, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PC: usize = 0x40_0000;

    fn decoded(code: &[u8], fault: usize, error: u64, set: &[(libc::c_int, u64)]) -> Access {
        let mut gregs = [0; 23];
        gregs[libc::REG_RIP as usize] = PC as i64;
        gregs[libc::REG_ERR as usize] = error as i64;
        for &(register, value) in set {
            gregs[register as usize] = value as i64;
        }
        decode(fault, code, &Registers { gregs: &gregs, fs_base: 0x7000, gs_base: 0 })
    }

    #[test]
    fn a_store_of_four_bytes() {
        // mov [rax+rcx*4], edx
        let access = decoded(
            &[0x89, 0x14, 0x88],
            0x2000,
            6,
            &[(libc::REG_RAX, 0x1000), (libc::REG_RCX, 0x400)],
        );
        assert_eq!((access.direction, access.width), (Direction::Write, Some(4)));
        assert_eq!(access.start, 0x2000);
    }

    #[test]
    fn a_load_that_crosses_into_the_page_starts_before_the_fault() {
        // mov rax, [rdi]
        let access = decoded(&[0x48, 0x8b, 0x07], 0x2000, 4, &[(libc::REG_RDI, 0x1ffc)]);
        assert_eq!((access.direction, access.width), (Direction::Read, Some(8)));
        assert_eq!((access.start, access.fault), (0x1ffc, 0x2000));
    }

    #[test]
    fn a_copy_faults_on_the_side_that_the_trap_frame_names() {
        // rep movsb: reads [rsi], writes [rdi]
        let code = [0xf3, 0xa4];
        let set = [(libc::REG_RSI, 0x2000), (libc::REG_RDI, 0x5000), (libc::REG_RCX, 9)];
        assert_eq!(decoded(&code, 0x2000, 4, &set).start, 0x2000);
        let access = decoded(&code, 0x5000, 6, &set);
        assert_eq!((access.start, access.width), (0x5000, Some(1)));
    }

    #[test]
    fn a_copy_may_fault_ahead_of_its_registers() {
        // rep stosb, 100 bytes from 0x1ff0, faulting at the page
        let set = [(libc::REG_RDI, 0x1ff0), (libc::REG_RCX, 100)];
        let access = decoded(&[0xf3, 0xaa], 0x2000, 6, &set);
        assert_eq!((access.start, access.width), (0x2000, Some(1)));
    }

    #[test]
    fn wide_vectors() {
        // vmovdqu [rdi], ymm0
        let access = decoded(&[0xc5, 0xfe, 0x7f, 0x07], 0x2000, 6, &[(libc::REG_RDI, 0x1ff0)]);
        assert_eq!((access.start, access.width), (0x1ff0, Some(32)));
    }

    #[test]
    fn an_increment_writes() {
        // inc dword ptr [rax]: faults as a write
        let access = decoded(&[0xff, 0x00], 0x2000, 6, &[(libc::REG_RAX, 0x2000)]);
        assert_eq!((access.direction, access.width), (Direction::Write, Some(4)));
    }

    #[test]
    fn thread_local_operands_use_the_segment() {
        // mov eax, fs:[rdi]
        let access = decoded(&[0x64, 0x8b, 0x07], 0x9000, 4, &[(libc::REG_RDI, 0x2000)]);
        assert_eq!((access.start, access.width), (0x9000, Some(4)));
    }

    #[test]
    fn a_jump_into_the_heap_executes() {
        let access = decoded(&[], PC, 0x14, &[]);
        assert_eq!((access.direction, access.width, access.start), (Direction::Execute, None, PC));
    }

    fn unnamed(code: &[u8], set: &[(libc::c_int, u64)]) -> (usize, Unnamed, Direction) {
        let mut gregs = [0; 23];
        gregs[libc::REG_RIP as usize] = PC as i64;
        for &(register, value) in set {
            gregs[register as usize] = value as i64;
        }
        let registers = Registers { gregs: &gregs, fs_base: 0, gs_base: 0 };
        let (access, unnamed) = decode_unnamed(code, &registers, |at| Some(at << 48));
        (access.start, unnamed, access.direction)
    }

    #[test]
    fn tells_what_no_address_was_named_for() {
        let wild = 0xdead_beef_dead_beef;
        let at = wild as usize;
        // mov rax, [rdi]; mov [rdi], rax
        let (read, write) = ([0x48, 0x8b, 0x07], [0x48, 0x89, 0x07]);
        let rdi = [(libc::REG_RDI, wild)];
        assert_eq!(unnamed(&read, &rdi), (at, Unnamed::NonCanonical, Direction::Read));
        assert_eq!(unnamed(&write, &rdi), (at, Unnamed::NonCanonical, Direction::Write));
        // call rax; call [rdi]; ret
        let target = (0x1000_usize << 48, Unnamed::NonCanonical, Direction::Execute);
        let call = unnamed(&[0xff, 0xd0], &[(libc::REG_RAX, wild), (libc::REG_RSP, 0x2000)]);
        assert_eq!(call, (at, Unnamed::NonCanonical, Direction::Execute));
        assert_eq!(unnamed(&[0xff, 0x17], &[(libc::REG_RDI, 0x1000)]), target);
        assert_eq!(unnamed(&[0xc3], &[(libc::REG_RSP, 0x1000)]), target);
        // movaps xmm0, [rdi]
        let aligned = unnamed(&[0x0f, 0x28, 0x07], &[(libc::REG_RDI, 0x1008)]);
        assert_eq!(aligned, (0x1008, Unnamed::Misaligned(16), Direction::Read));
        // hlt
        assert_eq!(unnamed(&[0xf4], &[]), (0, Unnamed::Nothing, Direction::Read));
    }

    #[test]
    fn bytes_that_are_no_instruction_give_no_width() {
        let access = decoded(&[0x06], 0x2000, 4, &[]);
        assert_eq!((access.width, access.start), (None, 0x2000));
    }
}
