//! Standard output that never blocks: a push is answered even if nothing reads the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde_json::json;

/// Bytes buffered while the log is not read; after that, lines are dropped and counted.
const MAX_BUFFERED_BYTES: usize = 1024 * 1024;
/// Room for a line, which is not given back.
const ONE_LINE: usize = 1024;
/// A pipe that takes anything takes this much without waiting: `PIPE_BUF` of pipe(7).
const PIPE_BUF: usize = 4096;
/// How long the last lines of the process may wait for a reader.
const AT_THE_END: Duration = Duration::from_secs(1);

static OUTPUT: Mutex<Output> = Mutex::new(Output::new());

/// Writes a line as far as standard output takes it at once; the rest goes with the next.
pub(super) fn write(line: &[u8]) {
    with(|output| output.line(line, |bytes| take(bytes, Duration::ZERO)));
}

/// Waits a moment for a reader of what is still kept.
pub(super) fn flush() {
    with(|output| output.end(|bytes| take(bytes, AT_THE_END)));
}

fn with(work: impl FnOnce(&mut Output)) {
    work(&mut OUTPUT.lock().unwrap_or_else(PoisonError::into_inner));
}

/// What was not taken yet.
struct Output {
    kept: Vec<u8>,
    left_out: u64,
}

impl Output {
    const fn new() -> Self {
        Self { kept: Vec::new(), left_out: 0 }
    }

    /// `take` says how many of its bytes it took.
    fn line(&mut self, line: &[u8], mut take: impl FnMut(&[u8]) -> usize) {
        self.give(&mut take);
        let told = self.left_out().filter(|told| self.has_room(told.len() + line.len()));
        if let Some(told) = told {
            self.kept.extend_from_slice(&told);
            self.left_out = 0;
        }
        if self.left_out == 0 && self.has_room(line.len()) {
            self.kept.extend_from_slice(line);
            self.give(take);
        } else {
            self.left_out += 1;
        }
    }

    fn end(&mut self, take: impl FnMut(&[u8]) -> usize) {
        self.kept.extend(self.left_out().into_iter().flatten());
        self.left_out = 0;
        self.give(take);
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.kept.len() + bytes <= MAX_BUFFERED_BYTES
    }

    fn give(&mut self, mut take: impl FnMut(&[u8]) -> usize) {
        if self.kept.is_empty() {
            return;
        }
        let taken = take(&self.kept);
        self.kept.drain(..taken);
        if self.kept.is_empty() {
            self.kept.shrink_to(ONE_LINE);
        }
    }

    /// The line that says so.
    fn left_out(&self) -> Option<Vec<u8>> {
        let count = Some(self.left_out).filter(|count| *count > 0)?;
        let message = format!("nobody read the log for a while: {count} lines before this one are left out");
        Some(format!("{}\n", json!({"severity": "WARNING", "message": message})).into_bytes())
    }
}

/// Gives `bytes` to standard output as long as that waits no longer than `patience` for its reader. A write itself can't be
/// told not to wait: `O_NONBLOCK` would hold for everyone who shares the pipe.
fn take(bytes: &[u8], patience: Duration) -> usize {
    let stdout = rustix::stdio::stdout();
    let patience = Timespec::try_from(patience).ok();
    let mut taken = 0;
    for part in bytes.chunks(PIPE_BUF) {
        let mut ready = [PollFd::new(&stdout, PollFlags::OUT)];
        // A signal ends the poll too, and says nothing of the reader.
        if !poll(&mut ready, patience.as_ref()).is_ok_and(|ready| ready > 0) {
            break;
        }
        match rustix::io::write(stdout, part) {
            Ok(count) => {
                taken += count;
                if count < part.len() {
                    break;
                }
            }
            Err(Errno::INTR | Errno::AGAIN) => break,
            // Nobody is left to tell.
            Err(_) => return bytes.len(),
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader with room for so many bytes.
    fn room(most: usize, read: &mut Vec<u8>) -> impl FnMut(&[u8]) -> usize {
        let mut room = most;
        move |bytes: &[u8]| {
            let taken = bytes.len().min(room);
            room -= taken;
            read.extend_from_slice(&bytes[..taken]);
            taken
        }
    }

    #[test]
    fn lines_stay_whole_and_in_order_however_little_is_read_at_a_time() {
        let (mut output, mut read) = (Output::new(), Vec::new());
        let lines: Vec<_> = (0..100).map(|number| format!("{{\"line\":{number}}}\n")).collect();
        for (line, most) in lines.iter().zip([0, 1, 7, 30].into_iter().cycle()) {
            output.line(line.as_bytes(), room(most, &mut read));
        }
        assert!(read.len() < lines.concat().len());
        output.end(room(usize::MAX, &mut read));
        assert_eq!(String::from_utf8(read).unwrap(), lines.concat());
    }

    #[test]
    fn what_is_too_much_is_left_out_and_counted_where_it_would_have_been() {
        let (mut output, mut read) = (Output::new(), Vec::new());
        let line = [vec![b'x'; 1023], vec![b'\n']].concat();
        output.line(&line, room(5, &mut read));
        for _ in 1..1_029 {
            output.line(&line, room(0, &mut read));
        }
        assert_eq!(output.left_out, 5, "the rest of the first and 1,023 more fit");
        output.line(b"later\n", room(10_000, &mut read));
        output.line(b"last\n", room(usize::MAX, &mut read));
        let text = String::from_utf8(read).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 1_024 + 3);
        assert!(lines[..1_024].iter().all(|line| line.len() == 1023));
        assert!(lines[1_024].contains(": 5 lines before this one are left out"), "{}", lines[1_024]);
        assert_eq!(lines[1_025..], ["later", "last"]);
        assert!(output.kept.capacity() <= ONE_LINE, "the room is given back");
    }

    #[test]
    fn the_end_tells_what_was_left_out() {
        let (mut output, mut read) = (Output { left_out: 3, ..Output::new() }, Vec::new());
        output.end(room(usize::MAX, &mut read));
        assert!(String::from_utf8(read).unwrap().contains(": 3 lines before this one are left out"));
    }
}
