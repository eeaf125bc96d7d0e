//! Datastore, as far as opwatch's ledger calls it: `commit` without a transaction, and `lookup`
//! (<https://cloud.google.com/datastore/docs/reference/data/rest/v1/projects/commit>).

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::entity::{
    Commit, Element, Entity, Key, LONGEST, Lookup, Mask, Mutation, Partition, Properties, check_properties,
};
use super::plan::{Down, Effect, Fault, Ms, Planted, SECOND};
use super::services::Target;
use super::tasks::error;
use super::world::{Event, World, hash_of, moment};

/// The ledger's kinds begin with it.
pub(crate) const KIND: &str = "Run";
pub(crate) const NAMESPACE: &str = "opwatch";
/// The kind of a claim on a report.
const CLAIM: &str = "RunClaim";
const KINDS: [&str; 3] = [KIND, CLAIM, "RunLast"];
#[derive(Default)]
pub(crate) struct Datastore {
    entities: BTreeMap<String, Stored>,
    version: u64,
    /// Commits that take effect after their caller has given up.
    late: Vec<Call>,
}

struct Stored {
    /// The JSON of its properties, and their names in order, one a line.
    properties: String,
    names: String,
    /// What it says, if it is a claim.
    claim: Option<Claim>,
    done: bool,
    version: u64,
}

impl Stored {
    fn new(change: &Change, version: u64) -> Self {
        let Change { mut properties, mut names, claim, done, .. } = change.clone();
        if change.deed == SlackAction::Insert && change.key.path[0].kind == KIND {
            // Somebody else adds a property.
            properties.pop();
            properties.push_str(r#","zNote":{"stringValue":"of somebody else"}}"#);
            names.push_str("zNote\n");
        }
        Self { properties, names, claim, done, version }
    }
}

/// One call, once it is read.
#[derive(Clone)]
pub(crate) struct Call {
    asked: ParsedRequest,
    /// What the trace has of it: not the owner of a claim, who is another in every run.
    pub(crate) mark: u64,
    by: By,
}

/// Who makes a call.
#[derive(Clone, Copy)]
pub(crate) struct By {
    pub(crate) push: u64,
    /// What was pushed.
    pub(crate) message: usize,
}

#[derive(Clone)]
enum ParsedRequest {
    Lookup(Key),
    Commit(Vec<Change>),
    /// Nothing that the service would do.
    Refused,
}

/// A mutation, once it is read.
#[derive(Clone)]
struct Change {
    deed: SlackAction,
    key: Key,
    /// The version that it is made from.
    base: Option<u64>,
    properties: String,
    names: String,
    claim: Option<Claim>,
    done: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SlackAction {
    Insert,
    Update,
    Upsert,
    Delete,
}

/// A claim as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) owner: String,
    pub(crate) sent: bool,
    /// By the clock of who took it.
    pub(crate) at: Ms,
    pub(crate) until: Ms,
}

impl Claim {
    fn read(properties: &Properties) -> Self {
        let text = |name| properties.get(name).and_then(|value| value.string_value.as_deref());
        let time = |name| properties.get(name).and_then(|value| value.timestamp_value).and_then(moment);
        Self {
            owner: text("owner").unwrap_or_default().to_owned(),
            sent: text("state") == Some("sent"),
            at: time("at").unwrap_or(0),
            until: time("until").unwrap_or(0),
        }
    }
}

impl Key {
    fn text(&self) -> String {
        format!("{}/{}", self.path[0].kind, self.path[0].name)
    }

    /// The report whose claim it is the key of.
    fn report(&self) -> Option<&str> {
        Some(self.path[0].name.as_str()).filter(|_| self.path[0].kind == CLAIM)
    }

    fn check(&self) -> Result<(), String> {
        let Element { kind, name } = &self.path[0];
        let Partition { project_id, namespace_id } = &self.partition_id;
        let placed = project_id == "p" && namespace_id == NAMESPACE && KINDS.contains(&kind.as_str());
        if placed && !name.is_empty() && name.len() <= LONGEST {
            return Ok(());
        }
        Err(format!("the key {project_id}/{namespace_id}/{kind}/{name}"))
    }
}

impl Change {
    fn read(mutation: Mutation) -> Result<Self, String> {
        let Mutation { insert, update, upsert, delete, base_version, property_mask } = mutation;
        let (deed, entity) = match (insert, update, upsert, delete) {
            (Some(entity), None, None, None) => (SlackAction::Insert, entity),
            (None, Some(entity), None, None) => (SlackAction::Update, entity),
            (None, None, Some(entity), None) => (SlackAction::Upsert, entity),
            (None, None, None, Some(key)) => (SlackAction::Delete, Entity { key, properties: None }),
            _ => return Err("a mutation that does not one thing".to_owned()),
        };
        let Entity { key, properties } = entity;
        key.check()?;
        let text = properties.map_or("{}", RawValue::get);
        let properties: Properties = serde_json::from_str(text).map_err(|error| error.to_string())?;
        check_properties(&properties)?;
        let base = base_version.map(|version| version.parse().map_err(|_| format!("the version {version}")));
        // All that is written is named. Then the service, which keeps what is not named, and its emulator, which does not,
        // do the same.
        let names = |mask: &Mask| {
            mask.paths.len() == properties.len()
                && mask.paths.iter().all(|name| properties.contains_key(name))
        };
        if property_mask.is_some_and(|mask| deed != SlackAction::Update || !names(&mask)) {
            return Err("a mask that names something else than what is written".to_owned());
        }
        Ok(Self {
            deed,
            base: base.transpose()?,
            claim: key.report().map(|_| Claim::read(&properties)),
            done: properties.get("done").is_some_and(|value| value.boolean_value == Some(true)),
            properties: text.to_owned(),
            names: properties.keys().flat_map(|name| [*name, "\n"]).collect(),
            key,
        })
    }
}

/// Reads `body` as strictly as the service.
fn read(target: Target, body: &[u8]) -> Result<ParsedRequest, String> {
    if target == Target::Lookup {
        let Lookup { keys: [key] } = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        key.check()?;
        return Ok(ParsedRequest::Lookup(key));
    }
    let Commit { mode, mutations } = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if mode != "NON_TRANSACTIONAL" {
        return Err(format!("the mode {mode}"));
    }
    let changes = mutations.into_iter().map(Change::read).collect::<Result<Vec<_>, _>>()?;
    let twice = matches!(&changes[..], [first, second] if first.key.text() == second.key.text());
    if changes.is_empty() || changes.len() > 2 || twice {
        return Err("an entity is changed twice, or none or too many are".to_owned());
    }
    Ok(ParsedRequest::Commit(changes))
}

impl World {
    /// Reads a call; one that the service would refuse is a fault of opwatch's.
    pub(crate) fn read_datastore(&mut self, target: Target, body: &[u8]) -> Call {
        let asked = read(target, body).unwrap_or_else(|wrong| {
            self.ledger.broken(format!("a call that Datastore would refuse: {wrong}"));
            ParsedRequest::Refused
        });
        let by = By { push: self.current, message: self.pushes[&self.current].message };
        let call = Call { asked, mark: 0, by };
        let Some(report) = call.report() else { return Call { mark: hash_of(body), ..call } };
        let mark = hash_of(report.as_bytes()) ^ body.len() as u64;
        if let Some(owner) = call.owner() {
            self.asks_for_claim(report, owner);
        }
        Call { mark, ..call }
    }

    /// What the service does: status and body.
    pub(crate) fn perform_datastore(&mut self, call: &Call) -> (u16, String) {
        match &call.asked {
            ParsedRequest::Lookup(key) => (200, self.lookup(key)),
            ParsedRequest::Commit(changes) => self.commit(call.by, changes),
            ParsedRequest::Refused => (400, String::new()),
        }
    }

    /// What follows of a call that has `failed` or not, and may take effect when nobody waits for it any more.
    pub(crate) fn after_datastore(&mut self, call: &Call, effect: Option<Effect>, failed: bool, limit: Ms) {
        let now = self.now();
        // All calls of one question have their time together, and are then cut off.
        self.at(now + limit + 1, Event::Wake(call.by.push));
        if let Some(Effect::Later(after)) = effect {
            self.datastore.late.push(call.clone());
            self.at(now + limit + after, Event::Commit(self.datastore.late.len() - 1));
        }
        if call.report().is_some() {
            self.calls_about_claim(failed || effect.is_some());
        }
    }

    pub(crate) fn commit_late(&mut self, index: usize) {
        let call = self.datastore.late[index].clone();
        self.note(&[13, call.mark], || format!("push {}'s commit takes effect", call.by.push));
        self.perform_datastore(&call);
    }

    fn lookup(&self, key: &Key) -> String {
        let shown = serde_json::to_string(key).expect("a key");
        let Some(stored) = self.datastore.entities.get(&key.text()) else {
            return format!(r#"{{"missing":[{{"entity":{{"key":{shown}}},"version":"1"}}]}}"#);
        };
        let (version, mut properties) = (stored.version, stored.properties.clone());
        if self.plan.planted == Some(Planted::HeldIsSent) {
            properties = properties.replace(r#""claimed""#, r#""sent""#);
        }
        let entity = format!(r#"{{"key":{shown},"properties":{properties}}}"#);
        format!(r#"{{"found":[{{"entity":{entity},"version":"{version}"}}]}}"#)
    }

    /// Makes the changes one after the other, up to the first that can't be made.
    fn commit(&mut self, by: By, changes: &[Change]) -> (u16, String) {
        let mut results = Vec::new();
        for change in changes {
            match self.change(by, change) {
                Ok(result) => results.push(result),
                Err((status, word)) => return (status, error(status, word).to_string()),
            }
        }
        (200, json!({"mutationResults": results, "indexUpdates": 3}).to_string())
    }

    /// Makes one change: its result, which may be that the entity has another version.
    fn change(&mut self, by: By, change: &Change) -> Result<Value, (u16, &'static str)> {
        let text = change.key.text();
        let known = self.datastore.entities.get(&text);
        let there = known.map(|known| known.version);
        match change.deed {
            SlackAction::Insert if known.is_some() => {
                let counts_as_taken =
                    self.plan.planted == Some(Planted::ClaimTaken) && change.claim.is_some();
                return if counts_as_taken {
                    Ok(json!({"version": "1"}))
                } else {
                    Err((409, "ALREADY_EXISTS"))
                };
            }
            SlackAction::Update if known.is_none() => return Err((404, "NOT_FOUND")),
            _ if change.base.is_some() && change.base != there => {
                return Ok(json!({"version": there.unwrap_or(1).to_string(), "conflictDetected": true}));
            }
            _ => {}
        }
        let of_operation = known.filter(|_| change.key.path[0].kind == KIND);
        if let Some(wrong) = of_operation.and_then(|known| loss(known, change)) {
            self.ledger.broken(format!("the ledger forgets of {text}: {wrong}"));
        }
        let before = known.and_then(|known| known.claim.clone());
        self.datastore.version += 1;
        let version = self.datastore.version;
        if change.deed == SlackAction::Delete {
            self.datastore.entities.remove(&text);
        } else {
            self.datastore.entities.insert(text, Stored::new(change, version));
        }
        match (change.key.report(), &change.claim) {
            (Some(report), Some(after)) if change.deed != SlackAction::Delete => {
                self.claim_written(by, report, before.as_ref(), after);
            }
            (Some(report), _) => self.claim_released(by.push, report, before.as_ref()),
            _ => {}
        }
        Ok(json!({"version": version.to_string()}))
    }

    /// The claim on `report`, if there is one.
    pub(crate) fn stored_claim(&self, report: &str) -> Option<Claim> {
        self.datastore.entities.get(&format!("{CLAIM}/{report}"))?.claim.clone()
    }

    pub(crate) fn latency_of_datastore(&mut self) -> Ms {
        if self.plan.script.is_some() {
            self.latency()
        } else if self.strikes(Fault::LedgerSlow) {
            self.rng.between(SECOND / 2, 3 * SECOND)
        } else {
            self.rng.log_uniform(5.0, 300.0) as Ms
        }
    }

    pub(crate) fn draw_datastore(&mut self, target: Target) -> Option<Effect> {
        if self.plan.is_down(Down::Ledger, self.now()) {
            return Some(*self.rng.pick(&[
                Effect::Refused(503, "UNAVAILABLE", None),
                Effect::Refused(403, "PERMISSION_DENIED", None),
                Effect::TimedOut,
                Effect::NotConnected,
            ]));
        }
        if self.strikes(Fault::LedgerRefused) {
            let (status, word) = *self.rng.pick(&[
                (400, "FAILED_PRECONDITION"),
                (401, "UNAUTHENTICATED"),
                (403, "PERMISSION_DENIED"),
                (404, "NOT_FOUND"),
                (409, "ABORTED"),
                (429, "RESOURCE_EXHAUSTED"),
                (500, "INTERNAL"),
                (503, "UNAVAILABLE"),
            ]);
            return Some(Effect::Refused(status, word, None));
        }
        if self.strikes(Fault::LedgerLost) {
            let after = self.rng.log_uniform(2_000.0, 30_000.0) as Ms;
            return Some(match self.rng.below(if target == Target::Commit { 6 } else { 4 }) {
                0 => Effect::NotConnected,
                1 => Effect::TimedOut,
                2 => Effect::Lost,
                3 => Effect::LostLate,
                4 => Effect::Later(after),
                _ => Effect::Garbage { done: true, kind: 6 },
            });
        }
        if self.strikes(Fault::LedgerGarbage) {
            let (done, kind) = (self.rng.chance(0.5), *self.rng.pick(&[0, 1, 2, 7]));
            return Some(Effect::Garbage { done, kind });
        }
        None
    }
}

impl Call {
    /// The report whose claim it is about.
    pub(crate) fn report(&self) -> Option<&str> {
        match &self.asked {
            ParsedRequest::Lookup(key) => key.report(),
            ParsedRequest::Commit(changes) => changes.iter().find_map(|change| change.key.report()),
            ParsedRequest::Refused => None,
        }
    }

    /// Who asks for that claim.
    fn owner(&self) -> Option<String> {
        let ParsedRequest::Commit(changes) = &self.asked else { return None };
        let taken = changes.iter().find(|change| change.deed == SlackAction::Insert)?;
        Some(taken.claim.as_ref()?.owner.clone())
    }
}

/// What an operation's entity must not lose: any property, and that it is done.
fn loss(before: &Stored, after: &Change) -> Option<String> {
    if before.done && !after.done {
        return Some("that it is done".to_owned());
    }
    let mut left = after.names.lines();
    before.names.lines().find(|name| !left.any(|kept| kept == *name)).map(str::to_owned)
}
