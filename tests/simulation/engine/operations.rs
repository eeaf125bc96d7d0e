//! The operations APIs: start, list, get, in the words of Datastore and of Firestore.

use serde_json::{Map, Value, json};

use super::outputs::asked_for;
use super::plan::{DAY, Ending, Fault, HOUR, Kickoff, MINUTE, Ms, SECOND};
use super::rng::Rng;
use super::tasks::error;
use super::world::{World, time};

pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) from: Ms,
    pub(crate) until: Ms,
    pub(crate) ending: Ending,
    pub(crate) stuck: bool,
    /// The start's labels and what it asked for.
    request: Map<String, Value>,
    /// Not in the list before.
    pub(crate) visible_at: Ms,
}

impl Operation {
    /// One that a kickoff by name watches: it began a while ago.
    pub(crate) fn of_kickoff(index: usize, kickoff: &Kickoff, now: Ms, rng: &mut Rng) -> Self {
        let from = now.saturating_sub(rng.below(kickoff.duration));
        Self {
            name: format!("projects/p/operations/N{index}"),
            from,
            until: from + kickoff.duration,
            ending: kickoff.ending,
            stuck: kickoff.stuck,
            request: Map::new(),
            visible_at: 0,
        }
    }

    /// One that was over when the run began.
    pub(crate) fn over(name: String, ending: Ending, request: Map<String, Value>) -> Self {
        Self { name, from: 0, until: 1, ending, stuck: false, request, visible_at: 0 }
    }

    /// Whether both were asked for the same, whatever their labels say and their placeholders stand for.
    pub(crate) fn asks_for_the_same_as(&self, other: &Self) -> bool {
        asked_for(&self.request) == asked_for(&other.request)
    }

    /// Whether it was asked for this, whatever its labels say and its placeholders stand for.
    pub(crate) fn asks_for(&self, resource: &str, request: &Map<String, Value>) -> bool {
        let own = self.name.rsplit_once("/operations/").is_some_and(|(own, _)| own == resource);
        own && !self.request.is_empty() && asked_for(&self.request) == asked_for(request)
    }

    pub(crate) fn is_done(&self, now: Ms) -> bool {
        now >= self.until
    }

    /// As the API shows it.
    fn show(&self, now: Ms, state: Option<&str>) -> Value {
        let firestore = self.name.contains("/databases/");
        let done = self.is_done(now);
        let word = match self.ending {
            _ if !done => "PROCESSING",
            Ending::Succeeded => "SUCCESSFUL",
            Ending::Failed => "FAILED",
            Ending::Cancelled => "CANCELLED",
            Ending::Unknown => "PAUSED",
        };
        let mut common = json!({"startTime": time(self.from).to_rfc3339()});
        common[if firestore { "operationState" } else { "state" }] = json!(state.unwrap_or(word));
        if done {
            common["endTime"] = json!(time(self.until).to_rfc3339());
        }
        let mut metadata = if firestore {
            common
        } else {
            common["labels"] = self.request.get("labels").cloned().unwrap_or_else(|| json!({}));
            json!({"common": common})
        };
        for (field, value) in self.request.iter().filter(|(field, _)| *field != "labels") {
            metadata[field] = value.clone();
        }
        let of = self.until - self.from;
        let done_work = if self.stuck { of / 3 } else { (now.min(self.until) - self.from).min(of) };
        let (field, names) = if firestore {
            ("progressDocuments", ["completedWork", "estimatedWork"])
        } else {
            ("progressEntities", ["workCompleted", "workEstimated"])
        };
        metadata[field] = json!({names[0]: done_work.to_string(), names[1]: of.to_string()});
        let mut shown = json!({"name": self.name, "metadata": metadata});
        if done {
            shown["done"] = json!(true);
            match self.ending {
                Ending::Succeeded => shown["response"] = json!({"outputUrl": "gs://b/x"}),
                Ending::Failed => shown["error"] = json!({"code": 7, "message": "no"}),
                Ending::Cancelled => shown["error"] = json!({"code": 1, "message": "cancelled"}),
                Ending::Unknown => {}
            }
        }
        shown
    }
}

/// What a list shows. The sources of what each service takes stand in `src/local/filter.rs`.
enum Filter {
    All,
    /// Firestore without a filter: running and failed operations.
    RunningAndFailed,
    Done,
    Label(String, String),
}

impl Filter {
    /// None for a filter that the service refuses.
    fn of(firestore: bool, filter: &str) -> Option<Self> {
        match filter {
            "" if firestore => Some(Self::RunningAndFailed),
            "" => Some(Self::All),
            "done:true" | "done=true" if firestore => Some(Self::Done),
            _ if firestore => None,
            _ => {
                let (label, value) = filter.strip_prefix("metadata.common.labels.")?.split_once('=')?;
                Some(Self::Label(label.to_owned(), value.to_owned()))
            }
        }
    }

    fn takes(&self, operation: &Operation, now: Ms) -> bool {
        match self {
            Self::All => true,
            Self::RunningAndFailed => !operation.is_done(now) || operation.ending == Ending::Failed,
            Self::Done => operation.is_done(now),
            Self::Label(label, value) => {
                operation.request.get("labels").is_some_and(|labels| labels[label] == **value)
            }
        }
    }
}

/// Entries of a page.
pub(super) const PAGE: usize = 40;

impl World {
    pub(crate) fn operation(&self, name: &str) -> Option<&Operation> {
        self.by_name.get(name).map(|index| &self.operations[*index])
    }

    pub(crate) fn add_operation(&mut self, operation: Operation) {
        self.by_name.insert(operation.name.clone(), self.operations.len());
        self.operations.push(operation);
        self.plan_signals(self.operations.len() - 1);
    }

    /// GET of one operation: `state` stands in for its state's word.
    pub(crate) fn look(&mut self, name: &str, state: Option<&str>) -> (u16, Value) {
        let now = self.now();
        let Some(operation) = self.operation(name) else { return (404, error(404, "NOT_FOUND")) };
        (200, operation.show(now, state))
    }

    /// A page of the operations of a project or database, as far as its filter goes: newest first.
    pub(crate) fn list(&self, path: &str) -> (u16, Value) {
        let (resource, query) = path.split_once("/operations?").unwrap_or((path, ""));
        let fields: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
        let field =
            |name: &str| fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_ref());
        let Some(wanted) = Filter::of(resource.contains("/databases/"), field("filter")) else {
            return (400, error(400, "INVALID_ARGUMENT"));
        };
        // A page begins with the newest operation that none before it has shown. The same order as in `src/fakes/operations.rs`.
        let from: usize = field("pageToken").parse().unwrap_or(self.operations.len());
        let size = field("pageSize")
            .parse()
            .ok()
            .filter(|size| *size > 0)
            .map_or(PAGE, |size: usize| size.min(PAGE));
        let now = self.now();
        let of_resource = |(_, operation): &(usize, &Operation)| {
            operation.visible_at <= now
                && operation.name.rsplit_once("/operations/").is_some_and(|(own, _)| own == resource)
                && wanted.takes(operation, now)
        };
        let mut found =
            self.operations[..from.min(self.operations.len())].iter().enumerate().rev().filter(of_resource);
        let shown: Vec<(usize, Value)> =
            found.by_ref().take(size).map(|(index, operation)| (index, operation.show(now, None))).collect();
        let last = shown.last().map(|(index, _)| *index);
        let mut page = json!({"operations": shown.into_iter().map(|(_, shown)| shown).collect::<Vec<_>>()});
        if let Some(last) = last.filter(|_| found.next().is_some()) {
            page["nextPageToken"] = json!(last.to_string());
        }
        (200, page)
    }

    /// A start.
    pub(crate) fn start(&mut self, path: &str, body: &[u8]) -> (u16, Value) {
        let now = self.now();
        let mut request: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
        let resource = path.rsplit_once(':').map_or(path, |(resource, _)| resource);
        let push = &self.pushes[&self.current];
        let (watch, listed) = (self.messages[push.message].watch, push.listed.unwrap_or(now));
        let excuse = if push.dated.is_some() { 0 } else { self.plan.most_skew() + MINUTE };
        self.spoil_start(watch, &mut request);
        self.hold_to_path(watch, &request);
        let kickoff = self.plan.kickoffs[watch].clone();
        let asked = self.ledger.books[watch].at;
        if now > asked + HOUR + 20 * SECOND + excuse {
            self.ledger.broken(format!("w{watch} starts {} ms after its kickoff", now - asked));
        }
        // The same kickoff may start once. Where it could not know better: the list lags behind, or somebody else
        // starts between its look-up and its start.
        // A line that resumes a start carries its key, which only Datastore's labels can show.
        let labelled = path == "projects/p:export";
        let book = &self.ledger.books[watch];
        let origin = book.goes_on_with.filter(|_| labelled && !book.blind).unwrap_or(watch);
        let of_both = [origin, watch].map(|watch| self.ledger.books[watch].operations.clone());
        // The line below a failure has another key: it is to start again.
        let key =
            |request: &Map<String, Value>| request.get("labels").map(|labels| labels["opwatch-key"].clone());
        for earlier in of_both.iter().flatten() {
            let earlier = &self.operations[*earlier];
            // By its key an operation counts while it runs, or for a day.
            let is_old = earlier.from + DAY <= asked && earlier.is_done(now);
            if origin != watch && (is_old || key(&earlier.request) != key(&request)) {
                continue;
            }
            if earlier.visible_at <= listed && earlier.from < listed {
                let violation = format!("w{watch} starts a second time, {} ms after", now - earlier.from);
                self.ledger.broken(violation);
                break;
            }
        }
        self.look_for_the_same(watch, resource, &request, listed);
        if let Err(refusal) = self.take_path(watch, &request) {
            return (400, refusal);
        }
        let name = format!("{resource}/operations/S{}", self.operations.len());
        let operation = Operation {
            name,
            from: now,
            until: now + kickoff.duration,
            ending: kickoff.ending,
            stuck: kickoff.stuck,
            request,
            visible_at: if self.strikes(Fault::ListLag) {
                self.ledger.touched(watch, now);
                now + self.rng.between(SECOND, MINUTE)
            } else {
                now
            },
        };
        let shown = operation.show(now, None);
        self.add_operation(operation);
        self.ledger.books[watch].operations.push(self.operations.len() - 1);
        for other in self.alike(watch) {
            self.ledger.books[other].operations_alike += 1;
        }
        (200, shown)
    }
}
