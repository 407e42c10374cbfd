//! Why names were not looked up.

/// Why names were not looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum LookUpFailure {
    Crash = 1,
    Hang,
    Interrupted,
    NoMemory,
    Panic,
    Filter,
    NoTimer,
}
