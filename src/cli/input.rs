//! What a command reads: a file, or standard input where it is named `-`.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

/// What to call it.
pub(crate) fn name(file: &Path) -> Cow<'_, str> {
    if file == Path::new("-") { "standard input".into() } else { file.to_string_lossy() }
}

/// All of it.
pub(crate) fn bytes(file: &Path) -> std::io::Result<Vec<u8>> {
    if file != Path::new("-") {
        return std::fs::read(file);
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    Ok(bytes)
}
