//! What the tests share.

pub(crate) mod deployment;
pub(crate) mod child;
pub(crate) mod emulators;
pub(crate) mod gate;
pub(crate) mod gcloud;
pub(crate) mod inbox;
pub(crate) mod opwatch;
pub(crate) mod tokens;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod python;
