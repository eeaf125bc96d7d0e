//! A way to a server that can be cut, mended, slow, or led to another server.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// As much as is read at a time on a slow way: a request of these tests comes whole.
const CHUNK: usize = 64 * 1024;

/// Forwards connections while it is up; refuses them while it is down.
#[derive(Debug)]
pub(crate) struct Proxy {
    target: Arc<watch::Sender<String>>,
    address: SocketAddr,
    delay: Duration,
    connected: Arc<watch::Sender<usize>>,
    forwarding: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Opens a way to `target`, `HOST:PORT`.
    pub(crate) async fn to(target: &str) -> Self {
        Self::slow(target, Duration::ZERO).await
    }

    /// A way on which every request takes so much longer.
    pub(crate) async fn slow(target: &str, delay: Duration) -> Self {
        let mut proxy = Self {
            target: Arc::new(watch::Sender::new(target.to_owned())),
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            delay,
            connected: Arc::default(),
            forwarding: None,
        };
        proxy.up().await;
        proxy
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Leads new connections to another server.
    pub(crate) fn lead_to(&self, target: &str) {
        self.target.send_replace(target.to_owned());
    }

    /// Completes when there have been so many connections.
    pub(crate) async fn connected(&self, count: usize) {
        self.connected.subscribe().wait_for(|connected| *connected >= count).await.unwrap();
    }

    /// Mends it, at the same address.
    pub(crate) async fn up(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let (target, connected, delay) = (Arc::clone(&self.target), Arc::clone(&self.connected), self.delay);
        self.forwarding = Some(tokio::spawn(async move {
            // Cutting the way drops this set, and with it every connection.
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                let target = target.borrow().clone();
                connected.send_modify(|connected| *connected += 1);
                connections.spawn(async move {
                    let far = TcpStream::connect(target).await?;
                    forward(near, far, delay).await
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

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(forwarding) = self.forwarding.take() {
            forwarding.abort();
        }
    }
}

async fn forward(mut near: TcpStream, mut far: TcpStream, delay: Duration) -> std::io::Result<()> {
    if delay.is_zero() {
        return copy_bidirectional(&mut near, &mut far).await.map(|_| ());
    }
    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) = (near.split(), far.split());
    let there = async {
        let mut chunk = vec![0; CHUNK];
        loop {
            let length = near_in.read(&mut chunk).await?;
            if length == 0 {
                return far_out.shutdown().await;
            }
            tokio::time::sleep(delay).await;
            far_out.write_all(&chunk[..length]).await?;
        }
    };
    let back = async {
        copy(&mut far_in, &mut near_out).await?;
        near_out.shutdown().await
    };
    tokio::try_join!(there, back).map(|_| ())
}
