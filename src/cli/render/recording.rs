//! Operations from files.

use std::path::Path;

use serde_json::Value;

use crate::cli::input;
use crate::cli::named::{known_service, likely, named};
use crate::json;
use crate::services::{Observation, Operation, Service, name_in, read_operation};
use crate::watch::{Locale, Problem};

const FIX: &str = "use the JSON of a GET of the operation, as `gcloud datastore operations describe NAME --format=json` prints \
                   it";

/// An operation as a GET of it answered.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) operation: Operation,
    pub(super) observation: Observation,
    /// Which operation of a list it is.
    pub(super) taken: Option<String>,
}

impl Recording {
    /// Reads the one in `file`; of a list the only one, or the one with this `name`, or last segment of a name.
    ///
    /// # Errors
    /// With the file, what is wrong with it, and what to give instead.
    pub(super) fn read(file: &Path, service: Option<&str>, name: Option<&str>) -> Result<Self, String> {
        let shown = input::name(file);
        let wrong = |why: String| format!("{shown}: {why}; {FIX}");
        let bytes = input::bytes(file).map_err(|error| wrong(error.to_string()))?;
        let answer = parse(&bytes).map_err(wrong)?;
        let (answer, taken) = match operations(answer) {
            Ok(list) => {
                let one = choose(list, name).map_err(|why| format!("{shown}: {why}"))?;
                let taken = format!("{shown} is a list: using {}", name_of(&one));
                (one, Some(taken))
            }
            Err(one) => (one, None),
        };
        let operation = match operation(&answer, service, name) {
            Ok(operation) => operation,
            Err(_) if name_of(&answer).is_empty() => return Err(wrong("it has no name".to_owned())),
            Err(why) => return Err(format!("{shown}: {why}")),
        };
        match read_operation(&operation, answer.to_string().as_bytes()) {
            Observation::Unavailable(error) => Err(wrong(error.to_string())),
            observation @ (Observation::Running(_) | Observation::Ended(..) | Observation::Unreadable(_)) => {
                Ok(Self { operation, observation, taken })
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Value, String> {
    let said = |fault: json::NotAnObject| Locale::En.words().problem(&Problem::not_json(fault));
    let said = |fault| said(fault).trim_end_matches('.').to_owned();
    let text = json::utf8(bytes).map_err(said)?;
    serde_json::from_str(text)
        .map_err(|error| said(json::NotAnObject { detail: error.to_string(), slip: json::slip_in(text) }))
}

/// The operations of a list, as gcloud (`[…]`) or the API (`{"operations": […]}`) gives it; else the answer itself.
fn operations(answer: Value) -> Result<Vec<Value>, Value> {
    let mut answer = answer;
    if let Value::Array(list) = answer {
        return Ok(list);
    }
    let listed = answer.as_object_mut().filter(|fields| !fields.contains_key("name"));
    match listed.and_then(|fields| fields.remove("operations")) {
        Some(Value::Array(list)) => Ok(list),
        _ => Err(answer),
    }
}

fn name_of(answer: &Value) -> &str {
    answer.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn choose(list: Vec<Value>, name: Option<&str>) -> Result<Value, String> {
    let names = list.iter().flat_map(|entry| ["\n  ", name_of(entry)]).collect::<String>();
    let count = list.len();
    let is_named = |entry: &Value| {
        let full = name_of(entry);
        name.is_none_or(|name| name == full || full.rsplit('/').next() == Some(name))
    };
    let mut fitting = list.into_iter().filter(is_named);
    match (fitting.next(), fitting.next(), name) {
        (Some(one), None, _) => Ok(one),
        (None, _, None) => Err("the list of operations is empty".to_owned()),
        (None, _, Some(name)) => {
            Err(format!("--name: no operation named {name:?} in the list, which has:{names}"))
        }
        (Some(_), Some(_), _) => {
            Err(format!("it is a list of {count} operations; choose one with --name NAME:{names}"))
        }
    }
}

/// The operation that `answer` is about. The services that are followed by default come first: their form of name is that of
/// others too.
///
/// Some answers have no full name (that of a Dataproc job lacks the region): then `given` is it.
fn operation(answer: &Value, service: Option<&str>, given: Option<&str>) -> Result<Operation, String> {
    if let Some(service) = service {
        let given = given.filter(|given| given.contains('/')).map(str::to_owned);
        let name = name_in(known_service(service)?, answer).or(given);
        return named(&name.unwrap_or_else(|| name_of(answer).to_owned()), Some(service), &[]);
    }
    let name = name_of(answer);
    let services = likely(name);
    // In the answers of some services `name` is only the last segment.
    let full = |service: Service| {
        Operation::new(service, &name_in(service, answer)?).ok().filter(|_| may_be_of(service, answer))
    };
    let is_bare = !name.contains('/');
    named(name, None, &services).or_else(|why| Service::all().filter(|_| is_bare).find_map(full).ok_or(why))
}

/// Whether the link to itself in an answer, if it has one, is that of the service's API.
fn may_be_of(service: Service, answer: &Value) -> bool {
    let Some(link) = answer.get("selfLink").and_then(Value::as_str) else { return true };
    let api = service.api();
    let hosts = [format!("//{api}.googleapis.com/"), format!("//www.googleapis.com/{api}/")];
    hosts.iter().any(|host| link.contains(host))
}
