//! Functions that begin by putting registers on the stack, where they can be looked at.

/// Defines `$entry`, which pushes the registers that a caller relies on, and calls `$target` with the address of the last one in
/// the argument register named. All that the caller and its callers have in use lies from there on.
macro_rules! with_registers {
    ($($(#[$meta:meta])* $entry:ident($lowest:literal) => $target:path;)*) => {
        $(
            $(#[$meta])*
            #[unsafe(naked)]
            pub extern "C" fn $entry() {
                core::arch::naked_asm!(
                    "push rbp",
                    "push rbx",
                    "push r12",
                    "push r13",
                    "push r14",
                    "push r15",
                    // A call finds the stack pointer at a multiple of 16.
                    "push r15",
                    concat!("mov ", $lowest, ", rsp"),
                    "call {target}",
                    "pop r15",
                    "pop r15",
                    "pop r14",
                    "pop r13",
                    "pop r12",
                    "pop rbx",
                    "pop rbp",
                    "ret",
                    target = sym $target,
                )
            }
        )*
    };
}
pub(crate) use with_registers;

/// The same with all general registers, for functions that a debugger may call anywhere.
macro_rules! with_all_registers {
    ($($(#[$meta:meta])* $entry:ident($lowest:literal) => $target:path;)*) => {
        $(
            $(#[$meta])*
            #[unsafe(naked)]
            #[unsafe(no_mangle)]
            pub extern "C" fn $entry() {
                core::arch::naked_asm!(
                    "push rbp",
                    "push rbx",
                    "push r12",
                    "push r13",
                    "push r14",
                    "push r15",
                    "push rax",
                    "push rcx",
                    "push rdx",
                    "push rsi",
                    "push rdi",
                    "push r8",
                    "push r9",
                    "push r10",
                    "push r11",
                    concat!("mov ", $lowest, ", rsp"),
                    "call {target}",
                    "add rsp, 72",
                    "pop r15",
                    "pop r14",
                    "pop r13",
                    "pop r12",
                    "pop rbx",
                    "pop rbp",
                    "ret",
                    target = sym $target,
                )
            }
        )*
    };
}
pub(crate) use with_all_registers;
