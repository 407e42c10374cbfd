//! The data that fencepost leaves behind: one model for everything outside the process.
//!
//! A [`Finding`] is one report of a bug, with nothing left to look up. Every format, the text on standard error too, is
//! made from it. A [`Record`] is one line of a file in a report directory (JSON Lines): processes write them; the
//! command reads, merges and renders them. `docs/schema/record.json` is the published schema of a line. Within one
//! [`VERSION`] fields may be added, but keep their meaning. Readers skip unknown types of records and unknown fields.

mod address;
pub mod fingerprint;
pub mod hint;
mod leak;
mod mapping;
#[cfg(test)]
mod schema_tests;
pub mod sites;
pub mod suppression;
pub mod text;
mod totals;
pub use address::Address;
pub use leak::{
    LEAK, LOST_MAPPINGS, Leak, LeakClass, LeakCount, LeakCounts, LeakGrowth, LeakOwned, LeakSummary,
};
pub use mapping::{Mapping, MappingCall, MappingDeed, MappingPlace};
pub use totals::{LeakTotals, TestCount, Totals};

use serde::{Deserialize, Serialize};
use std::io;

/// Version of the records. It grows when a field changes its meaning or is removed.
pub const VERSION: u32 = 1;

/// The environment variable in which `fencepost run` passes the run's name to its processes; see [`Process::run`].
pub const RUN_ID_VARIABLE: &str = "FENCEPOST_RUN_ID";

/// The folder in a report directory where processes write their records.
pub const RECORDS_FOLDER: &str = "records";

/// The module of an address that is in no mapping.
pub const UNKNOWN_MODULE: &str = "<unknown module>";

/// One line of a record file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// `fencepost run` begins.
    Run(Run),
    /// `fencepost run` ends.
    RunEnd(RunEnd),
    /// A guarded process begins.
    Process(ProcessStart),
    /// A process reports a bug.
    Finding(Box<Finding>),
    /// A process tells the user what was not guarded, and why.
    Notice(Notice),
    /// A process has looked for leaks.
    Leaks(LeakSummary),
    /// A guarded process ends by itself. There is none from a process that a signal or a bug kills.
    ProcessEnd(ProcessEnd),
    /// Findings of one bug, merged.
    Bug(Box<Bug>),
    /// Everything else of merged records, counted.
    Totals(Totals),
}

/// One start of `fencepost run`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Run {
    pub version: u32,
    /// Name of the run; the records of its processes have it too.
    pub run: String,
    /// Milliseconds since 1970, UTC.
    pub time_ms: u64,
    pub host: String,
    /// Name and release of the kernel.
    pub system: String,
    /// Version of fencepost.
    pub fencepost: String,
    /// Program and arguments.
    pub command: Vec<String>,
    pub directory: String,
    /// The options, as in `FENCEPOST_OPTIONS`.
    pub options: String,
}

/// The end of one start of `fencepost run`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunEnd {
    pub version: u32,
    pub run: String,
    pub time_ms: u64,
    /// The program's exit code; absent if a signal ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Whether that signal tells of a bug, and no process has left a report.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unreported: bool,
    /// Number of programs that were executed with the guard.
    pub guarded: u64,
    /// The programs that were executed without the guard.
    #[serde(default)]
    pub not_guarded: Vec<NotGuarded>,
}

/// A program that was executed without the guard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NotGuarded {
    /// The last part of its path.
    pub program: String,
    pub reason: String,
    /// Whether the user chose this by the option `follow`.
    #[serde(default)]
    pub by_choice: bool,
    pub times: u64,
}

/// What identifies a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Process {
    /// The run that it belongs to; empty if it was not started by `fencepost run`.
    pub run: String,
    pub host: String,
    pub pid: u32,
    pub parent_pid: u32,
    /// Name of the parent process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Path of the executable.
    pub program: String,
    /// Program and arguments at the start.
    pub command: Vec<String>,
    pub directory: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
}

/// The test that a process belongs to, if its framework names it in the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Test {
    /// `pytest`, `nextest`, `ctest`, `meson`, `bazel` …
    pub framework: String,
    pub name: String,
}

/// The start of a guarded process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProcessStart {
    pub version: u32,
    pub time_ms: u64,
    pub process: Process,
    /// The backend, which makes pages fault.
    pub backend: String,
}

/// A sentence for the user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Notice {
    pub version: u32,
    pub time_ms: u64,
    pub process: Process,
    pub text: String,
}

/// The end of a guarded process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProcessEnd {
    pub version: u32,
    pub time_ms: u64,
    pub process: Process,
    /// Number of allocations that were guarded.
    pub guarded: u64,
    /// Numbers of allocations that were not guarded, by reason.
    #[serde(default)]
    pub unguarded: Vec<Counted>,
}

/// A name, and how often it occurred.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Counted {
    pub name: String,
    pub count: u64,
}

/// A report of a bug.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    pub version: u32,
    /// Milliseconds since 1970, UTC; different for each finding of a process.
    pub time_ms: u64,
    /// Whether this was written before names were looked up, in case the process is killed meanwhile. A finding of the
    /// same process and `time_ms` that is not bare replaces it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bare: bool,
    /// 16 hexadecimal digits, the same for a bug in every run; see [`fingerprint`]. In a bare finding, made of offsets.
    pub fingerprint: String,
    /// For writes beside an object or after its free: the same for objects of one allocation site, also for late ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The kind of bug, as in reports: `heap-buffer-overflow`, `memcpy-param-overlap`.
    pub kind: String,
    /// Whether the bug itself occurred earlier, and was found by the damage that it left.
    #[serde(default)]
    pub late: bool,
    /// Kind, place and function: the last line of the text, without the words that every such line has.
    pub summary: String,
    pub process: Process,
    pub thread: Thread,
    /// Address of the bad access, argument of the bad call, or address of the damage; absent if no address is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Registers at the bad access; absent if no instruction is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registers: Option<Registers>,
    /// The access that an instruction made, or that a libc call would make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// A sentence: what is wrong with a libc call, or why an object must not be freed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// The line above the stack: `WRITE of size 4 at 0x… thread T0`, `free called here by thread T0:`.
    pub heading: String,
    /// Stack of the access or the call, or of the allocation of what leaks, innermost frame first; empty for the check at exit.
    pub stack: Vec<Frame>,
    /// Sentences: where the address is, what was found there, what was wrong with the call.
    pub place: Vec<String>,
    /// A sentence on what to do next, where that is certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// The mapping of the program's that it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Mapping>,
    /// The call that began an operation of libc on the object that has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<Event>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<Damage>,
    /// What nothing points to any more, of which `stack` is the allocation; of the kind `leak`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leak: Option<Leak>,
    /// The bytes of memory around the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Where the threads that the finding names were created, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<ThreadCreation>,
    /// The modules that the frames name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<Module>,
    /// Source lines of the most important frames, the access first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// Figures of the runtime, as lines of text, if the user asked for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<String>,
    /// A sentence: why names are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names_missing: Option<String>,
    /// Present if the bug is known; then the process went on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
}

/// Why a bug is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "by", content = "name", rename_all = "snake_case")]
pub enum Known {
    /// The baseline has its fingerprint.
    Baseline,
    /// The suppression with this name matches.
    Suppression(String),
}

/// A thread, and the name that the program gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Thread {
    /// Number in the order of creation; 0 is the first thread.
    pub id: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Registers at a bad access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Registers {
    pub pc: Address,
    pub bp: Address,
    pub sp: Address,
}

/// An access to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Access {
    pub direction: Direction,
    /// Size; absent if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Address of its first byte.
    pub start: Address,
}

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Read,
    Write,
    Execute,
}

/// One line of a stack; fields that are not known are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Frame {
    /// Address of the instruction, or the return address of the call.
    pub address: Address,
    /// Name of the function, demangled, without the hash of a Rust name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Source file as the compiler got it, made absolute if the debug information allows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// Whether the compiler inlined this function into that of the next frame.
    #[serde(default, skip_serializing_if = "is_false")]
    pub inlined: bool,
    /// Path of the executable or library, `[vdso]`, the kernel's name of a mapping, or [`UNKNOWN_MODULE`].
    pub module: String,
    /// The address in the module's file, as addr2line and objdump take it. In an anonymous mapping, the distance from
    /// its start; outside of mappings, the address itself.
    pub offset: Address,
}

/// The object that a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Object {
    pub start: Address,
    pub bytes: u64,
    /// `malloc`, `new`, `new[]`, `rust`, or `any`.
    pub family: String,
    /// The alignment that was asked for; absent if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment: Option<u64>,
    pub state: ObjectState,
    /// Where the first bad byte is: before the object, inside, or after.
    pub side: Side,
    /// Bytes between the first bad byte and the object (before), the object's start (inside), or its end (after).
    pub distance: u64,
    pub allocated: Event,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freed: Option<Event>,
}

/// State of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ObjectState {
    Live,
    Freed,
    /// Freed so long ago that its stacks are gone.
    Forgotten,
}

/// Where an address lies relative to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Before,
    Inside,
    After,
}

/// An allocation or a free.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Event {
    pub thread: u32,
    /// Absent if the stack was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<Vec<Frame>>,
}

/// Bytes that have changed and should not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Damage {
    /// Address of the lowest changed byte.
    pub start: Address,
    /// Number of bytes from the lowest to the highest changed one.
    pub span: u64,
    /// The first of these bytes, in hexadecimal.
    pub bytes: String,
    /// The value that each byte should have.
    pub expected: u8,
}

/// Bytes of memory at the time of the report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Memory {
    pub start: Address,
    /// Two hexadecimal digits for each byte; `..` if it is not accessible.
    pub bytes: String,
}

/// Where a thread was created.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ThreadCreation {
    pub thread: Thread,
    /// The thread that created it.
    pub by: u32,
    /// Absent if the stack was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<Vec<Frame>>,
}

/// An executable or a library.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Module {
    pub path: String,
    /// Build id in hexadecimal; empty if the module has none.
    pub build_id: String,
}

/// Lines of a source file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Source {
    pub file: String,
    /// Number of the first line below.
    pub first_line: u32,
    /// Number of the line that the frame is at.
    pub line: u32,
    /// Column, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    pub lines: Vec<String>,
}

/// All findings of one bug.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Bug {
    pub version: u32,
    pub fingerprint: String,
    /// Other fingerprints that turned out to be the same bug.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    pub kind: String,
    pub summary: String,
    /// Number of findings.
    pub count: u64,
    /// Number of processes that found the bug.
    pub processes: u64,
    pub first_ms: u64,
    pub last_ms: u64,
    /// The first runs that found the bug.
    pub runs: Vec<String>,
    /// Summaries of its findings, the most frequent first; only some, if there are many.
    pub places: Vec<Counted>,
    /// Command lines that showed the bug; only some, if there are many.
    pub commands: Vec<Counted>,
    /// Tests that showed the bug, as `framework: name`; only some, if there are many.
    pub tests: Vec<Counted>,
    /// Present if the bug is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
    /// The finding with the most information.
    pub example: Finding,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Finding {
    /// Writes the finding as a line of a record file, newline included. Allocates nothing unless `out` fails.
    ///
    /// # Errors
    /// Errors of `out`.
    pub fn write_line(&self, out: &mut impl io::Write) -> io::Result<()> {
        /// A [`Record`] that borrows its contents.
        #[derive(Serialize)]
        #[serde(tag = "type", rename_all = "snake_case")]
        enum Line<'a> {
            Finding(&'a Finding),
        }
        serde_json::to_writer(&mut *out, &Line::Finding(self))?;
        out.write_all(b"\n")
    }
}

impl Record {
    /// The record as a line of a record file, newline included.
    pub fn to_line(&self) -> String {
        // Writing these types can't fail.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }

    /// Reads a line.
    ///
    /// # Errors
    /// If the line is not JSON, or not a record that this version knows.
    pub fn from_line(line: &[u8]) -> serde_json::Result<Record> {
        serde_json::from_slice(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_line_and_comes_back() {
        let finding = Finding {
            version: VERSION,
            kind: "double-free".to_owned(),
            address: Some(Address(0x7fff_1234_5678)),
            known: Some(Known::Suppression("old\nparser".to_owned())),
            stack: vec![Frame { function: Some("f\u{1b}".to_owned()), ..Frame::default() }],
            ..Finding::default()
        };
        for record in [
            Record::Finding(Box::new(finding)),
            Record::Run(Run { command: vec!["make".to_owned()], ..Run::default() }),
            Record::ProcessEnd(ProcessEnd::default()),
        ] {
            let line = record.to_line();
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert_eq!(Record::from_line(line.as_bytes()).unwrap(), record);
        }
    }

    #[test]
    fn a_finding_has_one_line() {
        let finding = Finding { kind: "double-free".to_owned(), ..Finding::default() };
        let mut line = Vec::new();
        finding.write_line(&mut line).unwrap();
        assert_eq!(line, Record::Finding(Box::new(finding)).to_line().into_bytes());
    }

    #[test]
    fn a_field_of_a_later_version_is_skipped() {
        let line = br#"{"type":"notice","version":1,"time_ms":1,"text":"t","new":[1],"process":{"run":"","host":"h",
            "pid":1,"parent_pid":1,"program":"p","command":[],"directory":"/","other":{}}}"#;
        assert!(
            matches!(Record::from_line(line), Ok(Record::Notice(notice)) if notice.text == "t")
        );
        assert!(Record::from_line(br#"{"type":"notice","version":1}"#).is_err());
    }
}
