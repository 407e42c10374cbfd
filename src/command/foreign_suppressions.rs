//! Reads suppressions that were written for Valgrind or AddressSanitizer, as far as they have a meaning here.

use fencepost::finding::suppression::{FramePattern, Suppression};
use fencepost::finding::{LEAK, LeakClass};
use fencepost::printable::printable;

use super::suppression_entry::{Entry, Mistake, frame};

/// The tool that a file was written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Valgrind,
    /// AddressSanitizer or LeakSanitizer: one `TYPE:PATTERN` a line.
    Sanitizer,
}

impl Format {
    /// Recognises a format by the first line; `None` if it is neither.
    pub fn of(text: &str) -> Option<Format> {
        let line = text.lines().map(str::trim).find(|line| !is_silent(line))?;
        if line.starts_with('{') {
            return Some(Format::Valgrind);
        }
        let (kind, _) = line.split_once(':')?;
        let is_word = |char: char| char.is_ascii_lowercase() || char == '_';
        (!kind.is_empty() && kind.chars().all(is_word)).then_some(Format::Sanitizer)
    }
}

fn is_silent(line: &str) -> bool {
    line.is_empty() || line.starts_with('#')
}

/// Reads a file. Returns the suppressions that have a meaning here, and sentences about the rest.
pub fn parse(format: Format, text: &str, name: &str) -> Result<(Vec<Entry>, Vec<String>), Mistake> {
    match format {
        Format::Valgrind => of_valgrind(text, name),
        Format::Sanitizer => Ok(of_sanitizer(text, name)),
    }
}

/// The kinds that Memcheck reports as invalid reads and writes.
const ACCESSES: [&str; 5] =
    ["heap-buffer-overflow", "heap-buffer-underflow", "heap-use-after-free", "wild-access", "SEGV"];

fn of_valgrind(text: &str, file: &str) -> Result<(Vec<Entry>, Vec<String>), Mistake> {
    let (mut entries, mut notes) = (Vec::new(), Vec::new());
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let mut lines = lines.filter(|(_, line)| !is_silent(line));
    while let Some((start, line)) = lines.next() {
        if line != "{" {
            return Err((start, format!("expected '{{', found '{}'", printable(line))));
        }
        let mut block = Vec::new();
        loop {
            match lines.next() {
                Some((_, "}")) => break,
                Some((_, line)) => block.push(line),
                None => return Err((start, "this suppression has no '}'".to_owned())),
            }
        }
        let [name, tools, frames @ ..] = &block[..] else {
            return Err((start, "a suppression has a name, and a line TOOL:KIND".to_owned()));
        };
        let Some((tools, kind)) = tools.split_once(':') else {
            return Err((start + 2, format!("'{}' is no TOOL:KIND", printable(tools))));
        };
        let taken = match tools.split(',').any(|tool| tool.trim() == "Memcheck") {
            true => memcheck(kind),
            false => Err("is for another tool of Valgrind"),
        };
        match taken {
            Ok((kinds, bytes, skipped)) => {
                let (leaks, skipped) = match frames.first().and_then(|line| leak_kinds(line)) {
                    Some(leaks) => (leaks.map_err(|words| (start + 3, words))?, skipped + 1),
                    None => (Vec::new(), skipped),
                };
                let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
                let stack: Vec<FramePattern> =
                    frames.iter().skip(skipped).map(|line| demangled(frame(line))).collect();
                let name = (*name).to_owned();
                let suppression = Suppression {
                    name,
                    kinds,
                    leaks,
                    bytes,
                    stack,
                    names_callee: true,
                    ..Suppression::default()
                };
                entries.push(Entry {
                    suppression,
                    reason: None,
                    origin: format!("{file}:{start}"),
                });
            }
            Err(why) => {
                let name = printable(name);
                notes.push(format!("{file}:{start}: '{name}' was not taken: it {why}"));
            }
        }
    }
    Ok((entries, notes))
}

/// Our kinds, the size of the access in bytes, and how many further lines describe the kind.
type Meaning = (&'static [&'static str], Option<u64>, usize);

fn memcheck(kind: &str) -> Result<Meaning, &'static str> {
    if let Some(bytes) = kind.strip_prefix("Addr").and_then(|bytes| bytes.parse().ok()) {
        return Ok((&ACCESSES, Some(bytes), 0));
    }
    match kind {
        "Free" => {
            let kinds =
                &["double-free", "bad-free", "alloc-dealloc-mismatch", "new-delete-type-mismatch"];
            Ok((kinds, None, 0))
        }
        "Overlap" => Ok((&["*param-overlap"], None, 0)),
        // The first line after the kind names the system call's argument.
        "Param" => Ok((&ACCESSES, None, 1)),
        "Leak" => Ok((&[LEAK], None, 0)),
        _ if kind == "Cond" || kind.starts_with("Value") => {
            Err("is about uninitialised values, which are not looked for")
        }
        _ => Err("is of a kind that has no counterpart"),
    }
}

/// The classes that a line of a suppression names, if it is such a line.
fn leak_kinds(line: &str) -> Option<Result<Vec<LeakClass>, String>> {
    let words = line.strip_prefix("match-leak-kinds:")?;
    let class = |name: &str| match name {
        "all" => Ok(LeakClass::ALL.to_vec()),
        "none" => Err("with 'none' it is about no leak".to_owned()),
        name => LeakClass::ALL
            .into_iter()
            .find(|class| class.name() == name)
            .map(|class| vec![class])
            .ok_or_else(|| format!("'{}' is no kind of leaks", printable(name))),
    };
    let classes: Result<Vec<_>, _> = words.split(',').map(|word| class(word.trim())).collect();
    Some(classes.map(|classes| classes.concat()))
}

/// Demangles a pattern, since Valgrind's patterns are for mangled names.
fn demangled(pattern: FramePattern) -> FramePattern {
    let FramePattern::Function(name) = &pattern else { return pattern };
    let symbol = name.starts_with("_Z").then(|| cpp_demangle::Symbol::new(name.as_str()).ok());
    match symbol.flatten().and_then(|symbol| symbol.demangle().ok()) {
        Some(name) => FramePattern::Function(name),
        None => pattern,
    }
}

fn of_sanitizer(text: &str, file: &str) -> (Vec<Entry>, Vec<String>) {
    let (mut entries, mut notes) = (Vec::new(), Vec::new());
    for (at, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
        if is_silent(line) {
            continue;
        }
        let (kind, pattern) = line.split_once(':').unwrap_or((line, ""));
        let pattern = anywhere(pattern);
        let (kinds, innermost) = match kind {
            "interceptor_via_fun" => (&ACCESSES[..], FramePattern::Function(pattern)),
            "interceptor_via_lib" => (&ACCESSES[..], FramePattern::Module(pattern)),
            "alloc_dealloc_mismatch" => {
                (&["alloc-dealloc-mismatch"][..], FramePattern::Function(pattern))
            }
            "leak" => (&[LEAK][..], FramePattern::Word(pattern)),
            _ => {
                let why = match kind {
                    "interceptor_name" => "name the caller instead, with interceptor_via_fun",
                    _ => "there is nothing like it here",
                };
                notes.push(format!("{file}:{at}: '{}' was not taken: {why}", printable(line)));
                continue;
            }
        };
        let suppression = Suppression {
            name: line.to_owned(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            stack: vec![FramePattern::Any, innermost],
            calls_only: kind.starts_with("interceptor"),
            ..Suppression::default()
        };
        entries.push(Entry { suppression, reason: None, origin: format!("{file}:{at}") });
    }
    (entries, notes)
}

/// Converts a sanitizer's pattern, which matches any part of a name unless `^` or `$` says otherwise.
fn anywhere(pattern: &str) -> String {
    let (start, pattern) = match pattern.strip_prefix('^') {
        Some(rest) => ("", rest),
        None => ("*", pattern),
    };
    match pattern.strip_suffix('$') {
        Some(rest) => format!("{start}{rest}"),
        None => format!("{start}{pattern}*"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_valgrind_is_read() {
        let text = "# comment\n{\n   <parser>\n   Memcheck:Addr4\n   fun:parse_*\n   ...\n   obj:*/libx.so*\n   \
                    src:main.c:12\n}\n\n{\n  cond\n  Memcheck:Cond\n  fun:f\n}\n{\n  write\n  Memcheck,Other:Param\n  \
                    write(buf)\n  fun:write\n  fun:_ZN2ns5parseEi\n}\n{\n  leak\n  Memcheck:Leak\n  \
                    match-leak-kinds: definite\n  fun:malloc\n}\n{\n  lock\n  Helgrind:Race\n  fun:f\n}\n";
        assert_eq!(Format::of(text), Some(Format::Valgrind));
        let (entries, notes) = parse(Format::Valgrind, text, "v.supp").unwrap();
        assert_eq!(entries.len(), 3);
        let leak = &entries[2].suppression;
        assert_eq!((leak.kinds.as_slice(), leak.stack.len()), (&[LEAK.to_owned()][..], 1));
        assert_eq!(leak.leaks, [LeakClass::DefinitelyLost]);
        let parser = &entries[0].suppression;
        assert_eq!(
            (parser.name.as_str(), parser.bytes, parser.stack.len()),
            ("<parser>", Some(4), 4)
        );
        assert_eq!(entries[0].origin, "v.supp:2");
        let write = &entries[1].suppression.stack;
        assert_eq!(write[1], FramePattern::Function("ns::parse(int)".to_owned()));
        assert_eq!(notes.len(), 2);
        assert!(notes[0].starts_with("v.supp:11: 'cond' was not taken: it is about uninitialised"));
        let mistake = |text| parse(Format::Valgrind, text, "v").unwrap_err().0;
        assert_eq!(mistake("{\n a\n Memcheck:Free\n"), 1);
        assert_eq!(mistake("{\n a\n Memcheck:Free\n}\nx\n"), 5);
        assert_eq!(mistake("{\n a\n Memcheck:Leak\n match-leak-kinds: lost\n}\n"), 4);
    }

    #[test]
    fn a_file_of_sanitizers_is_read() {
        let text = "# c\ninterceptor_via_fun:parse\nleak:libx\ninterceptor_via_lib:^libx.so$\n";
        assert_eq!(Format::of(text), Some(Format::Sanitizer));
        let (entries, notes) = parse(Format::Sanitizer, text, "s").unwrap();
        assert_eq!(entries[0].suppression.stack[1], FramePattern::Function("*parse*".to_owned()));
        assert_eq!(entries[1].suppression.stack[1], FramePattern::Word("*libx*".to_owned()));
        assert_eq!(entries[2].suppression.stack[1], FramePattern::Module("libx.so".to_owned()));
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(Format::of("[[suppression]]\nname = \"a:b\"\n"), None);
    }
}
