//! Google and Slack, as fast as they can be: fixed answers to the calls of both servers, after a delay if asked.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::pushes;
use crate::wire::{Reader, Whole, find_last};

const RUNNING: &str = include_str!("../../../tests/data/operations/datastore-processing.json");
const ENDED: &str = include_str!("../../../tests/data/operations/datastore-successful.json");

/// What it has been asked for, and how long it takes.
#[derive(Default)]
pub struct Upstream {
    pub delay: Cell<Duration>,
    pub looks: Cell<u64>,
    pub next_checks: Cell<u64>,
    pub reports: Cell<u64>,
    pub posts: Cell<u64>,
}

/// Calls so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    pub looks: u64,
    pub next_checks: u64,
    pub reports: u64,
    pub posts: u64,
}

impl Upstream {
    /// Begins to answer, and says where.
    pub async fn open() -> (Rc<Self>, SocketAddr) {
        let upstream = Rc::new(Self::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback");
        let address = listener.local_addr().expect("its address");
        let (shared, keys) = (Rc::clone(&upstream), pushes::key_set());
        let keys: Rc<str> = keys.into();
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::task::spawn_local(Rc::clone(&shared).serve(stream, Rc::clone(&keys)));
            }
        });
        (upstream, address)
    }

    pub fn calls(&self) -> Calls {
        Calls {
            looks: self.looks.get(),
            next_checks: self.next_checks.get(),
            reports: self.reports.get(),
            posts: self.posts.get(),
        }
    }

    async fn serve(self: Rc<Self>, mut stream: TcpStream, keys: Rc<str>) {
        let _ = stream.set_nodelay(true);
        let (mut reader, mut answer) = (Reader::default(), Vec::new());
        while let Ok(Some(request)) = reader.next(&mut stream).await {
            answer.clear();
            self.answer(&request, &keys, &mut answer);
            if !self.delay.get().is_zero() {
                tokio::time::sleep(self.delay.get()).await;
            }
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: &Whole, keys: &str, answer: &mut Vec<u8>) {
        let count = |counter: &Cell<u64>| counter.set(counter.get() + 1);
        let asks = |what: &str| request.head.starts_with(what.as_bytes());
        if asks("GET /oauth2/") {
            write(answer, &[keys]);
        } else if asks("GET ") {
            count(&self.looks);
            let path = request.head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
            let name = String::from_utf8_lossy(path.get(4..).unwrap_or_default());
            let of = if name == pushes::RUNNING { RUNNING } else { ENDED };
            let (before, after) = of.split_once("projects/my-project/operations/ASA1").expect("a name");
            write(answer, &[before, &name, after]);
        } else if asks("POST /v2/") {
            count(if find_last(request.body, b"\"scheduleTime\"").is_some() {
                &self.next_checks
            } else {
                &self.reports
            });
            let name = find_last(request.body, b"\"name\":\"").map_or(&[][..], |at| &request.body[at + 8..]);
            let name = name.split(|byte| *byte == b'"').next().unwrap_or_default();
            write(answer, &["{\"name\":\"", &String::from_utf8_lossy(name), "\"}"]);
        } else {
            count(&self.posts);
            write(answer, &["ok"]);
        }
    }
}

fn write(answer: &mut Vec<u8>, body: &[&str]) {
    let length: usize = body.iter().map(|part| part.len()).sum();
    let date = chrono::Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=UTF-8\r\ncache-control: private, max-age=3600\r\n\
         date: {date}\r\ncontent-length: {length}\r\n\r\n"
    );
    answer.extend_from_slice(head.as_bytes());
    for part in body {
        answer.extend_from_slice(part.as_bytes());
    }
}
