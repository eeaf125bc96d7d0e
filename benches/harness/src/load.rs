//! Load: so many connections that each send the next push when the last is answered, or pushes at a fixed rate.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::pushes::{Case, Pushes};
use crate::wire::Reader;

/// What the pushes of one window came to.
#[derive(Clone, Debug, Default)]
pub struct Window {
    pub seconds: f64,
    /// Pushes in all, with those before and after it.
    pub sent: u64,
    /// Microseconds from a push to its answer, sorted.
    pub latencies: Vec<f64>,
}

impl Window {
    pub fn answered(&self) -> f64 {
        self.latencies.len() as f64
    }

    pub fn per_second(&self) -> f64 {
        self.answered() / self.seconds
    }

    /// The latency that `share` of all pushes stay within.
    pub fn percentile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
    }
}

/// A connection to a server.
pub struct Line {
    stream: TcpStream,
    reader: Reader,
    request: Vec<u8>,
}

impl Line {
    pub async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, reader: Reader::default(), request: Vec::new() })
    }

    /// Sends a push and waits for its answer, which is 204 or none.
    pub async fn push(&mut self, pushes: &RefCell<Pushes>) -> Result<(), String> {
        pushes.borrow_mut().next(&mut self.request);
        self.stream.write_all(&self.request).await.map_err(|error| error.to_string())?;
        match self.reader.next(&mut self.stream).await {
            Ok(Some(answer)) if answer.head.starts_with(b"HTTP/1.1 204 ") => Ok(()),
            Ok(Some(answer)) => Err(String::from_utf8_lossy(answer.head).into_owned()),
            Ok(None) => Err("the connection was closed".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The first push of a process that may not listen yet: tries to connect until it does.
pub async fn first_push(address: SocketAddr, pushes: &RefCell<Pushes>) -> Line {
    let begun = Instant::now();
    let mut line = loop {
        match Line::open(address).await {
            Ok(line) => break line,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(10), "no server: {error}"),
        }
        // Far below what is measured, and the server has a core of its own.
        std::thread::sleep(Duration::from_micros(50));
    };
    line.push(pushes).await.expect("204");
    line
}

/// Keeps `connections` busy for `warm_up` and then `length`, of which it gives what was answered. `at_edge` is
/// called at both ends of that window.
pub async fn closed(
    address: SocketAddr,
    connections: usize,
    case: Case,
    signed: bool,
    [warm_up, length]: [Duration; 2],
    mut at_edge: impl FnMut(),
) -> Window {
    let pushes = Rc::new(RefCell::new(Pushes::new(case, signed)));
    let latencies = Rc::new(RefCell::new(Vec::new()));
    let (counting, over) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let mut lines = JoinSet::new();
    for _ in 0..connections {
        let (pushes, latencies) = (Rc::clone(&pushes), Rc::clone(&latencies));
        let (counting, over) = (Rc::clone(&counting), Rc::clone(&over));
        lines.spawn_local(async move {
            let mut line = Line::open(address).await.expect("a connection");
            while !over.get() {
                let sent = Instant::now();
                line.push(&pushes).await.expect("204");
                if counting.get() {
                    latencies.borrow_mut().push(sent.elapsed().as_secs_f64() * 1e6);
                }
            }
        });
    }
    tokio::time::sleep(warm_up).await;
    let begun = Instant::now();
    at_edge();
    counting.set(true);
    tokio::time::sleep(length).await;
    counting.set(false);
    at_edge();
    let seconds = begun.elapsed().as_secs_f64();
    over.set(true);
    lines.join_all().await;
    window(seconds, &pushes, &latencies)
}

/// A push every `1 / rate` seconds, each when it is due, whether the ones before are answered or not.
pub async fn fixed(
    address: SocketAddr,
    rate: u32,
    case: Case,
    [warm_up, length]: [Duration; 2],
    mut at_edge: impl FnMut(),
) -> Window {
    let pushes = Rc::new(RefCell::new(Pushes::new(case, false)));
    let latencies = Rc::new(RefCell::new(Vec::new()));
    let idle: Rc<RefCell<Vec<Line>>> = Rc::default();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    let mut sent = JoinSet::new();
    let mut push_for = async |length: Duration, count: bool, sent: &mut JoinSet<()>| {
        for _ in 0..(length.as_secs_f64() * f64::from(rate)) as u64 {
            ticks.tick().await;
            let (pushes, latencies, idle) = (Rc::clone(&pushes), Rc::clone(&latencies), Rc::clone(&idle));
            sent.spawn_local(async move {
                let line = idle.borrow_mut().pop();
                let mut line = match line {
                    Some(line) => line,
                    None => Line::open(address).await.expect("a connection"),
                };
                let begun = Instant::now();
                line.push(&pushes).await.expect("204");
                if count {
                    latencies.borrow_mut().push(begun.elapsed().as_secs_f64() * 1e6);
                }
                idle.borrow_mut().push(line);
            });
        }
    };
    push_for(warm_up, false, &mut sent).await;
    let begun = Instant::now();
    at_edge();
    push_for(length, true, &mut sent).await;
    at_edge();
    let seconds = begun.elapsed().as_secs_f64();
    sent.join_all().await;
    window(seconds, &pushes, &latencies)
}

fn window(seconds: f64, pushes: &RefCell<Pushes>, latencies: &RefCell<Vec<f64>>) -> Window {
    let mut latencies = latencies.take();
    latencies.sort_by(f64::total_cmp);
    Window { seconds, sent: pushes.borrow().made, latencies }
}
