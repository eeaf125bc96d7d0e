//! Following against a script of answers, a clock and a screen that keep what happened, in virtual time.

use super::*;

/// Time since the beginning, and what became of it.
pub(super) type Scene = Arc<dyn Fn(&str, u64) -> Result<Answer, Failure> + Send + Sync>;

/// Answers by the name of the operation and the second.
pub(super) struct Scripted {
    pub(super) scene: Scene,
    pub(super) start: Instant,
    pub(super) asked: Arc<Mutex<Vec<(String, u64)>>>,
}

impl Transport for Scripted {
    fn send(&self, request: Request, _: Duration) -> Sending<'_> {
        let second = self.start.elapsed().as_secs();
        let name = request.url.expose_secret().rsplit('/').next().unwrap().to_owned();
        if name.starts_with("tokeninfo") {
            return Box::pin(async { lost() });
        }
        let answer = (self.scene)(&name, second);
        self.asked.lock().unwrap().push((name, second));
        Box::pin(async move { answer })
    }
}

/// A clock that goes with tokio's, and ahead of it once the machine has slept.
pub(super) struct Wall {
    pub(super) start: Instant,
    pub(super) sleep: Option<(u64, i64)>,
}

impl Clock for Wall {
    fn now(&self) -> DateTime<Utc> {
        let elapsed = self.start.elapsed();
        let slept =
            self.sleep.filter(|(from, _)| elapsed.as_secs() >= *from).map_or(0, |(_, seconds)| seconds);
        at(slept) + TimeDelta::from_std(elapsed).unwrap()
    }
}

/// Interrupts at these seconds.
pub(super) struct Presses {
    pub(super) start: Instant,
    pub(super) at: Vec<u64>,
}

impl Interruptions for Presses {
    fn next(&mut self) -> Waiting<'_> {
        let until = self.at.first().map(|second| self.start + Duration::from_secs(*second));
        Box::pin(async move {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
            self.at.remove(0);
        })
    }
}

/// Keeps what is shown, with its second.
pub(super) struct Kept {
    pub(super) start: Instant,
    pub(super) lines: Vec<(u64, String)>,
    pub(super) notes: Vec<String>,
}

impl Stage for Kept {
    fn lines(&mut self, lines: &[String]) {
        let second = self.start.elapsed().as_secs();
        self.lines.extend(lines.iter().map(|line| (second, line.clone())));
    }

    fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }

    fn size(&self) -> Option<Size> {
        None
    }

    fn draw(&mut self, frame: Vec<String>) {
        assert!(frame.is_empty(), "nothing can be drawn here");
    }
}

/// What following came to.
pub(super) struct Played {
    pub(super) exit: Exit,
    pub(super) second: u64,
    pub(super) lines: Vec<(u64, String)>,
    pub(super) notes: Vec<String>,
    pub(super) asked: Vec<(String, u64)>,
}

impl Played {
    pub(super) fn times_of(&self, name: &str) -> Vec<u64> {
        self.asked.iter().filter(|(asked, _)| asked == name).map(|(_, second)| *second).collect()
    }

    pub(super) fn first_lines(&self) -> Vec<&str> {
        self.lines.iter().map(|(_, line)| line.as_str()).filter(|line| !line.starts_with(' ')).collect()
    }
}

pub(super) struct Play {
    pub(super) names: Vec<&'static str>,
    pub(super) options: Options,
    pub(super) sleep: Option<(u64, i64)>,
    pub(super) interrupts: Vec<u64>,
    pub(super) outlet: Option<Arc<dyn Outlet>>,
}

pub(super) fn play(names: &[&'static str]) -> Play {
    let wording = Wording { locale: Locale::En, zone: chrono_tz::Tz::UTC, unicode: true, colours: false };
    let options = Options {
        until: Until::All,
        interval: None,
        timeout: None,
        output: Output::Log,
        quiet: false,
        cancels: false,
        title: None,
        wording,
    };
    Play { names: names.to_vec(), options, sleep: None, interrupts: Vec::new(), outlet: None }
}

impl Play {
    pub(super) async fn against(
        self,
        scene: impl Fn(&str, u64) -> Result<Answer, Failure> + Send + Sync + 'static,
    ) -> Played {
        let start = Instant::now();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let transport = Scripted { scene: Arc::new(scene), start, asked: Arc::clone(&asked) };
        let tokens = Tokens::new(Some("x".into()));
        let google = Arc::new(Google::new(Arc::new(transport), tokens, Endpoints::default()));
        let operation = |name: &&str| {
            Operation::new(Service::DATASTORE, &format!("projects/p/operations/{name}")).unwrap()
        };
        let operations = self.names.iter().map(operation).collect();
        let mut stage = Kept { start, lines: Vec::new(), notes: Vec::new() };
        let mut presses = Presses { start, at: self.interrupts };
        let clock = Wall { start, sleep: self.sleep };
        let notifier = self.outlet.map(|outlet| Notifier {
            outlet,
            routing: Routing::default(),
            locale: Locale::En,
            zone: chrono_tz::Tz::UTC,
        });
        let means = Means {
            google,
            clock: &clock,
            speed: 1,
            interruptions: &mut presses,
            stage: &mut stage,
            notifier,
        };
        let exit = follow(means, operations, self.options).await;
        let asked = asked.lock().unwrap().clone();
        Played { exit, second: start.elapsed().as_secs(), lines: stage.lines, notes: stage.notes, asked }
    }
}

/// An export of `name` that began at second 0 and has written so many of 1,000 entities.
pub(super) fn running(name: &str, done: u64) -> Result<Answer, Failure> {
    body(name, &json!({}), "PROCESSING", done)
}

pub(super) fn ended(name: &str, how: &str) -> Result<Answer, Failure> {
    let end = match how {
        "FAILED" => json!({"error": {"code": 13, "message": "it broke"}}),
        "CANCELLED" => json!({"error": {"code": 1, "message": "cancelled"}}),
        _ => json!({"response": {}}),
    };
    body(name, &end, how, 1_000)
}

pub(super) fn body(name: &str, end: &serde_json::Value, state: &str, done: u64) -> Result<Answer, Failure> {
    let mut body = json!({
        "name": format!("projects/p/operations/{name}"),
        "metadata": {
            "@type": "type.googleapis.com/google.datastore.admin.v1.ExportEntitiesMetadata",
            "common": {"startTime": at(0).to_rfc3339(), "operationType": "EXPORT_ENTITIES", "state": state},
            "progressEntities": {"workCompleted": done.to_string(), "workEstimated": "1000"},
        },
    });
    if let Some(end) = end.as_object().filter(|end| !end.is_empty()) {
        body["done"] = true.into();
        body["metadata"]["common"]["endTime"] = json!(at(3_600).to_rfc3339());
        body.as_object_mut().unwrap().extend(end.clone());
    }
    Ok(answer(200, body.to_string()))
}

pub(super) fn refused(status: u16, retry_after: Option<u64>) -> Result<Answer, Failure> {
    let body = json!({"error": {"code": status, "message": "no", "status": "UNKNOWN"}}).to_string();
    Ok(Answer { retry_after: retry_after.map(Duration::from_secs), ..answer(status, body) })
}

pub(super) fn lost() -> Result<Answer, Failure> {
    Err(Failure::NotConnected("no route to host".to_owned()))
}
