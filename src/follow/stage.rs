//! Where following is seen.

use std::io::Write as _;

use console::{Term, measure_text_width};

use super::screen::Size;
use crate::terminal;

/// A place for lines, and for a frame below them.
pub trait Stage {
    /// Adds lines for good.
    fn lines(&mut self, lines: &[String]);
    /// Says what belongs to no operation.
    fn note(&mut self, text: &str);
    /// How much can be drawn; `None` where nothing can.
    fn size(&self) -> Option<Size>;
    /// Draws these lines in the place of the frame before.
    fn draw(&mut self, frame: Vec<String>);
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

    fn size(&self) -> Option<Size> {
        None
    }

    fn draw(&mut self, _: Vec<String>) {}
}

/// A terminal: lines, and the frame below them, which is the last that was written.
#[derive(Debug)]
pub struct Drawn {
    term: Term,
    frame: Vec<String>,
}

impl Default for Drawn {
    /// The terminal that standard output is. Each change of it is one write, so that nothing flickers.
    fn default() -> Self {
        Self { term: Term::buffered_stdout(), frame: Vec::new() }
    }
}

/// A terminal that does not tell its size.
const USUAL: Size = Size { columns: 80, rows: 24 };

impl Drawn {
    fn cells(&self) -> Size {
        let size = self.term.size_checked();
        size.map_or(USUAL, |(rows, columns)| Size { rows: rows.into(), columns: columns.into() })
    }

    /// Writes `lines` in the place of the frame, and `frame` below them. A terminal that is gone is no error.
    fn write(&mut self, lines: &[String], frame: Vec<String>) {
        let up = rows(&self.frame, self.cells().columns);
        let up = if up > 0 { format!("\x1b[{up}A") } else { String::new() };
        let mut text = format!("\r{up}");
        for line in lines.iter().chain(&frame) {
            text.push_str(line);
            text.push_str("\x1b[K\n");
        }
        text += "\x1b[J";
        let _ = self.term.write_all(text.as_bytes()).and_then(|()| self.term.flush());
        self.frame = frame;
    }
}

impl Stage for Drawn {
    fn lines(&mut self, lines: &[String]) {
        if !lines.is_empty() {
            let frame = self.frame.clone();
            self.write(lines, frame);
        }
    }

    fn note(&mut self, text: &str) {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        self.lines(&lines);
    }

    fn size(&self) -> Option<Size> {
        Some(self.cells())
    }

    fn draw(&mut self, frame: Vec<String>) {
        if !(frame.is_empty() && self.frame.is_empty()) {
            self.write(&[], frame);
        }
    }
}

/// The rows that `frame` takes by now: a terminal that became narrower has broken its lines.
fn rows(frame: &[String], columns: usize) -> usize {
    frame.iter().map(|line| measure_text_width(line).div_ceil(columns.max(1)).max(1)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrower_terminal_has_broken_the_lines_of_the_frame() {
        let frame = ["x".repeat(79), String::new(), "y".repeat(40)];
        assert_eq!([80, 79, 78, 40, 39].map(|columns| rows(&frame, columns)), [3, 3, 4, 4, 6]);
    }
}
