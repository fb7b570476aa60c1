//! Documents that a unit gives when it is asked. What it gives is looked at before it is taken: another form, another
//! client or half a document is the unit's fault, is told as such, and nothing is made up in its place.

use super::http_client::{Caller, Failed};
use super::inbox::{Accept, MESSAGE_BYTES_MAX, Refused};
use super::lane;
use super::settings::HttpPullTable;
use crate::diag::codes::{self, Code};
use crate::store::Class;
use std::time::Duration;

/// Bytes of a file of ids.
const IDS_BYTES_MAX: u64 = 16 << 20;

/// A unit that is asked.
pub struct HttpPull {
    connection: String,
    unit: Option<&'static str>,
    table: HttpPullTable,
    caller: Caller,
}

/// What one round came to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Round {
    /// Documents that were taken; those that are known already count.
    pub taken: usize,
    /// What went wrong first.
    pub failed: Option<&'static Code>,
}

impl HttpPull {
    /// Reads the files that the settings name; nothing is asked yet.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn new(connection: &str, unit: Option<&'static str>, table: HttpPullTable) -> Result<Self, String> {
        let caller = Caller::new(table.ca.as_deref(), table.token_file.as_deref(), table.timeout_ms)?;
        Ok(Self { connection: connection.to_owned(), unit, table, caller })
    }

    /// How long to wait between two rounds.
    pub fn every(&self) -> Duration {
        Duration::from_secs(self.table.every_seconds.max(1))
    }

    /// Asks for every document once. One that is not given does not keep others from being asked for, unless the unit
    /// does not answer at all.
    pub async fn round(&self, inbox: &impl Accept) -> Round {
        let mut round = Round::default();
        let url = self.table.url.get_ref();
        if !url.contains("{id}") {
            round.count(self.one(inbox, url, None).await);
            return round;
        }
        let ids = match self.ids() {
            Ok(ids) => ids,
            Err(code) => {
                round.failed = Some(code);
                return round;
            }
        };
        for id in ids {
            let outcome = self.one(inbox, &url.replace("{id}", &encoded(&id)), Some(&id)).await;
            let is_silent = outcome.as_ref().is_err_and(|failed| is_of_the_way(failed.code));
            round.count(outcome);
            if is_silent {
                break;
            }
        }
        round
    }

    async fn one(&self, inbox: &impl Accept, url: &str, id: Option<&str>) -> Result<(), Failed> {
        let answer = self.caller.get(url, MESSAGE_BYTES_MAX).await?;
        let lies = |code: &'static Code| Failed { class: Class::Transport, code };
        if self.table.media_type.as_deref().is_some_and(|media| !media.eq_ignore_ascii_case(&answer.media)) {
            return Err(lies(codes::SOURCE_MEDIA));
        }
        // What cannot be read is not taken: the unit is asked again, and gives the whole one day.
        let taken = lane::taken(self.unit, &answer.body).map_err(lies)?;
        if id.is_some_and(|id| !lane::names(&taken, id)) {
            return Err(lies(codes::SOURCE_OTHER_CLIENT));
        }
        let received = lane::received(&self.connection, self.unit, answer.body);
        inbox.accept(received).await.map(drop).map_err(|refused| match refused {
            Refused::TooLong => lies(codes::MESSAGE_LONG),
            Refused::Busy | Refused::Failed | Refused::UnknownConnection => lies(codes::STORE_BUSY),
        })
    }

    fn ids(&self) -> Result<Vec<String>, &'static Code> {
        let mut ids = self.table.ids.clone();
        if let Some(path) = &self.table.ids_file {
            let is_short = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() <= IDS_BYTES_MAX);
            let text = std::fs::read_to_string(path).ok().filter(|_| is_short).ok_or(codes::FILE)?;
            ids.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
        }
        Ok(ids)
    }
}

impl Round {
    fn count(&mut self, outcome: Result<(), Failed>) {
        match outcome {
            Ok(()) => self.taken += 1,
            Err(failed) => self.failed = self.failed.or(Some(failed.code)),
        }
    }
}

/// True where nobody answered: then nobody answers for the next client either.
fn is_of_the_way(code: &Code) -> bool {
    code == codes::SOURCE_DOWN || code == codes::SOURCE_SLOW
}

/// An id as a part of an address (RFC 3986, 2.3).
fn encoded(id: &str) -> String {
    let part = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    id.bytes().map(part).collect()
}
