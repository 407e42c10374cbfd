//! What a program or a debugger asks of the heap while the program lives.

use crate::diagnose::{self, Call, Description};
use crate::heap::{private, threads};
use crate::report::text::{self, Names};
use crate::report::{hook, sink};
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
        Description::Own
    } else if runtime.heap.contains(address) {
        let neighbours = runtime.heap.neighbourhood(address);
        diagnose::describe(address, neighbours, runtime.heap.guards(address))
    } else {
        match runtime.heap.unguarded_near(address) {
            Some(object) => diagnose::describe_unguarded(address, object),
            None => Description::Foreign(fault::owner_of(address)),
        }
    };
    let names = names(runtime);
    deliver(runtime, &text::render_description(address, &description, process::pid(), names));
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
        let bug = diagnose::diagnose_call(Call::Check, 0, bad, None, threads::current(), stack);
        deliver(runtime, &text::render(&bug, process::pid(), names(runtime)));
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
