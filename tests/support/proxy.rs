//! A way to a server that can be cut and mended, so that one test can lose an emulator that others use.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Forwards connections while it is up; refuses them while it is down.
#[derive(Debug)]
pub(crate) struct Proxy {
    target: String,
    address: SocketAddr,
    forwarding: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Opens a way to `target`, `HOST:PORT`.
    pub(crate) async fn to(target: &str) -> Self {
        let mut proxy =
            Self { target: target.to_owned(), address: (Ipv4Addr::LOCALHOST, 0).into(), forwarding: None };
        proxy.up().await;
        proxy
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Mends it, at the same address.
    pub(crate) async fn up(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let target = self.target.clone();
        self.forwarding = Some(tokio::spawn(async move {
            // Cutting the way drops this set, and with it every connection.
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let target = target.clone();
                connections.spawn(async move {
                    let mut far = TcpStream::connect(target).await?;
                    copy_bidirectional(&mut near, &mut far).await
                });
            }
        }));
    }

    /// Cuts it, and all connections with it.
    pub(crate) async fn down(&mut self) {
        let forwarding = self.forwarding.take().unwrap();
        forwarding.abort();
        let _ = forwarding.await;
    }
}
