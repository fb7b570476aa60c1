//! `$audit-log`: the client's own log of who saw and changed their data (Act 703/2023, 11), each event told in plain
//! Finnish, Swedish or English.

use super::Input;
use crate::diag::Language;
use crate::server::Server;
use crate::server::answer::Answer;
use crate::server::call::Call;
use crate::server::reading::name_of;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::store::Store;

/// The parameters that the log itself understands.
const PASSED_ON: [&str; 6] = ["date", "agent", "action", "outcome", "_count", "_page"];

impl<S: Store> Server<S> {
    /// Events about one client, newest first. `language` is fi, sv or en.
    pub(super) async fn audit_log_of(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        if !self.is_audited() {
            return Err(Refusal::new(Why::NoRoute, "this server keeps no audit"));
        }
        let patient = name_of(call)?;
        let language = match input.text("language").as_deref() {
            None | Some("en") => Language::En,
            Some("fi") => Language::Fi,
            Some("sv") => Language::Sv,
            Some(_) => return Err(Refusal::new(Why::QueryForm, "language is fi, sv or en")),
        };
        let pairs: Vec<_> = PASSED_ON
            .iter()
            .flat_map(|name| input.texts(name).into_iter().map(|value| ((*name).to_owned(), value)))
            .collect();
        self.audit_of_client(call, &patient.id, &pairs, language).await
    }
}
