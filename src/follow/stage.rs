//! Where following is seen.

use crate::terminal;

/// A place for lines.
pub trait Stage {
    /// Adds lines for good.
    fn lines(&mut self, lines: &[String]);
    /// Says what belongs to no operation.
    fn note(&mut self, text: &str);
}

/// Standard output, and standard error for notes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Printed;

impl Stage for Printed {
    fn lines(&mut self, lines: &[String]) {
        lines.iter().for_each(terminal::line);
    }

    fn note(&mut self, text: &str) {
        terminal::error(text);
    }
}
