//! From which pointer an address near zero was computed: null, or MAP_FAILED, whose offsets wrap around to addresses near null.
//!
//! The faulting instruction may still have the pointer in a register, and a displacement beside it. Otherwise one of the instructions
//! just before it has added the offset to the register: what that added is taken back. If neither shows the pointer, nothing is said.

use super::access::Registers;
use super::decoder;
use iced_x86::{Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};

/// Bytes before the faulting instruction that are searched.
pub const BYTES_BEFORE: usize = 32;

/// Additions that are taken back, one before the other.
const MOST_ADDITIONS: usize = 3;

/// The pointer to which an offset was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Null,
    MapFailed,
}

impl Origin {
    fn of(pointer: u64) -> Option<Origin> {
        match pointer {
            0 => Some(Origin::Null),
            u64::MAX => Some(Origin::MapFailed),
            _ => None,
        }
    }
}

/// Tells it from the code around the faulting instruction, which is at the start of `code`; `before` ends where that begins.
pub fn origin(before: &[u8], code: &[u8], pc: usize, registers: &Registers<'_>) -> Option<Origin> {
    let instruction = decoder::decode(code, pc);
    if instruction.is_invalid() {
        return None;
    }
    let (base, index) = (instruction.memory_base(), instruction.memory_index());
    let is_plain = index != Register::None && instruction.memory_index_scale() == 1;
    let base = if base == Register::None && is_plain { index } else { base };
    let mut register = base.full_register();
    let mut pointer = registers.value(register)?;
    let mut other = match is_plain && base != index {
        true => registers.value(index.full_register()),
        false => None,
    };
    let mut end = before.len();
    for _ in 0..=MOST_ADDITIONS {
        // Compilers exchange the two. Null and an index of -1, or MAP_FAILED and one of 0: that can't be told.
        match (pointer, other.take()) {
            (0, Some(u64::MAX)) | (u64::MAX, Some(0)) => return None,
            (_, Some(u64::MAX)) => return Some(Origin::MapFailed),
            _ => {}
        }
        if let Some(origin) = Origin::of(pointer) {
            return Some(origin);
        }
        let step = addition_before(&before[..end], pc - (before.len() - end), register, registers)?;
        (register, pointer, end) = (step.register, pointer.wrapping_sub(step.added), step.at);
        other = step.index;
    }
    None
}

/// An instruction that has added to a register.
struct Addition {
    /// Where it begins, among the bytes that were searched.
    at: usize,
    /// What it was added to.
    register: Register,
    added: u64,
    /// What of that was another register's.
    index: Option<u64>,
}

/// The last instruction that has added something to `register` before `pc`, where `code` ends. What has happened between is
/// known: nothing else has changed the registers.
fn addition_before(
    code: &[u8],
    pc: usize,
    register: Register,
    registers: &Registers<'_>,
) -> Option<Addition> {
    let first = code.len().saturating_sub(BYTES_BEFORE);
    (first..code.len()).rev().find_map(|at| {
        let address = pc - (code.len() - at);
        let instruction = decoder::decode(&code[at..], address);
        if instruction.is_invalid() || instruction.op0_register() != register {
            return None;
        }
        let (source, constant) = match instruction.mnemonic() {
            Mnemonic::Add => match instruction.op1_kind() {
                OpKind::Register => (instruction.op1_register(), 0),
                OpKind::Memory => return None,
                _ => (Register::None, instruction.immediate(1)),
            },
            Mnemonic::Lea if instruction.memory_index_scale() == 1 => {
                (instruction.memory_index(), instruction.memory_displacement64())
            }
            _ => return None,
        };
        if source == register {
            return None;
        }
        let index = match source {
            Register::None => None,
            source => Some(registers.value(source)?),
        };
        let added = constant.wrapping_add(index.unwrap_or_default());
        let to = match instruction.mnemonic() {
            Mnemonic::Lea => instruction.memory_base(),
            _ => register,
        };
        let is_wide = register.is_gpr64() && to.is_gpr64();
        let next = at + instruction.len();
        let is_kept =
            is_wide && keeps(&code[next..], address + instruction.len(), [register, source]);
        is_kept.then_some(Addition { at, register: to, added, index })
    })
}

/// Whether `code` is whole instructions that leave these registers as they are, and does not jump.
fn keeps(mut code: &[u8], mut address: usize, kept: [Register; 2]) -> bool {
    let mut factory = InstructionInfoFactory::new();
    while !code.is_empty() {
        let instruction: Instruction = decoder::decode(code, address);
        let is_plain = !instruction.is_invalid()
            && instruction.flow_control() == iced_x86::FlowControl::Next
            && factory.info(&instruction).used_registers().iter().all(|used| {
                let is_read = matches!(used.access(), OpAccess::Read | OpAccess::CondRead);
                is_read || !kept.contains(&used.register().full_register())
            });
        if !is_plain {
            return false;
        }
        code = &code[instruction.len()..];
        address += instruction.len();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: u64 = u64::MAX;

    fn told(before: &[u8], code: &[u8], set: &[(libc::c_int, u64)]) -> Option<Origin> {
        let mut gregs = [0x5000; 23];
        for &(register, value) in set {
            gregs[register as usize] = value as i64;
        }
        origin(before, code, 0x40_0000, &Registers { gregs: &gregs, fs_base: 0, gs_base: 0 })
    }

    #[test]
    fn the_instruction_may_have_the_pointer() {
        // mov byte [rax+8], 1; movzx eax, byte [rdi+rax+7]
        let store = [0xc6, 0x40, 0x08, 0x01];
        let load = [0x0f, 0xb6, 0x44, 0x07, 0x07];
        assert_eq!(told(&[], &store, &[(libc::REG_RAX, FAILED)]), Some(Origin::MapFailed));
        assert_eq!(told(&[], &store, &[(libc::REG_RAX, 0)]), Some(Origin::Null));
        assert_eq!(told(&[], &store, &[(libc::REG_RAX, 7)]), None);
        let indexed = |base, index| {
            let set = [(libc::REG_RDI, base), (libc::REG_RAX, index)];
            told(&[], &load, &set)
        };
        assert_eq!(indexed(FAILED, 16), Some(Origin::MapFailed));
        assert_eq!(indexed(16, FAILED), Some(Origin::MapFailed));
        assert_eq!(indexed(0, 9), Some(Origin::Null));
        // s->name[length - 1], with null and no length.
        assert_eq!((indexed(0, FAILED), indexed(FAILED, 0)), (None, None));
    }

    #[test]
    fn an_addition_before_is_taken_back() {
        // mov rax, [rbp-8]; add rax, 8; mov byte [rax], 1
        let before = [0x48, 0x8b, 0x45, 0xf8, 0x48, 0x83, 0xc0, 0x08];
        let store = [0xc6, 0x00, 0x01];
        assert_eq!(told(&before, &store, &[(libc::REG_RAX, 7)]), Some(Origin::MapFailed));
        assert_eq!(told(&before, &store, &[(libc::REG_RAX, 8)]), Some(Origin::Null));
        assert_eq!(told(&before, &store, &[(libc::REG_RAX, 9)]), None);
        // lea rdx, [rax+8]; movzx eax, byte [rbp-9]; mov [rdx], al
        let before = [0x48, 0x8d, 0x50, 0x08, 0x0f, 0xb6, 0x45, 0xf7];
        let store = [0x88, 0x02];
        assert_eq!(told(&before, &store, &[(libc::REG_RDX, 7)]), Some(Origin::MapFailed));
        // add rax, rdx; movzx eax, byte [rax]
        let before = [0x48, 0x01, 0xd0];
        let load = [0x0f, 0xb6, 0x00];
        let set = |at, index| [(libc::REG_RAX, at), (libc::REG_RDX, index)];
        assert_eq!(told(&before, &load, &set(99, 100)), Some(Origin::MapFailed));
        assert_eq!(told(&before, &load, &set(99, 99)), Some(Origin::Null));
        assert_eq!(told(&before, &load, &set(99, 98)), None);
        // lea rax, [rdi+rsi+16]; movsx eax, byte [rax]
        let (before, load) = ([0x48, 0x8d, 0x44, 0x37, 0x10], [0x0f, 0xbe, 0x00]);
        let set = |base, index| {
            let at = 16_u64.wrapping_add(base).wrapping_add(index);
            [(libc::REG_RAX, at), (libc::REG_RDI, base), (libc::REG_RSI, index)]
        };
        for (base, index, origin) in [
            (FAILED, 1, Some(Origin::MapFailed)),
            (1, FAILED, Some(Origin::MapFailed)),
            (0, 1, Some(Origin::Null)),
            (0, FAILED, None),
            (FAILED, 0, None),
        ] {
            assert_eq!(told(&before, &load, &set(base, index)), origin, "{base} {index}");
        }
        // add rax, 16; mov eax, [rax+4]: both count.
        let before = [0x48, 0x83, 0xc0, 0x10];
        assert_eq!(
            told(&before, &[0x8b, 0x40, 4], &[(libc::REG_RAX, 15)]),
            Some(Origin::MapFailed)
        );
    }

    #[test]
    fn what_may_have_changed_the_register_since_is_not_taken_back() {
        let store = [0xc6, 0x00, 0x01];
        let rax = [(libc::REG_RAX, 7)];
        // add rax, 8; mov rax, [rbp-8]
        let before = [0x48, 0x83, 0xc0, 0x08, 0x48, 0x8b, 0x45, 0xf8];
        assert_eq!(told(&before, &store, &rax), None);
        // add rax, 8; jmp; add rax, 8; call
        assert_eq!(told(&[0x48, 0x83, 0xc0, 0x08, 0xeb, 0x00], &store, &rax), None);
        let before = [0x48, 0x83, 0xc0, 0x08, 0xe8, 0, 0, 0, 0];
        assert_eq!(told(&before, &store, &rax), None);
        // add eax, 8: the upper half is gone.
        assert_eq!(told(&[0x83, 0xc0, 0x08], &store, &rax), None);
        assert_eq!(told(&[0x48, 0x83, 0xc0, 0x08], &[0x06], &rax), None);
    }
}
