//! Hints: one sentence on what to do about a finding, where that is certain.

use super::fingerprint::Places;
use super::{Direction, Finding, Frame, Object, ObjectState, Side};

/// From so many calls in a stack on, a function counts as calling itself without end.
const MANY_CALLS: usize = 10;

/// The hint for `finding`, if there is one.
pub fn of(finding: &Finding) -> Option<String> {
    match finding.kind.as_str() {
        "heap-buffer-overflow" => overflow(finding, finding.object.as_ref()?),
        "heap-use-after-free" => moved(finding),
        "double-free" => double_free(finding),
        "bad-free" => bad_free(finding, finding.object.as_ref()?),
        "negative-size-param" => Some(
            "the size is below zero as a signed number: look at the subtraction, or at the result of a call, that it comes from"
                .to_owned(),
        ),
        "stack-overflow" => recursion(&finding.stack),
        _ => None,
    }
}

fn overflow(finding: &Finding, object: &Object) -> Option<String> {
    let access = finding.access?;
    let bytes = access.bytes?;
    let (start, end) = (access.start.0, object.start.0 + object.bytes);
    if object.side != Side::After || object.state != ObjectState::Live {
        return None;
    }
    if let Some(explanation) = &finding.explanation {
        let function = explanation.split(' ').next().unwrap_or_default();
        let writes_string =
            ["strcpy", "strcat", "stpcpy", "sprintf", "vsprintf"].contains(&function);
        if access.direction == Direction::Write && writes_string && start + bytes == end + 1 {
            return Some(
                "the byte that has no room is the null byte at the end of the string: a string of N characters takes N + 1 bytes"
                    .to_owned(),
            );
        }
        let reads_string = explanation.contains(" of a string");
        return (access.direction == Direction::Read && reads_string && start < end).then(|| {
            "the string has no null byte at its end, or that was overwritten: the function read on until the object ended"
                .to_owned()
        });
    }
    // An object that does not have the size of a whole number of elements is no array of them.
    let count = object.bytes.checked_div(bytes).filter(|count| count * bytes == object.bytes)?;
    (start == end && count > 1).then(|| {
        format!(
            "seen as an array of {bytes}-byte elements, the object ends with [{}], and this is [{count}]: one too far",
            count - 1
        )
    })
}

/// The hint for a use after a realloc, if the source line of the free shows one.
fn moved(finding: &Finding) -> Option<String> {
    let freed = Places::of(finding).freed?;
    let source = finding.sources.iter().find(|source| is_of(source, freed))?;
    let line = source.lines.get((source.line - source.first_line) as usize)?;
    (line.contains("realloc(") && !line.contains("free(")).then(|| {
        "realloc may move an object, and then frees the old one: use the pointer that it returned"
            .to_owned()
    })
}

fn is_of(source: &super::Source, frame: &Frame) -> bool {
    Some(&source.file) == frame.file.as_ref() && Some(source.line) == frame.line
}

fn double_free(finding: &Finding) -> Option<String> {
    let freed = finding.object.as_ref()?.freed.as_ref()?.stack.as_deref()?;
    let (now, then) = (finding.stack.first()?, freed.first()?);
    if now.address != then.address {
        return None;
    }
    let place = |frame: &Frame| (frame.address, frame.inlined);
    let is_same = finding.stack.iter().map(place).eq(freed.iter().map(place));
    Some(match is_same {
        true => "the same call freed it before: in a loop, or with a pointer that was copied".to_owned(),
        false => "the same line freed it before, called from elsewhere: compare the callers in both stacks".to_owned(),
    })
}

fn bad_free(finding: &Finding, object: &Object) -> Option<String> {
    let is_within =
        object.side == Side::Inside && object.distance > 0 && object.state == ObjectState::Live;
    let called = finding.heading.split(" called here").next()?;
    is_within.then(|| {
        format!(
            "{called} takes the address that the allocation returned, {}; this one is {} {} beyond it",
            object.start,
            object.distance,
            if object.distance == 1 { "byte" } else { "bytes" }
        )
    })
}

/// The hint for a stack in which a function calls itself again and again.
fn recursion(stack: &[Frame]) -> Option<String> {
    let name = |frame: &'_ Frame| frame.function.clone();
    let function = stack.iter().filter_map(name).find(|function| {
        let calls = stack.iter().filter(|frame| frame.function.as_ref() == Some(function));
        calls.count() >= MANY_CALLS
    })?;
    Some(format!("{function} calls itself, too deeply or without end"))
}

#[cfg(test)]
mod tests {
    use super::super::{Access, Address, Event, Source};
    use super::*;

    fn object(bytes: u64, family: &str) -> Object {
        Object {
            start: Address(0x1000),
            bytes,
            family: family.to_owned(),
            alignment: None,
            state: ObjectState::Live,
            side: Side::After,
            distance: 0,
            allocated: Event::default(),
            freed: None,
        }
    }

    fn overflow(bytes: u64, start: u64, width: u64) -> Finding {
        let access = Access {
            direction: Direction::Write,
            bytes: Some(width),
            start: Address(0x1000 + start),
        };
        Finding {
            kind: "heap-buffer-overflow".to_owned(),
            access: Some(access),
            object: Some(object(bytes, "malloc")),
            ..Finding::default()
        }
    }

    fn frame(address: u64, function: &str) -> Frame {
        Frame {
            address: Address(address),
            function: Some(function.to_owned()),
            file: Some("/a.c".to_owned()),
            line: Some(address as u32),
            module: "/a".to_owned(),
            ..Frame::default()
        }
    }

    #[test]
    fn one_element_too_far() {
        let hint = of(&overflow(48, 48, 4)).unwrap();
        assert!(hint.contains("ends with [11], and this is [12]"), "{hint}");
        for other in
            [overflow(48, 52, 4), overflow(50, 50, 4), overflow(4, 4, 4), overflow(48, 46, 4)]
        {
            assert_eq!(of(&other), None);
        }
    }

    #[test]
    fn strings_without_their_end() {
        let call = |explanation: &str, start, width| Finding {
            explanation: Some(explanation.to_owned()),
            ..overflow(18, start, width)
        };
        let words = "strcpy would write 19 bytes to its destination in an 18-byte object";
        assert!(of(&call(words, 0, 19)).unwrap().contains("N + 1"));
        assert_eq!(of(&call(words, 0, 20)), None);
        let words = "memcpy would write 19 bytes to its destination in an 18-byte object";
        assert_eq!(of(&call(words, 0, 19)), None);
        let mut read = call("strlen read 19 bytes of a string in an 18-byte object", 0, 19);
        assert_eq!(of(&read), None, "it is no read");
        read.access.as_mut().unwrap().direction = Direction::Read;
        assert!(of(&read).unwrap().contains("no null byte"));
    }

    #[test]
    fn frees() {
        let stack = |at| vec![frame(at, "drop"), frame(9, "main")];
        let mut finding = Finding {
            kind: "double-free".to_owned(),
            stack: stack(5),
            object: Some(Object {
                freed: Some(Event { thread: 0, stack: Some(stack(5)) }),
                ..object(8, "malloc")
            }),
            ..Finding::default()
        };
        assert!(of(&finding).unwrap().starts_with("the same call"));
        finding.stack[1].address.0 = 7;
        assert!(of(&finding).unwrap().starts_with("the same line"));
        finding.stack = stack(6);
        assert_eq!(of(&finding), None);
        finding.kind = "heap-use-after-free".to_owned();
        assert_eq!(of(&finding), None);
        finding.sources = vec![Source {
            file: "/a.c".to_owned(),
            first_line: 4,
            line: 5,
            column: None,
            lines: vec!["x".to_owned(), "q = realloc(p, 80);".to_owned()],
        }];
        assert!(of(&finding).unwrap().contains("realloc may move"));
        finding.kind = "bad-free".to_owned();
        finding.heading = "free called here by thread T0:".to_owned();
        assert_eq!(of(&finding), None);
        let object = finding.object.as_mut().unwrap();
        (object.side, object.distance) = (Side::Inside, 8);
        assert!(of(&finding).unwrap().contains("0x1000; this one is 8 bytes beyond"));
    }

    #[test]
    fn a_function_that_calls_itself() {
        let stack: Vec<Frame> = (0..20).map(|_| frame(1, "dive")).collect();
        let finding = Finding { kind: "stack-overflow".to_owned(), stack, ..Finding::default() };
        assert_eq!(of(&finding).unwrap(), "dive calls itself, too deeply or without end");
    }
}
