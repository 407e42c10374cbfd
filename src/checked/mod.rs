//! The checked functions of libc: what their operands must be, and how a call of one is entered.

mod accounts;
mod answers;
mod attributes;
mod clocks;
pub mod entry;
mod formats;
pub mod io;
mod memory;
mod messages;
mod multibyte;
mod numbers;
pub mod operand;
pub mod paths;
mod patterns;
mod printf;
pub mod programs;
mod quick;
mod random;
mod resolver;
mod streams;
mod strings;
mod structures;
mod system;
mod text;
mod vectors;
mod wide_numbers;
mod wide_strings;

use crate::sys::next::Next;

/// libc's functions behind the checked ones.
pub const TABLES: [&[&Next]; 21] = [
    memory::NEXT,
    strings::NEXT,
    wide_strings::NEXT,
    numbers::NEXT,
    wide_numbers::NEXT,
    multibyte::NEXT,
    paths::NEXT,
    io::NEXT,
    streams::NEXT,
    printf::NEXT,
    clocks::NEXT,
    system::NEXT,
    answers::NEXT,
    structures::NEXT,
    resolver::NEXT,
    random::NEXT,
    programs::NEXT,
    patterns::NEXT,
    messages::NEXT,
    attributes::NEXT,
    accounts::NEXT,
];
