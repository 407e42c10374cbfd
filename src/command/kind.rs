//! What is explained of a kind of bug, and how a list of kinds is declared.

/// The explanation of a kind of bug.
pub struct Kind {
    /// The name in reports; `param-overlap` is only the end of it.
    pub name: &'static str,
    pub meaning: &'static str,
    /// How it is found, and when.
    pub found: &'static str,
    pub cause: &'static str,
    pub remedy: &'static str,
    /// Flags of `run` with which the example's bug is found.
    pub flags: &'static str,
    pub language: Language,
    pub example: &'static str,
}

/// The language of an example.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Language {
    C,
    Cpp,
}

/// Declares a list of kinds.
macro_rules! kinds {
    ($(#[$meta:meta])* $list:ident $($name:literal $language:ident $($flags:literal)?: $meaning:literal $found:literal $cause:literal $remedy:literal $example:literal)+) => {
        $(#[$meta])*
        pub static $list: &[$crate::command::kind::Kind] = &[$($crate::command::kind::Kind {
            name: $name,
            meaning: $meaning,
            found: $found,
            cause: $cause,
            remedy: $remedy,
            flags: concat!("" $(, $flags)?),
            language: $crate::command::kind::Language::$language,
            example: $example,
        }),+];
    };
}

pub(super) use kinds;
