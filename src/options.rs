//! Options, declared once.
