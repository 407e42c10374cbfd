//! Types of options whose values are some of a few words.

/// Declares a set of words: its name, and each word with its constant and help.
macro_rules! word_set {
    ($(#[doc = $doc:literal])+ $type:ident { $($(#[doc = $help:literal])+ $constant:ident = $name:literal, $bit:literal;)+ }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $type(u8);

        impl $type {
            $($(#[doc = $help])+ pub const $constant: $type = $type(1 << $bit);)+

            /// No word.
            pub const NONE: $type = $type(0);

            /// Every word.
            pub const ALL: $type = $type($(1 << $bit)|+);

            /// The words, in the order of the declaration.
            pub const WORDS: &'static [$crate::options::Choice] =
                &[$($crate::options::Choice { name: $name, help: concat!($($help),+) },)+];

            const VALUES: &'static [($type, &'static str)] = &[$(($type::$constant, $name),)+];

            /// Whether all words of `other` are in this set.
            pub fn has(self, other: $type) -> bool {
                self.0 & other.0 == other.0
            }

            /// What is in either set.
            pub const fn and(self, other: $type) -> $type {
                $type(self.0 | other.0)
            }
        }

        impl $crate::options::value::Value for $type {
            fn read(text: &str, _: &$crate::options::Form) -> Option<$type> {
                match text {
                    "all" => return Some($type::ALL),
                    "none" => return Some($type::NONE),
                    _ => {}
                }
                text.split(',').try_fold($type::NONE, |set, word| {
                    let found = $type::VALUES.iter().find(|(_, name)| *name == word);
                    found.map(|(value, _)| set.and(*value))
                })
            }

            fn write(&self) -> String {
                match *self {
                    $type::ALL => return "all".to_string(),
                    $type::NONE => return "none".to_string(),
                    _ => {}
                }
                let names = $type::VALUES.iter().filter(|(value, _)| self.has(*value));
                names.map(|(_, name)| *name).collect::<Vec<_>>().join(",")
            }
        }
    };
}

pub(super) use word_set;
