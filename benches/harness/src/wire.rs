//! As much of HTTP/1.1 as two well-behaved peers on loopback need, so that the load and the upstreams cost less than what
//! is measured.

use tokio::io::{AsyncReadExt, Result};
use tokio::net::TcpStream;

/// A connection's bytes that have come and are not read yet.
pub struct Reader {
    bytes: Vec<u8>,
    filled: usize,
}

/// A message: its head and its body.
pub struct Whole<'a> {
    pub head: &'a [u8],
    pub body: &'a [u8],
}

impl Default for Reader {
    fn default() -> Self {
        Self { bytes: vec![0; 32 * 1024], filled: 0 }
    }
}

impl Reader {
    /// Reads one message; none when the peer has closed. Nobody here sends a second before the answer to the first.
    pub async fn next(&mut self, stream: &mut TcpStream) -> Result<Option<Whole<'_>>> {
        self.filled = 0;
        loop {
            let free = &mut self.bytes[self.filled..];
            assert!(!free.is_empty(), "a message is larger than any here");
            let count = stream.read(free).await?;
            if count == 0 {
                return Ok(None);
            }
            self.filled += count;
            if let Some(head) = self.end_of_head() {
                let length = content_length(&self.bytes[..head]);
                if self.filled >= head + length {
                    let (head, rest) = self.bytes.split_at(head);
                    return Ok(Some(Whole { head, body: &rest[..length] }));
                }
            }
        }
    }

    fn end_of_head(&self) -> Option<usize> {
        find(&self.bytes[..self.filled], b"\r\n\r\n").map(|at| at + 4)
    }
}

/// Where `what` begins in `bytes`.
pub fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The same from the end.
pub fn find_last(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).rposition(|window| window == what)
}

fn content_length(head: &[u8]) -> usize {
    let lines = head.split(|byte| *byte == b'\n');
    let value = lines.into_iter().find_map(|line| {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':')?);
        name.eq_ignore_ascii_case(b"content-length").then(|| &value[1..])
    });
    value.and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok()).unwrap_or(0)
}
