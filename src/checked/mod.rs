//! The checked functions of libc: what their operands must be, and how a call of one is entered.
//!
//! `functions.list` declares them all; build.rs makes their entries from it, and `interpose` exports these. Here are
//! the functions that the declarations name, for operands whose extent only the call itself shows. A check that is
//! called before libc's function says what the call does (`copies_string`). One that is called in its place is named
//! for what it does (`read_line`).
//!
//! The program calls each with its own arguments. SAFETY comments rely on it to pass what the function's manual
//! demands.

pub mod asynchronous;
pub mod attributes;
pub mod descriptors;
pub mod entry;
pub mod files;
mod formats;
pub mod formatted;
pub mod memory;
pub mod multibyte;
pub mod names;
pub mod network;
pub mod numbers;
pub mod operand;
pub mod patterns;
pub mod polling;
pub mod processes;
mod quick;
pub mod refused;
pub mod sockets;
pub mod streams;
pub mod strings;
pub mod text;
pub mod times;
pub mod users;
pub mod vectors;
