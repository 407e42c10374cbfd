//! What a program or a debugger asks of the heap while the program lives.

use crate::diagnose::{self, AddressKind, Description, FoundBy};
use crate::heap::{private, threads};
use crate::report::resolve::{self, Names};
use crate::report::{hook, sink, text};
use crate::runtime::Runtime;
use crate::sys::process;
use crate::sys::scope::RuntimeScope;
use crate::trace::{self, Caller, Frames};
use crate::{allocator, fault};

/// Writes what an address is, with the stacks of its object.
pub fn describe_address(address: usize) {
    let runtime = allocator::runtime();
    let _scope = RuntimeScope::enter();
    let description = if private::contains(address) {
        Description { kind: AddressKind::Own, subject: None }
    } else if runtime.heap.contains(address) {
        let neighbours = runtime.heap.neighbourhood(address);
        diagnose::describe(address, neighbours, runtime.heap.guards(address))
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
    let report = resolve::resolve_address(address, description, pid, names);
    deliver(runtime, &text::address_to_string(&report));
}

/// Reports each object whose slack, or junk, has been overwritten, and goes on; returns how many.
pub fn check_heap(caller: Caller) -> usize {
    let runtime = allocator::runtime();
    let _scope = RuntimeScope::enter();
    let mut found = 0;
    for bad in runtime.heap.damaged(None) {
        found += 1;
        let mut stack = Frames::new();
        trace::walk(caller, &mut stack);
        let (by, thread) = (FoundBy::Check, threads::current());
        let bug = diagnose::diagnose_call(by, 0, bad, None, thread, stack);
        let report = resolve::resolve(&bug, process::pid(), names(runtime));
        deliver(runtime, &text::to_string(&report));
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
