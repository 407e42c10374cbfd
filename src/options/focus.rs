//! The option `focus`: which places and sizes deserve more of a budget.

use super::Form;
use super::value::Value;
use crate::sys::pattern;
use core::ops::RangeInclusive;

/// Names of functions, files and modules, and ranges of sizes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Focus {
    text: String,
}

impl Focus {
    /// Whether it is on nothing.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The patterns of names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.words().filter(|word| range(word).is_none())
    }

    /// The ranges of sizes, in bytes.
    pub fn sizes(&self) -> impl Iterator<Item = RangeInclusive<usize>> + '_ {
        self.words().filter_map(range)
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.text.split(',').filter(|word| !word.is_empty())
    }

    /// Whether it is on a function, by its name with or without parameters.
    pub fn has_function(&self, name: &str) -> bool {
        let bare = name.split('(').next().unwrap_or(name);
        self.names().any(|pattern| {
            [name, bare].iter().any(|name| pattern::fits(pattern.as_bytes(), name.as_bytes()))
        })
    }

    /// Whether it is on the file or the module at a path: by the last part, or where the pattern has a slash by the end
    /// of the path.
    pub fn has_path(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.names().any(|pattern| {
            if !pattern.contains('/') {
                return pattern::fits(pattern.as_bytes(), name.as_bytes());
            }
            let anywhere = format!("*/{pattern}");
            [pattern, &anywhere].iter().any(|it| pattern::fits(it.as_bytes(), path.as_bytes()))
        })
    }

    /// Whether a name may be that of a source file.
    pub fn may_have_files(&self) -> bool {
        self.names().any(|name| name.contains(['.', '/']))
    }
}

/// Reads `24` or `24-40`.
fn range(word: &str) -> Option<RangeInclusive<usize>> {
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { text.parse::<usize>().ok() } else { None }
    };
    match word.split_once('-') {
        Some((from, to)) => Some(number(from)?..=number(to)?),
        None => number(word).map(|size| size..=size),
    }
}

impl Value for Focus {
    fn read(text: &str, _: &Form) -> Option<Focus> {
        let is_sound = |word: &str| {
            !word.is_empty()
                && !word.contains('\0')
                && range(word).is_none_or(|sizes| !sizes.is_empty())
        };
        let focus = Focus { text: text.to_owned() };
        (text.is_empty() || text.split(',').all(is_sound)).then_some(focus)
    }

    fn write(&self) -> String {
        self.text.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn focus(text: &str) -> Option<Focus> {
        Focus::read(text, &Form::Focus)
    }

    #[test]
    fn words_are_sizes_or_names() {
        let mixed = focus("parse_*,24,100-200,lib/x.c,3d").unwrap();
        assert_eq!(mixed.sizes().collect::<Vec<_>>(), [24..=24, 100..=200]);
        assert_eq!(mixed.names().collect::<Vec<_>>(), ["parse_*", "lib/x.c", "3d"]);
        assert!(focus("").unwrap().is_empty() && !mixed.is_empty() && mixed.may_have_files());
        for text in [",", "a,", "9-8", "a\0"] {
            assert_eq!(focus(text), None, "{text}");
        }
    }

    #[test]
    fn names_fit_functions_files_and_modules() {
        let focus = focus("parse_*,tree::add,src/*.c,libz.so*").unwrap();
        assert!(focus.has_function("parse_all") && focus.has_function("tree::add(int, long)"));
        assert!(!focus.has_function("tree::remove(int)"));
        assert!(focus.has_path("/lib/libz.so.1") && focus.has_path("/home/a/src/b.c"));
        assert!(focus.has_path("src/b.c") && !focus.has_path("/home/b.c"));
    }
}
