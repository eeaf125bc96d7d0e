//! Looks for an operation that a start would begin a second time: in as many lists as the service's reference asks for, page
//! by page, over several deliveries where a list is long.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Starter;
use crate::clock::Deadline;
use crate::decision::{Claim, Known, Query};
use crate::google::{CallError, Google, Page, PageOf};
use crate::services::{Listed, Observation, Operation};
use crate::watch::{Adopted, LookUp, Start};

/// A start with less time than this is not sent: cut off, it may have begun.
pub(super) const START_TIME: Duration = Duration::from_secs(5);
/// Operations on a page. An answer may have 1 MiB, and each operation repeats its start's body, which may have 12 KiB: after
/// an answer that is too long smaller pages are asked for.
const PAGE: u32 = 250;
/// How much smaller.
const SMALLER: u32 = 5;

/// What a look-up came to.
pub(super) enum Found {
    /// This operation is there already.
    Operation(Box<Listed>, Adopted, Option<DateTime<Utc>>),
    /// None is; what was read need not be read again when there is no time left for the start.
    Nothing(LookUp, Option<DateTime<Utc>>),
    /// There was no time for the whole: it goes on there.
    Later(LookUp, Option<DateTime<Utc>>),
    /// A call failed: the next try goes on there.
    Failed(Box<CallError>, LookUp),
}

/// One look-up, or a part of it.
struct Search<'a> {
    google: &'a Google,
    start: &'a Start,
    known: Known<'a>,
    lost: bool,
    deadline: Deadline,
    place: LookUp,
    /// Its place comes from an earlier delivery.
    is_resumed: bool,
    size: u32,
    found: Option<(Listed, Adopted)>,
    date: Option<DateTime<Utc>>,
}

/// Why a search stops before its end.
enum Stop {
    Found,
    NoTime,
    Failed(CallError),
}

impl Starter {
    /// Looks for what `start` would begin a second time, or, when it got `lost`, for what it may have begun.
    pub(super) async fn search(&self, start: &Start, lost: bool, deadline: Deadline) -> Found {
        let place = start.look_up.clone().filter(|_| !lost).unwrap_or_default();
        let mut search = Search {
            google: &self.google,
            start,
            known: Known::of(start),
            lost,
            deadline,
            is_resumed: place.has_begun(),
            place,
            size: PAGE,
            found: None,
            date: None,
        };
        let stopped = match search.read().await {
            Ok(()) => search.recall().await,
            stopped => stopped,
        };
        search.outcome(stopped)
    }
}

impl Search<'_> {
    fn outcome(self, stopped: Result<(), Stop>) -> Found {
        match (stopped, self.found) {
            (Ok(()) | Err(Stop::Found), Some((listed, adopted))) => {
                Found::Operation(Box::new(listed), adopted, self.date)
            }
            (Ok(()) | Err(Stop::Found), None) => Found::Nothing(self.place, self.date),
            (Err(Stop::NoTime), _) => Found::Later(self.place.bounded(&self.start.request), self.date),
            (Err(Stop::Failed(error)), _) => {
                Found::Failed(Box::new(error), self.place.bounded(&self.start.request))
            }
        }
    }

    /// Reads the lists from where it is to their end.
    async fn read(&mut self) -> Result<(), Stop> {
        loop {
            let queries = self.known.queries(self.place.refused);
            let number = usize::try_from(self.place.query).unwrap_or(usize::MAX);
            let Some(query) = queries.get(number) else { break };
            if let Some(page) = self.page(query).await? {
                self.turn(query, page, queries.len());
            }
        }
        if self.is_resumed {
            // What another delivery began meanwhile: new operations come first, as far as is known.
            for query in self.known.queries(self.place.refused) {
                let of = PageOf { filter: &query.filter, token: "", size: self.size };
                let page = self.ask(of).await?.map_err(Stop::Failed)?;
                self.consider(page)?;
            }
        }
        Ok(())
    }

    /// Reads the page where it is; none when it must be asked for in another way.
    async fn page(&mut self, query: &Query) -> Result<Option<Page>, Stop> {
        let token = self.place.token.clone();
        let error = match self.ask(PageOf { filter: &query.filter, token: &token, size: self.size }).await? {
            Ok(page) => return self.consider(page).map(Some),
            Err(error) => error,
        };
        let is_refused = error.http() == Some(400);
        if error.is_too_long() && self.size > 1 {
            self.size = (self.size / SMALLER).max(1);
        } else if is_refused && !token.is_empty() {
            // Tokens expire: https://google.aip.dev/158.
            self.place.token = String::new();
        } else if is_refused && query.optional {
            tracing::warn!(
                filter = query.filter,
                "the filter was rejected: reading the list without it: {error}"
            );
            self.place = LookUp { refused: true, found: self.place.found.take(), ..LookUp::default() };
        } else {
            return Err(Stop::Failed(error));
        }
        Ok(None)
    }

    /// Asks for a page while there is time to start afterwards.
    async fn ask(&mut self, page: PageOf<'_>) -> Result<Result<Page, CallError>, Stop> {
        let limit = self.deadline.for_call();
        if limit < START_TIME {
            return Err(Stop::NoTime);
        }
        let page = self.google.list(&self.start.request, page, limit).await;
        self.date = page.as_ref().map_or_else(CallError::date, |page| page.date).or(self.date);
        Ok(page)
    }

    /// Goes on to the next page.
    fn turn(&mut self, query: &Query, page: Page, queries: usize) {
        match page.next {
            Some(token) if query.whole => {
                self.place.token = token;
                return;
            }
            // The first page of a long list: those after it have what is looked for.
            Some(_) => self.place.query += 1,
            None if query.whole => self.place.query += 1,
            None => self.place.query = u32::try_from(queries).unwrap_or(u32::MAX),
        }
        self.place.token = String::new();
    }

    fn consider(&mut self, page: Page) -> Result<Page, Stop> {
        for found in &page.listed {
            let claim = if self.lost { self.known.claim_of_lost(found) } else { self.known.claim(found) };
            match claim {
                Claim::No => {}
                Claim::Perhaps(adopted) => {
                    self.place.found = self.known.name_of(found);
                    self.found = Some((found.clone(), adopted));
                }
                Claim::Yes(adopted) => {
                    self.found = Some((found.clone(), adopted));
                    return Err(Stop::Found);
                }
            }
        }
        Ok(page)
    }

    /// Looks at what an earlier delivery found, now that nothing better was.
    async fn recall(&mut self) -> Result<(), Stop> {
        let (None, Some(name)) = (&self.found, &self.place.found) else { return Ok(()) };
        let Ok(operation) = Operation::new(self.start.request.service(), name) else { return Ok(()) };
        let limit = self.deadline.for_call();
        let look = self.google.look(&operation, limit).await;
        self.date = look.date.or(self.date);
        match look.observation {
            Observation::Unavailable(error) => Err(Stop::Failed(CallError::Unreadable { error, date: None })),
            // It is gone: nothing of it is left to be started twice.
            observation @ (Observation::Running(_) | Observation::Ended(..) | Observation::Unreadable(_)) => {
                let listed = self.known.found_before(operation, observation);
                self.found = listed.map(|listed| (listed, Adopted::Request));
                Ok(())
            }
        }
    }
}
