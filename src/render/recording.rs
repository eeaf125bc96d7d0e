//! Operations from files.

use std::path::Path;

use serde::Deserialize;

use crate::input;
use crate::operation::{Observation, Operation, Service, read_operation};

const FIX: &str = "give the JSON of a GET of the operation, as `gcloud datastore operations describe NAME --format=json` prints \
                   it";

/// An operation as a GET of it answered.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) operation: Operation,
    pub(super) observation: Observation,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl Recording {
    /// Reads the one in `file`.
    ///
    /// # Errors
    /// With the file, what is wrong with it, and what to give instead.
    pub(super) fn read(file: &Path, service: Option<&str>) -> Result<Self, String> {
        let shown = input::name(file);
        let wrong = |why: String| format!("{shown}: {why}; {FIX}");
        let bytes = input::bytes(file).map_err(|error| wrong(error.to_string()))?;
        let Named { name } = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        let services = match service {
            None => Service::ALL.to_vec(),
            Some(word) => vec![word.parse().map_err(|()| unknown_service(word))?],
        };
        let operation = services.iter().find_map(|service| Operation::new(*service, &name).ok());
        let operation = operation.ok_or_else(|| {
            let examples: Vec<_> = services.iter().map(|service| service.name_example()).collect();
            format!(
                "{shown}: {name:?} is no operation's name; names look like this:\n  {}",
                examples.join("\n  ")
            )
        })?;
        match read_operation(&operation, &bytes) {
            Observation::Unavailable(error) => Err(wrong(error.to_string())),
            observation => Ok(Self { operation, observation }),
        }
    }
}

pub(super) fn unknown_service(word: &str) -> String {
    format!("--service: {word:?} is none of {}", Service::ALL.map(Service::id).join(", "))
}
