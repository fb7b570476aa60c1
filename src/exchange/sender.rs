//! Sends what waits in the outbox, each message by the connection that it is for.

use super::directory::Outgoing;
use super::http_client::{Caller, Failed};
use super::mllp;
use super::settings::{Direction, Kind, Settings};
use super::worker::{Apply, Trouble, end};
use crate::diag::codes;
use crate::store::{Class, Message, QueueFault};
use std::collections::HashMap;
use std::sync::Arc;

/// What is sent where the settings name no media type.
const ANY_MEDIA: &str = "application/octet-stream";

/// Where one connection sends to.
pub(super) enum Target {
    Directory(Outgoing),
    Http { caller: Caller, url: String, media: String },
    Mllp(mllp::Outgoing),
}

/// Sends what waits.
pub struct Sender<A> {
    apply: Arc<A>,
    targets: HashMap<String, Target>,
}

impl<A: Apply> Sender<A> {
    /// The targets of the settings.
    ///
    /// # Errors
    /// Which connection cannot be used, and why.
    pub fn new(apply: Arc<A>, settings: &Settings) -> Result<Self, String> {
        Self::targets(settings).map(|targets| Self { apply, targets })
    }

    /// The targets of the settings by the names of their connections.
    ///
    /// # Errors
    /// Which connection cannot be used, and why.
    pub(super) fn targets(settings: &Settings) -> Result<HashMap<String, Target>, String> {
        let mut targets = HashMap::new();
        for table in &settings.connections {
            let name = table.name.get_ref();
            let told = |why: &dyn std::fmt::Display| format!("connection `{name}`: {why}");
            let target = match (table.kind.get_ref(), table.direction()) {
                (Kind::Directory, Direction::Out) => {
                    let directory = table.directory.as_ref().map(Outgoing::new).transpose();
                    directory.map_err(|error| told(&error))?.map(Target::Directory)
                }
                (Kind::HttpPush, _) => match &table.http_push {
                    Some(push) => {
                        let (ca, token) = (push.ca.as_deref(), push.token_file.as_deref());
                        let caller = Caller::new(ca, token, push.timeout_ms).map_err(|why| told(&why))?;
                        let media = push.media_type.clone().unwrap_or_else(|| ANY_MEDIA.to_owned());
                        Some(Target::Http { caller, url: push.url.get_ref().clone(), media })
                    }
                    None => None,
                },
                (Kind::MllpSend, _) => {
                    let outgoing = table.mllp_send.as_ref().map(|table| mllp::Outgoing::new(name, table));
                    outgoing.transpose().map_err(|why| told(&why))?.map(Target::Mllp)
                }
                (Kind::Directory | Kind::HttpPull | Kind::Fhir | Kind::MllpListen, _) => None,
            };
            targets.extend(target.map(|target| (name.clone(), target)));
        }
        Ok(targets)
    }

    async fn send(&self, message: &Message) -> Result<String, QueueFault> {
        let fault = |class, code: &str| QueueFault { class, code: code.to_owned() };
        match self.targets.get(&message.connection) {
            // The settings may name it again one day; until then it waits.
            None => Err(fault(Class::Transport, codes::EXCHANGE_SETTINGS.id)),
            Some(Target::Directory(folder)) => {
                folder.send(message).map_err(|_| fault(Class::Transport, codes::FILE.id))
            }
            Some(Target::Http { caller, url, media }) => {
                let body = message.body.as_deref().unwrap_or_default().to_vec();
                let answer = caller.post(url, media, &message.key, body).await;
                answer.map(|answer| format!("status {}", answer.status)).map_err(Failed::fault)
            }
            Some(Target::Mllp(outgoing)) => outgoing.send(message).await,
        }
    }
}

impl<A: Apply> Apply for Sender<A> {
    type Store = A::Store;

    fn store(&self) -> &A::Store {
        self.apply.store()
    }

    async fn apply(&self, message: &Message) -> Result<(), Trouble> {
        let receipt = self.send(message).await.map_err(Trouble::Fault)?;
        end(self.store(), message, Some(receipt)).await
    }
}
