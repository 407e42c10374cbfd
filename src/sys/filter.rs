//! Seccomp filters: finds out what the kernel would do with a system call, without making the call.
//!
//! A filter is a program of classic BPF over `struct seccomp_data` (seccomp(2)): the number of the
//! call, the architecture, the instruction pointer and six arguments. It sees no memory, so running it
//! here gives the same verdict as in the kernel.

use super::errno::Errno;
use libc::sock_filter;

/// AUDIT_ARCH_X86_64.
const ARCHITECTURE: u32 = 0xc000_003e;

/// Most instructions that the kernel takes (BPF_MAXINSNS).
pub const MOST_INSTRUCTIONS: usize = 4096;

/// Words of memory that a filter has (BPF_MEMWORDS).
const MEMORY_WORDS: usize = 16;

/// A system call in the form that filters see, `struct seccomp_data`.
pub struct CallData([u32; 16]);

impl CallData {
    /// A call made by the instruction at `pc`.
    pub fn new(number: libc::c_long, args: &[usize; 6], pc: usize) -> CallData {
        let mut words = [0; 16];
        (words[0], words[1]) = (number as u32, ARCHITECTURE);
        let wide = core::iter::once(&pc).chain(args);
        for (pair, &value) in words[2..].chunks_exact_mut(2).zip(wide) {
            (pair[0], pair[1]) = (value as u32, (value as u64 >> 32) as u32);
        }
        CallData(words)
    }

    fn word(&self, offset: u32) -> Option<u32> {
        if offset.is_multiple_of(4) { self.0.get(offset as usize / 4).copied() } else { None }
    }
}

/// What a filter decides about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The process or the thread dies.
    Kill,
    /// The program gets SIGSYS.
    Trap,
    /// The call fails with this error. With 0 it seems to succeed, and does nothing.
    Fail(u16),
    /// Another process decides.
    Notify,
    /// A tracer decides. Without one the call fails with ENOSYS.
    Trace,
    Allow,
}

impl Verdict {
    /// The verdict in the value that a filter returns. A value that the kernel does not know kills.
    fn of(value: u32) -> Verdict {
        const MOST_ERRNO: u32 = 4095;
        match value & libc::SECCOMP_RET_ACTION_FULL {
            libc::SECCOMP_RET_TRAP => Verdict::Trap,
            libc::SECCOMP_RET_ERRNO => {
                Verdict::Fail((value & libc::SECCOMP_RET_DATA).min(MOST_ERRNO) as u16)
            }
            libc::SECCOMP_RET_USER_NOTIF => Verdict::Notify,
            libc::SECCOMP_RET_TRACE => Verdict::Trace,
            libc::SECCOMP_RET_LOG | libc::SECCOMP_RET_ALLOW => Verdict::Allow,
            _ => Verdict::Kill,
        }
    }

    /// The error to return in place of a call that must not be made; `None` if the call can be made. One that goes to a
    /// tracer is made: it does no harm.
    pub fn refusal(self) -> Option<Errno> {
        match self {
            Verdict::Allow | Verdict::Trace => None,
            Verdict::Fail(0) | Verdict::Kill | Verdict::Trap | Verdict::Notify => {
                Some(Errno(libc::EPERM))
            }
            Verdict::Fail(error) => Some(Errno(i32::from(error))),
        }
    }
}

/// The verdict of a filter on a call. [`Verdict::Kill`] for a filter that the kernel would not take.
pub fn verdict(program: &[sock_filter], call: &CallData) -> Verdict {
    run(program, call).map_or(Verdict::Kill, Verdict::of)
}

/// Runs a filter (the instructions of linux/bpf_common.h that seccomp allows). It ends, as jumps lead forward only.
fn run(program: &[sock_filter], call: &CallData) -> Option<u32> {
    let (mut a, mut x) = (0u32, 0u32);
    let mut memory = [0u32; MEMORY_WORDS];
    let mut at = 0;
    loop {
        let step = program.get(at)?;
        at += 1;
        let code = u32::from(step.code);
        let operand = if code & libc::BPF_X != 0 { x } else { step.k };
        match code & 7 {
            libc::BPF_LD | libc::BPF_LDX => {
                let value = match code & !7 {
                    mode if mode == libc::BPF_ABS | libc::BPF_W => call.word(step.k)?,
                    mode if mode == libc::BPF_LEN | libc::BPF_W => size_of_val(&call.0) as u32,
                    libc::BPF_IMM => step.k,
                    libc::BPF_MEM => *memory.get(step.k as usize)?,
                    _ => return None,
                };
                *(if code & 7 == libc::BPF_LD { &mut a } else { &mut x }) = value;
            }
            libc::BPF_ST => *memory.get_mut(step.k as usize)? = a,
            libc::BPF_STX => *memory.get_mut(step.k as usize)? = x,
            libc::BPF_ALU => {
                a = match code & 0xf0 {
                    libc::BPF_ADD => a.wrapping_add(operand),
                    libc::BPF_SUB => a.wrapping_sub(operand),
                    libc::BPF_MUL => a.wrapping_mul(operand),
                    // Division by zero ends the filter with 0, which kills.
                    libc::BPF_DIV => match a.checked_div(operand) {
                        Some(quotient) => quotient,
                        None => return Some(0),
                    },
                    libc::BPF_AND => a & operand,
                    libc::BPF_OR => a | operand,
                    libc::BPF_XOR => a ^ operand,
                    libc::BPF_LSH => a.wrapping_shl(operand),
                    libc::BPF_RSH => a.wrapping_shr(operand),
                    libc::BPF_NEG => a.wrapping_neg(),
                    _ => return None,
                };
            }
            libc::BPF_JMP => {
                let is_true = match code & 0xf0 {
                    libc::BPF_JA => {
                        at = at.checked_add(step.k as usize)?;
                        continue;
                    }
                    libc::BPF_JEQ => a == operand,
                    libc::BPF_JGT => a > operand,
                    libc::BPF_JGE => a >= operand,
                    libc::BPF_JSET => a & operand != 0,
                    _ => return None,
                };
                at += usize::from(if is_true { step.jt } else { step.jf });
            }
            libc::BPF_RET => {
                return Some(if code & 0x18 == libc::BPF_A { a } else { step.k });
            }
            libc::BPF_MISC if code & 0xf8 == libc::BPF_TAX => x = a,
            libc::BPF_MISC if code & 0xf8 == libc::BPF_TXA => a = x,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn step(code: u32, jt: u8, jf: u8, k: u32) -> sock_filter {
        sock_filter { code: code as u16, jt, jf, k }
    }
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const EQUALS: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

    fn ask(program: &[sock_filter], number: libc::c_long, args: [usize; 6]) -> Verdict {
        verdict(program, &CallData::new(number, &args, 0))
    }

    #[test]
    fn a_number_and_an_argument_decide() {
        // ioctl with a second argument of 7 kills; other ioctls fail; write is allowed.
        let program = [
            step(LOAD, 0, 0, 4),
            step(EQUALS, 1, 0, ARCHITECTURE),
            step(RETURN, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
            step(LOAD, 0, 0, 0),
            step(EQUALS, 0, 3, libc::SYS_ioctl as u32),
            step(LOAD, 0, 0, 24),
            step(EQUALS, 2, 0, 7),
            step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | 25),
            step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
            step(RETURN, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
        ];
        assert_eq!(ask(&program, libc::SYS_ioctl, [1, 7, 0, 0, 0, 0]), Verdict::Kill);
        assert_eq!(ask(&program, libc::SYS_ioctl, [1, 8, 0, 0, 0, 0]), Verdict::Fail(25));
        assert_eq!(ask(&program, libc::SYS_write, [1, 7, 0, 0, 0, 0]), Verdict::Allow);
    }

    #[test]
    fn arithmetic_memory_and_the_upper_half_of_arguments() {
        // Allows if (upper half of the last argument << 4 | length) - 64 == 0x30.
        let program = [
            step(libc::BPF_LDX | libc::BPF_W | libc::BPF_LEN, 0, 0, 0),
            step(libc::BPF_STX, 0, 0, 3),
            step(LOAD, 0, 0, 60),
            step(libc::BPF_ALU | libc::BPF_LSH | libc::BPF_K, 0, 0, 4),
            step(libc::BPF_LDX | libc::BPF_MEM, 0, 0, 3),
            step(libc::BPF_ALU | libc::BPF_OR | libc::BPF_X, 0, 0, 0),
            step(libc::BPF_ALU | libc::BPF_SUB | libc::BPF_X, 0, 0, 0),
            step(EQUALS, 0, 1, 0x30),
            step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
            step(libc::BPF_RET | libc::BPF_A, 0, 0, 0),
        ];
        assert_eq!(ask(&program, 0, [0, 0, 0, 0, 0, 3 << 32]), Verdict::Allow);
        assert_eq!(ask(&program, 0, [0, 0, 0, 0, 0, 4 << 32]), Verdict::Kill);
    }

    #[test]
    fn what_the_kernel_would_not_take_kills() {
        assert_eq!(ask(&[], 0, [0; 6]), Verdict::Kill);
        assert_eq!(ask(&[step(LOAD, 0, 0, 64)], 0, [0; 6]), Verdict::Kill);
        assert_eq!(ask(&[step(LOAD, 0, 0, 2)], 0, [0; 6]), Verdict::Kill);
        assert_eq!(ask(&[step(EQUALS, 9, 9, 0)], 0, [0; 6]), Verdict::Kill);
    }

    #[test]
    fn stricter_verdicts_are_lower() {
        use Verdict::*;
        let order = [Kill, Trap, Fail(1), Notify, Trace, Allow];
        assert!(order.is_sorted());
        assert!([Trace, Allow].iter().all(|verdict| verdict.refusal().is_none()));
        assert_eq!(Fail(38).refusal(), Some(Errno(38)));
        assert_eq!(Fail(0).refusal(), Some(Errno(libc::EPERM)));
    }
}
