//! Units that have not answered: named on every joined plan of their tenant, for nobody knows of whom they would have
//! told something. What they gave last stays on the plan; nothing is put in the place of what is missing.

use super::Server;
use super::caller::Caller;
use super::moment;
use super::refusal::Outcome;
use super::sight;
use crate::diag::{Issue, Language, Severity, Span, codes, message};
use crate::store::{Source, Store};

/// Characters of a FHIR `instant` up to its minute.
const TO_THE_MINUTE: usize = 16;

impl<S: Store> Server<S> {
    /// What is to be said of units that have not answered, by their names.
    pub(super) async fn silent(&self, caller: &Caller) -> Outcome<Vec<Issue>> {
        let sources = self.store.sources().await.map_err(|error| sight::refusal(&error))?;
        let of_tenant = sources.iter().filter(|source| source.tenant == caller.tenant);
        Ok(of_tenant.filter_map(|source| self.silence(source)).collect())
    }

    fn silence(&self, source: &Source) -> Option<Issue> {
        let failed = source.failed?;
        let unit = match self.access.unit(source.tenant, &source.unit) {
            Some(unit) => unit.name.as_str(),
            None if source.unit.is_empty() => source.connection.as_str(),
            None => source.unit.as_str(),
        };
        let said = match source.answered {
            Some(answered) => {
                let since = minute(answered);
                message!(
                    "{unit} has not answered since {since}: what it has changed since then is missing here",
                    unit,
                    since
                )
            }
            None => {
                let since = minute(failed);
                message!(
                    "{unit} has never answered, and has been asked since {since}: what it knows is missing here",
                    unit,
                    since
                )
            }
        };
        Some(Issue::said(codes::UNIT_NOT_ANSWERED, Severity::Warning, Span::default(), said, None))
    }
}

/// The words for people.
pub(super) fn words(issues: &[Issue], language: Language) -> impl Iterator<Item = String> + use<'_> {
    issues.iter().map(move |issue| issue.message_in(language).0.into_owned())
}

/// A moment as people read it, in UTC.
fn minute(micros: i64) -> String {
    let mut text = moment::instant(micros);
    text.truncate(TO_THE_MINUTE);
    format!("{} UTC", text.replace('T', " "))
}
