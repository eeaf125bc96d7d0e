//! Where exports write: the prefixes of kickoffs, with placeholders and without, what README promises of them, and the service,
//! which takes each path once.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ledger::Ledger;
use super::plan::{Ending, Kickoff, Kind, MINUTE, Ms, Plan, Planted, SECOND};
use super::rng::Rng;
use super::world::{World, hash_of, time};

/// An operation that another kickoff began with the same request is adopted when it began at most so long before.
const ADOPTED: Ms = 10 * MINUTE + SECOND;

/// The parts of `gs://BUCKET/FOLDER`.
const FOLDER: usize = 4;

/// What a kickoff has below the folder of its own text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Prefix {
    #[default]
    Fixed,
    Date,
    DateTime,
    Id,
}

impl Prefix {
    /// The folder of the text `number`, as the kickoff has it.
    pub(crate) fn of_text(self, number: usize) -> String {
        let folder = format!("gs://b/r{number}");
        match self {
            Self::Fixed => folder,
            Self::Date => folder + "/${date}",
            Self::DateTime => folder + "/${datetime}",
            Self::Id => folder + "/${id}",
        }
    }

    /// Whether `found` is what README says that it becomes for a kickoff that was published at `at`, in UTC.
    fn becomes(self, number: usize, found: &str, at: Ms) -> bool {
        let Some(rest) = found.strip_prefix(&Self::Fixed.of_text(number)) else { return false };
        match self {
            Self::Fixed => rest.is_empty(),
            Self::Date => rest == time(at).format("/%Y-%m-%d").to_string(),
            Self::DateTime => rest == time(at).format("/%Y-%m-%dT%H%M%S").to_string(),
            Self::Id => rest.strip_prefix('/').is_some_and(|id| {
                id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            }),
        }
    }
}

/// Where a request writes.
fn output(request: &Map<String, Value>) -> &str {
    ["outputUrlPrefix", "outputUriPrefix"].iter().find_map(|name| request.get(*name)?.as_str()).unwrap_or("")
}

/// What a request asks for, without its labels and without the values of placeholders: the bucket, the folder of its text,
/// and the form of what is below it.
pub(crate) fn asked_for(request: &Map<String, Value>) -> String {
    let form =
        |(depth, part): (usize, &str)| if depth < FOLDER { part.to_owned() } else { "x".repeat(part.len()) };
    output(request).split('/').enumerate().map(form).collect::<Vec<_>>().join("/")
}

/// Paths that were used, each with the watch that used it.
#[derive(Default)]
pub(crate) struct Outputs(BTreeMap<String, usize>);

impl World {
    /// The kickoff whose text this one has, whatever it goes on with.
    fn text_of(&self, mut index: usize) -> usize {
        while let Some(origin) = self.ledger.books[index].goes_on_with {
            index = origin;
        }
        self.origin(index)
    }

    /// What its text has below the folder.
    fn prefix_of(&self, watch: usize) -> Prefix {
        let is_pasted = self.ledger.books[watch].goes_on_with.is_some();
        self.plan.kickoffs[if is_pasted { watch } else { self.origin(watch) }].prefix
    }

    /// The prefix of a command to paste out of what Slack shows of `watch`: that of its kickoff, or a new one below the folder
    /// when the message says that the folder was used before.
    pub(super) fn prefix_of_line(&mut self, watch: usize, payload: &str, line: &Value) -> Prefix {
        let is_used = payload.contains("Path already exists");
        let prefix = match self.prefix_of(watch) {
            Prefix::Fixed if is_used => Prefix::DateTime,
            own => own,
        };
        let promised = prefix.of_text(self.text_of(watch));
        if let Some(found) = line["start"]["body"].as_object().map(output).filter(|found| *found != promised)
        {
            self.ledger.broken(format!("w{watch}: a command to paste writes to {found}, not to {promised}"));
        }
        prefix
    }

    /// Which night of its text a kickoff is; the first is 0.
    pub(super) fn night(&self, index: usize) -> u64 {
        if self.plan.kickoffs[index].kind != Kind::Night {
            return 0;
        }
        let origin = self.origin(index);
        let is_of_text =
            |other: &usize| self.plan.kickoffs[*other].kind == Kind::Night && self.origin(*other) == origin;
        (0..=index).filter(is_of_text).count() as u64
    }

    /// A planted fault changes the request before the service sees it.
    pub(super) fn spoil_start(&self, watch: usize, request: &mut Map<String, Value>) {
        let prefix = output(request).to_owned();
        let began = self.pushes[&self.current].began;
        match self.plan.planted {
            Some(Planted::ExpandsAtDelivery) => {
                let replace = |format: &str| {
                    let [asked, now] =
                        [self.ledger.books[watch].at, began].map(|at| time(at).format(format).to_string());
                    prefix.ends_with(&asked).then(|| prefix.replace(&asked, &now))
                };
                let Some(late) = replace("/%Y-%m-%dT%H%M%S").or_else(|| replace("/%Y-%m-%d")) else { return };
                for name in ["outputUrlPrefix", "outputUriPrefix"] {
                    request.get_mut(name).into_iter().for_each(|value| *value = json!(late));
                }
            }
            Some(Planted::HashExpanded) if prefix.split('/').count() > FOLDER => {
                if let Some(labels) = request.get_mut("labels") {
                    labels["opwatch-request"] = json!(format!("{:x}", hash_of(prefix.as_bytes())));
                }
            }
            _ => {}
        }
    }

    /// Every try and every delivery of a kickoff asks for the path that README promises.
    pub(super) fn hold_to_path(&mut self, watch: usize, request: &Map<String, Value>) {
        let (found, text) = (output(request).to_owned(), self.text_of(watch));
        let prefix = self.prefix_of(watch);
        let book = &mut self.ledger.books[watch];
        let first = book.path.get_or_insert_with(|| found.clone()).clone();
        let at = book.at;
        if first != found {
            self.ledger.broken(format!("w{watch} starts under another path: {first}, then {found}"));
        } else if !prefix.becomes(text, &found, at) {
            self.ledger
                .broken(format!("w{watch}, of {at}, starts under a path that is not its own: {found}"));
        }
    }

    /// Takes the path that an export writes to, or refuses: each is taken once, whatever became of the first export, and
    /// while it runs too. The sources stand in `src/fakes/start.rs`.
    pub(super) fn take_path(&mut self, watch: usize, request: &Map<String, Value>) -> Result<(), Value> {
        let path = output(request).to_owned();
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let refusal = || {
            let file = path.strip_prefix("gs:/").unwrap_or(&path);
            let text = format!("Path already exists: {file}/{name}.overall_export_metadata");
            json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": text}})
        };
        if self.plan.planted == Some(Planted::PathsTaken) {
            return Err(refusal());
        }
        let Some(user) = self.outputs.0.get(&path).copied() else {
            self.outputs.0.insert(path, watch);
            return Ok(());
        };
        self.ledger.count("starts refused for their path");
        if user == watch {
            self.ledger.count("starts refused for their own path");
            // Only a copy, or a fault that hides the first start, makes it ask again.
            let book = &self.ledger.books[watch];
            if book.copies == 0 && !book.owed.start_trouble {
                self.ledger.broken(format!("w{watch} asks for its own path {path} again without a cause"));
            }
        } else if self.text_of(user) != self.text_of(watch) {
            self.ledger.broken(format!("w{watch} asks for the path {path} of w{user}"));
        }
        self.ledger.books[watch].path_used |= user != watch;
        Err(refusal())
    }

    /// Each night is a kickoff of its own: what another night began is not taken for it.
    pub(super) fn hold_to_night(&mut self, watch: usize, operation: Option<(Ms, Option<Ending>)>) {
        let book = &self.ledger.books[watch];
        if let Some((from, _)) = operation
            && self.is_started(watch)
            && book.goes_on_with.is_none()
            && from + ADOPTED < book.at
        {
            let violation = format!("w{watch}, of {}, takes what began at {from} for its own", book.at);
            self.ledger.broken(violation);
        }
    }

    /// Whether it asks for a start.
    fn is_started(&self, watch: usize) -> bool {
        let kind = |index: usize| self.plan.kickoffs[index].kind;
        !matches!(kind(watch), Kind::Bad | Kind::Test)
            && matches!(kind(self.text_of(watch)), Kind::Datastore | Kind::Firestore)
    }

    /// A night that no fault touched started its own export, or its fixed prefix was used before, and people heard so.
    pub(super) fn night_was_kept(&mut self, watch: usize) {
        let book = &self.ledger.books[watch];
        if self.plan.kickoffs[watch].kind != Kind::Night
            || !self.is_started(watch)
            || book.goes_on_with.is_some()
        {
            return;
        }
        let (started, used) = (book.operations.len(), book.path_used);
        let is_told = book.posts.iter().any(|(_, outcome)| *outcome == "was not started");
        let is_fixed = self.prefix_of(watch) == Prefix::Fixed;
        let kept = if used { is_fixed && started == 0 && is_told } else { started == 1 && !is_told };
        if !kept {
            let violation = format!("w{watch}: a night that started {started} exports: {:?}", book.posts);
            self.ledger.broken(violation);
        }
        self.ledger.count(if used { "nights refused for their path" } else { "nights that started" });
    }
}

impl Ledger {
    /// Whether a message of a refused start is true: the path was used before.
    pub(super) fn path_was_used(&self, watch: usize) -> bool {
        self.books[watch].path_used
    }
}

impl Plan {
    /// With placeholders in the prefixes of some kickoffs, and with second nights of some, which are watches by name
    /// otherwise.
    pub(super) fn with_placeholders(mut self, rng: &mut Rng) -> Self {
        for Kickoff { kind, prefix, .. } in &mut self.kickoffs {
            *prefix = *rng.pick(&[
                Prefix::Fixed,
                Prefix::Fixed,
                Prefix::Date,
                Prefix::DateTime,
                Prefix::DateTime,
                Prefix::Id,
            ]);
            if *kind == Kind::Name && rng.chance(0.15) {
                *kind = Kind::Night;
            }
        }
        self
    }
}
