//! What the tests share.

pub(crate) mod emulators;
pub(crate) mod inbox;
pub(crate) mod opwatch;
