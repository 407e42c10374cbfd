//! Colours of a report, and what of it is shown.

use core::fmt::{Display, Result, Write};

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// For a terminal: with escape sequences, which [`without_colors`](crate::printable::without_colors) takes out again.
    pub color: bool,
    /// Whether frames of libc and of runtimes have lines of their own.
    pub all_frames: bool,
}

/// What a piece of a report is, and so its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// What is wrong.
    Error,
    /// What the eye should find.
    Strong,
    /// What belongs to what is wrong.
    Related,
    /// Line numbers and bars.
    Margin,
    /// Advice.
    Advice,
    /// What few will need.
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
