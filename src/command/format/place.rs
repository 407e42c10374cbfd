//! The place of a bug, for all formats: the frame to show, and its file relative to the source root.

use fencepost::finding::{Event, Finding, Frame, UNKNOWN_MODULE, fingerprint};

use crate::command::collection::Collection;

/// The source root: the folder to which paths are made relative, if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root(Option<String>);

/// The path of a file, as formats show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePath {
    /// Relative to the root.
    Relative(String),
    Absolute(String),
}

impl Root {
    /// The folder that the user named, or else the directory of the first run.
    pub fn of(collection: &Collection) -> Root {
        let of_run = || collection.runs.first().map(|told| told.run.directory.as_str());
        Root::new(collection.source_root.as_deref().or_else(of_run))
    }

    pub fn new(folder: Option<&str>) -> Root {
        Root(folder.filter(|folder| folder.starts_with('/')).map(normal))
    }

    /// The root's path, without a slash at the end.
    pub fn folder(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The path of `file`, relative if it is below the root.
    pub fn path(&self, file: &str) -> FilePath {
        let file = normal(file);
        if !file.starts_with('/') {
            return FilePath::Relative(file);
        }
        let below = self.0.as_ref().and_then(|root| file.strip_prefix(root.trim_end_matches('/')));
        match below.and_then(|rest| rest.strip_prefix('/')) {
            Some(rest) if !rest.is_empty() => FilePath::Relative(rest.to_owned()),
            _ => FilePath::Absolute(file),
        }
    }

    /// The path of `file` for people.
    pub fn shown(&self, file: &str) -> String {
        match self.path(file) {
            FilePath::Relative(path) | FilePath::Absolute(path) => path,
        }
    }

    /// The place of a finding: `src/list.c:5 in visit`, or what is known of that.
    pub fn place(&self, finding: &Finding) -> String {
        let Some(frame) = location(finding) else { return "unknown place".to_owned() };
        let position = self.position(frame).unwrap_or_else(|| module_place(frame));
        match &frame.function {
            Some(function) => format!("{position} in {function}"),
            None => position,
        }
    }

    /// The position of a frame: `src/list.c:5`; `None` if the file is not known.
    pub fn position(&self, frame: &Frame) -> Option<String> {
        let file = self.shown(frame.file.as_ref()?);
        Some(match frame.line {
            Some(line) => format!("{file}:{line}"),
            None => file,
        })
    }
}

/// The place of a frame in its module: `list+0x1005`.
pub fn module_place(frame: &Frame) -> String {
    format!("{}+{}", base(&frame.module), frame.offset)
}

/// The last part of a path.
pub fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path without `.` and `..`, by its text alone.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if path.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if path.starts_with('/') { format!("/{joined}") } else { joined }
}

/// The stack of an event, empty if it was not kept.
pub fn stack_of(event: &Event) -> &[Frame] {
    event.stack.as_deref().unwrap_or_default()
}

/// The frame to show for a finding: the one that its summary names, else the project's innermost one.
pub fn location(finding: &Finding) -> Option<&Frame> {
    let allocated = finding.object.as_ref().map(|object| stack_of(&object.allocated));
    let stacks = || std::iter::once(finding.stack.as_slice()).chain(allocated);
    let is_named = |frame: &&Frame| match (&frame.file, frame.line) {
        (Some(file), Some(line)) => names(&finding.summary, &format!("{file}:{line}")),
        _ => false,
    };
    stacks()
        .flatten()
        .find(is_named)
        .or_else(|| stacks().find_map(innermost))
        .or_else(|| stacks().find_map(|stack| stack.first()))
}

/// Whether `summary` has `position`, and not only as the beginning of a longer line number.
fn names(summary: &str, position: &str) -> bool {
    summary
        .split_once(position)
        .is_some_and(|(_, rest)| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The innermost frame of a stack that is the project's own, preferably with a file.
pub fn innermost(stack: &[Frame]) -> Option<&Frame> {
    let own = || stack.iter().filter(|frame| is_own(frame));
    own().find(|frame| frame.file.is_some()).or_else(|| own().next())
}

/// The project's innermost frame in the stack of an allocation; wrappers of malloc are passed over.
pub fn allocation(stack: &[Frame]) -> Option<&Frame> {
    let is_caller =
        |frame: &&Frame| is_own(frame) && frame.file.is_some() && !fingerprint::is_allocator(frame);
    stack.iter().find(is_caller).or_else(|| innermost(stack))
}

/// Whether a frame belongs to the project and to a known module.
pub fn is_own(frame: &Frame) -> bool {
    fingerprint::is_of_project(frame) && frame.module != UNKNOWN_MODULE
}

/// A path as part of a URI: all bytes but letters, digits and `-._~/` are escaped.
pub fn encode(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

/// A time in milliseconds since 1970, in the form of RFC 3339.
pub fn moment(ms: u64) -> String {
    // Later times are cut to the last one whose year has four digits.
    let ms = ms.min(253_402_300_799_999);
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(ms);
    humantime::format_rfc3339_millis(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_relative_to_the_root() {
        let root = Root::new(Some("/home/me/project/"));
        assert_eq!(root.shown("/home/me/project/src/../lib/a.c"), "lib/a.c");
        assert_eq!(root.path("/home/me/project"), FilePath::Absolute("/home/me/project".into()));
        assert_eq!(root.shown("/home/me/projects/a.c"), "/home/me/projects/a.c");
        assert_eq!(root.shown("./a.c"), "a.c");
        assert_eq!(root.shown("../../a.c"), "../../a.c");
        assert_eq!(root.shown("/../a.c"), "/a.c");
        assert_eq!(Root::new(Some("/")).shown("/a.c"), "a.c");
        assert_eq!(Root::new(None).shown("/a.c"), "/a.c");
    }

    #[test]
    fn the_frame_of_the_summary_is_the_location() {
        let frame = |file: &str, line| Frame {
            file: Some(file.to_owned()),
            line: Some(line),
            module: "/bin/a".to_owned(),
            ..Frame::default()
        };
        let stack = vec![frame("/a.c", 5), frame("/a.c", 50), frame("/a.c", 7)];
        let summary = "double-free /a.c:50 in f".to_owned();
        let mut finding = Finding { stack, summary, ..Finding::default() };
        assert_eq!(location(&finding).unwrap().line, Some(50));
        finding.summary.clear();
        assert_eq!(location(&finding).unwrap().line, Some(5));
        finding.stack.clear();
        assert_eq!(location(&finding), None);
    }

    #[test]
    fn uris_and_moments_have_their_form() {
        assert_eq!(encode("a b/\u{e9}#%?:.c"), "a%20b/%C3%A9%23%25%3F%3A.c");
        assert_eq!(moment(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(moment(u64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
