//! Lines of source files, for the readers of reports.

use crate::finding::{Frame, Source};
use crate::sys::file::{self, File};
use std::ffi::CString;
use std::path::Path;

/// How many lines are shown before and behind the line in question.
const AROUND: u32 = 3;

/// The most bytes shown of a line.
const MOST_LINE_BYTES: usize = 300;

/// Files with more bytes than this are not read.
const MOST_BYTES: u64 = 4 << 20;

/// Returns the lines around these places, each place once.
pub fn of<'a>(places: impl IntoIterator<Item = Option<&'a Frame>>) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for frame in places.into_iter().flatten() {
        let (Some(file), Some(line)) = (&frame.file, frame.line) else { continue };
        if sources.iter().any(|known| known.file == *file && known.line == line) {
            continue;
        }
        sources.extend(read(file, line, frame.column, &frame.module));
    }
    sources
}

/// Reads the lines around one place. `None` if the file can't be read, or has changed since it was compiled.
fn read(file: &str, line: u32, column: Option<u32>, module: &str) -> Option<Source> {
    if !Path::new(file).is_absolute() || line == 0 {
        return None;
    }
    let (_, built) = File::regular(&CString::new(module).ok()?).ok()?;
    let is_as_built = |found: file::Status| {
        found.bytes <= MOST_BYTES && found.modified_nanoseconds <= built.modified_nanoseconds
    };
    let text = file::read_if(&CString::new(file).ok()?, MOST_BYTES as usize, is_as_built)?;
    let first = line.saturating_sub(AROUND).max(1);
    let count = (line - first + 1 + AROUND) as usize;
    let lines = text.split(|&byte| byte == b'\n').skip(first as usize - 1).take(count);
    let lines: Vec<String> = lines.map(cut).collect();
    let is_there = lines.len() > (line - first) as usize;
    is_there.then(|| Source { file: file.to_owned(), first_line: first, line, column, lines })
}

fn cut(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = String::from_utf8_lossy(&line[..line.len().min(MOST_LINE_BYTES)]);
    // Removes what the cut has left of a character.
    let whole =
        if line.len() > MOST_LINE_BYTES { text.trim_end_matches('\u{fffd}') } else { &text };
    whole.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(line: u32) -> Frame {
        Frame {
            function: Some("f".to_owned()),
            file: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/source.rs").to_owned()),
            line: Some(line),
            module: std::env::current_exe().unwrap().to_str().unwrap().to_owned(),
            ..Frame::default()
        }
    }

    #[test]
    fn lines_around_a_place_are_read_once() {
        let (first, far) = (frame(2), frame(100_000));
        let found = of([Some(&first), None, Some(&first), Some(&far)]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].first_line, found[0].line, found[0].lines.len()), (1, 2, 5));
        assert!(found[0].lines[0].starts_with("//! Lines of source files"));
    }

    #[test]
    fn what_is_no_file_of_the_program_is_left_alone() {
        for (file, module) in
            [("src/report/source.rs", None), ("/dev/zero", None), ("/etc/passwd", Some("/nowhere"))]
        {
            let mut place = frame(1);
            place.file = Some(file.to_owned());
            place.module = module.map_or(place.module.clone(), str::to_owned);
            assert_eq!(of([Some(&place)]), []);
        }
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        assert_eq!(cut("x\r".as_bytes()), "x");
        let long = "\u{e9}".repeat(200);
        assert_eq!(cut(long.as_bytes()), "\u{e9}".repeat(150));
        assert_eq!(cut(&[b"a", long.as_bytes()].concat()).chars().count(), 150);
    }
}
