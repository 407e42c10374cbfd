//! The entries of the checked functions. build.rs makes them from `src/checked/functions.list`.

use crate::checked::entry::entry;
use crate::checked::streams;
use crate::checked::text::Case;
use crate::diagnose::Direction;
use crate::mappings::Opening;

include!(concat!(env!("OUT_DIR"), "/checked_entries.rs"));
