//! The forms that values of options have.

/// The form of an option's value.
pub enum Form {
    /// One of some words.
    Choice(&'static [Choice]),
    /// A whole decimal number in an inclusive range.
    Number {
        /// The least value allowed.
        min: u64,
        /// The greatest value allowed.
        max: u64,
    },
    /// `yes` or `no` (`true`/`false`, `on`/`off` and `1`/`0` are understood too).
    Bool,
    /// A path, which is not checked here.
    Path,
    /// A choice of programs: a word, or patterns.
    Programs,
    /// Some of several words with commas between, or all, or none.
    Words(&'static [Choice]),
    /// Bits of an address, as a number that may be hexadecimal.
    Bits,
    /// A signal, by name or number.
    Signal,
    /// Names and sizes.
    Focus,
    /// A whole percentage in an inclusive range.
    Percent {
        /// The least percentage allowed.
        min: u32,
        /// The greatest percentage allowed.
        max: u32,
    },
    /// `immediate`, `batch`, or `batch:N` with N in an inclusive range.
    Revocation {
        /// The least N.
        min: u16,
        /// The greatest N.
        max: u16,
    },
}

impl Form {
    /// The allowed values, in words that follow "takes".
    pub fn expectation(&self) -> String {
        match self {
            Form::Choice(choices) => {
                let names: Vec<&str> = choices.iter().map(|choice| choice.name).collect();
                format!("one of {}", names.join(", "))
            }
            Form::Number { min: 0, max: u64::MAX } => "a whole number below 2^64".to_string(),
            Form::Number { min, max } => format!("a whole number from {min} to {max}"),
            Form::Bool => "yes or no".to_string(),
            Form::Path => "a path".to_string(),
            Form::Programs => {
                "all, none, or names with commas between, ! before those to leave out".to_string()
            }
            Form::Words(choices) => {
                let names: Vec<&str> = choices.iter().map(|choice| choice.name).collect();
                format!("all, none, or some of {} with commas between", names.join(", "))
            }
            Form::Bits => "bits of an address as a number, as 0xff00000000000000".to_string(),
            Form::Signal => {
                "a signal, as USR2 or 12, that a program can handle and that stands for no fault"
                    .to_string()
            }
            Form::Focus => {
                "names of functions, files or modules, or sizes as 24 or 24-40, with commas between"
                    .to_string()
            }
            Form::Percent { min, max } => format!("a percentage from {min}% to {max}%"),
            Form::Revocation { min, max } => {
                format!("immediate, batch, or batch:N with N from {min} to {max}")
            }
        }
    }

    /// The placeholder for the value in a usage line.
    pub fn placeholder(&self) -> &'static str {
        match self {
            Form::Choice(_) => "CHOICE",
            Form::Number { .. } => "N",
            Form::Bool => "yes|no",
            Form::Path => "PATH",
            Form::Programs => "PROGRAMS",
            Form::Words(_) => "WORDS",
            Form::Bits => "BITS",
            Form::Signal => "SIGNAL",
            Form::Focus => "WORDS",
            Form::Percent { .. } => "PERCENT",
            Form::Revocation { .. } => "WHEN",
        }
    }
}

/// One of the words a [`Form::Choice`] allows.
pub struct Choice {
    /// The word that the user writes.
    pub name: &'static str,
    pub(super) help: &'static str,
}

impl Choice {
    /// What the choice means.
    pub fn help(&self) -> &'static str {
        self.help.trim()
    }
}
