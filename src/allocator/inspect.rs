//! What a program or a debugger may ask about the heap while the program runs.

use crate::diagnose::{self, AddressKind, Description, FoundBy};
use crate::finding::text;
use crate::heap::record::State;
use crate::heap::{private, threads};
use crate::report::resolve::{self, Names, Request};
use crate::report::{hook, known, record, sink};
use crate::runtime::Runtime;
use crate::sys::process;
use crate::sys::scope::RuntimeScope;
use crate::trace::{self, Caller, Frames};
use crate::{allocator, fault};

/// Writes what an address is, with the stacks of its object.
pub fn describe_address(address: usize) {
    let Some(runtime) = allocator::runtime() else { return };
    let _scope = RuntimeScope::enter();
    let description = if private::contains(address) {
        Description { kind: AddressKind::Own, subject: None }
    } else if runtime.heap.contains(address) {
        let neighbours = runtime.heap.neighbourhood(address);
        match neighbours[1].filter(|object| object.state == State::Live) {
            Some(object) if runtime.heap.is_packed(address) => {
                diagnose::describe_unguarded(address, object)
            }
            _ => diagnose::describe(address, neighbours, runtime.heap.guards(address)),
        }
    } else {
        match runtime.heap.unguarded_near(address) {
            Some(object) => diagnose::describe_unguarded(address, object),
            None => {
                let kind = AddressKind::Foreign(fault::owner_of(address));
                Description { kind, subject: None }
            }
        }
    };
    let (pid, names) = (process::pid(), names(runtime));
    let report = resolve::resolve_address(address, &description, pid, names);
    deliver(runtime, &report.to_string());
}

/// Reports each object whose slack or junk has been overwritten, and goes on. Returns their number.
pub fn check_heap(caller: Caller) -> usize {
    let Some(runtime) = allocator::runtime() else { return 0 };
    let _scope = RuntimeScope::enter();
    let mut found = 0;
    for bad in runtime.heap.damaged(None) {
        found += 1;
        let mut stack = Frames::new();
        trace::walk(caller, &mut stack);
        let (by, thread) = (FoundBy::Check, threads::current());
        let bug = diagnose::diagnose_call(by, 0, bad, None, thread, stack);
        let request = Request { names: names(runtime), may_probe: fault::is_in_charge() };
        let mut finding = resolve::resolve(&bug, runtime.full_identity(), request);
        finding.time_ms = record::next_moment();
        finding.known = known::why(runtime, &finding).unwrap_or_default();
        if finding.known.is_none() {
            deliver(runtime, &text::to_string(&finding));
        }
        record::finding(runtime, &finding);
    }
    found
}

fn names(runtime: &Runtime) -> Names {
    if runtime.options.symbolize { Names::Symbols } else { Names::ModulesOnly }
}

fn deliver(runtime: &Runtime, text: &str) {
    sink::write(runtime, text);
    hook::call(text);
}
