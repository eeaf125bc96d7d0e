//! A resource that is its own operation: a job, a run, a build, an operation of Compute Engine's. What they are called differs, but
//! all have a state of which some words are the end, so each is described by where its facts are and read by this code.

mod read;

use super::count::Count;
use super::template;
use crate::services::Unit;

/// Which fields of an answer say what. Each text is a path ([`find`](super::path::find)) or, with paths in braces, several in a row; of a list the first
/// that has something counts.
pub(in crate::services) struct Job {
    /// The id: the last segment of the name, or a name of which it is that.
    pub id: &'static str,
    /// The full name. Most answers have it; [`read_path`](crate::services::read_path) has the rest.
    pub name: &'static [&'static str],
    /// The state.
    pub state: &'static str,
    /// Its words.
    pub words: Words,
    /// What is true once it is over: then a state that is not known as an end is a failure.
    pub done: &'static str,
    /// When it began.
    pub start: &'static [&'static str],
    /// When it ended. Read only then: some are times of the last change.
    pub end: &'static [&'static str],
    /// The error it ended with.
    pub error: Errors,
    /// How far it is as a whole.
    pub overall: &'static [Count],
    /// How many of its parts are done.
    pub items: Option<(Unit, Count)>,
    /// How many bytes.
    pub bytes: Option<Count>,
    /// How many parts failed.
    pub failures: &'static [&'static str],
    /// The kind of work.
    pub work: &'static [&'static str],
    /// What it works on.
    pub target: &'static [&'static str],
    /// Where the result of a success lies.
    pub output: &'static [&'static str],
    /// Where it was told to write or read.
    pub prefix: &'static [&'static str],
    /// Where it is.
    pub stage: &'static [&'static str],
    /// What went wrong though it may have succeeded.
    pub warnings: &'static [&'static str],
    /// Words that make a success doubtful, and where they are.
    pub doubts: &'static [(&'static str, &'static str)],
    /// Words of one that runs until somebody stops it, and where they are.
    pub endless: &'static [(&'static str, &'static str)],
}

/// The words of a state. All others mean that it runs.
pub(in crate::services) struct Words {
    /// What they all begin with, left out in the rest.
    pub prefix: &'static str,
    /// It succeeded, unless there is an error that decides.
    pub succeeded: &'static [&'static str],
    /// It succeeded, but not all of it.
    pub partly: &'static [&'static str],
    /// It failed.
    pub failed: &'static [&'static str],
    /// It was cancelled.
    pub cancelled: &'static [&'static str],
    /// It is over, neither well nor badly: skipped, deleted.
    pub over: &'static [&'static str],
    /// It waits for a person.
    pub waits: &'static [&'static str],
}

impl Words {
    /// None.
    pub(in crate::services) const NONE: Self =
        Self { prefix: "", succeeded: &[], partly: &[], failed: &[], cancelled: &[], over: &[], waits: &[] };
    /// Those of most states.
    pub(in crate::services) const COMMON: Self =
        Self { succeeded: &["SUCCEEDED"], failed: &["FAILED"], cancelled: &["CANCELLED"], ..Self::NONE };
}

impl Words {
    /// Whether it is over in this state.
    fn is_end(&self, word: &str) -> bool {
        [self.succeeded, self.partly, self.failed, self.cancelled, self.over]
            .iter()
            .any(|words| words.contains(&word))
    }

    fn all(&self) -> impl Iterator<Item = &'static str> {
        let all = [self.succeeded, self.partly, self.failed, self.cancelled, self.over, self.waits];
        all.into_iter().flatten().copied()
    }
}

/// Where the error is.
pub(in crate::services) struct Errors {
    /// Whether an error makes a failure of a state that would be a success.
    pub decides: bool,
    /// What is there only when there is an error, even one that says nothing.
    pub sign: &'static str,
    /// A number: `google.rpc.Code` or, next to a word, an HTTP status.
    pub code: &'static str,
    /// A word. Without it the code's name counts.
    pub status: &'static [&'static str],
    /// The words of a status that are no error.
    pub fine: &'static [&'static str],
    /// What is in the status of one that was cancelled.
    pub cancelled: &'static [&'static str],
    /// Texts. All that a path leads to count.
    pub text: &'static [&'static str],
}

impl Errors {
    /// None.
    pub(in crate::services) const NONE: Self =
        Self { decides: false, sign: "", code: "", status: &[], fine: &[], cancelled: &[], text: &[] };
    /// A `google.rpc.Status`.
    pub(in crate::services) const STATUS: Self =
        Self { code: "error.code", text: &["error.message"], ..Self::NONE };
}

impl Job {
    /// As most resources have it (<https://google.aip.dev/216>, <https://google.aip.dev/142>).
    pub(in crate::services) const COMMON: Self = Self {
        id: "name",
        name: &["name"],
        state: "state",
        words: Words::COMMON,
        done: "",
        start: &["startTime"],
        end: &["endTime"],
        error: Errors::STATUS,
        overall: &[],
        items: None,
        bytes: None,
        failures: &[],
        work: &[],
        target: &[],
        output: &[],
        prefix: &[],
        stage: &[],
        warnings: &[],
        doubts: &[],
        endless: &[],
    };

    /// Every path that it reads.
    fn paths(&self) -> Vec<&'static str> {
        let lists = [
            self.name,
            self.start,
            self.end,
            self.failures,
            self.work,
            self.target,
            self.output,
            self.prefix,
            self.stage,
            self.warnings,
            self.error.status,
            self.error.text,
        ];
        let templates = lists.into_iter().flatten().copied();
        let counts = self
            .overall
            .iter()
            .chain(self.items.as_ref().map(|(_, count)| count))
            .chain(&self.bytes)
            .flat_map(Count::paths);
        let doubts = self.doubts.iter().chain(self.endless).map(|(path, _)| *path);
        let single = [self.id, self.state, self.done, self.error.sign, self.error.code];
        let paths = templates.flat_map(template::paths).chain(counts).chain(doubts).chain(single);
        paths.filter(|path| !path.is_empty()).collect()
    }
}
