//! HTTP out: where each API is, and the one seam through which every request goes.

pub mod endpoints;
pub mod in_time;
mod roots;
pub mod transport;
