//! The option `confine`: whether threads that free objects are kept together on one processor.

use super::value::Value;
use super::{Choice, Form};

/// When threads that free objects are kept together on one processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfineChoice {
    /// While that pays.
    Auto,
    /// Always.
    Yes,
    /// Never.
    No,
}

impl ConfineChoice {
    /// Every choice.
    pub const CHOICES: &'static [Choice] = &[
        Choice { name: "auto", help: "while the program gets faster by it" },
        Choice { name: "yes", help: "always, as soon as there are two threads" },
        Choice { name: "no", help: "never" },
    ];
}

impl Value for ConfineChoice {
    fn read(text: &str, _: &Form) -> Option<ConfineChoice> {
        match text {
            "auto" => Some(ConfineChoice::Auto),
            "yes" => Some(ConfineChoice::Yes),
            "no" => Some(ConfineChoice::No),
            _ => None,
        }
    }

    fn write(&self) -> String {
        match self {
            ConfineChoice::Auto => "auto",
            ConfineChoice::Yes => "yes",
            ConfineChoice::No => "no",
        }
        .to_owned()
    }
}
