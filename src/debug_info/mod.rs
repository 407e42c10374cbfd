//! Functions and lines of a module's code, from its file and from the files that describe it.
//!
//! A process looks up its own modules while it reports; the command those of records, later and elsewhere. Files may be
//! missing, replaced, damaged, or made to do harm: then less is known.

mod debug_file;
mod demangle;
mod dwarf;
mod minidebug;
pub(crate) mod store;

pub use debug_file::DebugFile;
