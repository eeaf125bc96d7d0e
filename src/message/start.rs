//! From the `start` of a message to the call that it asks for.

use std::sync::LazyLock;

use super::fields::Rules;
use super::{MAX_BODY_BYTES, body, operation, wire};
use crate::placeholder::{NotKnown, Values};
use crate::services::{MAX_NAME_BYTES, Service, StartMethod, parse_start_path};
use crate::watch::{Problem, ProblemKind, StartRequest, Template};

/// The services that starts can name.
static STARTABLE: LazyLock<String> =
    LazyLock::new(|| Service::list(Service::table().filter(|service| service.look_up().is_some())));

/// Reads a start, and replaces its placeholders: what is checked here and by the settings is what is sent.
pub(super) fn read(
    mut start: wire::Start<'_>,
    is_continuation: bool,
    values: &Values,
) -> Result<StartRequest, Problem> {
    let rules = Rules { prefix: "start.", lenient: false };
    let missing = |field: &str| Problem::new(&format!("start.{field}"), ProblemKind::Missing);
    let startable = |word: &str| word.parse().ok().filter(|service: &Service| service.look_up().is_some());
    let service = rules.word("service", &mut start.service, &STARTABLE, startable)?;
    let service = service.ok_or_else(|| missing("service"))?;
    let path = rules.text("path", &mut start.path, MAX_NAME_BYTES)?.ok_or_else(|| missing("path"))?;
    let body = rules.part("body", &mut start.body)?.ok_or_else(|| missing("body"))?;
    let template = Template { path, body: body.into_owned() };
    rules.finish(start.unknown.into_owned())?;
    let path = values.expand(&template.path).map_err(|found| not_known("start.path", found))?;
    let body = values.expand_object(&template.body).map_err(|found| not_known("start.body", found))?;
    let (method, _) = parse_start_path(service, &path).map_err(|_| {
        let other = Service::table().find(|other| parse_start_path(*other, &path).is_ok());
        operation::misfit("start.path", other, service.start_example().unwrap_or_default())
    })?;
    let size = |body| serde_json::to_vec(body).map_or(0, |json| json.len());
    let size = size(&body).max(size(&template.body));
    if size > MAX_BODY_BYTES {
        return Err(Problem::new("start.body", ProblemKind::TooLarge { size, most: MAX_BODY_BYTES }));
    }
    body::check(&body)?;
    if !is_continuation {
        body::check_own(method, &body)?;
    }
    let template = Some(template).filter(|template| (&template.path, &template.body) != (&path, &body));
    Ok(StartRequest { method, path, body, template: template.map(Box::new) })
}

fn not_known(field: &str, found: NotKnown) -> Problem {
    Problem::new(&format!("{field}{}", found.at), ProblemKind::NotAPlaceholder { found: found.text })
}

/// The start that a watch began with. It is shown and never called.
pub(super) fn origin(start: wire::Start<'_>) -> Option<StartRequest> {
    let service: Service = start.service.ok()?.parse().ok()?;
    let path = start.path.ok()?.into_owned();
    let method = StartMethod::find(service, path.rsplit_once(':')?.1)?;
    let body = start.body.ok()?.into_owned();
    StartRequest { method, path, body, template: None }.as_origin()
}
