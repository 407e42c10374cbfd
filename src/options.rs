//! Options, declared once.
//!
//! The [`OPTIONS`] table at the end of this file is the only place where an option's name, form, default,
//! range and help are written. The struct [`Options`], the reader of `FENCEPOST_OPTIONS`, the command's flags and
//! `--help`, and the documents that list the options are made from it.
//!
//! The preload library reads its options inside the program's first `malloc`, before `main`. So nothing here
//! touches the environment, takes a lock, does I/O or panics; it may allocate.

use std::fmt;

mod confine;
mod focus;
mod follow;
mod foreign;
mod form;
mod group;
mod leak;
mod mappings;
mod nearest;
mod value;
mod word_set;

pub use confine::ConfineChoice;
pub use focus::Focus;
pub use follow::Follow;
pub use foreign::words as foreign_words;
pub use form::{Choice, Form};
pub use group::Group;
pub use leak::{Heuristics, LeakKinds, PointerBits, SignalNumber};
pub use mappings::MappingsChoice;
use nearest::nearest_name;
use value::Value;
pub use value::{Percent, Revocation};

/// The environment variable that carries options to the preload library.
pub const OPTIONS_VARIABLE: &str = "FENCEPOST_OPTIONS";

/// One row of the option table.
pub struct OptionSpec {
    /// The name as documented, with `-` between words.
    pub name: &'static str,
    /// The group that lists the option.
    pub group: Group,
    /// The form of the value, and which values are allowed.
    pub form: Form,
    help: &'static str,
    /// Stores a value; false when it does not fit the form.
    set: fn(&mut Options, &str) -> bool,
    get: fn(&Options) -> String,
}

impl OptionSpec {
    /// What the option does, in a sentence or two.
    pub fn help(&self) -> &'static str {
        self.help.trim()
    }

    /// The default as a user would write it; empty when the option is unset by default.
    pub fn default_text(&self) -> String {
        (self.get)(&Options::default())
    }

    /// Whether `given` names this option; `-` and `_` count as the same.
    pub fn is_named(&self, given: &str) -> bool {
        let dashed = |byte| if byte == b'_' { b'-' } else { byte };
        given.bytes().map(dashed).eq(self.name.bytes())
    }
}

/// Why some options were not accepted; displays as one sentence without a final full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionError {
    /// No option has this name.
    Unknown {
        /// The name as given.
        name: String,
        /// The option with the most similar name, if one is similar.
        nearest: Option<&'static str>,
    },
    /// A part of the option string is not `name=value`.
    MissingEquals {
        /// The part as given.
        part: String,
    },
    /// The value does not fit the option's form.
    BadValue {
        /// The option's documented name.
        name: &'static str,
        /// The value as given.
        value: String,
        /// The allowed values, in words.
        expected: String,
    },
    /// A backslash stands before something other than `:` or `\`.
    BadEscape,
}

impl std::error::Error for OptionError {}

impl fmt::Display for OptionError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionError::Unknown { name, .. } if foreign_words(name).is_some() => {
                let words = foreign_words(name).unwrap_or_default();
                write!(out, "there is no option '{}': {words}", name.escape_debug())
            }
            OptionError::Unknown { name, nearest: Some(nearest) } => {
                write!(out, "unknown option '{}'; did you mean '{nearest}'?", name.escape_debug())
            }
            OptionError::Unknown { name, nearest: None } => {
                write!(out, "unknown option '{}'", name.escape_debug())
            }
            OptionError::MissingEquals { part } => {
                write!(out, "option '{}' has no value; write it as name=value", part.escape_debug())
            }
            OptionError::BadValue { name, value, expected } => {
                write!(out, "option '{name}' takes {expected}, not '{}'", value.escape_debug())
            }
            OptionError::BadEscape => {
                write!(out, r"a backslash in the options must be followed by ':' or '\'")
            }
        }
    }
}

impl Options {
    /// Reads `name=value:name=value`. If a name has several values, the last one counts; empty parts are skipped.
    /// In a value, `:` is written `\:`, and a backslash `\\`.
    pub fn parse(text: &str) -> Result<Options, OptionError> {
        let mut options = Options::default();
        options.merge(text)?;
        Ok(options)
    }

    /// Reads further options, in the notation of [`Options::parse`], which replace earlier values. After an error, some
    /// of them may have been stored.
    pub fn merge(&mut self, text: &str) -> Result<(), OptionError> {
        let mut rest = text.chars();
        let mut before = String::new();
        while let Some(part) = next_part(&mut rest)? {
            if part.is_empty() {
                continue;
            }
            match (part.split_once('='), before.split_once('=')) {
                (Some((name, value)), _) => self.set(name, value)?,
                // `revoke=batch:64`: nobody would write that colon as `\:`.
                (None, Some((name, "batch"))) => self.set(name, &format!("batch:{part}"))?,
                (None, _) => return Err(OptionError::MissingEquals { part }),
            }
            before = part;
        }
        Ok(())
    }

    /// Sets one option from its unescaped text.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), OptionError> {
        let Some(spec) = OPTIONS.iter().find(|spec| spec.is_named(name)) else {
            return Err(OptionError::Unknown {
                name: name.to_string(),
                nearest: nearest_name(name),
            });
        };
        if (spec.set)(self, value) {
            return Ok(());
        }
        let expected = spec.form.expectation();
        Err(OptionError::BadValue { name: spec.name, value: value.to_string(), expected })
    }

    /// The value of an option as the user would write it; `None` when there is no such option.
    pub fn get(&self, name: &str) -> Option<String> {
        OPTIONS.iter().find(|spec| spec.is_named(name)).map(|spec| (spec.get)(self))
    }

    /// Writes the options that differ from the defaults so that [`Options::parse`] gives `self` again.
    pub fn encode(&self) -> String {
        let defaults = Options::default();
        let mut text = String::new();
        for spec in OPTIONS {
            let value = (spec.get)(self);
            if value == (spec.get)(&defaults) {
                continue;
            }
            if !text.is_empty() {
                text.push(':');
            }
            text.push_str(spec.name);
            text.push('=');
            for char in value.chars() {
                if matches!(char, ':' | '\\') {
                    text.push('\\');
                }
                text.push(char);
            }
        }
        text
    }
}

/// Removes the text up to the next unescaped `:` from `rest`, and returns it without escapes; `None` at the end.
fn next_part(rest: &mut std::str::Chars<'_>) -> Result<Option<String>, OptionError> {
    if rest.as_str().is_empty() {
        return Ok(None);
    }
    let mut part = String::new();
    while let Some(char) = rest.next() {
        match char {
            ':' => break,
            '\\' => match rest.next() {
                Some(escaped @ (':' | '\\')) => part.push(escaped),
                _ => return Err(OptionError::BadEscape),
            },
            _ => part.push(char),
        }
    }
    Ok(Some(part))
}

/// Declares an enum whose variants are the words of a [`Form::Choice`], with their help.
macro_rules! choices {
    ($(#[doc = $doc:literal])+ $type:ident { $($(#[doc = $help:literal])+ $variant:ident = $name:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type { $($(#[doc = $help])+ $variant,)+ }

        impl $type {
            /// Every choice, in the order of the declaration.
            pub const CHOICES: &'static [Choice] =
                &[$(Choice { name: $name, help: concat!($($help),+) },)+];

            /// The word that selects this choice.
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)+ }
            }
        }

        impl Value for $type {
            fn read(text: &str, _: &Form) -> Option<$type> {
                match text { $($name => Some($type::$variant),)+ _ => None }
            }

            fn write(&self) -> String {
                self.name().to_string()
            }
        }
    };
}

/// Declares [`Options`] and [`OPTIONS`]: for each group, its options with help, name, field, type, default and form.
macro_rules! options {
    ($(group $group:ident; $($(#[doc = $help:literal])+ $name:literal => $field:ident: $type:ty = $default:expr, $form:expr;)+)+) => {
        /// The value of every option.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Options { $($($(#[doc = $help])+ pub $field: $type,)+)+ }

        impl Default for Options {
            fn default() -> Options {
                Options { $($($field: $default,)+)+ }
            }
        }

        /// The option table, in the order in which options are listed for the user.
        pub static OPTIONS: &[OptionSpec] = &[$($(OptionSpec {
            name: $name,
            group: Group::$group,
            form: $form,
            help: concat!($($help),+),
            set: |options, text| {
                const FORM: Form = $form;
                Value::read(text, &FORM).map(|value| options.$field = value).is_some()
            },
            get: |options| options.$field.write(),
        },)+)+];
    };
}

choices! {
    /// How guard pages are made.
    BackendChoice {
        /// the first of the others that works here
        Auto = "auto",
        /// pages that were never populated fault; no cost for a guard
        Userfaultfd = "userfaultfd",
        /// page-table guard markers (Linux 6.13 and later)
        Madvise = "madvise",
        /// page permissions; works everywhere, slowly, and for fewer objects
        Mprotect = "mprotect",
    }
}

choices! {
    /// Where in its pages an object lies.
    Placement {
        /// at the end: overruns fault at once
        Right = "right",
        /// at the beginning: underruns fault at once
        Left = "left",
        /// at the end without any slack: every overrun faults, but odd sizes lose their alignment
        Exact = "exact",
        /// right or left by chance, object by object
        Random = "random",
    }
}

choices! {
    /// The unwinder that walks the stack at an allocation and a free.
    Unwinder {
        /// the built-in unwinder, fast and cached
        Tables = "tables",
        /// the C compiler's runtime, slow
        System = "system",
    }
}

choices! {
    /// What happens when a request for memory can't be granted.
    BadRequests {
        /// it fails as in libc
        Ignore = "ignore",
        /// it is a bug
        Report = "report",
    }
}

choices! {
    /// What is said of leaks when a process ends.
    LeakCheck {
        /// nothing: leaks are not looked for
        No = "no",
        /// how many bytes in how many objects are lost, or are still reachable
        Summary = "summary",
        /// the same, after a report for each place that allocated leaks
        Full = "full",
    }
}

choices! {
    /// When reports are in colours.
    ColorChoice {
        /// on a terminal, unless NO_COLOR is set; with CLICOLOR_FORCE elsewhere, too
        Auto = "auto",
        /// whatever standard error is
        Always = "always",
        /// never
        Never = "never",
    }
}

choices! {
    /// When the summary is printed at the end of the run.
    SummaryChoice {
        /// when some allocation was not guarded
        Auto = "auto",
        /// at the end of every run
        Always = "always",
        /// never
        Never = "never",
    }
}

options! {
    group Finding;

    /// Where in its pages an object lies, and so which overrun faults at once.
    "placement" => placement: Placement = Placement::Right, Form::Choice(Placement::CHOICES);

    /// Seed of placement=random, and of the choice with a budget; 0 takes one from the clock and the process id.
    "seed" => seed: u64 = 0, Form::Number { min: 0, max: u64::MAX };

    /// How many bytes are filled with canaries on the side of an object that has no guard page.
    "canary-bytes" => canary_bytes: usize = 128, Form::Number { min: 0, max: 4096 };

    /// Compare the operands of libc calls (memcpy, strlen, read, printf and so on) with the exact
    /// bounds of heap objects.
    "check-calls" => check_calls: bool = true, Form::Bool;

    /// Verify the canaries of all live objects at exit.
    "check-at-exit" => check_at_exit: bool = true, Form::Bool;

    /// Look for leaks when a process ends by exit or by the return of main: objects that no pointer leads to any more.
    "leaks" => leaks: LeakCheck = LeakCheck::No, Form::Choice(LeakCheck::CHOICES);

    /// Report leaks of these kinds. A report of a lost object names the objects that are lost with it, too.
    "leak-kinds" => leak_kinds: LeakKinds = LeakKinds::USUAL, Form::Words(LeakKinds::WORDS);

    /// Count these pointers to the inside of an object as pointers to its start, as Valgrind's Memcheck does.
    "leak-heuristics" => leak_heuristics: Heuristics = Heuristics::ALL, Form::Words(Heuristics::WORDS);

    /// Clear these bits, which the program uses as tags, in each pointer that the search for leaks reads.
    "leak-pointer-mask" => leak_pointer_mask: PointerBits = PointerBits::NONE, Form::Bits;

    /// Tell of mappings of the program's own (mmap) to which no pointer leads any more, too, where leaks are looked for.
    "leak-mappings" => leak_mappings: bool = false, Form::Bool;

    /// Look for leaks when the process gets this signal, and go on. The program does not get the signal.
    "leak-signal" => leak_signal: Option<SignalNumber> = None, Form::Signal;

    /// Look for leaks when a process ends by _exit or quick_exit, too.
    "leaks-at-quick-exit" => leaks_at_quick_exit: bool = false, Form::Bool;

    /// Report objects that are released by another family of functions (malloc, new, new[]) than they
    /// were made by.
    "alloc-dealloc-mismatch" => alloc_dealloc_mismatch: bool = true, Form::Bool;

    /// Report operator delete with another size or alignment than operator new had.
    "new-delete-type-mismatch" => new_delete_type_mismatch: bool = true, Form::Bool;

    /// Report free_sized, free_aligned_sized, and dealloc and realloc of a Rust program, with another size or
    /// alignment than the object's.
    "free-size-mismatch" => free_size_mismatch: bool = true, Form::Bool;

    /// What happens to requests that can't be granted: sizes and products that overflow, invalid
    /// alignments.
    "bad-requests" => bad_requests: BadRequests = BadRequests::Ignore, Form::Choice(BadRequests::CHOICES);

    /// Also report crashes that the heap has no part in, before the process dies of them.
    "report-crashes" => report_crashes: bool = true, Form::Bool;

    /// Fill each fresh object with this byte, except those of calloc; without it, objects begin as zeros.
    "alloc-fill" => alloc_fill: Option<u8> = None, Form::Number { min: 0, max: 255 };

    /// Fill each freed object with this byte where a later read could see it: while it waits with revoke=batch
    /// (223 without this option), when keep-going lets a use of it through, and when it has no pages of its own.
    "free-fill" => free_fill: Option<u8> = None, Form::Number { min: 0, max: 255 };

    group Guarding;

    /// Which programs are guarded; the others run without the guard. all; none (only the program that is run); or
    /// names, separated by commas, with ! before those to leave out, * and ? for any characters, and with a slash
    /// for paths. The last one that fits decides: 'test_*' or '!git,!python*'.
    "follow" => follow: Follow = Follow::default(), Form::Programs;

    /// How guard pages are made.
    "backend" => backend: BackendChoice = BackendChoice::Auto, Form::Choice(BackendChoice::CHOICES);

    /// Guard about one in N allocations, and pass the rest to the next allocator; 1 guards all.
    "sample" => sample: usize = 1, Form::Number { min: 1, max: 1 << 30 };

    /// Guard as many allocations as this share of the program's own processor time pays for: 100% aims at twice its
    /// time. Programs that mostly allocate still take more. The first objects of each place that allocates are always
    /// guarded, later ones ever more rarely. Without it, all are guarded.
    "budget" => budget: Option<Percent> = None, Form::Percent { min: 1, max: 10_000 };

    /// With a budget: how much memory the pages of guarded objects may take, as a share of what all live objects take,
    /// beside 32 MiB.
    "budget-memory" => budget_memory: Percent = Percent(100), Form::Percent { min: 0, max: 100_000 };

    /// With a budget: prefer objects that these functions, source files or modules allocate, and objects of these
    /// sizes: names with * and ? for any characters, and bytes, with commas between: 'parse_*,tree.c,libz.so*,24-40'.
    "focus" => focus: Focus = Focus::default(), Form::Focus;

    /// MiB of live guarded memory above which objects go unguarded; 0 is half of the memory
    /// available to the machine at the start, or an eighth of the limit of a memory control group.
    "memory-limit" => memory_limit_mib: u64 = 0, Form::Number { min: 0, max: 1 << 27 };

    /// MiB of freed objects without pages that wait, full of junk, before their memory is used again. They never take more
    /// than live objects do, and 4 MiB.
    "quarantine" => quarantine_mib: usize = 64, Form::Number { min: 0, max: 1 << 20 };

    /// MiB for data about freed objects. Beyond it the oldest are forgotten: using one is still caught,
    /// but its stacks are gone. An eighth as much more is for the program's calls of mmap and the like.
    "history" => history_mib: usize = 64, Form::Number { min: 0, max: 1 << 20 };

    /// What is done about the program's own mappings (mmap).
    "mappings" => mappings: MappingsChoice = MappingsChoice::RECORD, Form::Words(MappingsChoice::WORDS);

    group Reports;

    /// Go on after a report: a bad access is let through, and a bad call does nothing. Each bug is
    /// reported once, and a count of all is printed at the end.
    "keep-going" => keep_going: bool = false, Form::Bool;

    /// Most reports of one process with keep-going; further bugs are only counted.
    "max-reports" => max_reports: usize = 100, Form::Number { min: 1, max: 1 << 32 };

    /// Exit with this code after a report instead of dying by the signal; with keep-going, at the end.
    "error-exitcode" => error_exitcode: Option<u8> = None, Form::Number { min: 1, max: 255 };

    /// Write reports to PATH.PID instead of standard error.
    "log-path" => log_path: Option<String> = None, Form::Path;

    /// Write records of processes and of what they find to the directory PATH, for `fencepost report`. If several
    /// processes find a bug, only the first prints it in full.
    "report-dir" => report_dir: Option<String> = None, Form::Path;

    /// Let the bugs in this file pass: nothing is printed, and the program goes on as with keep-going. `fencepost run`
    /// makes the file from baselines and suppressions.
    "known" => known: Option<String> = None, Form::Path;

    /// Name functions, files and lines in reports.
    "symbolize" => symbolize: bool = true, Form::Bool;

    /// Show each frame of libc and of language runtimes, instead of one line for all of them.
    "all-frames" => all_frames: bool = false, Form::Bool;

    /// Print reports in colours. Logs and files have none.
    "color" => color: ColorChoice = ColorChoice::Auto, Form::Choice(ColorChoice::CHOICES);

    /// How many frames of each stack are kept.
    "stack-depth" => stack_depth: usize = 32, Form::Number { min: 1, max: 256 };

    /// When a summary is printed at the end of the run.
    "summary" => summary: SummaryChoice = SummaryChoice::Auto, Form::Choice(SummaryChoice::CHOICES);

    /// Say at the start which backend was chosen, and why.
    "verbose" => verbose: bool = false, Form::Bool;

    /// Print counters of the engine at the end of the run and below reports.
    "stats" => stats: bool = false, Form::Bool;

    group Performance;

    /// When a freed object begins to fault: immediate, or with batch:N when its thread has freed N. Until then it
    /// holds junk, reads of it pass, and writes are found late. Programs with several threads may run faster with batch.
    "revoke" => revoke: Revocation = Revocation::Immediate, Form::Revocation { min: 2, max: 512 };

    /// Keep threads that free objects at the same time on one processor.
    "confine" => confine: ConfineChoice = ConfineChoice::Auto, Form::Choice(ConfineChoice::CHOICES);

    /// The unwinder that walks the stack at an allocation and a free.
    "unwinder" => unwinder: Unwinder = Unwinder::Tables, Form::Choice(Unwinder::CHOICES);
}

#[cfg(test)]
mod tests;
