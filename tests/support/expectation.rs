//! The expectations in the comments of a program of `c-tests/`, and their comparison with a run.
//! `c-tests/README.md` describes the format.

use std::path::{Path, PathBuf};

use super::compile;
use super::leaks::{self, Leaks};
use super::process::{Exit, Outcome};
use super::report::{self, Frame, Report, Stack};

/// One of the stacks of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Culprit,
    Freed,
    Allocated,
    /// The call that began an operation of libc that still uses the object.
    Begun,
    /// The creation of the thread that a report names first.
    Created,
    /// Of a call that did this to a mapping.
    Mapping(&'static str),
}

/// The frame of a stack that a marker is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    Frame(usize),
    Any,
}

/// A line marked `// <- ROLE in FUNCTION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    pub role: Role,
    pub depth: Depth,
    pub function: String,
    pub line: u32,
}

/// `// expect-frame: ROLE N GLOB`, for frames without a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameGlob {
    pub role: Role,
    pub frame: usize,
    pub glob: String,
}

/// Where the report must be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportIn {
    Stderr,
    /// The file given by `--log-path`.
    Log,
    /// `fencepost.PID.log` in `$TMPDIR`.
    Fallback,
}

#[derive(Debug, Clone)]
pub struct Bug {
    pub kind: String,
    pub access: Option<String>,
    pub place: String,
    pub found: Option<String>,
    pub called: Option<String>,
    /// Glob of the line that explains a call of libc.
    pub sentence: Option<String>,
    /// Globs of lines after the place.
    pub notes: Vec<String>,
    pub thread: String,
    pub thread_name: Option<String>,
    pub freed_by: String,
    pub allocated_by: String,
    pub exit: Exit,
    pub report_in: ReportIn,
    pub markers: Vec<Marker>,
    pub frames: Vec<FrameGlob>,
    pub stdout: Option<String>,
}

#[derive(Debug, Clone)]
pub enum Verdict {
    /// Standard output, standard error and exit are the same as without the guard.
    Clean,
    Bug(Box<Bug>),
    /// What nothing points to any more, or nothing of the kind; it does else what it does natively.
    Leaks(Leaks),
}

#[derive(Debug, Clone)]
pub struct Expectation {
    pub source_file: String,
    pub verdict: Verdict,
    pub options: Vec<String>,
    pub cflags: Vec<String>,
    pub libs: Vec<String>,
    /// That it links to.
    pub libraries: Vec<String>,
    /// That it opens itself: they are not loaded before, and not after it has closed them.
    pub opened_libraries: Vec<String>,
    pub needs_cpu: Option<String>,
    /// The backend on which the summary must say that some objects were not guarded.
    pub unguarded_on: Option<String>,
}

/// Reads the leading comment and the markers of a program.
pub fn read(path: &Path, source: &str) -> Result<Expectation, String> {
    let header: Vec<(&str, &str)> = source
        .lines()
        .take_while(|line| line.starts_with("//"))
        .filter_map(|line| line.trim_start_matches("// ").split_once(": "))
        .filter(|(key, _)| KEYS.contains(key) || key.starts_with("expect"))
        .map(|(key, value)| (key, value.trim()))
        .collect();
    if let Some((key, _)) = header.iter().find(|(key, _)| !KEYS.contains(key)) {
        return Err(format!("unknown key `{key}`"));
    }
    let find =
        |wanted: &str| header.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
    let words = |wanted: &str| -> Vec<String> {
        find(wanted).unwrap_or("").split_whitespace().map(str::to_owned).collect()
    };

    let verdict = match find("expect").ok_or("no `// expect: …`")? {
        "clean" => Verdict::Clean,
        "leaks" => Verdict::Leaks(leaks::read(&header, source)?),
        kind => Verdict::Bug(Box::new(read_bug(kind, &header, source)?)),
    };
    Ok(Expectation {
        source_file: path.file_name().expect("a file").to_string_lossy().into_owned(),
        verdict,
        options: words("options"),
        cflags: words("cflags"),
        libs: words("libs"),
        libraries: words("with-library"),
        opened_libraries: words("opens-library"),
        needs_cpu: find("needs-cpu").map(str::to_owned),
        unguarded_on: find("expect-unguarded-on").map(str::to_owned),
    })
}

impl Expectation {
    /// Compiles the program and its libraries into `folder`, the program under the name `name`, with further `flags`.
    pub fn build(
        &self,
        source: &Path,
        folder: &Path,
        name: &str,
        flags: &[&str],
    ) -> Result<PathBuf, String> {
        let mut libs = self.libs.clone();
        for library in self.libraries.iter().chain(&self.opened_libraries) {
            let source = compile::source_folder().join(format!("libraries/{library}.c"));
            let output = folder.join(format!("lib{library}.so"));
            compile::build_library(&source, &output)?;
            if self.libraries.contains(library) {
                libs.push(output.to_string_lossy().into_owned());
            }
        }
        let mut cflags = self.cflags.clone();
        cflags.extend(flags.iter().map(|&flag| flag.to_owned()));
        let output = folder.join(name);
        compile::build_program(source, &output, &cflags, &libs)?;
        Ok(output)
    }
}

const KEYS: [&str; 24] = [
    "expect",
    "expect-access",
    "expect-place",
    "expect-found",
    "expect-call",
    "expect-note",
    "expect-sentence",
    "expect-thread",
    "expect-thread-name",
    "expect-freed-by",
    "expect-allocated-by",
    "expect-exit",
    "expect-report-in",
    "expect-frame",
    "expect-stdout",
    "expect-told",
    "expect-unguarded-on",
    "options",
    "cflags",
    "libs",
    "with-library",
    "opens-library",
    "needs-cpu",
    "memcheck",
];

/// Kinds that are found at a call of a function.
const CALLS: [&str; 24] = [
    "double-free",
    "bad-free",
    "alloc-dealloc-mismatch",
    "new-delete-type-mismatch",
    "free-size-mismatch",
    "bad-malloc_usable_size",
    "calloc-overflow",
    "reallocarray-overflow",
    "pvalloc-overflow",
    "invalid-allocation-alignment",
    "invalid-aligned-alloc-alignment",
    "invalid-posix-memalign-alignment",
    "allocation-size-too-big",
    "bad-munmap",
    "bad-mprotect",
    "bad-mremap",
    "bad-mmap",
    "ABRT",
    "munmap-too-much",
    "munmap-too-little",
    "munmap-twice",
    "msync-unmapped",
    "lost-private-write",
    "lost-past-eof-write",
];

fn is_call(kind: &str) -> bool {
    CALLS.contains(&kind) || kind == "negative-size-param" || kind.ends_with("-param-overlap")
}

fn read_bug(kind: &str, header: &[(&str, &str)], source: &str) -> Result<Bug, String> {
    let find =
        |wanted: &str| header.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
    let is_access = match kind {
        // A write to an object in quarantine, found later.
        "heap-use-after-free" if find("expect-found").is_some() => false,
        "heap-buffer-overflow" | "heap-buffer-underflow" | "heap-use-after-free" => true,
        "wild-access" => true,
        kind if kind.starts_with("mapping-") || kind == "mmap-failed-pointer" => true,
        "SEGV" | "BUS" | "stack-overflow" => true,
        "overwritten-slack" | "FPE" | "ILL" => false,
        kind if is_call(kind) => false,
        _ => return Err(format!("unknown kind `{kind}`")),
    };
    if is_access != find("expect-access").is_some() {
        return Err("`expect-access` goes with accesses, and only with them".to_owned());
    }
    if (kind == "overwritten-slack" && find("expect-found").is_none())
        || (matches!(kind, "double-free" | "bad-free") && find("expect-found").is_some())
    {
        return Err("`expect-found` goes with what is found later, and only with it".to_owned());
    }
    let thread = find("expect-thread").unwrap_or("T0").to_owned();
    let bug = Bug {
        kind: kind.to_owned(),
        access: find("expect-access").map(str::to_owned),
        place: match find("expect-place") {
            None if kind == "ABRT" => "",
            place => place.ok_or("no `// expect-place: …`")?,
        }
        .to_owned(),
        found: find("expect-found").map(str::to_owned),
        called: (is_call(kind) && find("expect-found") != Some("at exit")).then(|| {
            let default = if kind == "ABRT" { "abort" } else { "free" };
            find("expect-call").unwrap_or(default).to_owned()
        }),
        notes: header
            .iter()
            .filter(|(key, _)| *key == "expect-note")
            .map(|(_, value)| (*value).to_owned())
            .collect(),
        sentence: find("expect-sentence").map(str::to_owned),
        thread_name: find("expect-thread-name").map(str::to_owned),
        freed_by: find("expect-freed-by").unwrap_or("T0").to_owned(),
        allocated_by: find("expect-allocated-by").unwrap_or("T0").to_owned(),
        thread,
        exit: match find("expect-exit") {
            None if is_access => Exit::Signal(libc::SIGSEGV),
            None => Exit::Signal(libc::SIGABRT),
            Some("SIGSEGV") => Exit::Signal(libc::SIGSEGV),
            Some("SIGABRT") => Exit::Signal(libc::SIGABRT),
            Some("SIGBUS") => Exit::Signal(libc::SIGBUS),
            Some("SIGFPE") => Exit::Signal(libc::SIGFPE),
            Some("SIGILL") => Exit::Signal(libc::SIGILL),
            Some(code) => Exit::Code(code.parse().map_err(|_| format!("bad exit {code}"))?),
        },
        report_in: match find("expect-report-in") {
            None => ReportIn::Stderr,
            Some("log") => ReportIn::Log,
            Some("fallback") => ReportIn::Fallback,
            Some(other) => return Err(format!("no such place for a report: {other}")),
        },
        markers: read_markers(source)?,
        frames: header
            .iter()
            .filter(|(key, _)| *key == "expect-frame")
            .map(|(_, value)| read_frame_glob(value))
            .collect::<Result<_, _>>()?,
        stdout: find("expect-stdout").map(str::to_owned),
    };
    let described = |role| {
        bug.markers.iter().any(|marker| marker.role == role)
            || bug.frames.iter().any(|frame| frame.role == role)
    };
    if !described(Role::Culprit) && bug.found.as_deref() != Some("at exit") {
        return Err("no line is marked as the access or the call".to_owned());
    }
    if bug.place.contains("region") && !described(Role::Allocated) {
        return Err("no line is marked as the allocation".to_owned());
    }
    if matches!(kind, "heap-use-after-free" | "double-free") && !described(Role::Freed) {
        return Err("no line is marked as the free".to_owned());
    }
    Ok(bug)
}

fn read_role(word: &str) -> Result<Role, String> {
    match word {
        "access" | "called" => Ok(Role::Culprit),
        "freed" => Ok(Role::Freed),
        "allocated" => Ok(Role::Allocated),
        "begun" => Ok(Role::Begun),
        "created" => Ok(Role::Created),
        "mapped" => Ok(Role::Mapping("mapped")),
        "moved" => Ok(Role::Mapping("moved")),
        "protected" => Ok(Role::Mapping("protected")),
        "truncated" => Ok(Role::Mapping("truncated")),
        "unmapped" => Ok(Role::Mapping("unmapped")),
        "failed" => Ok(Role::Mapping("failed call")),
        "before" => Ok(Role::Mapping("unmapped before")),
        _ => Err(format!("no such stack: {word}")),
    }
}

/// Reads markers such as `… // <- freed, called in main (frame 1)`.
fn read_markers(source: &str) -> Result<Vec<Marker>, String> {
    let mut markers = Vec::new();
    for (index, line) in source.lines().enumerate() {
        let Some((_, comment)) = line.split_once("// <- ") else {
            continue;
        };
        let (roles, function) =
            comment.split_once(" in ").ok_or_else(|| format!("no function: {comment}"))?;
        let (function, depth) = match function.split_once(" (frame ") {
            None => match function.strip_suffix(" (any frame)") {
                None => (function, Depth::Frame(0)),
                Some(function) => (function, Depth::Any),
            },
            Some((function, number)) => {
                let number = number.trim_end_matches(')').parse();
                (function, Depth::Frame(number.map_err(|_| format!("no frame: {comment}"))?))
            }
        };
        for role in roles.split(", ") {
            markers.push(Marker {
                role: read_role(role)?,
                depth,
                function: function.trim().to_owned(),
                line: u32::try_from(index + 1).expect("a short file"),
            });
        }
    }
    Ok(markers)
}

fn read_frame_glob(value: &str) -> Result<FrameGlob, String> {
    let mut words = value.splitn(3, ' ');
    let (Some(role), Some(frame), Some(glob)) = (words.next(), words.next(), words.next()) else {
        return Err(format!("not `ROLE N GLOB`: {value}"));
    };
    let frame = frame.parse().map_err(|_| format!("no frame number: {value}"))?;
    Ok(FrameGlob { role: read_role(role)?, frame, glob: glob.to_owned() })
}

impl Bug {
    /// Every way in which the report and the end of the run differ from what was expected.
    pub fn differences(&self, file: &str, outcome: &Outcome, report_text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut differ =
            |what: &str, wanted: &dyn std::fmt::Display, got: &dyn std::fmt::Display| {
                found.push(format!("{what}: expected {wanted}, got {got}"));
            };
        if outcome.exit != self.exit {
            differ("exit", &self.exit, &outcome.exit);
        }
        if let Some(stdout) = &self.stdout
            && outcome.stdout.trim_end() != stdout
        {
            differ("stdout", stdout, &outcome.stdout.trim_end());
        }
        let report = match report::parse(report_text) {
            Ok(report) => report,
            Err(why) => {
                found.push(format!("report: {why}"));
                return found;
            }
        };
        if report.kind != self.kind {
            differ("kind", &self.kind, &report.kind);
        }
        let access = report.access.map_or("none".to_owned(), |access| access.to_string());
        if let Some(wanted) = &self.access
            && !glob_matches(wanted, &access)
        {
            differ("access", wanted, &access);
        }
        if self.access.is_none() && report.access.is_some() {
            differ("access", &"none", &access);
        }
        if !glob_matches(&self.place, &report.place) {
            differ("place", &self.place, &report.place);
        }
        if self.called != report.called {
            differ("called", &words_of(&self.called), &words_of(&report.called));
        }
        if self.found != report.found {
            differ("found", &words_of(&self.found), &words_of(&report.found));
        }
        let sentence = words_of(&report.sentence);
        if let Some(wanted) = &self.sentence
            && !glob_matches(wanted, sentence)
        {
            differ("sentence", wanted, &sentence);
        }
        for note in &self.notes {
            if !report.notes.iter().any(|line| glob_matches(note, line)) {
                differ("note", note, &report.notes.join(" / "));
            }
        }
        if !glob_matches(&self.thread, &report.thread) {
            differ("thread", &self.thread, &report.thread);
        }
        if let Some(wanted) = &self.thread_name
            && *wanted != report.thread_name
        {
            differ("thread's name", wanted, &report.thread_name);
        }
        found.extend(self.stack_differences(file, &report));
        // Names must never bring control characters into a report.
        if report_text.contains(|char: char| char.is_control() && char != '\n') {
            found.push(format!("control characters in the report: {report_text:?}"));
        }
        found
    }

    fn stack_differences(&self, file: &str, report: &Report) -> Vec<String> {
        let mut found = Vec::new();
        for (name, stack, by) in [
            ("freed", &report.freed, &self.freed_by),
            ("allocated", &report.allocated, &self.allocated_by),
        ] {
            let Some(thread) = stack.as_ref().and_then(|stack| stack.thread.as_ref()) else {
                continue;
            };
            if !glob_matches(by, thread) {
                found.push(format!("{name}: expected by thread {by}, got {thread}"));
            }
        }
        for marker in &self.markers {
            let Some(stack) = stack_of(report, marker.role) else {
                found.push(format!("{:?} stack: missing", marker.role));
                continue;
            };
            if !marker.is_in(file, stack) {
                found.push(format!(
                    "{:?} stack: expected {} {file}:{} ({:?}), got {}",
                    marker.role,
                    marker.function,
                    marker.line,
                    marker.depth,
                    frames_in_short(stack)
                ));
            }
        }
        for wanted in &self.frames {
            let frame = stack_of(report, wanted.role).and_then(|s| s.frames.get(wanted.frame));
            let text = frame.map_or("none", |frame| frame.text.as_str());
            if !glob_matches(&wanted.glob, text) {
                found.push(format!(
                    "{:?} frame #{}: expected {}, got {text}",
                    wanted.role, wanted.frame, wanted.glob
                ));
            }
        }
        let unexpected = report.freed.is_some()
            && !self.markers.iter().any(|marker| marker.role == Role::Freed)
            && !self.frames.iter().any(|frame| frame.role == Role::Freed);
        if unexpected {
            found.push("freed stack: expected none, got one".to_owned());
        }
        found.extend(self.summary_difference(file, report));
        found.extend(self.excerpt_difference(file, report));
        found
    }

    /// Checks that the summary of an access names the line of its frame #0.
    fn summary_difference(&self, file: &str, report: &Report) -> Option<String> {
        let marker = self.markers.iter().find(|marker| {
            marker.role == Role::Culprit && marker.depth == Depth::Frame(0) && self.access.is_some()
        })?;
        let place = format!("{file}:{}", marker.line);
        let named = report.summary.contains(&place) && report.summary.contains(&marker.function);
        (!named).then(|| {
            format!("summary: expected {place} in {}, got {}", marker.function, report.summary)
        })
    }
}

impl Bug {
    /// Checks that the excerpt shows the line that is marked as the access or the call, if its place is known.
    fn excerpt_difference(&self, file: &str, report: &Report) -> Option<String> {
        let is_innermost =
            |marker: &&Marker| marker.role == Role::Culprit && marker.depth == Depth::Frame(0);
        let marker = self.markers.iter().find(is_innermost)?;
        let place = format!("/{file}:{}", marker.line);
        if !report.summary.contains(&place) {
            return None;
        }
        let is_place = |line: &String| line.contains("--> ") && line.contains(&place);
        let is_line = |line: &String| {
            let line = line.strip_prefix('>').map(str::trim_start);
            line.is_some_and(|line| line.starts_with(&format!("{} | ", marker.line)))
        };
        let is_shown = report.excerpt.iter().any(is_place) && report.excerpt.iter().any(is_line);
        (!is_shown).then(|| format!("excerpt: expected {place}, got {:#?}", report.excerpt))
    }
}

impl Marker {
    fn is_in(&self, file: &str, stack: &Stack) -> bool {
        let is_here = |frame: &Frame| {
            frame.place() == Some((file, self.line))
                && frame.function() == Some(self.function.as_str())
        };
        match self.depth {
            Depth::Any => stack.frames.iter().any(is_here),
            Depth::Frame(number) => stack.frames.get(number).is_some_and(is_here),
        }
    }
}

fn stack_of(report: &Report, role: Role) -> Option<&Stack> {
    match role {
        Role::Culprit => Some(&report.culprit),
        Role::Freed => report.freed.as_ref(),
        Role::Allocated => report.allocated.as_ref(),
        Role::Begun => report.begun.as_ref(),
        Role::Created => report.created.first(),
        Role::Mapping(did) => {
            report.mapping.iter().find(|(verb, _)| verb == did).map(|(_, stack)| stack)
        }
    }
}

fn frames_in_short(stack: &Stack) -> String {
    let frames = stack.frames.iter().take(3).enumerate();
    frames.map(|(number, frame)| format!("[#{number} {}]", frame.text)).collect::<String>()
}

fn words_of(found: &Option<String>) -> &str {
    found.as_deref().unwrap_or("nothing")
}

/// Whether `text` matches `glob`, where `*` stands for any text, also none.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let Some((start, rest)) = glob.split_once('*') else {
        return glob == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.into_iter().any(|at| glob_matches(rest, &text[at..]))
}
