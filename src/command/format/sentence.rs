//! What a bug is, in one sentence without addresses: the same in every run.

use super::rule;
use fencepost::finding::{Bug, Direction, Finding, Known, LeakClass, Object, ObjectState, Side};

/// What was done to which object: a sentence without a full stop.
pub fn of(finding: &Finding) -> String {
    if let Some(leak) = &finding.leak {
        return leak.words().to_string();
    }
    if let Some(explanation) = &finding.explanation {
        return explanation.trim_end_matches('.').to_owned();
    }
    let object = finding.object.as_ref().filter(|it| it.state != ObjectState::Forgotten);
    if let Some(damage) = &finding.damage {
        let bytes = counted(damage.span, "byte");
        let were = if damage.span == 1 { "was" } else { "were" };
        return match object {
            Some(object) => format!("{bytes} {were} overwritten {}", relation(object)),
            None => format!("{bytes} of freed memory {were} overwritten"),
        };
    }
    let Some(access) = finding.access else {
        let title = rule::of(&finding.kind).title;
        return match object {
            Some(object) => format!("{title}: {}", described(object)),
            None => title.to_owned(),
        };
    };
    let what = match (access.direction, access.bytes) {
        (Direction::Execute, _) => "Jump".to_owned(),
        (Direction::Read, None) => "Read".to_owned(),
        (Direction::Write, None) => "Write".to_owned(),
        (Direction::Read, Some(bytes)) => format!("Read of {}", counted(bytes, "byte")),
        (Direction::Write, Some(bytes)) => format!("Write of {}", counted(bytes, "byte")),
    };
    match object {
        Some(object) if object.side == Side::Before => format!("{what} {}", relation(object)),
        Some(object) if object.side == Side::After && access.start.0 < end_of(object) => {
            format!("{what} across the end of {}", described(object))
        }
        Some(object) => format!("{what} {}", relation(object)),
        None => format!("{what}: {}", lower(rule::of(&finding.kind).title)),
    }
}

fn end_of(object: &Object) -> u64 {
    object.start.0.saturating_add(object.bytes)
}

/// Where an address is: `0 bytes after the end of a 40-byte object`.
fn relation(object: &Object) -> String {
    let bytes = counted(object.distance, "byte");
    let object_is = described(object);
    match object.side {
        Side::Before => format!("{bytes} before {object_is}"),
        Side::Inside => format!("{bytes} into {object_is}"),
        Side::After if object.distance == 0 => format!("right after the end of {object_is}"),
        Side::After => format!("{bytes} after the end of {object_is}"),
    }
}

fn described(object: &Object) -> String {
    let freed = if object.state == ObjectState::Live { "an object" } else { "a freed object" };
    format!("{freed} of {}", counted(object.bytes, "byte"))
}

/// A number with its noun: `1 byte`, `2 bytes`.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
}

/// How bad it is, where all that a format has are three words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Error,
    /// Perhaps none.
    Warning,
    /// No mistake of its own.
    Note,
}

impl Weight {
    pub fn of(finding: &Finding) -> Weight {
        match finding.leak.as_ref().map(|leak| leak.class) {
            None | Some(LeakClass::DefinitelyLost) => Weight::Error,
            Some(LeakClass::PossiblyLost) => Weight::Warning,
            Some(LeakClass::IndirectlyLost | LeakClass::StillReachable | LeakClass::Mapping) => {
                Weight::Note
            }
        }
    }
}

/// Why a bug is known; `None` if it is new.
pub fn known(bug: &Bug) -> Option<String> {
    bug.known.as_ref().map(|known| match known {
        Known::Baseline => "known: it is in the baseline".to_owned(),
        Known::Suppression(name) => format!("suppressed by {name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::format::samples;

    #[test]
    fn sentences_say_what_was_done() {
        let sentences: Vec<String> = samples::bugs().iter().map(|bug| of(&bug.example)).collect();
        assert_eq!(
            sentences[..6],
            [
                "Write of 4 bytes right after the end of an object of 40 bytes",
                "Read of 8 bytes 16 bytes into a freed object of 64 bytes",
                "Object freed twice: a freed object of 24 bytes",
                "2 bytes were overwritten 1 byte after the end of an object of 13 bytes",
                "memcpy would write 80 bytes to its destination in a 40-byte object",
                "Write of 4 bytes: invalid memory access outside the heap",
            ]
        );
    }
}
