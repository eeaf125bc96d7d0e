//! `opwatch services`: the services whose operations can be followed.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::refused;
use crate::services::{Operation, Service};
use crate::settings::{ExtraArgs, Selection};
use crate::terminal;

/// Arguments of `opwatch services`.
#[derive(Args, Clone, Debug)]
pub struct ServicesArgs {
    /// Print a JSON array
    #[arg(long)]
    pub json: bool,
    /// Only the services that an operation with this name or URL can belong to
    #[arg(long, value_name = "NAME|URL")]
    pub find: Option<String>,
    /// Print the permissions that a role needs for these services: a list as in SERVICES, such as all,-compute
    #[arg(long, value_name = "SERVICES", conflicts_with_all = ["find", "json"])]
    pub permissions: Option<String>,
    /// What services there are
    #[command(flatten)]
    pub extra: ExtraArgs,
}

/// Runs `opwatch services`: 0, or 64 when no service has names like the one to find or an argument can't be used.
pub fn run(args: &ServicesArgs) -> ExitCode {
    if let Err(bad) = args.extra.check() {
        return refused(bad);
    }
    if let Some(services) = &args.permissions {
        return permissions(services);
    }
    let services: Vec<Service> = match &args.find {
        None => Service::all().collect(),
        Some(name) => find(name).iter().map(Operation::service).collect(),
    };
    if let Some(name) = args.find.as_ref().filter(|_| services.is_empty()) {
        return refused(format_args!(
            "no service has operations with names like {name:?}; `opwatch services` shows an example of each"
        ));
    }
    if args.json {
        let rows: Vec<Value> = services.into_iter().map(row).collect();
        terminal::line(format_args!("{:#}", Value::Array(rows)));
    } else {
        for service in services {
            let (id, title) = (service.id(), service.title());
            terminal::line(format_args!("{id:28} {title:44} {}", service.name_example()));
        }
    }
    ExitCode::SUCCESS
}

/// The operations that have this name or URL.
fn find(name: &str) -> Vec<Operation> {
    let by_name = || Operation::candidates(&Service::all().collect::<Vec<_>>(), name);
    Operation::of_url(name).unwrap_or_else(by_name)
}

/// Prints the permissions for `services`, one a line, and says which services have no known one.
fn permissions(services: &str) -> ExitCode {
    let services = match Selection::parse(services) {
        Ok(selection) => selection.services,
        Err(why) => return refused(format_args!("--permissions: {why}")),
    };
    let all = services.iter().map(|service| service.role_permissions(false)).collect::<Vec<_>>().join(",");
    let all: BTreeSet<&str> = all.split(',').filter(|permission| !permission.is_empty()).collect();
    all.into_iter().for_each(terminal::line);
    let unknown = services
        .into_iter()
        .filter(|service| service.permission().is_none() && service.start_example().is_none());
    let unknown = Service::list(unknown);
    if !unknown.is_empty() {
        terminal::error(format_args!(
            "opwatch: no permission is known for {unknown}: grant a role that can read their operations"
        ));
    }
    ExitCode::SUCCESS
}

fn row(service: Service) -> Value {
    json!({
        "id": service.id(),
        "title": service.title(),
        "base": service.base_form(),
        "version": service.version(),
        "names": service.forms().collect::<Vec<_>>(),
        "paths": service.forms().map(|form| service.get_form(form)).collect::<Vec<_>>(),
        "detail": service.detail_form().map(|(path, texts)| json!({"path": path, "texts": texts})),
        "kind": service.kind(),
        "reads": service.reads(),
        "words": service.words(),
        "starts": service.start_example().is_some(),
        "permission": service.permission(),
        "gcloud": service.gcloud(),
    })
}
