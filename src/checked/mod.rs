//! The checked functions of libc: what their operands must be, and how a call of one is entered.
//!
//! `functions.list` declares them all; build.rs makes their entries of it, which `interpose` exports. Here are the
//! functions that the declarations name: for operands of which only the call itself tells how far it goes.
//! A check is called before libc's function, and then says what the call does (`copies_string`), or in
//! its place, and then is named for what is to be done (`read_line`).
//!
//! Each is entered by a call of the program with the arguments that it has: what the function's manual
//! demands of these the SAFETY comments rely on.

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
pub mod sockets;
pub mod streams;
pub mod strings;
pub mod text;
pub mod times;
pub mod users;
mod vectors;
