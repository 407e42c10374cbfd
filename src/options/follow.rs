//! The option `follow`: which programs are guarded.

use super::Form;
use super::value::Value;
use crate::sys::pattern;

/// A choice of programs by rules. The last rule that fits a program decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    text: String,
}

/// A rule of a [`Follow`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule<'a> {
    /// Pattern of fnmatch(3) for a program's name, or with a slash for its path.
    pub pattern: &'a str,
    /// Whether the programs are guarded; otherwise they are left out.
    pub is_guarded: bool,
}

impl Follow {
    /// The word for every program.
    pub const ALL: &'static str = "all";
    /// The word for only the program that `run` starts.
    pub const FIRST: &'static str = "none";

    /// Whether every program is guarded.
    pub fn is_all(&self) -> bool {
        self.text == Self::ALL
    }

    /// Whether only the first program is guarded.
    pub fn is_first(&self) -> bool {
        self.text == Self::FIRST
    }

    /// The rules; none if the value is one of the two words.
    pub fn rules(&self) -> impl Iterator<Item = Rule<'_>> {
        let words = !self.is_all() && !self.is_first();
        self.text.split(',').filter(move |_| words).map(|word| match word.strip_prefix('!') {
            Some(pattern) => Rule { pattern, is_guarded: false },
            None => Rule { pattern: word, is_guarded: true },
        })
    }

    /// Whether a program is guarded; `fits` says whether a pattern fits it. If no pattern fits, it is guarded if the
    /// first rule leaves programs out.
    pub fn guards(&self, fits: impl Fn(&str) -> bool) -> bool {
        let is_usual = self.rules().next().is_none_or(|first| !first.is_guarded);
        self.rules()
            .filter(|rule| fits(rule.pattern))
            .last()
            .map_or(is_usual, |rule| rule.is_guarded)
    }
}

impl Follow {
    /// Whether the program with these paths is guarded: its file, and the path by which it was executed. A pattern
    /// without a slash is for the last part of a path; a pattern with slashes need not begin at the root.
    pub fn guards_program<'a>(&self, paths: impl Iterator<Item = &'a [u8]> + Clone) -> bool {
        self.guards(|pattern| paths.clone().any(|path| fits(pattern, path)))
    }
}

fn fits(given: &str, path: &[u8]) -> bool {
    if !given.contains('/') {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        return pattern::fits(given.as_bytes(), name);
    }
    if given.starts_with('/') {
        return pattern::fits(given.as_bytes(), path);
    }
    let is_relative = pattern::fits(given.as_bytes(), path);
    is_relative || pattern::fits(format!("*/{given}").as_bytes(), path)
}

impl Default for Follow {
    fn default() -> Follow {
        Follow { text: Self::ALL.to_owned() }
    }
}

impl Value for Follow {
    fn read(text: &str, _: &Form) -> Option<Follow> {
        let follow = Follow { text: text.to_owned() };
        let is_pattern = |rule: Rule| !rule.pattern.is_empty() && !rule.pattern.contains('\0');
        let words = [Self::ALL, Self::FIRST];
        // One of the two words among patterns would be taken for a program's name.
        let is_sound = |rule: Rule| is_pattern(rule) && !words.contains(&rule.pattern);
        let is_choice = follow.rules().all(is_sound);
        is_choice.then_some(follow)
    }

    fn write(&self) -> String {
        self.text.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(text: &str) -> Option<Follow> {
        Follow::read(text, &Form::Programs)
    }

    #[test]
    fn the_last_rule_that_fits_decides() {
        let guards = |text: &str, program: &str| {
            follow(text).unwrap().guards(|pattern| pattern == program || pattern == "*")
        };
        for (text, program, is_guarded) in [
            ("all", "sh", true),
            ("a,b", "a", true),
            ("a,b", "sh", false),
            ("!sh", "sh", false),
            ("!sh", "a", true),
            ("*,!sh", "sh", false),
            ("!*,a", "a", true),
            ("!*,a", "b", false),
            ("a,!a", "a", false),
            ("!a,a", "a", true),
        ] {
            assert_eq!(guards(text, program), is_guarded, "{text} {program}");
        }
    }

    #[test]
    fn patterns_are_for_names_or_paths() {
        let guards = |text: &str, path: &str| {
            follow(text).unwrap().guards_program([path.as_bytes()].into_iter())
        };
        assert!(guards("test_*", "/a/test_b") && !guards("test_*", "/test_a/b"));
        assert!(guards("build/*", "/a/build/b/c") && guards("/a/*", "/a/b"));
        assert!(!guards("/a/*", "/b/a/b") && guards("*/a/*", "/b/a/b"));
        assert!(!guards("!sh,!*/git", "/usr/bin/git") && guards("!sh", "/usr/bin/git"));
    }

    #[test]
    fn what_is_no_choice_is_refused() {
        for text in ["", ",", "a,", "!", "a,!,b", "a\0", "all,!sh", "none,a"] {
            assert_eq!(follow(text), None, "{text}");
        }
        assert!(follow("none").unwrap().is_first() && follow("all").unwrap().is_all());
    }
}
