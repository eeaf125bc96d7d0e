//! What the commands print. A reader that has seen enough closes its end (`opwatch history | head`): that is no error, and
//! no reason to panic, as `println!` does.

use std::fmt::Display;
use std::io::Write as _;

/// Prints `text` and ends the line.
pub fn line(text: impl Display) {
    part(format_args!("{text}\n"));
}

/// Prints `text`, which the next may continue on the same line.
pub(crate) fn part(text: impl Display) {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}

/// Prints `text` to standard error, and leaves the line open.
#[cfg(feature = "terminal")]
pub(crate) fn error_part(text: impl Display) {
    let _ = write!(std::io::stderr(), "{text}");
}

/// Prints `text` to standard error and ends the line.
pub fn error(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
