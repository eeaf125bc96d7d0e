//! `EXTRA_SERVICES`: services that are not in the table.

use clap::Args;

use super::BadSettings;
use crate::args::{Problems, Setting, UNSET, reads};
use crate::net::endpoints::Api;
use crate::services::ExtraService;

const EXTRA: &str = "livestream=https://livestream.googleapis.com/v1";
/// Words that `SERVICES` and `ENDPOINTS` have for several at once.
const WORDS: [&str; 2] = [super::services::ALL, super::endpoints::OPERATIONS];

/// The services that a deployment has in addition to those of the table.
#[derive(Args, Clone, Debug)]
pub struct ExtraArgs {
    /// Services that are not in the table: ID=https://HOST/VERSION, separated by commas, such as
    /// `livestream=https://livestream.googleapis.com/v1`. Their operations must have the standard form, and their hosts must
    /// end in .googleapis.com
    #[arg(long, env = "EXTRA_SERVICES", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(EXTRA, extra))]
    pub extra_services: Setting<Vec<ExtraService>>,
}

impl ExtraArgs {
    /// Makes them known, for a command that has no other settings.
    ///
    /// # Errors
    /// With a line for each that can't be used.
    pub fn check(&self) -> Result<(), BadSettings> {
        let mut problems = Problems::default();
        self.add(&mut problems);
        problems.or(())
    }

    /// Makes them known. To be asked before services are looked up by their ids.
    pub fn add(&self, problems: &mut Problems) {
        for service in self.extra_services.check(problems).into_iter().flatten() {
            if let Err(why) = service.add() {
                self.extra_services.refuse(&why, problems);
            }
        }
    }
}

/// `ID=URL,…`. Each item that can't be used is a line of the error.
fn extra(text: &str) -> Result<Vec<ExtraService>, String> {
    let (mut services, mut wrong): (Vec<ExtraService>, _) = (Vec::new(), Vec::new());
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        match one(item) {
            Ok(service) if services.iter().any(|other| other.id() == service.id()) => {
                wrong.push(format!("{} is there twice: remove one", service.id()));
            }
            Ok(service) => services.push(service),
            Err(why) => wrong.push(why),
        }
    }
    if wrong.is_empty() { Ok(services) } else { Err(wrong.join("\n")) }
}

fn one(item: &str) -> Result<ExtraService, String> {
    let service = ExtraService::parse(item)?;
    let is_taken = |word: &str| word == service.id();
    if WORDS.into_iter().chain(Api::others().map(Api::id)).any(is_taken) {
        return Err(format!("{} has another meaning in SERVICES or ENDPOINTS: use another id", service.id()));
    }
    Ok(service)
}
