//! `Patient/[id]/$decide`: a person's decision about the plans of a client, with who, when and why. It is kept as a
//! resource of its own, followed by every join from then on, and taken back by another one.

use super::{Input, Output};
use crate::diag::{Issue, Language};
use crate::plan::decision::{About, Ask, Unsettled};
use crate::plan::permission::Request;
use crate::plan::policy::Policy;
use crate::plan::view::{View, view};
use crate::plan::{Decider, Decision, Joined, Standing, join};
use crate::server::Server;
use crate::server::answer::Answer;
use crate::server::call::Call;
use crate::server::moment;
use crate::server::plans::{Depth, Known, grants_of, now};
use crate::server::reading::name_of;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::writing::{ATTEMPTS_MAX, Extra};
use crate::store::{Expect, Store};
use serde_json::json;
use std::collections::BTreeSet;

impl<S: Store> Server<S> {
    /// Records a decision, or says what it would change.
    pub(super) async fn decide(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        let client = name_of(call)?.id;
        let others = clients_named(input);
        let start: Vec<String> = std::iter::once(client.clone()).chain(others.iter().cloned()).collect();
        let time = input.text("time").unwrap_or_else(|| moment::instant(moment::now()));
        for _ in 0..ATTEMPTS_MAX {
            let known = self.known(&call.caller, &start, Depth::Current).await?;
            if known.contributions.is_empty() {
                return Err(Refusal::plain(Why::NoPlan));
            }
            let before = join(&known.contributions, &known.decisions);
            // Who is known decides on what they see.
            let shown = call
                .caller
                .request()
                .map(|request| seen(&request, &known, self.access.policy()))
                .transpose()?;
            if let Some(view) = &shown {
                self.tell_view(&call.caller, &known, view);
            }
            let shown = shown.map(|view| view.joined);
            let made = decision(input, &known, shown.as_ref().unwrap_or(&before), &client, &time)?;
            let mut longer = known.decisions.clone();
            longer.push(made.clone());
            let after = join(&known.contributions, &longer);
            let standing = standing(&made, &after);
            if shown.is_some() && standing.is_some_and(|standing| *standing != Standing::Applied) {
                return Err(Refusal::new(Why::Undecided, "what it is about is not wholly seen"));
            }
            let joins = shown.is_none().then_some((&before, &after));
            let id = call.caller.led(made.id());
            let answer = |status: &str| {
                let mut output = told(&made, status, standing, joins);
                output.value("decision", "valueReference", json!({ "reference": format!("Basic/{id}") }));
                output.answer()
            };
            if input.flag("dry-run")?.unwrap_or(false) {
                return Ok(answer("checked"));
            }
            let clients: BTreeSet<String> =
                known.clients.iter().flatten().cloned().chain(start.iter().cloned()).collect();
            let step = self.decision_step(&call.caller, &made, &client, &clients)?;
            let stands_on = known.stands_on.iter();
            let expects = stands_on.map(|(name, version)| Expect::Version(name.clone(), Some(*version)));
            if self
                .attempt(&call.caller, &[step], Extra { expects: expects.collect(), ..Extra::default() })
                .await?
                .is_some()
            {
                return Ok(answer("decided"));
            }
        }
        Err(Refusal::plain(Why::Contention))
    }
}

/// The Patients that a decision names beside the one of the address.
fn clients_named(input: &Input) -> Vec<String> {
    let named = ["same-client", "not-same-client"].into_iter().flat_map(|name| input.texts(name));
    named.filter_map(|text| text.strip_prefix("Patient/").map(str::to_owned)).collect()
}

fn decision(input: &Input, known: &Known, joined: &Joined, client: &str, time: &str) -> Outcome<Decision> {
    let about = About { joined, contributions: &known.contributions, log: &known.decisions };
    let statement = about.statement(&ask(input, known, client)?).map_err(|unsettled| refused(&unsettled))?;
    let by = Decider {
        name: input.text("by").unwrap_or_default(),
        role: input.text("by-role").unwrap_or_default(),
        organisation: input.text("by-organisation").unwrap_or_default(),
    };
    let made = Decision::new(statement, by, time, input.text("reason").unwrap_or_default());
    made.map_err(|fault| Refusal::new(Why::Undecided, fault.to_string()))
}

fn ask(input: &Input, known: &Known, client: &str) -> Outcome<Ask> {
    let some = |name: &str| Some(input.texts(name)).filter(|named| !named.is_empty());
    let labels = |named: Vec<String>| clients(&named, known, client);
    let value = input.text("value").map(|finding| {
        let side = input.text("side").unwrap_or_default();
        Ask::Value { finding, side }
    });
    let asked: Vec<Ask> = [
        some("same").map(Ask::Same),
        some("not-same").map(Ask::NotSame),
        value,
        input.text("coordinator").map(Ask::Coordinator),
        some("same-client").map(|named| Ask::SameClient(labels(named))),
        some("not-same-client").map(|named| Ask::NotSameClient(labels(named))),
        input.text("revoke").map(Ask::Revoke),
    ]
    .into_iter()
    .flatten()
    .collect();
    match <[Ask; 1]>::try_from(asked) {
        Ok([one]) => Ok(one),
        Err(_) => Err(input.refused("one thing is decided at a time")),
    }
}

/// Patients as what the join calls their documents: one document of each, as all of a client's are one anyway. What is
/// no Patient is the id of a candidate.
fn clients(named: &[String], known: &Known, client: &str) -> Vec<String> {
    let ids: Vec<&str> = named.iter().filter_map(|name| name.strip_prefix("Patient/")).collect();
    if ids.is_empty() {
        return named.to_vec();
    }
    let label = |id: &str| {
        let place = known.clients.iter().position(|known| known.as_deref() == Some(id));
        let found = place.and_then(|place| known.contributions.get(place));
        found.map_or_else(|| format!("Patient/{id}"), |contribution| contribution.label.clone())
    };
    std::iter::once(client).chain(ids).map(label).collect()
}

fn refused(unsettled: &Unsettled) -> Box<Refusal> {
    Refusal::new(Why::Undecided, unsettled.to_string())
}

/// The plan as a requester sees it.
fn seen(request: &Request, known: &Known, policy: &Policy) -> Outcome<View> {
    let grants = grants_of(&known.contributions);
    Ok(view(&known.contributions, &known.decisions, request, &grants, policy, now()?))
}

/// What became of a decision.
fn standing<'a>(made: &Decision, after: &'a Joined) -> Option<&'a Standing> {
    let ruling = after.rulings.iter().find(|ruling| ruling.decision.id() == made.id());
    ruling.map(|ruling| &ruling.standing)
}

/// What is answered: the decision and whether the plan follows it; whoever sees all is told too what it settles and what
/// it brings up.
fn told(
    made: &Decision,
    status: &str,
    standing: Option<&Standing>,
    joins: Option<(&Joined, &Joined)>,
) -> Output {
    let words = |joined: &Joined| -> Vec<String> {
        let said =
            |issue: &Issue| format!("{} {} {}", issue.code.id, issue.message_in(Language::En).0, issue.path);
        joined.issues.iter().map(said).collect()
    };
    let mut output = Output::default();
    output.value("status", "valueCode", status);
    output.value("id", "valueString", made.id());
    if let Some(standing) = standing {
        output.value("standing", "valueCode", standing.as_str());
    }
    let (old, new) = joins.map(|(before, after)| (words(before), words(after))).unwrap_or_default();
    for gone in old.iter().filter(|told| !new.contains(told)) {
        output.value("settled", "valueString", gone.as_str());
    }
    for added in new.iter().filter(|told| !old.contains(told)) {
        output.value("new", "valueString", added.as_str());
    }
    output
}
