//! The operations that a person names: in arguments, in lines of standard input, or as the JSON of operations. Pure.

use std::collections::HashSet;

use serde_json::{Deserializer, Value};

use crate::cli::named::named;
use crate::services::{Operation, Service};

/// The most operations that are followed at once.
pub(super) const MOST: usize = 1_000;

/// Where names that do not say so belong.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// The service of every name.
    pub(super) service: Option<Service>,
    /// The services whose names are taken for theirs without being asked for.
    pub(super) preferred: Vec<Service>,
    /// The services that names may belong to.
    pub(super) services: Vec<Service>,
    /// The project of names that are only an id.
    pub(super) project: Option<String>,
    /// Their location.
    pub(super) location: Option<String>,
}

/// The operations that `arguments` name, each once; `-` stands for `input`, which is read then.
///
/// # Errors
/// With what to write instead.
pub(super) fn operations(
    arguments: &[String],
    place: &Place,
    input: impl FnOnce() -> Result<String, String>,
) -> Result<Vec<Operation>, String> {
    let mut input = Some(input);
    let mut operations = Vec::new();
    for argument in arguments {
        if argument == "-" {
            let read = input.take().ok_or("- stands for standard input, and can be given once")?;
            operations.extend(of_input(&read()?, place)?);
        } else {
            operations.push(place.operation(argument)?);
        }
    }
    let mut known = HashSet::new();
    operations.retain(|operation| known.insert(operation.clone()));
    match operations.len() {
        0 => Err("there is no operation to wait for".to_owned()),
        1..=MOST => Ok(operations),
        count => Err(format!("{count} operations are too many: at most {MOST} can be waited for at once")),
    }
}

/// The operations that a text names: lines, or JSON.
fn of_input(text: &str, place: &Place) -> Result<Vec<Operation>, String> {
    if !text.trim_start().starts_with(['{', '[', '"']) {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        return lines
            .map(|line| place.operation(line).map_err(|why| format!("standard input: {why}")))
            .collect();
    }
    let mut operations = Vec::new();
    for value in Deserializer::from_str(text).into_iter::<Value>() {
        let value = value.map_err(|error| format!("standard input is not valid JSON: {error}"))?;
        let entries = if let Value::Array(entries) = value { entries } else { vec![value] };
        for entry in entries {
            let number = operations.len() + 1;
            let operation = of_entry(&entry, place);
            operations.push(operation.map_err(|why| format!("standard input, operation {number}: {why}"))?);
        }
    }
    Ok(operations)
}

/// The operation that is written in JSON, or whose name is.
fn of_entry(entry: &Value, place: &Place) -> Result<Operation, String> {
    if let Some(name) = entry.as_str() {
        return place.operation(name);
    }
    let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
    // Where an answer has its own URL, it says everything: but for a service that was asked for.
    let link = text("/selfLink").filter(|link| Operation::of_url(link).is_some());
    let name = link.or_else(|| text("/name")).ok_or("it has no \"name\"")?;
    let project = text("/targetProject").map(str::to_owned).or_else(|| place.project.clone());
    let place = Place { project, ..place.clone() };
    if place.service.is_some() || link.is_some() {
        return place.operation(name);
    }
    let kind = text("/kind").and_then(|kind| kind.split_once('#')).map(|(api, _)| vec![api]);
    let package =
        text("/metadata/@type").and_then(|url| url.rsplit_once('/')).map(|(_, of)| of.split('.').collect());
    let words: Vec<&str> = kind.or(package).unwrap_or_default();
    // An API may have jobs of another form too.
    let is_job = text("/kind").is_some_and(|kind| !kind.ends_with("#operation"));
    let is_told =
        |service: &Service| service.has_jobs() == is_job && words.iter().any(|word| is_of(*service, word));
    let told: Vec<Service> = place.services.iter().copied().filter(is_told).collect();
    match *told {
        [] => Place { preferred: Vec::new(), ..place }.operation(name),
        [service] => Place { service: Some(service), ..place }.operation(name),
        [..] => Place { preferred: Vec::new(), services: told, ..place }.operation(name),
    }
}

/// Whether `word` is what `service` calls itself: `sql` of `sql#operation`, `bigtable` of `google.bigtable.admin.v2`, `functions`
/// of `google.cloud.functions.v2`.
fn is_of(service: Service, word: &str) -> bool {
    let plain = |name: &str| name.trim_start_matches("cloud").trim_end_matches("admin").to_owned();
    !word.is_empty() && plain(service.api()) == plain(word)
}

impl Place {
    /// The operation `name`: a name, a URL, or an id in this place.
    fn operation(&self, name: &str) -> Result<Operation, String> {
        if let Some(service) = self.service {
            let is_id = !name.contains('/') && !name.is_empty();
            let name = if is_id { self.filled(service, name)? } else { name.to_owned() };
            return named(&name, Some(service.id()), &self.services);
        }
        let preferred = Operation::candidates(&self.preferred, name);
        if let [operation] = preferred.as_slice() {
            return Ok(operation.clone());
        }
        // Of some services any word can be a name: they must be asked for.
        let recognised: Vec<Service> =
            self.services.iter().copied().filter(|service| service.names_are_recognisable()).collect();
        named(name, None, &recognised)
    }

    /// The name of the operation of `service` with this id.
    fn filled(&self, service: Service, id: &str) -> Result<String, String> {
        let mut lacks = None;
        for form in service.forms() {
            match self.fill(form, id) {
                Ok(name) => return Ok(name),
                Err(part) => lacks = lacks.or(part),
            }
        }
        let example = service.name_example();
        Err(match lacks {
            Some(option) => format!(
                "{id:?} is an id without a {option}: add --{option}, or give the whole name, such as {example}"
            ),
            None => format!("{id:?} is not an operation name. Names look like this:\n  {example}"),
        })
    }

    /// `form` with this id and this place; else what is missing, if anything can be done about it.
    fn fill(&self, form: &str, id: &str) -> Result<String, Option<&'static str>> {
        let (parents, last) = form.rsplit_once('/').ok_or(None)?;
        if !last.starts_with('{') {
            return Err(None);
        }
        let mut name = String::new();
        for segment in parents.split('/') {
            let filled = match segment {
                "{project}" => self.project.as_deref().ok_or(Some("project"))?,
                "{location}" | "{region}" | "{zone}" => self.location.as_deref().ok_or(Some("location"))?,
                part if part.starts_with('{') => return Err(None),
                fixed => fixed,
            };
            name = format!("{name}{filled}/");
        }
        Ok(name + id)
    }
}
