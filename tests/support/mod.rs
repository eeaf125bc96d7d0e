//! What the tests share.

pub(crate) mod browser;
pub(crate) mod deployment;
pub(crate) mod emulators;
pub(crate) mod gate;
pub(crate) mod gcloud;
pub(crate) mod inbox;
pub(crate) mod opwatch;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod pushes;
pub(crate) mod python;
pub(crate) mod recorder;
pub(crate) mod stub;
pub(crate) mod tokens;
