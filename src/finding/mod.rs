//! What fencepost leaves behind: the one data model of everything outside the process.
//!
//! A [`Finding`] is one report of a bug with nothing left to look up. Every format, the text on standard error too, is a
//! function of it. A [`Record`] is one line of a file in a report directory (JSON Lines): processes write theirs, the
//! command reads, merges and renders them. `docs/schema/record.json` is the published schema of a line.
//! Fields are added, never given another meaning, within one [`VERSION`]. Readers skip records of a type, and fields, that they do not know.

pub mod fingerprint;
pub mod hint;
#[cfg(test)]
mod schema_tests;
pub mod suppression;
pub mod text;
mod totals;
pub use totals::{TestCount, Totals};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::io;

/// Version of the records. It grows when a field changes its meaning or goes.
pub const VERSION: u32 = 1;

/// The environment variable by which `fencepost run` names the run to its processes; see [`Process::run`].
pub const RUN_ID_VARIABLE: &str = "FENCEPOST_RUN_ID";

/// The folder in a report directory where processes write their records.
pub const RECORDS_FOLDER: &str = "records";

/// The module of an address that is in no mapping at all.
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
    /// A process tells what the user must know: what was not guarded, and why.
    Notice(Notice),
    /// A guarded process ends by itself. One that is killed, or whose bug kills it, leaves none.
    ProcessEnd(ProcessEnd),
    /// Findings of one bug, merged.
    Bug(Box<Bug>),
    /// All else of merged records.
    Totals(Totals),
}

/// One start of `fencepost run`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Run {
    pub version: u32,
    /// Names the run; what its processes write names it, too.
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
    /// As in `FENCEPOST_OPTIONS`.
    pub options: String,
}

/// The end of one start of `fencepost run`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunEnd {
    pub version: u32,
    pub run: String,
    pub time_ms: u64,
    /// Of the program; absent if a signal ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// That ended the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Programs that were executed with the guard.
    pub guarded: u64,
    /// Programs that were executed without it.
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
    /// Whether the user chose so.
    #[serde(default)]
    pub by_choice: bool,
    pub times: u64,
}

/// Who a process is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Process {
    /// The run that it belongs to; empty where nobody started it by `fencepost run`.
    pub run: String,
    pub host: String,
    pub pid: u32,
    pub parent_pid: u32,
    /// What the parent is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Path of the executable.
    pub program: String,
    /// Program and arguments, as they were at the start.
    pub command: Vec<String>,
    pub directory: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
}

/// The test that a process belongs to, as far as its framework says so in the environment.
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
    /// How its guard pages are made.
    pub backend: String,
}

/// A sentence that the user must know.
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
    /// Allocations that were guarded.
    pub guarded: u64,
    /// Allocations that were not, by reason.
    #[serde(default)]
    pub unguarded: Vec<Counted>,
}

/// Something and how often it occurred.
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
    /// Milliseconds since 1970, UTC; no two findings of one process have the same.
    pub time_ms: u64,
    /// Written before names were looked up, in case the process is killed meanwhile. A finding of the same process and
    /// `time_ms` that is not bare tells the same and more, and takes its place.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bare: bool,
    /// The same for the same bug in every run; see [`fingerprint`]. 16 hexadecimal digits. Of a bare finding it rests on offsets.
    pub fingerprint: String,
    /// The same for all writes beside, or after the free of, objects of one allocation site, whether they were found at once or late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// As reports name it: `heap-buffer-overflow`, `memcpy-param-overlap`.
    pub kind: String,
    /// The bug itself came earlier: what it left behind was found.
    #[serde(default)]
    pub late: bool,
    /// Kind, place and function: the last line of the text, without the words that all have.
    pub summary: String,
    pub process: Process,
    pub thread: Thread,
    /// First byte of the access, the argument of the call, or the damaged byte; absent where no address is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Absent where no instruction is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registers: Option<Registers>,
    /// Of an access, or of a libc call that would make one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// What is wrong with a libc call, or why an object must not be freed yet, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// What the stack below shows: `WRITE of size 4 at 0x… thread T0`, `free called here by thread T0:`.
    pub heading: String,
    /// Of the access or the call, innermost first; empty for the check at exit.
    pub stack: Vec<Frame>,
    /// Where the address is, what was found there, and what was wrong with the call: sentences.
    pub place: Vec<String>,
    /// What to do next, where that is certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// The call that began what libc still does with the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<Event>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<Damage>,
    /// What was in memory around the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Where the threads above were created, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<ThreadCreation>,
    /// Those that the frames name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<Module>,
    /// Source lines around the frames that matter most, the access first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// Figures of the runtime, as lines, where the user wants them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<String>,
    /// Why names were not looked up, where they should have been: a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names_missing: Option<String>,
    /// Why this is no news: the process went on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
}

/// Why a finding is no news.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "by", content = "name", rename_all = "snake_case")]
pub enum Known {
    /// Its fingerprint is in the baseline.
    Baseline,
    /// The suppression of this name is about it.
    Suppression(String),
}

/// A thread, and the name that the program gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Thread {
    /// In the order of creation; 0 is the first.
    pub id: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Registers of the access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Registers {
    pub pc: Address,
    pub bp: Address,
    pub sp: Address,
}

/// What was done to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Access {
    pub direction: Direction,
    /// Absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its first byte.
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

/// One line of a stack, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Frame {
    /// Of the instruction, or where the call returns to.
    pub address: Address,
    /// Demangled; without the hash of a Rust name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Source file, as the compiler was told of it, made absolute where the debug information allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The compiler inlined this function into the one of the next frame.
    #[serde(default, skip_serializing_if = "is_false")]
    pub inlined: bool,
    /// Path of the executable or library, `[vdso]`, the kernel's name of a mapping, or [`UNKNOWN_MODULE`].
    pub module: String,
    /// The address as the module's file states it: what addr2line and objdump take. Within an anonymous mapping, the
    /// distance from its start; elsewhere, the address itself.
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
    /// That was asked for; absent where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment: Option<u64>,
    pub state: ObjectState,
    /// On which side of the object the first bad byte is.
    pub side: Side,
    /// Before: from the first bad byte to the object. Inside: from its start to the byte. After: from its end to the byte.
    pub distance: u64,
    pub allocated: Event,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freed: Option<Event>,
}

/// Whether an object was alive.
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
    /// Absent where it was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<Vec<Frame>>,
}

/// Bytes that should not have changed, and have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Damage {
    /// Of the lowest such byte.
    pub start: Address,
    /// From the lowest to the highest.
    pub span: u64,
    /// The first of them, in hexadecimal.
    pub bytes: String,
    /// What each should be.
    pub expected: u8,
}

/// Bytes of memory at the time of the report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Memory {
    pub start: Address,
    /// Two hexadecimal digits a byte; `..` for one that is not accessible.
    pub bytes: String,
}

/// Where a thread was created.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ThreadCreation {
    pub thread: Thread,
    /// The thread that created it.
    pub by: u32,
    /// Absent where it was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<Vec<Frame>>,
}

/// An executable or a library.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Module {
    pub path: String,
    /// In hexadecimal; empty if it has none.
    pub build_id: String,
}

/// Lines of a source file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Source {
    pub file: String,
    /// Number of the first line below.
    pub first_line: u32,
    /// Number of the line that is meant.
    pub line: u32,
    /// Counted from 1.
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
    /// Findings.
    pub count: u64,
    /// Processes that found it.
    pub processes: u64,
    pub first_ms: u64,
    pub last_ms: u64,
    /// Runs that found it: the first ones.
    pub runs: Vec<String>,
    /// Where it showed, by summary, the most frequent first; cut after some.
    pub places: Vec<Counted>,
    /// Command lines that showed it; cut after some.
    pub commands: Vec<Counted>,
    /// Tests that showed it, as `framework: name`; cut after some.
    pub tests: Vec<Counted>,
    /// Why it is no news, if it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
    /// The finding that tells most.
    pub example: Finding,
}

/// An address, or an offset of a module; hexadecimal in JSON, as `"0x7f12"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub u64);

impl core::fmt::Display for Address {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(out, "{:#x}", self.0)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Address;

            fn expecting(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                out.write_str("a hexadecimal number in a string, as \"0x7f12\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Address, E> {
                let digits = text.strip_prefix("0x").ok_or_else(|| E::custom("no 0x"))?;
                u64::from_str_radix(digits, 16).map(Address).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Finding {
    /// Writes the line of a record file, with its end. Allocates nothing unless `out` fails.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_line(&self, out: &mut impl io::Write) -> io::Result<()> {
        /// As [`Record`], of what is borrowed.
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
    /// The line of a record file, with its end.
    pub fn to_line(&self) -> String {
        // Of these types nothing can fail to be written.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }

    /// Reads a line.
    ///
    /// # Errors
    /// If it is no JSON, or no record that this version knows.
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
