//! Stacks as text: one line for each frame, or for several frames of libc or a runtime.

use super::style::{Paint, Style};
use crate::finding::fingerprint::is_of_project;
use crate::finding::{Frame, UNKNOWN_MODULE};
use crate::printable::printable;
use core::fmt::{Display, Formatter, Result, Write};

/// Most modules that the line of folded frames names.
const MOST_MODULES: usize = 3;

/// Writes `stack`. The innermost frame always has its own line.
pub fn write(stack: &[Frame], style: Style, out: &mut impl Write) -> Result {
    let mut number = 0;
    while let Some(frame) = stack.get(number) {
        let run = match number {
            0 => 0,
            _ if style.all_frames => 0,
            _ => stack[number..].iter().take_while(|frame| is_folded(frame)).count(),
        };
        if run > 1 {
            write_folded(number, &stack[number..number + run], style, out)?;
            number += run;
        } else {
            write_frame(number, frame, style, out)?;
            number += 1;
        }
    }
    Ok(())
}

/// Writes a stack, or that it was not kept.
pub fn write_kept(stack: Option<&[Frame]>, style: Style, out: &mut impl Write) -> Result {
    match stack {
        Some(stack) => write(stack, style, out),
        None => writeln!(out, "    (the stack was not kept)"),
    }
}

/// Whether a frame may be folded. Not if nothing is known of it, or if it is a signal frame.
fn is_folded(frame: &Frame) -> bool {
    let is_signal = frame.function.as_deref().is_some_and(|name| name.starts_with('<'));
    !is_of_project(frame) && frame.module != UNKNOWN_MODULE && !is_signal
}

fn write_folded(first: usize, run: &[Frame], style: Style, out: &mut impl Write) -> Result {
    let last = first + run.len() - 1;
    let words = shown(|out| {
        write!(out, "#{first} … #{last} in ")?;
        let mut named = 0;
        for (at, frame) in run.iter().enumerate() {
            if named == MOST_MODULES || run[..at].iter().any(|it| library(it) == library(frame)) {
                continue;
            }
            let comma = if named == 0 { "" } else { ", " };
            write!(out, "{comma}{}", printable(library(frame)))?;
            named += 1;
        }
        out.write_str(" (option all-frames shows them)")
    });
    write!(out, "    ")?;
    style.paint(Paint::Faint, words, out)?;
    writeln!(out)
}

/// The library that a frame of a runtime belongs to, as users call it.
fn library(frame: &Frame) -> &str {
    match frame.file.as_deref() {
        Some(file) if file.starts_with("/rustc/") => "Rust's standard library",
        Some(file) if file.contains("/include/c++/") => "the C++ standard library",
        _ => frame.module.rsplit('/').next().unwrap_or(&frame.module),
    }
}

fn write_frame(number: usize, frame: &Frame, style: Style, out: &mut impl Write) -> Result {
    write!(out, "    #{number} {}", frame.address)?;
    if let Some(function) = &frame.function {
        write!(out, " in ")?;
        let paint = if is_of_project(frame) { Paint::Strong } else { Paint::Faint };
        style.paint(paint, printable(function), out)?;
    }
    if frame.file.is_some() {
        write!(out, " ")?;
        style.paint(Paint::Related, shown(|out| write_position(frame, true, out)), out)?;
    }
    write!(out, " ")?;
    style.paint(Paint::Faint, shown(|out| write_module_place(frame, out)), out)?;
    writeln!(out)
}

/// Writes `file:line:column`, as far as these are known.
pub fn write_position(frame: &Frame, with_column: bool, out: &mut impl Write) -> Result {
    let Some(file) = &frame.file else { return Ok(()) };
    write!(out, "{}", printable(file))?;
    if let Some(line) = frame.line {
        write!(out, ":{line}")?;
        if let Some(column) = frame.column.filter(|&column| with_column && column > 0) {
            write!(out, ":{column}")?;
        }
    }
    Ok(())
}

/// Writes `(module+0xoffset)`.
pub fn write_module_place(frame: &Frame, out: &mut impl Write) -> Result {
    write!(out, "({}+{})", printable(&frame.module), frame.offset)
}

/// Something that can be printed: the text that `write` writes.
pub fn shown<F: Fn(&mut Formatter<'_>) -> Result>(write: F) -> impl Display {
    struct Line<F>(F);
    impl<F: Fn(&mut Formatter<'_>) -> Result> Display for Line<F> {
        fn fmt(&self, out: &mut Formatter<'_>) -> Result {
            (self.0)(out)
        }
    }
    Line(write)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(function: &str, module: &str) -> Frame {
        Frame { function: Some(function.to_owned()), module: module.to_owned(), ..Frame::default() }
    }

    fn text(stack: &[Frame], all_frames: bool) -> String {
        let mut text = String::new();
        write(stack, Style { all_frames, color: false }, &mut text).unwrap();
        text
    }

    #[test]
    fn frames_of_runtimes_share_a_line_but_for_the_innermost() {
        let libc = "/lib/x86_64-linux-gnu/libc.so.6";
        let stack = [
            frame("memcpy", libc),
            frame("compare", "/bin/list"),
            frame("msort", libc),
            frame("qsort_r", libc),
            frame("main", "/bin/list"),
            frame("__libc_start_call_main", libc),
            frame("__libc_start_main", libc),
            frame("_start", "/bin/list"),
        ];
        let folded = text(&stack, false);
        let lines: Vec<&str> = folded.lines().collect();
        assert_eq!(lines.len(), 5, "{folded}");
        assert!(lines[0].contains("#0 0x0 in memcpy"), "{folded}");
        assert_eq!(lines[2], "    #2 … #3 in libc.so.6 (option all-frames shows them)");
        assert_eq!(lines[4], "    #5 … #7 in libc.so.6, list (option all-frames shows them)");
        assert_eq!(text(&stack, true).lines().count(), stack.len());
        // A single frame takes a line anyway, and a signal frame is not folded.
        let signal = [stack[1].clone(), frame("<signal handler called>", libc), stack[2].clone()];
        assert_eq!(text(&signal, false).lines().count(), 3);
    }
}
