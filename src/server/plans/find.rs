//! What the store holds that meets a few values: searches that no request made. They see everything of the tenant: whose
//! plans are one client's, and what of them a requester may see, is decided by `plan` from all that there is.

use crate::search::{Base, Handling, Selection};
use crate::server::Server;
use crate::server::caller::Caller;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::store::{Name, Record, Store};
use std::sync::Arc;

/// Values of one search; more are looked for in several.
const VALUES_AT_ONCE: usize = 100;
/// Resources that one search of this module may find: more than one person's documents ever are.
pub(super) const FOUND_MAX: usize = 5_000;

/// A value of a token parameter, with what has a meaning there written so that it has none.
pub(super) fn token(system: Option<&str>, value: &str) -> String {
    let plain = |text: &str| {
        let mut out = String::with_capacity(text.len());
        for character in text.chars() {
            if matches!(character, '\\' | ',' | '|' | '$') {
                out.push('\\');
            }
            out.push(character);
        }
        out
    };
    system.map_or_else(|| plain(value), |system| format!("{}|{}", plain(system), plain(value)))
}

impl<S: Store> Server<S> {
    /// The selection of a search and all that it gives.
    pub(super) async fn select(
        &self,
        caller: &Caller,
        base: Base<'_>,
        pairs: &[(&str, String)],
    ) -> Outcome<(Selection, Vec<Arc<Record>>)> {
        let pairs: Vec<(String, String)> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let mut parsed = self.parsed(base, &pairs, Handling::Strict)?;
        parsed.search.count = u32::try_from(FOUND_MAX).ok();
        let found = self.whole(caller).search(&parsed.search).await?;
        if found.next.is_some() {
            return Err(Refusal::new(Why::BodyLong, "more is stored of one client than is read at once"));
        }
        Ok((parsed.search.selection, found.records))
    }

    /// Every resource of a type one of whose values of a parameter is among these.
    pub(super) async fn any_of(
        &self,
        caller: &Caller,
        (kind, parameter): (&str, &str),
        values: &[String],
        more: &[(&str, String)],
    ) -> Outcome<Vec<Arc<Record>>> {
        let mut found = Vec::new();
        for values in values.chunks(VALUES_AT_ONCE) {
            let mut pairs = vec![(parameter, values.join(","))];
            pairs.extend_from_slice(more);
            found.extend(self.select(caller, Base::Type(kind), &pairs).await?.1);
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.dedup_by(|a, b| a.name == b.name);
        Ok(found)
    }

    /// The newest version of a resource that is there.
    pub(super) async fn find_live(
        &self,
        caller: &Caller,
        kind: &str,
        id: &str,
    ) -> Outcome<Option<Arc<Record>>> {
        let record = self.whole(caller).read(&Name::new(kind, id)).await?;
        Ok(record.filter(|record| !record.is_deleted()))
    }
}
