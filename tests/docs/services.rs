//! The table in `docs/services.md` is that of the code.

use std::collections::BTreeMap;
use std::{env, fs};

use opwatch::services::{Place, Service};
use serde_json::json;

use super::page::root;

const FILE: &str = "docs/services.md";
/// The table follows this line.
const MARK: &str =
    "<!-- Generated: OPWATCH_UPDATE=1 cargo test --test opwatch docs:: rewrites what follows. -->\n\n";

/// What `deploy/up` knows of the services: it runs where opwatch is not built.
const DEPLOYED: &str = "deploy/lib/services.json";

#[test]
fn deploy_up_has_the_permissions_of_the_table() {
    let row = |service: Service| {
        let permissions = service.permission().into_iter().chain(service.detail_permission());
        let permissions: Vec<_> = permissions.flat_map(|list| list.split(',')).collect();
        let place = match service.place() {
            Place::Project => "project",
            Place::ProjectAndAbove => "projectAndAbove",
            Place::AboveProject => "aboveProject",
        };
        json!({"permissions": permissions, "place": place})
    };
    let rows: BTreeMap<_, _> = Service::table().map(|service| (service.id(), row(service))).collect();
    let lines: Vec<_> = rows.iter().map(|(id, row)| format!("  {id:?}: {row}")).collect();
    let text = format!("{{\n{}\n}}\n", lines.join(",\n"));
    let path = root().join(DEPLOYED);
    if env::var_os("OPWATCH_UPDATE").is_some() {
        fs::write(&path, text).unwrap();
    } else {
        let is_current = fs::read_to_string(&path).is_ok_and(|now| now == text);
        assert!(is_current, "{DEPLOYED} is out of date: OPWATCH_UPDATE=1 cargo test --test opwatch docs::");
    }
}

#[test]
fn the_page_of_services_has_every_service() {
    let table = |jobs: bool| {
        let rows = Service::table().filter(|service| service.has_jobs() == jobs).map(|service| {
            let names = service.forms().map(|form| format!("`{form}`")).collect::<Vec<_>>().join("<br>");
            let permission = service.permission().map(|text| format!("`{}`", text.replace(',', "`<br>`")));
            let (id, title) = (service.id(), service.title());
            let title = if jobs { format!("{title} {}", service.kind()) } else { title.to_owned() };
            format!("| `{id}` | {title} | {names} | {} |\n", permission.unwrap_or("–".to_owned()))
        });
        rows.collect::<String>()
    };
    let head = |first: &str| {
        format!(
            "| `service` | {first} | names of operations | permission to read one |\n| --- | --- | --- | --- |\n"
        )
    };
    let table = format!("{}{}\n## All jobs\n\n{}{}", head("API"), table(false), head("job"), table(true));
    let path = root().join(FILE);
    let page = fs::read_to_string(&path).unwrap();
    let (before, now) = page.split_once(MARK).expect("the line that the table follows");
    if env::var_os("OPWATCH_UPDATE").is_some() {
        fs::write(&path, format!("{before}{MARK}{table}")).unwrap();
    } else {
        assert!(now == table, "{FILE} is out of date: OPWATCH_UPDATE=1 cargo test --test opwatch docs::");
    }
}
