//! One push of opwatch beside the floor: both servers run at a time, on one core; load and upstreams are here, on the other.
//! Each measure is taken of both, one right after the other, in rounds, so that what disturbs the machine disturbs both.

mod load;
mod process;
mod profile;
mod pushes;
mod report;
mod upstream;
mod wire;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;

use load::{Line, Window};
use process::{Cores, Kind, Server};
use pushes::{Case, Pushes};
use upstream::{Calls, Upstream};

/// Measures one push of opwatch against a bare hyper server that makes the same calls
#[derive(Parser)]
#[command(bin_name = "benches/run")]
struct Args {
    /// A minute instead of six, with a wider spread; prints the table and writes no file
    #[arg(long)]
    quick: bool,
    /// Exit status 1 when a budget is missed
    #[arg(long)]
    check: bool,
    /// Rounds [default: 11, or 3 with --quick]
    #[arg(long)]
    rounds: Option<usize>,
    /// Measures nothing; says where the instructions of so many pushes go (`benches/profile`)
    #[arg(long, hide = true)]
    profile: Option<u64>,
    #[arg(long, hide = true)]
    opwatch: PathBuf,
    #[arg(long, hide = true)]
    floor: PathBuf,
    /// Where RESULTS.md and ratios.svg are written
    #[arg(long, hide = true)]
    out: PathBuf,
    /// What is measured, for the table
    #[arg(long, hide = true)]
    revision: String,
}

/// How pushes come, and what the upstreams take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Load {
    /// So many connections, upstreams at once.
    Busy(usize),
    /// 80 connections, upstreams after 40 ms.
    Slow,
    /// 100 a second.
    Steady,
}

/// What one window showed.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Microseconds of the server's CPU.
    pub cpu: f64,
    /// The same of load and upstreams.
    pub own: f64,
    pub per_second: f64,
    pub p50: f64,
    pub p99: f64,
}

/// All that was measured, a sample a round.
#[derive(Default)]
pub struct Measured {
    pub windows: BTreeMap<(Case, Load, Kind), Vec<Sample>>,
    /// Milliseconds from start to the first 204.
    pub cold_start: BTreeMap<Kind, Vec<f64>>,
    /// Milliseconds of CPU until then.
    pub start_cpu: BTreeMap<Kind, Vec<f64>>,
    /// Bytes after it.
    pub idle: BTreeMap<Kind, Vec<f64>>,
    /// Bytes at most after all windows.
    pub peak: BTreeMap<Kind, Vec<f64>>,
    /// Pushes answered of 20 in flight at SIGTERM, and whether the process ended well.
    pub terminated: (usize, bool),
    pub binary: BTreeMap<Kind, f64>,
    pub rounds: usize,
    pub quick: bool,
    pub revision: String,
}

const WINDOWS: [(Case, Load); 8] = [
    (Case::GoesOn, Load::Busy(LINES)),
    (Case::GoesOn, Load::Busy(1)),
    (Case::GoesOn, Load::Steady),
    (Case::GoesOn, Load::Slow),
    (Case::Ends, Load::Busy(LINES)),
    (Case::Ends, Load::Busy(1)),
    (Case::Report, Load::Busy(LINES)),
    (Case::Report, Load::Busy(1)),
];
const STARTS: usize = 3;
const IN_FLIGHT: usize = 20;
const LINES: usize = 80;

struct Bench {
    args: Args,
    cores: Cores,
    upstream: Rc<Upstream>,
    address: SocketAddr,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let cores = match Cores::take() {
        Ok(cores) => cores,
        Err(error) => {
            eprintln!("benches/run: {error}");
            return ExitCode::FAILURE;
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let (upstream, address) = Upstream::open().await;
        let (check, quick, out) = (args.check, args.quick, args.out.clone());
        let bench = Bench { args, cores, upstream, address };
        if let Some(count) = bench.args.profile {
            bench.profile(count).await;
            return ExitCode::SUCCESS;
        }
        let measured = bench.run().await;
        let report = report::Report::of(&measured, cores);
        println!("{}", report.markdown);
        if !quick {
            report.write(&out);
        }
        if check && !report.within {
            eprintln!("benches/run: a budget is missed");
            return ExitCode::FAILURE;
        }
        ExitCode::SUCCESS
    })
}

impl Bench {
    async fn run(self) -> Measured {
        let rounds = self.args.rounds.unwrap_or(if self.args.quick { 3 } else { 11 });
        let mut measured = Measured {
            rounds,
            quick: self.args.quick,
            revision: self.args.revision.clone(),
            ..Measured::default()
        };
        for round in 0..rounds {
            eprint!("\rround {} of {rounds}", round + 1);
            self.starts(&mut measured).await;
            self.round(round, &mut measured).await;
        }
        eprintln!("\r{:20}", "");
        measured.terminated = self.terminated().await;
        for kind in [Kind::Floor, Kind::Opwatch] {
            let size = std::fs::metadata(self.binary(kind)).expect("the binary").len();
            measured.binary.insert(kind, size as f64);
        }
        measured
    }

    fn binary(&self, kind: Kind) -> &PathBuf {
        if kind == Kind::Floor { &self.args.floor } else { &self.args.opwatch }
    }

    fn spawn(&self, kind: Kind) -> Server {
        Server::spawn(kind, self.binary(kind), self.address, self.cores)
    }

    async fn starts(&self, measured: &mut Measured) {
        let pushes = RefCell::new(Pushes::new(Case::GoesOn, false));
        for _ in 0..STARTS {
            for kind in [Kind::Floor, Kind::Opwatch] {
                let server = self.spawn(kind);
                let _line = load::first_push(server.address, &pushes).await;
                let elapsed = server.spawned.elapsed().as_secs_f64() * 1e3;
                measured.cold_start.entry(kind).or_default().push(elapsed);
                measured.start_cpu.entry(kind).or_default().push(server.cpu().as_secs_f64() * 1e3);
                tokio::time::sleep(Duration::from_millis(30)).await;
                measured.idle.entry(kind).or_default().push(server.memory("VmRSS"));
            }
        }
    }

    async fn round(&self, round: usize, measured: &mut Measured) {
        let mut servers =
            [Kind::Floor, Kind::Opwatch, Kind::Verifying].map(|kind| (kind, self.spawn(kind), 0));
        for (kind, server, sent) in &mut servers {
            let pushes = RefCell::new(Pushes::new(Case::GoesOn, *kind == Kind::Verifying));
            load::first_push(server.address, &pushes).await;
            *sent += 1;
        }
        for (case, load) in WINDOWS {
            // Each is the first in its turn.
            servers.rotate_left(round % 3);
            for (kind, server, sent) in &mut servers {
                let verified = case == Case::GoesOn && matches!(load, Load::Busy(_));
                if *kind != Kind::Verifying || verified {
                    let (sample, more) = self.window(*kind, server, case, load).await;
                    measured.windows.entry((case, load, *kind)).or_default().push(sample);
                    *sent += more;
                }
            }
        }
        for (kind, server, sent) in &servers {
            measured.peak.entry(*kind).or_default().push(server.memory("VmHWM"));
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert!(*kind == Kind::Floor || server.lines() > *sent, "a line a push, and one at the start");
        }
    }

    async fn window(&self, kind: Kind, server: &Server, case: Case, load: Load) -> (Sample, u64) {
        let of = |full: u64, quick: u64| Duration::from_millis(if self.args.quick { quick } else { full });
        let (busy, slow) = ([of(250, 150), of(1_000, 500)], [of(250, 150), of(2_000, 1_000)]);
        let (before, mut cpu) = (self.upstream.calls(), Vec::new());
        let at_edge = || cpu.push([server.cpu(), process::cpu("self")]);
        let signed = kind == Kind::Verifying;
        let window: Window = match load {
            Load::Busy(lines) => load::closed(server.address, lines, case, signed, busy, at_edge).await,
            Load::Steady => load::fixed(server.address, 100, case, slow, at_edge).await,
            Load::Slow => {
                self.upstream.delay.set(Duration::from_millis(40));
                let window = load::closed(server.address, LINES, case, signed, slow, at_edge).await;
                self.upstream.delay.set(Duration::ZERO);
                window
            }
        };
        worked(kind, case, window.sent, before, self.upstream.calls());
        let spent = |of: usize| cpu[1][of].saturating_sub(cpu[0][of]).as_secs_f64() * 1e6 / window.answered();
        let sample = Sample {
            cpu: spent(0),
            own: spent(1),
            per_second: window.per_second(),
            p50: window.percentile(0.5),
            p99: window.percentile(0.99),
        };
        (sample, window.sent)
    }

    /// Stops opwatch with pushes in flight.
    async fn terminated(&self) -> (usize, bool) {
        let server = self.spawn(Kind::Opwatch);
        let pushes = Rc::new(RefCell::new(Pushes::new(Case::GoesOn, false)));
        load::first_push(server.address, &pushes).await;
        self.upstream.delay.set(Duration::from_millis(300));
        let before = self.upstream.looks.get();
        let mut in_flight = tokio::task::JoinSet::new();
        for _ in 0..IN_FLIGHT {
            let (pushes, address) = (Rc::clone(&pushes), server.address);
            in_flight.spawn_local(async move {
                Line::open(address).await.expect("a connection").push(&pushes).await
            });
        }
        while self.upstream.looks.get() < before + IN_FLIGHT as u64 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.terminate();
        let answered = in_flight.join_all().await.iter().filter(|answer| answer.is_ok()).count();
        let ended = server.ended().await.is_some_and(|status| status.success());
        self.upstream.delay.set(Duration::ZERO);
        (answered, ended)
    }
}

/// Holds if `sent` pushes caused the calls that they should, no more and no fewer.
fn worked(kind: Kind, case: Case, sent: u64, before: Calls, after: Calls) {
    let looks = after.looks - before.looks;
    let (checks, reports) = (after.next_checks - before.next_checks, after.reports - before.reports);
    let did = (looks, checks, reports, after.posts - before.posts);
    let expected = match case {
        Case::Report => (0, 0, 0, sent),
        // The floor dates no task.
        Case::GoesOn if kind != Kind::Floor => (sent, sent, 0, 0),
        Case::GoesOn | Case::Ends => (sent, 0, sent, 0),
    };
    assert_eq!(did, expected, "looks, checks, reports and posts of {kind:?} for {case:?}");
}
