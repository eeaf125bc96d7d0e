//! What a person or the system asks of the process while it follows.

use std::future::Future;
use std::pin::Pin;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Something to wait for.
pub(super) type Waiting<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Where interruptions come from.
pub trait Interruptions {
    /// Waits for the next one.
    fn next(&mut self) -> Waiting<'_>;
}

/// Ctrl-C, and SIGTERM as CI systems send it.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes these signals over.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn take() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }
}

impl Interruptions for Signals {
    fn next(&mut self) -> Waiting<'_> {
        Box::pin(async {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
            }
        })
    }
}
