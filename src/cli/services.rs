//! `opwatch services`: the services whose operations can be followed.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::refused;
use crate::services::{Operation, Service};
use crate::terminal;

/// Arguments of `opwatch services`.
#[derive(Args, Clone, Debug)]
pub struct ServicesArgs {
    /// Print a JSON array
    #[arg(long)]
    pub json: bool,
    /// Only the services that an operation with this name can belong to
    #[arg(long, value_name = "NAME")]
    pub find: Option<String>,
}

/// Runs `opwatch services`: 0, or 64 when no service has names like the one to find.
pub fn run(args: &ServicesArgs) -> ExitCode {
    let services: Vec<Service> = match &args.find {
        None => Service::all().collect(),
        Some(name) => {
            let all: Vec<_> = Service::all().collect();
            Operation::candidates(&all, name).iter().map(Operation::service).collect()
        }
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

fn row(service: Service) -> Value {
    json!({
        "id": service.id(),
        "title": service.title(),
        "base": service.base_form(),
        "version": service.version(),
        "names": service.forms().collect::<Vec<_>>(),
        "paths": service.forms().map(|form| service.get_form(form)).collect::<Vec<_>>(),
        "kind": service.kind(),
        "reads": service.reads(),
        "words": service.words(),
        "starts": service.start_example().is_some(),
        "permission": service.permission(),
        "gcloud": service.gcloud(),
    })
}
