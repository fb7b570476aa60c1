//! Whom a document is about, as far as its lane needs to know.

use super::inbox::{LaneKey, Received, content_key};
use super::intake::{self, From, Input, Refused, Taken};
use super::worker::now;
use crate::diag::codes::{self, Code};
use crate::plan::Contribution;
use crate::plan::identity::is_hetu_system;
use crate::tree::{NodeId, Tree};
use std::sync::Arc;

/// A document as a message of a connection, read as far as to know its lane. A document that cannot be read is a
/// message, too: one that is set aside.
pub fn received(connection: &str, unit: Option<&'static str>, bytes: Vec<u8>) -> Received {
    let (client, unreadable) = match contribution(unit, &bytes) {
        Ok(contribution) => (client_of(&contribution), None),
        Err(code) => (None, Some(code)),
    };
    Received {
        connection: connection.to_owned(),
        key: content_key(&bytes),
        client,
        unit,
        bytes: Arc::from(bytes),
        received: now(),
        unreadable,
    }
}

/// What a document contributes, of which nothing else is to be said.
fn contribution(unit: Option<&'static str>, bytes: &[u8]) -> Result<Contribution, &'static Code> {
    let from = From::named(unit).map_err(|issue| issue.code)?;
    let input = Input::read(bytes, from).map_err(|refused| code_of(&refused))?;
    let unit = input.unit();
    let resources = input.resources().map_err(|issue| issue.code)?;
    Ok(Contribution::new("", unit, resources))
}

/// What a document holds.
///
/// # Errors
/// The code of what is wrong with it.
pub fn taken(unit: Option<&'static str>, bytes: &[u8]) -> Result<Taken, &'static Code> {
    taken_as(From::named(unit).map_err(|issue| issue.code)?, bytes)
}

/// What a document of a kind that is known holds.
///
/// # Errors
/// The code of what is wrong with it.
pub fn taken_as(from: From, bytes: &[u8]) -> Result<Taken, &'static Code> {
    intake::take("", bytes, from).map_err(|refused| code_of(&refused))
}

fn code_of(refused: &Refused) -> &'static Code {
    match refused {
        Refused::Lens(..) => codes::FORMAT_UNKNOWN,
        Refused::Document(unread) => unread.issue.code,
    }
}

/// The lane of the client whom a document is about: by the identity code where it has one, else by the first other
/// identifier.
fn client_of(contribution: &Contribution) -> Option<LaneKey> {
    let tree = &*contribution.bundle;
    let client = contribution.client()?;
    let all: Vec<(String, String)> = identifiers(tree, client).collect();
    let (system, value) = all.iter().find(|(system, _)| is_hetu_system(system)).or_else(|| all.first())?;
    Some(LaneKey::of(system, value))
}

/// True where a document is about somebody who has this number, under whichever system.
pub fn names(taken: &Taken, number: &str) -> bool {
    let tree = &*taken.contribution.bundle;
    let mut patients = taken.contribution.entries().filter(|(_, kind, _)| *kind == "Patient");
    patients.any(|(node, ..)| identifiers(tree, node).any(|(_, value)| value == number))
}

/// The identifiers of a resource: system and value.
fn identifiers(tree: &Tree, node: NodeId) -> impl Iterator<Item = (String, String)> + use<'_> {
    let text = |node: NodeId, name: &str| tree.child_text(node, name).map(std::borrow::Cow::into_owned);
    let name = tree.names().get("identifier");
    let all = tree.children(node).filter(move |child| Some(tree.name(*child)) == name);
    all.filter_map(move |child| Some((text(child, "system").unwrap_or_default(), text(child, "value")?)))
}
