//! `$status` and `$events` of subscriptions (Subscriptions R5 Backport 1.1).

use super::Input;
use crate::server::Server;
use crate::server::answer::{Answer, Body};
use crate::server::bundle_writer::BundleWriter;
use crate::server::call::Call;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::subscription::{Content, Notice, SUBSCRIPTION, Sent, State, Subscribed, What};
use crate::store::{Method, Name, Record, Store};
use hyper::StatusCode;

/// Subscriptions of one answer.
const ASKED_MAX: usize = 100;

/// A subscription as it stands.
struct Found {
    id: String,
    asked: Subscribed,
    state: State,
}

impl<S: Store> Server<S> {
    /// How subscriptions stand.
    pub(super) async fn subscription_status(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        let ids = match &call.names.id {
            Some(id) => vec![id.clone()],
            None => input.texts("id"),
        };
        if ids.is_empty() || ids.len() > ASKED_MAX {
            return Err(input.refused("id names the subscriptions"));
        }
        let mut bundle = BundleWriter::new("searchset");
        for id in &ids {
            let found = match self.subscription(call, id).await {
                Ok(found) => found,
                Err(refusal) if refusal.why() == Why::NotFound && call.names.id.is_none() => continue,
                Err(refusal) => return Err(refusal),
            };
            let parameters = self.notice_of(&found, "query-status", &[]).parameters();
            let record = Record {
                name: Name::new("Parameters", &found.id),
                version: 1,
                updated: 0,
                method: Method::Post,
                document: None,
                client: None,
                seq: 0,
            };
            bundle.found(&self.settings.base, &record, parameters.to_string().as_bytes(), "match");
        }
        Ok(bundle.answer())
    }

    /// Notifications that were sent, by their numbers.
    pub(super) async fn subscription_events(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        let id = call.names.id.as_deref().ok_or_else(|| Refusal::plain(Why::NoRoute))?;
        let mut found = self.subscription(call, id).await?;
        let number = |name: &str| {
            let text = input.text(name);
            text.map(|text| {
                text.parse::<u64>().map_err(|_| input.refused("a number of an event is a number"))
            })
        };
        let since = number("eventsSinceNumber").transpose()?.unwrap_or(0);
        let until = number("eventsUntilNumber").transpose()?.unwrap_or(u64::MAX);
        if input.text("content").as_deref() == Some("empty") {
            found.asked.content = Content::Empty;
        } else if matches!(found.asked.what, What::Criteria { .. }) {
            found.asked.content = Content::IdOnly;
        }
        let all = found.state.sent.iter().chain(&found.state.dead);
        let sent: Vec<Sent> = all.filter(|sent| (since..=until).contains(&sent.number)).cloned().collect();
        let bundle = self.notice_of(&found, "query-event", &sent).bundle(None);
        Ok(Answer::new(StatusCode::OK, Body::Resource(bundle.into())))
    }

    async fn subscription(&self, call: &Call, id: &str) -> Outcome<Found> {
        let name = Name::new(SUBSCRIPTION, id);
        let record = self.sight(&call.caller).read(&name).await?.filter(|record| !record.is_deleted());
        let record = record.ok_or_else(|| Refusal::plain(Why::NotFound))?;
        let value = serde_json::from_slice(record.document.as_deref().unwrap_or_default());
        let asked = Subscribed::read(&value.unwrap_or_default(), &self.settings.subscriptions);
        let asked = asked.map_err(|why| Refusal::new(Why::Subscription, why))?;
        let state = self.subscription_state(call.caller.tenant, id).await?;
        Ok(Found { id: id.to_owned(), asked, state })
    }

    fn notice_of<'a>(&'a self, found: &'a Found, kind: &'static str, sent: &'a [Sent]) -> Notice<'a> {
        let error = found.state.dead.as_ref();
        Notice {
            base: &self.settings.base,
            id: &found.id,
            status: found.asked.status.as_str(),
            kind,
            has_topic: matches!(found.asked.what, What::JoinedPlan { .. }),
            events: found.state.events,
            content: found.asked.content,
            sent,
            error: error.map(|dead| format!("event {} could not be delivered", dead.number)),
        }
    }
}
