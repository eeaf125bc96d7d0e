//! HTTP out: where each API is, and the one seam through which every request goes.

pub mod endpoints;
mod roots;
pub mod transport;
