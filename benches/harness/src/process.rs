//! The servers as processes: started on their core, looked at through /proc.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::pushes::{AUDIENCE, PUSH_ACCOUNT};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Floor,
    Opwatch,
    /// opwatch that verifies the token of each push.
    Verifying,
}

/// The core that the server has to itself, and the one of everything else.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    pub server: usize,
    pub load: usize,
}

impl Cores {
    /// The first two that this process may use.
    pub fn take() -> Result<Self, String> {
        let allowed = sched_getaffinity(None).map_err(|error| format!("no cores: {error}"))?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let (Some(server), Some(load)) = (cores.next(), cores.next()) else {
            return Err("two cores are needed: one for the server, one for load and upstreams".to_owned());
        };
        pin(load);
        Ok(Self { server, load })
    }
}

fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).expect("a core of our own");
}

/// A server that runs.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    pub spawned: Instant,
    log: Option<JoinHandle<()>>,
    lines: Arc<AtomicU64>,
}

impl Server {
    pub fn spawn(kind: Kind, binary: &Path, upstream: SocketAddr, cores: Cores) -> Self {
        Self::spawn_by(Command::new(binary), kind, upstream, cores)
    }

    /// Starts the server by `command`.
    pub fn spawn_by(mut command: Command, kind: Kind, upstream: SocketAddr, cores: Cores) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
        let address = port.expect("a free port");
        command
            .env_clear()
            .env("PORT", address.port().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if kind == Kind::Floor {
            command.env("UPSTREAM", format!("http://{upstream}"));
        } else {
            command.envs(settings(upstream));
        }
        if kind == Kind::Verifying {
            command.env("PUSH_AUDIENCE", AUDIENCE).env("PUSH_SERVICE_ACCOUNT", PUSH_ACCOUNT);
        }
        // A child inherits the cores of the thread that starts it: no helper in between that would have to start too.
        let spawning = std::thread::spawn(move || {
            pin(cores.server);
            let spawned = Instant::now();
            (spawned, command.spawn())
        });
        let (spawned, child) = spawning.join().expect("the thread that starts a server");
        let mut child = child.unwrap_or_else(|error| panic!("a server does not start: {error}"));
        let lines = Arc::new(AtomicU64::new(0));
        let log = child.stdout.take().map(|mut pipe| {
            let lines = Arc::clone(&lines);
            std::thread::spawn(move || {
                let mut bytes = vec![0; 64 * 1024];
                while let Ok(count @ 1..) = pipe.read(&mut bytes) {
                    let ends = bytes[..count].iter().filter(|byte| **byte == b'\n').count();
                    lines.fetch_add(ends as u64, Ordering::Relaxed);
                }
            })
        });
        Self { child, address, spawned, log, lines }
    }

    /// CPU time that it has had.
    pub fn cpu(&self) -> Duration {
        cpu(&self.child.id().to_string())
    }

    /// Resident bytes: now (`VmRSS`) or at most (`VmHWM`).
    pub fn memory(&self, field: &str) -> f64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the server's status");
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kibibytes.expect("a size") * 1024.0
    }

    /// Lines that it has logged.
    pub fn lines(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Waits until it has ended by itself, for 15 s at most.
    pub async fn ended(mut self) -> Option<ExitStatus> {
        for _ in 0..1_500 {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        None
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(log) = self.log.take() {
            let _ = log.join();
        }
    }
}

/// CPU time of all threads that the process has.
pub fn cpu(process: &str) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("its threads");
    let times = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok());
    let nanoseconds = times.filter_map(|times| times.split_whitespace().next()?.parse::<u64>().ok()).sum();
    Duration::from_nanos(nanoseconds)
}

fn settings(upstream: SocketAddr) -> [(&'static str, String); 8] {
    let base = format!("http://{upstream}");
    let apis = ["datastore", "cloudtasks", "pubsub", "slack", "jwks"];
    let queue = "projects/my-project/locations/europe-west1/queues/checks";
    [
        ("TOPIC", "projects/my-project/topics/opwatch".to_owned()),
        ("CHECK_QUEUE", queue.to_owned()),
        ("TASKS_SERVICE_ACCOUNT", "opwatch-tasks@my-project.iam.gserviceaccount.com".to_owned()),
        ("SLACK_WEBHOOK_URL", format!("{base}/services/T/B/x")),
        ("EXPORT_PREFIXES", "gs://my-backups".to_owned()),
        ("MAX_STARTS_PER_HOUR", "0".to_owned()),
        ("ENDPOINTS", apis.map(|api| format!("{api}={base}")).join(",")),
        ("ACCESS_TOKEN", "ya29.a-token-of-the-usual-length-is-about-two-hundred-characters-long-".repeat(3)),
    ]
}
