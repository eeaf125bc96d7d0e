//! The table in `docs/services.md` is that of the code.

use std::collections::BTreeMap;
use std::{env, fs};

use opwatch::services::Service;

use super::page::root;

const FILE: &str = "docs/services.md";
/// The table follows this line.
const MARK: &str =
    "<!-- Generated: OPWATCH_UPDATE=1 cargo test --test opwatch docs:: rewrites what follows. -->\n\n";

/// The permissions that `deploy/up` puts into its role, apart from those of starts.
const PERMISSIONS: &str = "deploy/lib/permissions.json";

#[test]
fn the_role_of_a_deployment_has_the_permissions_of_the_table() {
    let own = Service::all().filter(|service| service.start_example().is_none());
    let permissions: BTreeMap<_, _> =
        own.filter_map(|service| Some((service.id(), service.permission()?))).collect();
    let text = format!("{}\n", serde_json::to_string_pretty(&permissions).unwrap());
    let path = root().join(PERMISSIONS);
    if env::var_os("OPWATCH_UPDATE").is_some() {
        fs::write(&path, text).unwrap();
    } else {
        let is_current = fs::read_to_string(&path).is_ok_and(|now| now == text);
        assert!(
            is_current,
            "{PERMISSIONS} is out of date: OPWATCH_UPDATE=1 cargo test --test opwatch docs::"
        );
    }
}

#[test]
fn the_page_of_services_has_every_service() {
    let table = |jobs: bool| {
        let rows = Service::all().filter(|service| service.has_jobs() == jobs).map(|service| {
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
