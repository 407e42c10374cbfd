//! What an address is: the report for a program or a debugger that asks.

use super::{tell, words};
use crate::diagnose::Description;
use crate::finding::text::{self, Style};
use crate::finding::{Frame, Object};
use crate::heap::record::ThreadId;
use core::fmt::{Result, Write};

/// A report of what an address is.
#[derive(Clone, Debug)]
pub struct AddressReport {
    /// The id of the process that was asked.
    pub pid: u32,
    pub address: usize,
    /// The words that follow the address.
    pub what: String,
    /// Sentences that say where the address lies relative to the object.
    pub place: Vec<String>,
    /// The object at the address, or near it.
    pub object: Option<Object>,
}

impl AddressReport {
    /// Makes the report that thread `asking` wants, with the stacks of the object's allocation and free.
    pub fn new(
        pid: u32,
        asking: ThreadId,
        address: usize,
        description: &Description,
        [allocated, freed]: [Option<Vec<Frame>>; 2],
    ) -> AddressReport {
        let subject = description.subject.as_ref();
        AddressReport {
            pid,
            address,
            what: words::address_kind(&description.kind, subject, asking).to_string(),
            place: subject.map_or_else(Vec::new, |it| words::relation(address, it, false)),
            object: subject.map(|subject| tell::object(subject, allocated, freed)),
        }
    }

    /// Writes the report as text.
    pub fn render(&self, out: &mut impl Write) -> Result {
        writeln!(out, "=={}==Fencepost: {:#x} {}", self.pid, self.address, self.what)?;
        for sentence in &self.place {
            writeln!(out, "{sentence}")?;
        }
        match &self.object {
            Some(object) => text::write_life(object, Style::default(), out),
            None => Ok(()),
        }
    }
}

impl core::fmt::Display for AddressReport {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> Result {
        self.render(out)
    }
}
