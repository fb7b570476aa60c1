//! batch and transaction (FHIR R4, 3.1.0.11).

use super::Server;
use super::answer::Answer;
use super::audit;
use super::bundle_writer::BundleWriter;
use super::call::{Call, Content, Wishes};
use super::document::Document;
use super::media::{Format, Media};
use super::query;
use super::refusal::{Outcome, Refusal, Why};
use super::route::{self, Interaction, Lost, Root};
use super::step::Step;
use crate::store::Store;
use crate::tree::json::{self, Layout};
use crate::tree::{NodeId, Tree};
use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use std::collections::HashSet;
use std::sync::Arc;

/// The request of one entry.
struct Entry {
    call: Call,
    full_url: Option<String>,
}

impl<S: Store> Server<S> {
    pub(super) async fn bundle(&self, call: &Call) -> Outcome<Answer> {
        let document = Document::of_content(&call.content, self.schema)?;
        if document.kind != "Bundle" {
            return Err(Refusal::new(Why::BundleForm, "a Bundle is sent to the base address"));
        }
        let tree = self.as_json(document.tree)?;
        let kind = tree.child_text(NodeId::ROOT, "type").unwrap_or_default().into_owned();
        let entries = tree.names().get("entry").map_or_else(Vec::new, |name| {
            tree.children_named(NodeId::ROOT, name).filter(|node| tree.is_present(*node)).collect()
        });
        if entries.len() > self.settings.limits.entries_max {
            return Err(Refusal::new(Why::BodyLong, "the bundle has too many entries"));
        }
        match &*kind {
            "batch" => self.batch(&tree, &entries, call).await,
            "transaction" => self.transaction(&tree, &entries, call).await,
            _ => Err(Refusal::new(Why::BundleForm, "the type of the bundle is batch or transaction")),
        }
    }

    /// A bundle over its JSON text, whose parts are the resources of its entries.
    fn as_json(&self, tree: Tree) -> Outcome<Tree> {
        if !tree.source().trim_start_matches('\u{feff}').trim_start().starts_with('<') {
            return Ok(tree);
        }
        let text = json::to_string(&tree, Layout::Compact);
        crate::tree::fhir::read_json(&text, self.schema.names())
            .map_err(|issue| Refusal::issue(Why::BodyForm, *issue, &text))
    }

    /// Each entry by itself, in the order of the bundle.
    async fn batch(&self, tree: &Tree, entries: &[NodeId], call: &Call) -> Outcome<Answer> {
        let mut bundle = BundleWriter::new("batch-response");
        for (at, node) in entries.iter().enumerate() {
            let answer = match self.entry(tree, *node, call) {
                Ok(entry) => self.dispatch_one(&entry.call).await,
                Err(refusal) => Err(refusal),
            };
            bundle.response(&answer.unwrap_or_else(|refusal| Answer::from(refusal.of_entry(at))));
        }
        Ok(bundle.answer())
    }

    /// All entries or none: writes first, as one commit; then what is read sees them.
    async fn transaction(&self, tree: &Tree, nodes: &[NodeId], call: &Call) -> Outcome<Answer> {
        let mut entries = Vec::with_capacity(nodes.len());
        let mut steps: Vec<Step> = Vec::with_capacity(nodes.len());
        let mut full_urls = HashSet::new();
        for (at, node) in nodes.iter().enumerate() {
            let entry = self.entry(tree, *node, call).map_err(|refusal| refusal.of_entry(at))?;
            if entry.call.names.operation.is_some_and(|operation| operation.is_write) {
                // It would not be part of the one commit.
                let refusal =
                    Refusal::new(Why::BundleForm, "a transaction holds no operation that changes the store");
                return Err(refusal.of_entry(at));
            }
            if entry.call.interaction.is_write() {
                entry.call.caller.allow(&entry.call).map_err(|refusal| refusal.of_entry(at))?;
                if self.is_of_log(&entry.call) {
                    return Err(audit::refuse_writing().of_entry(at));
                }
                let mut step = self.step(&entry.call).map_err(|refusal| refusal.of_entry(at))?;
                if entry.full_url.as_ref().is_some_and(|url| !full_urls.insert(url.clone())) {
                    let refusal = Refusal::new(Why::BundleTwice, "two entries have one fullUrl");
                    return Err(refusal.of_entry(at));
                }
                (step.full_url, step.entry) = (entry.full_url.clone(), Some(at));
                steps.push(step);
            }
            entries.push(entry);
        }
        let done = self.write(&call.caller, &mut steps).await?;
        let mut done = done.iter();
        let mut bundle = BundleWriter::new("transaction-response");
        for entry in &entries {
            let answer = if entry.call.interaction.is_write() {
                match done.next() {
                    Some(done) => self.told(done, call.wishes.returned),
                    None => Answer::new(StatusCode::OK, super::answer::Body::Empty),
                }
            } else {
                self.dispatch_one(&entry.call).await.unwrap_or_else(Answer::from)
            };
            bundle.response(&answer);
        }
        Ok(bundle.answer())
    }

    /// Understands the request of an entry.
    fn entry(&self, tree: &Tree, node: NodeId, outer: &Call) -> Outcome<Entry> {
        let bad = |message: &str| Refusal::new(Why::BundleForm, message);
        let request = tree.child_str(node, "request").ok_or_else(|| bad("an entry has no request"))?;
        let method = match tree.child_text(request, "method").as_deref() {
            Some("GET") => Method::GET,
            Some("HEAD") => Method::HEAD,
            Some("POST") => Method::POST,
            Some("PUT") => Method::PUT,
            Some("PATCH") => Method::PATCH,
            Some("DELETE") => Method::DELETE,
            _ => return Err(bad("the method of an entry is none that HTTP has")),
        };
        let url = tree.child_text(request, "url").ok_or_else(|| bad("the request of an entry has no url"))?;
        let url = url.strip_prefix(&*self.settings.base).unwrap_or(&url);
        let (path, search) = url.split_once('?').unwrap_or((url, ""));
        let segments = query::segments(path)?;
        let (route, names) =
            route::find(self.schema, Root::Base, &method, &segments).map_err(|lost| match lost {
                Lost::Refused(refusal) => refusal,
                Lost::Method(_) => Refusal::plain(Why::Method),
            })?;
        if route.interaction == Interaction::Bundle {
            return Err(bad("a bundle cannot hold a request with a bundle"));
        }
        let mut query = query::pairs(search)?;
        query.retain(|(name, _)| name != "_format" && name != "_pretty");
        let wishes = wishes(tree, request, outer)?;
        let content = content(tree, node);
        let full_url = tree.child_text(node, "fullUrl").map(std::borrow::Cow::into_owned);
        Ok(Entry {
            call: Call {
                caller: Arc::clone(&outer.caller),
                interaction: route.interaction,
                names,
                query,
                wishes,
                content,
            },
            full_url,
        })
    }
}

/// What an entry wishes: as the whole request, with its own conditions.
fn wishes(tree: &Tree, request: NodeId, outer: &Call) -> Outcome<Wishes> {
    let mut wishes =
        Wishes { returned: outer.wishes.returned, is_lenient: outer.wishes.is_lenient, ..Wishes::default() };
    let text = |name: &str| tree.child_text(request, name);
    if let Some(tag) = text("ifNoneMatch") {
        wishes.if_none_match(&tag);
    }
    if let Some(tag) = text("ifMatch") {
        wishes.if_match(&tag)?;
    }
    wishes.if_none_exist = text("ifNoneExist").map(std::borrow::Cow::into_owned);
    Ok(wishes)
}

/// The resource of an entry as the body of its request.
fn content(tree: &Tree, node: NodeId) -> Content {
    let Some(resource) = tree.child_str(node, "resource") else {
        return Content { bytes: Bytes::new(), media: Some(Media::Resource(Format::Json)) };
    };
    let span = tree.span(resource);
    let text = tree.source().get(span.start as usize..span.end as usize).unwrap_or_default();
    Content { bytes: Bytes::copy_from_slice(text.as_bytes()), media: Some(Media::Resource(Format::Json)) }
}
