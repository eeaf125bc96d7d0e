//! `opwatch list`: the operations of a service, as a table.

mod pick;
mod rows;
mod table;

use std::process::ExitCode;

use clap::Args;

pub(super) use self::pick::pick;
use self::rows::{Row, Wanted, json};
use super::named::known_service;
use super::{USAGE, google, refused};
use crate::clock::{CALL_LIMIT, Clock, SystemClock};
use crate::google::{CallError, Google, LOGIN};
use crate::services::{ListPlace, NoList, OperationList, Service};
use crate::settings::{CheckSettings, CommonArgs, ListArgs, Place, Surroundings, default_project};
use crate::terminal;

/// Operations on a page.
const PAGE: u32 = 100;
/// The most pages that are read, and the most operations that are shown.
const MOST_PAGES: usize = 50;
const MOST: usize = 1_000;

/// Arguments of `opwatch list`.
#[derive(Args, Clone, Debug)]
pub struct ListCommandArgs {
    /// Service whose operations to list, such as datastore (`opwatch services` lists them)
    #[arg(long)]
    pub service: String,
    /// Which operations
    #[command(flatten)]
    pub list: ListArgs,
    /// Print a JSON array
    #[arg(long)]
    pub json: bool,
    /// Settings that `serve` has too
    #[command(flatten)]
    pub common: CommonArgs,
}

/// What a list came to.
#[derive(Debug, Default)]
struct Listing {
    rows: Vec<Row>,
    /// There are more than were read.
    is_cut: bool,
    /// Locations that did not answer.
    unreachable: Vec<String>,
}

/// Runs `opwatch list`: 0 when the operations could be read, 1 when not, 64 for a service without a list and for bad arguments.
pub async fn run(args: &ListCommandArgs) -> ExitCode {
    let prepared = args.common.check().map_err(|bad| bad.to_string());
    let prepared = prepared.and_then(|settings| {
        let service = known_service(&args.service)?;
        Ok((list_of(service, &args.list.place())?, args.list.since()?, settings))
    });
    let (list, since, settings) = match prepared {
        Ok(prepared) => prepared,
        Err(text) => return refused(text),
    };
    let CheckSettings { locale, .. } = settings;
    let google = match google(settings.access_token, settings.endpoints) {
        Ok(google) => google,
        Err(code) => return code,
    };
    let since = since.map(|since| SystemClock.now() - since);
    let wanted = Wanted { running: args.list.running, since };
    let listing = match read(&google, &list, wanted).await {
        Ok(listing) => listing,
        Err(error) => return not_read(&list, args.list.location.is_some(), &error),
    };
    let now = SystemClock.now();
    if args.json {
        terminal::line(format_args!("{:#}", json(&listing.rows)));
    } else {
        let unicode = Surroundings::read().unicode;
        let columns = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        let lines = table::table(&listing.rows, locale, now, unicode, columns);
        lines.iter().for_each(terminal::line);
    }
    remark(&listing);
    ExitCode::SUCCESS
}

/// Says what is not in the list.
fn remark(listing: &Listing) {
    if listing.rows.is_empty() {
        terminal::error("opwatch: no operations");
    }
    if listing.is_cut {
        terminal::error("opwatch: there are more: choose with --running, --since or --location");
    }
    if !listing.unreachable.is_empty() {
        terminal::error(format_args!(
            "opwatch: not all locations responded: {}",
            listing.unreachable.join(", ")
        ));
    }
}

/// The list that `args` ask for.
///
/// # Errors
/// With what to do where there is none.
fn list_of(service: Service, place: &Place<'_>) -> Result<OperationList, String> {
    let project = place.project.map(str::to_owned).or_else(default_project).ok_or(
        "no project: add --project, or set GOOGLE_CLOUD_PROJECT, or run `gcloud config set project PROJECT`",
    )?;
    let place = ListPlace { project: &project, location: place.location, database: place.database };
    service.operation_list(place).map_err(|why| match why {
        NoList::None => format!(
            "{service} has no list of the operations of a project. The console may show them: {}",
            service.console_page(&project)
        ),
        NoList::NeedsLocation => {
            format!("{service} lists the operations of one location: add --location, such as --location europe-west1")
        }
        NoList::HasNoLocations => format!("{service} has one list for all locations: leave out --location"),
        NoList::Unusable => {
            "--project, --location or --database has characters that an ID can't have".to_owned()
        }
    })
}

/// Reads the pages of `list`, the newest operations first.
///
/// # Errors
/// When a page can't be read.
async fn read(google: &Google, list: &OperationList, wanted: Wanted) -> Result<Listing, CallError> {
    let mut listing = Listing::default();
    let mut token = String::new();
    for number in 1.. {
        let page = google.page(list, &token, PAGE, CALL_LIMIT).await?;
        listing.rows.extend(page.operations.into_iter().map(Row::of).filter(|row| wanted.has(row)));
        listing.unreachable.extend(page.unreachable);
        let Some(next) = page.next else { break };
        if number == MOST_PAGES || listing.rows.len() > MOST {
            listing.is_cut = true;
            break;
        }
        token = next;
    }
    listing.rows.sort_by_key(|row| std::cmp::Reverse(row.info.start));
    listing.is_cut |= listing.rows.len() > MOST;
    listing.rows.truncate(MOST);
    listing.unreachable.dedup();
    Ok(listing)
}

/// Says why there is no list.
fn not_read(list: &OperationList, has_location: bool, error: &CallError) -> ExitCode {
    let service = list.service();
    terminal::error(format_args!("opwatch: the operations of {service} could not be listed: {error}"));
    match error {
        CallError::NoToken(_) => terminal::error(format_args!("opwatch: {LOGIN}")),
        CallError::Refused(refusal) if !has_location && [400, 404].contains(&refusal.http) => {
            terminal::error(format_args!("opwatch: {service} may list one location only: add --location"));
            return ExitCode::from(USAGE);
        }
        CallError::Refused(_) | CallError::NoAnswer(_) | CallError::Unreadable { .. } => {}
    }
    ExitCode::FAILURE
}
