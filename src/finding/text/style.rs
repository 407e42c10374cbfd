//! The style of a report: colours, and which frames are shown.

use core::fmt::{Display, Result, Write};

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether to write colours, as escape sequences that [`without_colors`](crate::printable::without_colors) removes.
    pub color: bool,
    /// Whether frames of libc and of runtimes have lines of their own.
    pub all_frames: bool,
}

/// The role of a piece of a report, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// The error itself.
    Error,
    /// Something that the reader should see first.
    Strong,
    /// Something that belongs to the error.
    Related,
    /// Line numbers and bars.
    Margin,
    /// Advice.
    Advice,
    /// Something that few readers need.
    Faint,
}

impl Paint {
    fn code(self) -> &'static str {
        match self {
            Paint::Error => "1;31",
            Paint::Strong => "1",
            Paint::Related => "36",
            Paint::Margin => "1;34",
            Paint::Advice => "1;32",
            Paint::Faint => "2",
        }
    }
}

impl Style {
    /// Writes `what` in the colour of `paint`.
    pub fn paint(self, paint: Paint, what: impl Display, out: &mut impl Write) -> Result {
        match self.color {
            true => write!(out, "\x1b[{}m{what}\x1b[0m", paint.code()),
            false => write!(out, "{what}"),
        }
    }
}
