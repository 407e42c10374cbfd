//! The form of Memcheck's logs, for tools that read these, like CTest.

mod leaks;
mod lines;

use std::io::{self, Write};

use fencepost::finding::{Bug, Direction, Event, Finding, Object, ObjectState, Side};

use super::place::stack_of;
use crate::command::collection::Collection;
use lines::stack;

/// Writes each new bug once, as Memcheck would, and what is leaked in all.
pub fn render(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    render_bugs(collection, out)?;
    leaks::summarize(collection, out)
}

/// Writes each new bug once, as Memcheck would that is told to be quiet.
pub fn render_bugs(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    let is_leak = |bug: &&Bug| bug.example.leak.is_some();
    collection.new_bugs().filter(|bug| !is_leak(bug)).try_for_each(|bug| tell(bug, out))?;
    leaks::render(collection, out)
}

fn tell(bug: &Bug, out: &mut dyn Write) -> io::Result<()> {
    let finding = &bug.example;
    let mut lines = vec![heading(finding)];
    lines.extend(stack(&finding.stack));
    if finding.late {
        lines.push(" The write came earlier: what it left is found here".to_owned());
    }
    if let Some(object) = &finding.object {
        lines.extend(place(finding, object));
    } else if let Some(address) = finding.address {
        lines.push(format!(" Address {address} is not stack'd, malloc'd or (recently) free'd"));
    }
    if let Some(begun) = &finding.begun {
        lines.push(" What is done with the block was begun at".to_owned());
        lines.extend(stack(stack_of(begun)));
    }
    for call in finding.mapping.iter().flat_map(|mapping| &mapping.calls) {
        lines.push(format!(" {} by thread T{} at", call.did.title(), call.event.thread));
        lines.extend(stack(stack_of(&call.event)));
    }
    lines.push(format!(" Fencepost: {}", finding.summary));
    lines.push(String::new());
    lines::write(finding.process.pid, &lines, out)
}

/// The line by which readers of Memcheck's logs recognise the kind.
fn heading(finding: &Finding) -> String {
    let bytes = |bytes: Option<u64>| bytes.unwrap_or(1);
    match (finding.kind.as_str(), &finding.access, &finding.damage) {
        ("double-free" | "bad-free", _, _) => {
            "Invalid free() / delete / delete[] / realloc()".to_owned()
        }
        ("alloc-dealloc-mismatch" | "new-delete-type-mismatch" | "free-size-mismatch", _, _) => {
            "Mismatched free() / delete / delete []".to_owned()
        }
        (kind, _, _) if kind.ends_with("-param-overlap") => {
            let function = kind.trim_end_matches("-param-overlap");
            format!("Source and destination overlap in {function}")
        }
        (_, Some(access), _) => match access.direction {
            Direction::Read => format!("Invalid read of size {}", bytes(access.bytes)),
            Direction::Write => format!("Invalid write of size {}", bytes(access.bytes)),
            Direction::Execute => format!("Jump to the invalid address {}", access.start),
        },
        (_, None, Some(damage)) => format!("Invalid write of size {}", damage.span),
        (kind, None, None) => finding.explanation.clone().unwrap_or_else(|| kind.to_owned()),
    }
}

/// Lines about where the address is, and where the object was allocated and freed.
fn place(finding: &Finding, object: &Object) -> Vec<String> {
    let address = finding.address.unwrap_or(object.start);
    let side = match object.side {
        Side::Before => "before",
        Side::Inside => "inside",
        Side::After => "after",
    };
    let (distance, bytes) = (object.distance, object.bytes);
    let is_freed = object.state != ObjectState::Live;
    let end = if is_freed { "free'd" } else { "alloc'd" };
    let mut lines = vec![format!(
        " Address {address} is {distance} bytes {side} a block of size {bytes} {end}"
    )];
    let frames = |event: &Event| stack(stack_of(event));
    if is_freed {
        lines.extend(object.freed.as_ref().map(frames).unwrap_or_default());
        lines.push(" Block was alloc'd at".to_owned());
    }
    lines.extend(frames(&object.allocated));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use fencepost::finding::{Access, Address, Damage, Frame, Known};

    fn frame(function: &str, line: u32) -> Frame {
        Frame {
            address: Address(0x40_11ab),
            function: Some(function.to_owned()),
            file: Some("/src/a.c".to_owned()),
            line: Some(line),
            module: "/bin/a".to_owned(),
            ..Frame::default()
        }
    }

    fn object(state: ObjectState) -> Object {
        let event = |line| Event { thread: 0, stack: Some(vec![frame("make", line)]) };
        Object {
            start: Address(0x1000),
            bytes: 16,
            family: "malloc".to_owned(),
            alignment: None,
            state,
            side: Side::After,
            distance: 0,
            allocated: event(1),
            freed: (state == ObjectState::Freed).then(|| event(2)),
        }
    }

    fn render_one(finding: Finding) -> String {
        let bug = Bug { example: finding, ..Bug::default() };
        let mut out = Vec::new();
        render(&Collection { bugs: vec![bug], ..Collection::default() }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn finding(kind: &str) -> Finding {
        let mut finding = Finding { kind: kind.to_owned(), ..Finding::default() };
        finding.process.pid = 7;
        finding.summary = format!("{kind} a.c:9 in f");
        finding.stack = vec![frame("f", 9), frame("main", 12)];
        finding.address = Some(Address(0x1010));
        finding
    }

    #[test]
    fn an_overflow_reads_as_memcheck_says_it() {
        let mut overflow = finding("heap-buffer-overflow");
        let direction = Direction::Write;
        overflow.access = Some(Access { direction, bytes: Some(4), start: Address(0x1010) });
        overflow.object = Some(object(ObjectState::Live));
        let expected = "\
==7== Invalid write of size 4
==7==    at 0x4011AB: f (a.c:9)
==7==    by 0x4011AB: main (a.c:12)
==7==  Address 0x1010 is 0 bytes after a block of size 16 alloc'd
==7==    at 0x4011AB: make (a.c:1)
==7==  Fencepost: heap-buffer-overflow a.c:9 in f
==7== \n";
        assert_eq!(render_one(overflow), expected);
    }

    #[test]
    fn kinds_have_the_words_that_readers_know() {
        let text = |kind| render_one(finding(kind));
        assert!(text("double-free").starts_with("==7== Invalid free() / delete / delete[]"));
        let mismatch = text("alloc-dealloc-mismatch");
        assert!(mismatch.starts_with("==7== Mismatched free() / delete / delete []"));
        let overlap = text("memcpy-param-overlap");
        assert!(overlap.starts_with("==7== Source and destination overlap in memcpy\n"));
        assert!(text("FPE").starts_with("==7== FPE\n"));
        let mut late = finding("overwritten-slack");
        late.late = true;
        late.damage = Some(Damage { start: Address(0x1010), span: 3, ..Damage::default() });
        let text = render_one(late);
        assert!(text.starts_with("==7== Invalid write of size 3\n"), "{text}");
        assert!(text.contains("came earlier"), "{text}");
    }

    #[test]
    fn a_freed_object_has_both_stacks() {
        let mut freed = finding("double-free");
        freed.object = Some(object(ObjectState::Freed));
        let text = render_one(freed);
        let free = text.find("free'd\n==7==    at 0x4011AB: make (a.c:2)").expect("freed");
        let made = text.find("Block was alloc'd at\n==7==    at 0x4011AB: make (a.c:1)");
        assert!(made.is_some_and(|made| made > free), "{text}");
    }

    #[test]
    fn what_is_known_is_left_out() {
        let bug = Bug { known: Some(Known::Baseline), ..Bug::default() };
        let mut out = Vec::new();
        render(&Collection { bugs: vec![bug], ..Collection::default() }, &mut out).unwrap();
        assert!(out.is_empty());
    }
}
