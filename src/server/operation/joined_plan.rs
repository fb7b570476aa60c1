//! `Patient/[id]/$joined-plan`: the one plan of all units that are about this client, whole or as one requester may see
//! it.

use super::Input;
use crate::diag::Issue;
use crate::mapping::units::generation;
use crate::plan::page::{self, client, language_of, to_html, worker};
use crate::plan::permission::Capacity;
use crate::plan::text::{self, IdentityCode};
use crate::plan::view;
use crate::schema::sha256;
use crate::server::Server;
use crate::server::answer::{Answer, Body};
use crate::server::call::Call;
use crate::server::plans::{Asked, Depth, Known, Shown, json_of, resource_of, written};
use crate::server::reading::name_of;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::silent::words;
use crate::store::{Name, Store};
use hyper::StatusCode;
use hyper::body::Bytes;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A Bundle, or one resource of it.
    Resource,
    /// The plan for people, as text.
    Text,
    /// A page for people.
    Html,
}

impl<S: Store> Server<S> {
    /// Gives the joined plan.
    pub(super) async fn joined_plan(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        let asked = Asked::of(call, input, self.access.policy())?;
        let form = match input.text("form").as_deref() {
            None | Some("resource") => Form::Resource,
            Some("text") => Form::Text,
            Some("html") => Form::Html,
            Some(_) => return Err(input.refused("form is resource, text or html")),
        };
        let name = name_of(call)?;
        let depth = if asked.at.is_some() { Depth::All } else { Depth::Current };
        let generation = generation();
        let known = self.known(&call.caller, std::slice::from_ref(&name.id), depth).await?;
        // What a requester may see depends on the time too: permissions begin and end.
        let silent = self.silent(&call.caller).await?;
        let key = asked.request.is_none().then(|| key(call, &asked, &known, &silent, generation));
        let whole = form == Form::Resource;
        if let Some(held) = key.as_ref().filter(|_| whole).and_then(|key| self.plans.answer(key)) {
            return member(call, held);
        }
        let shown = asked.show(&known)?;
        self.tell_shown(&call.caller, &known, &shown);
        match form {
            Form::Text => Ok(plain("text/plain; charset=utf-8", in_text(&asked, &shown, &silent))),
            Form::Html => Ok(plain("text/html; charset=utf-8", in_html(&asked, &shown, &silent))),
            Form::Resource => {
                let bundle: Bytes = written(&shown, asked.dialect, &self.address(&name), &silent)?.into();
                if let Some(key) = key {
                    self.plans.keep_answer(key, &bundle);
                }
                member(call, bundle)
            }
        }
    }

    /// Below what the resources of a client's joined plan stand.
    pub(in crate::server) fn address(&self, client: &Name) -> String {
        format!("{}/Patient/{}/$joined-plan", self.settings.base, client.id)
    }
}

/// All that an answer is made of.
fn key(call: &Call, asked: &Asked, known: &Known, silent: &[Issue], generation: u64) -> String {
    let mut text = format!("{:?} {:?} {:?} {:?}", call.caller.tenant, call.names.id, asked.at, asked.dialect);
    for (Name { kind, id }, version) in &known.stands_on {
        text.push_str(&format!(" {kind}/{id}/{version}"));
    }
    for issue in silent {
        text.push_str(&issue.message);
    }
    text.push_str(&format!(" {generation}"));
    sha256::hex(text.as_bytes())
}

/// The Bundle, or the resource of it that the address names.
fn member(call: &Call, bundle: Bytes) -> Outcome<Answer> {
    let (Some(kind), Some(id)) = (call.names.below, call.names.member.as_deref()) else {
        return Ok(Answer::new(StatusCode::OK, Body::Resource(bundle)));
    };
    let damaged = || Refusal::plain(Why::StoreFailed);
    let text = String::from_utf8(bundle.to_vec()).map_err(|_| damaged())?;
    let tree = crate::exchange::document::read_resources(&text).map_err(|_| damaged())?;
    let found = resource_of(&tree, kind, id).ok_or_else(|| Refusal::plain(Why::NotFound))?;
    Ok(Answer::new(StatusCode::OK, Body::Resource(json_of(&tree, found).into())))
}

fn plain(media: &'static str, text: String) -> Answer {
    Answer::new(StatusCode::OK, Body::Text(media, text.into()))
}

fn in_text(asked: &Asked, shown: &Shown, silent: &[Issue]) -> String {
    let joined = shown.joined();
    let language = asked.language.unwrap_or_else(|| language_of(joined));
    let mut lines = match shown {
        Shown::Joined(joined) => text::render(joined, language, IdentityCode::Masked),
        Shown::View(seen) => view::render(seen, &asked.policy, language, IdentityCode::Masked),
    };
    // Below the first heading: before anything that may be out of date.
    let told = words(silent, language).map(|text| text::Line { style: text::Style::Warning, text });
    let after = lines.len().min(1);
    lines.splice(after..after, told);
    text::to_text(&lines)
}

fn in_html(asked: &Asked, shown: &Shown, silent: &[Issue]) -> String {
    let joined = shown.joined();
    let language = asked.language.unwrap_or_else(|| language_of(joined));
    let is_private = asked
        .request
        .as_ref()
        .is_none_or(|request| matches!(request.requester.capacity, Capacity::Client | Capacity::Guardian));
    let mut page = if is_private {
        client(joined, language, IdentityCode::Masked)
    } else {
        worker(joined, language, IdentityCode::Masked)
    };
    let told =
        words(silent, language).map(|text| page::Line::new(page::Tone::Attention, page::Said::here(text)));
    page.lead.extend(told);
    to_html(&page)
}
