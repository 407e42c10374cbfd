//! Known bugs: those of a baseline, and those that a suppression matches.
//!
//! `fencepost run` compiles baselines and suppressions into one file, as JSON of [`KnownBugs`]. The option `known`
//! names that file to each process. `fencepost report` uses the same matcher. Nothing here does I/O or panics.

use serde::{Deserialize, Serialize};

use super::fingerprint::{innermost, without_parameters};
use super::{Event, Finding, Frame, Known, LeakClass};

/// All known bugs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownBugs {
    pub version: u32,
    /// Sorted by fingerprint.
    pub baseline: Vec<KnownBug>,
    pub suppressions: Vec<Suppression>,
}

/// A bug of a baseline, by its fingerprint and site.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KnownBug {
    pub fingerprint: String,
    /// See [`Finding::site`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Whether it has only been found late.
    #[serde(default)]
    pub late: bool,
}

/// A rule for bugs that are to pass. An absent field matches anything.
///
/// Texts are globs: `*` stands for any characters, `?` for one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Name, different for each suppression.
    pub name: String,
    /// Kinds, one of which must match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Classes of leaks, one of which must be meant. It says nothing of other bugs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<LeakClass>,
    /// Size of the access, if an instruction made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Whether only calls of libc match.
    #[serde(default)]
    pub calls_only: bool,
    /// Whether `stack` may begin with the libc function that was called, which our stacks do not have.
    #[serde(default)]
    pub names_callee: bool,
    /// Function of the program's innermost frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Source file of the program's innermost frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Module of the program's innermost frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// A function in the stack of the allocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated: Option<String>,
    /// Frames in order, from the innermost on. Others may follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<FramePattern>,
    /// When the suppression expires, in milliseconds since 1970, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
}

/// One line of [`Suppression::stack`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FramePattern {
    /// Any number of frames, or none: `...`.
    Any,
    Function(String),
    /// An executable or library.
    Module(String),
    /// A function, source file, executable or library.
    Word(String),
    Source {
        file: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
    },
}

impl KnownBugs {
    /// Reads what [`KnownBugs::to_bytes`] has written.
    ///
    /// # Errors
    /// If `bytes` are not such JSON.
    pub fn from_bytes(bytes: &[u8]) -> serde_json::Result<KnownBugs> {
        serde_json::from_slice(bytes)
    }

    /// The contents of the file that the option `known` names.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Writing these types can't fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether there are no known bugs.
    pub fn is_empty(&self) -> bool {
        self.baseline.is_empty() && self.suppressions.is_empty()
    }

    /// Why a finding's bug is known; `None` if it is not. Suppressions come first, since they state a reason.
    pub fn why(&self, finding: &Finding) -> Option<Known> {
        let suppression = self.suppressions.iter().find(|one| one.matches(finding));
        if let Some(suppression) = suppression {
            return Some(Known::Suppression(suppression.name.clone()));
        }
        self.is_in_baseline(&finding.fingerprint, finding.site.as_deref(), finding.late)
            .then_some(Known::Baseline)
    }

    /// Whether the baseline has this bug. A late finding counts as the same bug as one of the same site that was found
    /// at once, and the other way round.
    pub fn is_in_baseline(&self, fingerprint: &str, site: Option<&str>, late: bool) -> bool {
        let compare = |bug: &KnownBug| bug.fingerprint.as_str().cmp(fingerprint);
        self.baseline.binary_search_by(compare).is_ok()
            || site.is_some_and(|site| {
                let same = |bug: &&KnownBug| bug.site.as_deref() == Some(site);
                self.baseline.iter().filter(same).any(|bug| bug.late || late)
            })
    }
}

impl Suppression {
    /// Whether the suppression matches this finding.
    pub fn matches(&self, finding: &Finding) -> bool {
        if self.expires_ms.is_some_and(|end| finding.time_ms >= end) {
            return false;
        }
        let kind = self.kinds.is_empty() || self.kinds.iter().any(|it| glob(it, &finding.kind));
        // Other tools report a call of libc as an access of some size, so the size is not compared.
        let is_call = finding.access.is_none() || finding.explanation.is_some();
        let bytes =
            self.bytes.is_none() || is_call || finding.access.and_then(|it| it.bytes) == self.bytes;
        let object = || finding.object.as_ref().map(|object| stack_of(&object.allocated));
        let allocation = match &finding.leak {
            Some(_) => &finding.stack[..],
            None => object().unwrap_or_default(),
        };
        let class = finding.leak.as_ref().map(|leak| leak.class);
        let is_class = class.is_none_or(|it| self.leaks.is_empty() || self.leaks.contains(&it));
        let allocated = |glob: &String| allocation.iter().any(|frame| is_function(glob, frame));
        kind && bytes
            && is_class
            && (is_call || !self.calls_only)
            && self.allocated.as_ref().is_none_or(allocated)
            && self.matches_stack(&finding.stack, is_call)
            && self.matches_place(
                &finding.stack,
                (finding.late || class.is_some()).then_some(allocation),
            )
    }

    fn matches_stack(&self, stack: &[Frame], is_call: bool) -> bool {
        let after_callee = match &self.stack[..] {
            [FramePattern::Function(_), rest @ ..] if is_call && self.names_callee => Some(rest),
            _ => None,
        };
        self.stack.is_empty()
            || follows(&self.stack, stack)
            || after_callee.is_some_and(|rest| follows(rest, stack))
    }

    /// Whether function, file and module match at one place: the program's innermost frame, with functions inlined
    /// there, or for a late finding or a leak, that of the allocation too.
    fn matches_place(&self, stack: &[Frame], allocation: Option<&[Frame]>) -> bool {
        if self.function.is_none() && self.file.is_none() && self.module.is_none() {
            return true;
        }
        let matches = |frame: &&Frame| {
            self.function.as_ref().is_none_or(|glob| is_function(glob, frame))
                && self.file.as_ref().is_none_or(|glob| is_file(glob, frame))
                && self.module.as_ref().is_none_or(|glob| is_path(glob, &frame.module))
        };
        place(stack, false).any(|frame| matches(&frame))
            || allocation.is_some_and(|stack| place(stack, true).any(|frame| matches(&frame)))
    }
}

/// The program's innermost frame, and the frames that it is inlined into.
fn place(stack: &[Frame], is_allocation: bool) -> impl Iterator<Item = &Frame> {
    let first = innermost(stack, is_allocation).unwrap_or(0);
    let rest = stack.get(first..).unwrap_or_default();
    let last = rest.iter().position(|frame| !frame.inlined).unwrap_or(0);
    rest.iter().take(last + 1)
}

fn stack_of(event: &Event) -> &[Frame] {
    event.stack.as_deref().unwrap_or_default()
}

/// Whether the first frames match the patterns, in order.
fn follows(patterns: &[FramePattern], frames: &[Frame]) -> bool {
    // As in `glob`: where a pattern fails, the last `...` takes one more frame.
    let (mut pattern, mut frame) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(next) = patterns.get(pattern) {
        if *next == FramePattern::Any {
            retry = Some((pattern + 1, frame));
            pattern += 1;
            continue;
        }
        if frames.get(frame).is_some_and(|frame| next.matches(frame)) {
            (pattern, frame) = (pattern + 1, frame + 1);
            continue;
        }
        match &mut retry {
            Some((after, taken)) if *taken < frames.len() => {
                *taken += 1;
                (pattern, frame) = (*after, *taken);
            }
            _ => return false,
        }
    }
    true
}

impl FramePattern {
    fn matches(&self, frame: &Frame) -> bool {
        match self {
            FramePattern::Any => true,
            FramePattern::Function(glob) => is_function(glob, frame),
            FramePattern::Module(glob) => is_path(glob, &frame.module),
            FramePattern::Word(glob) => {
                is_function(glob, frame) || is_file(glob, frame) || is_path(glob, &frame.module)
            }
            FramePattern::Source { file, line } => {
                is_file(file, frame) && line.is_none_or(|line| frame.line == Some(line))
            }
        }
    }
}

/// Whether a frame's function matches, with or without its C++ parameters.
fn is_function(pattern: &str, frame: &Frame) -> bool {
    let Some(function) = frame.function.as_deref() else { return pattern == "*" };
    glob(pattern, function) || glob(pattern, without_parameters(function))
}

fn is_file(pattern: &str, frame: &Frame) -> bool {
    frame.file.as_deref().map_or(pattern == "*", |file| is_path(pattern, file))
}

/// Whether a path matches as a whole, or from behind one of its slashes on.
fn is_path(pattern: &str, path: &str) -> bool {
    let after_slashes = path.match_indices('/').map(|(at, _)| &path[at + 1..]);
    std::iter::once(path).chain(after_slashes).any(|part| glob(pattern, part))
}

/// Whether the whole `text` matches `pattern`, where `*` stands for any characters, `?` for one.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut read) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                retry = Some((at + 1, read));
                at += 1;
            }
            Some(b'?') => {
                at += 1;
                read += 1;
                // Skip the rest of a character of several bytes.
                while text.get(read).is_some_and(|byte| byte & 0xc0 == 0x80) {
                    read += 1;
                }
            }
            Some(byte) if *byte == text[read] => {
                at += 1;
                read += 1;
            }
            _ => match &mut retry {
                Some((after, taken)) => {
                    *taken += 1;
                    (at, read) = (*after, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::super::{Access, Address, Direction, Leak, Object, ObjectState, Side};
    use super::*;

    fn frame(function: &str, file: &str, module: &str) -> Frame {
        Frame {
            function: Some(function.to_owned()),
            file: Some(file.to_owned()),
            line: Some(7),
            module: module.to_owned(),
            ..Frame::default()
        }
    }

    fn finding() -> Finding {
        let object = Object {
            start: Address(1),
            bytes: 1,
            family: "malloc".to_owned(),
            alignment: None,
            state: ObjectState::Live,
            side: Side::After,
            distance: 0,
            allocated: Event {
                thread: 0,
                stack: Some(vec![
                    frame("xmalloc", "/p/mem.c", "/p/prog"),
                    frame("make", "/p/make.c", "/p/prog"),
                ]),
            },
            freed: None,
        };
        Finding {
            kind: "heap-buffer-overflow".to_owned(),
            time_ms: 1000,
            access: Some(Access { direction: Direction::Read, bytes: Some(4), start: Address(2) }),
            stack: vec![
                frame("memcpy", "memcpy.S", "/lib/libc.so.6"),
                frame("ns::parse(char const*)", "/p/src/parse.cc", "/p/prog"),
                frame("main", "/p/src/main.c", "/p/prog"),
            ],
            object: Some(object),
            ..Finding::default()
        }
    }

    fn suppression(change: impl FnOnce(&mut Suppression)) -> Suppression {
        let mut suppression = Suppression { name: "s".to_owned(), ..Suppression::default() };
        change(&mut suppression);
        suppression
    }

    fn matches(change: impl FnOnce(&mut Suppression)) -> bool {
        suppression(change).matches(&finding())
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn each_word_narrows() {
        assert!(matches(|_| ()));
        assert!(matches(|it| it.kinds = vec!["double-free".to_owned(), "heap-*".to_owned()]));
        assert!(!matches(|it| it.kinds = vec!["double-free".to_owned()]));
        assert!(matches(|it| it.function = some("ns::parse")));
        assert!(matches(|it| it.function = some("ns::parse(*)")));
        assert!(!matches(|it| it.function = some("main")), "not the innermost");
        assert!(!matches(|it| it.function = some("parse")));
        assert!(matches(|it| it.file = some("src/*.cc")));
        assert!(!matches(|it| it.file = some("rc/*.cc")));
        assert!(matches(|it| it.module = some("prog")));
        assert!(!matches(|it| it.module = some("libc.so.6")));
        assert!(matches(|it| it.allocated = some("make")));
        assert!(!matches(|it| it.allocated = some("ns::parse")));
        assert!(matches(|it| it.bytes = Some(4)) && !matches(|it| it.bytes = Some(8)));
        assert!(!matches(|it| it.calls_only = true));
        assert!(matches(|it| it.expires_ms = Some(1001)));
        assert!(!matches(|it| it.expires_ms = Some(1000)));
    }

    #[test]
    fn a_stack_is_matched_from_the_innermost_frame() {
        let function = |glob: &str| FramePattern::Function(glob.to_owned());
        let stack = |patterns: Vec<FramePattern>| matches(|it| it.stack = patterns);
        assert!(stack(vec![function("memcpy"), function("ns::parse")]));
        assert!(!stack(vec![function("ns::parse")]));
        assert!(stack(vec![FramePattern::Any, function("main")]));
        assert!(!stack(vec![function("memcpy"), function("main")]));
        assert!(stack(vec![function("mem*"), FramePattern::Any, function("main")]));
        assert!(stack(vec![FramePattern::Any]));
        assert!(!stack(vec![FramePattern::Any, function("main"), function("*")]));
        assert!(stack(vec![FramePattern::Module("*/libc.so*".to_owned())]));
        let source = |line| FramePattern::Source { file: "parse.cc".to_owned(), line };
        assert!(stack(vec![FramePattern::Any, source(None)]));
        assert!(stack(vec![FramePattern::Any, source(Some(7))]));
        assert!(!stack(vec![FramePattern::Any, source(Some(8))]));
    }

    #[test]
    fn of_a_call_the_function_of_libc_may_be_named() {
        let call = Finding { explanation: some("memcpy"), ..finding() };
        let caller = vec![
            FramePattern::Function("mempcpy".to_owned()),
            FramePattern::Function("memcpy".to_owned()),
        ];
        let names = |names_callee| {
            suppression(|it| (it.stack, it.names_callee) = (caller.clone(), names_callee))
        };
        assert!(names(true).matches(&call) && !names(false).matches(&call));
        assert!(!names(true).matches(&finding()));
    }

    #[test]
    fn what_was_found_late_has_its_place_at_the_allocation_too() {
        let late = Finding { late: true, stack: Vec::new(), ..finding() };
        assert!(suppression(|it| it.function = some("make")).matches(&late));
        assert!(!suppression(|it| it.function = some("make")).matches(&finding()));
    }

    #[test]
    fn a_leak_is_matched_by_the_stack_of_its_allocation() {
        let stack = vec![
            frame("xmalloc", "/p/mem.c", "/p/prog"),
            frame("make", "/p/make.c", "/p/prog"),
            frame("main", "/p/src/main.c", "/p/prog"),
        ];
        let leak = Some(Leak { class: LeakClass::PossiblyLost, ..Leak::default() });
        let leak = Finding { kind: "leak".to_owned(), leak, stack, ..Finding::default() };
        let matches = |change: fn(&mut Suppression)| suppression(change).matches(&leak);
        assert!(matches(|it| it.leaks = vec![LeakClass::DefinitelyLost, LeakClass::PossiblyLost]));
        assert!(!matches(|it| it.leaks = vec![LeakClass::DefinitelyLost]));
        assert!(matches(|it| it.function = some("make")), "past what allocates for others");
        assert!(matches(|it| it.function = some("xmalloc")));
        assert!(!matches(|it| it.function = some("main")));
        assert!(matches(|it| it.allocated = some("main")));
        let word = |word: &str, after| {
            let any = [FramePattern::Any, FramePattern::Word(word.to_owned())];
            suppression(|it| it.stack = any[after..].to_vec()).matches(&leak)
        };
        assert!(word("make", 0) && word("src/main.c", 0) && word("prog", 1));
        assert!(!word("make", 1) && !word("ma", 0));
        // Valgrind names the function of libc first.
        assert!(matches(|it| {
            it.names_callee = true;
            it.stack =
                ["malloc", "xmalloc"].map(|it| FramePattern::Function(it.to_owned())).to_vec();
        }));
        assert!(suppression(|it| it.leaks = vec![LeakClass::DefinitelyLost]).matches(&finding()));
    }

    #[test]
    fn a_baseline_knows_a_bug_by_fingerprint_and_a_late_one_by_site() {
        let bug = |fingerprint: &str, late| KnownBug {
            fingerprint: fingerprint.to_owned(),
            site: some("site"),
            late,
        };
        let knows = |known: KnownBug, fingerprint: &str, late: bool| {
            KnownBugs { baseline: vec![known], ..KnownBugs::default() }.is_in_baseline(
                fingerprint,
                Some("site"),
                late,
            )
        };
        assert!(knows(bug("a", false), "a", false));
        assert!(!knows(bug("a", false), "b", false), "another write beside the same object");
        assert!(knows(bug("a", false), "b", true) && knows(bug("a", true), "b", false));
    }

    #[test]
    fn it_comes_back_from_a_file() {
        let known = KnownBugs {
            version: 1,
            baseline: vec![KnownBug::default()],
            suppressions: vec![suppression(|it| it.stack = vec![FramePattern::Any])],
        };
        assert_eq!(KnownBugs::from_bytes(&known.to_bytes()).unwrap(), known);
    }

    #[test]
    fn globs_are_matched_as_a_whole() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("a*c", "abbc"),
            ("a*b*c", "aXbXbc"),
            ("?", "\u{e9}"),
            ("**x", "x"),
        ] {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a", ""), ("a*c", "abcb"), ("?", ""), ("a?", "a")] {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }
}
