//! The laws of a lens, as functions that say where one is broken. They are what users buy, so the tests, the
//! mutants and `sauma lens test` all ask these same functions.

use super::facts::{Facts, keyed};
use super::get::{Got, LOCAL_BASE, SOURCE_TEXT};
use super::ledger::{Entry, is_leaf};
use super::program::{Condition, Fate, Program, all, meets};
use super::random::Random;
use super::same::compare;
use super::value::tidy;
use crate::diag::{Issue, codes};
use crate::tree::{Flags, Kind, Name, NodeId, Tree, same_content};
use std::collections::HashSet;
use std::fmt;

mod complement;

/// One law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub enum Law {
    /// `put(get(s)) = s`, without any edit.
    GetPut,
    /// `get(put(s, t)) = t`, or a refusal that has a code and changes nothing.
    PutGet,
    /// `get(create(t)) = t`.
    CreateGet,
    /// Every leaf of the target comes from the source, the lens or a minted id.
    NoInvention,
    /// Every leaf of the source is accounted for once, and what counts as carried is in the target.
    Ledger,
    /// A change of one target leaf changes the one source leaf that it came from.
    Locality,
    /// What no rule carries is still there after `put`, unless the item of a list that it stood in was removed.
    Complement,
    /// The text written for a tree reads back as that tree.
    Text,
}

impl Law {
    /// Every law, in the order in which they are reported.
    pub const ALL: [Self; 8] = [
        Self::GetPut,
        Self::PutGet,
        Self::CreateGet,
        Self::NoInvention,
        Self::Ledger,
        Self::Locality,
        Self::Complement,
        Self::Text,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GetPut => "GetPut",
            Self::PutGet => "PutGet",
            Self::CreateGet => "CreateGet",
            Self::NoInvention => "no invention",
            Self::Ledger => "ledger",
            Self::Locality => "locality",
            Self::Complement => "complement",
            Self::Text => "text",
        }
    }
}

/// A law that does not hold for a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The law.
    pub law: Law,
    /// The rule of the lens that is at fault, where one is known.
    pub rule: String,
    /// Where in the source or the target.
    pub path: String,
    /// What is wrong, without values of the document.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.law.name(), self.path, self.message)?;
        if self.rule.is_empty() { Ok(()) } else { write!(f, " (rule `{}`)", self.rule) }
    }
}

/// A law held, or the change was refused by name, which the laws allow.
#[derive(Debug)]
pub enum Outcome {
    /// It held.
    Held,
    /// There was nothing to try it on.
    Idle,
    /// `put` or `create` refused and changed nothing.
    Refused(Box<Issue>),
}

/// A law that was asked, or where it is broken.
pub type Checked<T> = Result<T, Box<Violation>>;

impl Program {
    #[expect(clippy::unnecessary_box_returns, reason = "every caller returns it as the error of a result")]
    fn broken(&self, law: Law, rule: Option<usize>, path: String, message: &str) -> Box<Violation> {
        let rule =
            rule.and_then(|rule| self.rules.get(rule)).map(|rule| rule.text.clone()).unwrap_or_default();
        Box::new(Violation { law, rule, path, message: message.to_owned() })
    }

    #[expect(clippy::unnecessary_box_returns, reason = "every caller returns it as the error of a result")]
    fn failed(&self, law: Law, issue: &Issue) -> Box<Violation> {
        self.broken(law, None, issue.path.clone(), &format!("{}: {}", issue.code.id, issue.message))
    }

    /// `GetPut`: an unchanged target leaves the document untouched.
    ///
    /// # Errors
    /// The document is refused or edited.
    pub fn check_get_put(&self, source: &Tree, got: &Got) -> Checked<()> {
        // Put must not rely on seeing the very tree that get made, so it gets a copy without origins.
        let wanted = got.target.clone_below(NodeId::ROOT);
        let edited =
            self.put_over(source.clone(), got, &wanted).map_err(|issue| self.failed(Law::GetPut, &issue))?;
        if edited.is_edited() {
            return Err(self.broken(Law::GetPut, None, String::new(), "the document was edited"));
        }
        Ok(())
    }

    /// True where one can be wanted in place of the other: both are of one form, a plan alone or a plan in a Bundle.
    pub fn are_of_one_form(&self, got: &Got, other: &Got) -> bool {
        let fits = |root: &super::program::Root| {
            meets(&other.target, NodeId::ROOT, &root.target_conditions)
                && meets(&got.target, NodeId::ROOT, &root.target_conditions)
        };
        got.root == other.root && self.roots.get(got.root).is_some_and(fits)
    }

    /// `PutGet`: a change that is accepted is what `get` gives afterwards.
    ///
    /// # Errors
    /// It gives something else, takes away what no rule carries, or the refusal is not the one that the lens language
    /// names.
    pub fn check_put_get(
        &self,
        source: &Tree,
        got: &Got,
        changed: &Tree,
    ) -> Checked<(Outcome, Option<Tree>)> {
        let edited = match self.put_over(source.clone(), got, changed) {
            Ok(edited) => edited,
            Err(issue) if issue.code == codes::PUT_REFUSED => return Ok((Outcome::Refused(issue), None)),
            Err(issue) => return Err(self.failed(Law::PutGet, &issue)),
        };
        let again = self.get(&edited).map_err(|issue| self.failed(Law::PutGet, &issue))?;
        compare(&again, changed).map_err(|difference| {
            self.broken(Law::PutGet, None, difference.path.clone(), &difference.message)
        })?;
        self.contiguous(Law::PutGet, &edited)?;
        self.check_complement(source, got, &edited)?;
        Ok((Outcome::Held, Some(edited)))
    }

    /// `CreateGet`: a document made from resources alone gives those resources.
    ///
    /// # Errors
    /// It gives something else.
    pub fn check_create_get(&self, got: &Got) -> Checked<(Outcome, Option<Tree>)> {
        let made = match self.create(&got.target) {
            Ok(made) => made,
            Err(issue) if issue.code == codes::PUT_REFUSED => return Ok((Outcome::Refused(issue), None)),
            Err(issue) => return Err(self.failed(Law::CreateGet, &issue)),
        };
        let again = self.get(&made).map_err(|issue| self.failed(Law::CreateGet, &issue))?;
        compare(&again, &got.target).map_err(|difference| {
            self.broken(Law::CreateGet, None, difference.path.clone(), &difference.message)
        })?;
        self.contiguous(Law::CreateGet, &made)?;
        Ok((Outcome::Held, Some(made)))
    }

    /// Items of one list stand next to each other, and what is no list stands once: else no JSON shows the tree.
    /// XML and HL7 v2 show any order, and a unit may have written one of its own.
    fn contiguous(&self, law: Law, tree: &Tree) -> Checked<()> {
        match self.format {
            super::Format::Xml | super::Format::Er7 => Ok(()),
            super::Format::Json | super::Format::Csv | super::Format::Fhir => self.whole(law, tree),
        }
    }

    /// No invention: each leaf of the target has an origin, and has the text that its origin gives.
    ///
    /// # Errors
    /// A leaf has none, or another text.
    pub fn check_no_invention(&self, source: &Tree, got: &Got) -> Checked<()> {
        let facts = Facts::new(self);
        let target = &got.target;
        self.whole(Law::NoInvention, target)?;
        let empty = |node: &NodeId| target.kind(*node) == Kind::Object && target.first_child(*node).is_none();
        if let Some(node) = target.descend(NodeId::ROOT).find(empty) {
            return Err(self.broken(Law::NoInvention, None, target.path(node), "the element is empty"));
        }
        for node in
            target.descend(NodeId::ROOT).filter(|node| target.kind(*node).is_leaf() && target.has_text(*node))
        {
            let text = target.text(node);
            let explained = match (got.origins.rule(node), got.origins.source(node)) {
                (Some(rule), Some(from)) => self.follows(&facts, source, got, (node, &text), rule, from),
                (Some(rule), None) => {
                    facts.constants[rule].contains(&&*text)
                        || is_minted(target, node, &text)
                        || is_reference(target, node, &text)
                }
                (None, _) => self.inherits(&facts, source, got, node, &text),
            };
            if !explained {
                let rule = got.origins.rule(node);
                return Err(self.broken(
                    Law::NoInvention,
                    rule,
                    target.path(node),
                    "nothing in the document gives this value",
                ));
            }
        }
        Ok(())
    }

    fn whole(&self, law: Law, tree: &Tree) -> Checked<()> {
        for node in tree.descend(NodeId::ROOT).filter(|node| tree.kind(*node) != Kind::Array) {
            let mut closed: Vec<Name> = Vec::new();
            for child in tree.children(node) {
                let (name, in_list) = (tree.name(child), tree.flags(child).has(Flags::LIST));
                if closed.last() == Some(&name) && in_list {
                    continue;
                }
                if closed.contains(&name) {
                    return Err(self.broken(
                        law,
                        None,
                        tree.path(child),
                        "the element stands twice, or its list is torn",
                    ));
                }
                closed.push(name);
            }
        }
        Ok(())
    }

    /// True where a rule makes this text of its source.
    fn follows(
        &self,
        facts: &Facts<'_>,
        source: &Tree,
        got: &Got,
        (node, text): (NodeId, &str),
        rule: usize,
        from: NodeId,
    ) -> bool {
        if is_beside(&got.target, node) {
            return source.text(from) == text;
        }
        if let Some((leaf, _)) = facts.leaves[rule] {
            let written = source.text(from);
            return leaf.forward(&tidy(&written, self.format)).text.as_deref() == Some(text);
        }
        // What stands a second time stands a first time.
        (facts.copies[rule] && source.text(from) == text) || stands_elsewhere(&got.target, node, text)
    }

    /// A leaf without an origin of its own is part of what a rule copied, or holds the unit's text beside a value.
    fn inherits(&self, facts: &Facts<'_>, source: &Tree, got: &Got, node: NodeId, text: &str) -> bool {
        let target = &got.target;
        let mut above = Some(node);
        while let Some(here) = above {
            if let Some(rule) = got.origins.rule(here) {
                let from = got.origins.source(here);
                if facts.leaves[rule].is_some() && here != node {
                    let beside = from.is_some_and(|from| tidy(&source.text(from), self.format) == *text);
                    return (target.name(node) == Name::URL && text == SOURCE_TEXT) || beside;
                }
                if facts.copies[rule] {
                    let name = target.name_text(node);
                    let like = |other: NodeId| source.name_text(other) == name && source.text(other) == *text;
                    return from.is_some_and(|from| source.descend(from).any(like));
                }
                return stands_elsewhere(target, node, text);
            }
            above = target.parent(here);
        }
        target.parent(node) == Some(NodeId::ROOT)
            && target.name(node) == Name::RESOURCE_TYPE
            && text == "Bundle"
    }

    /// The ledger: each leaf once, and what counts as carried is the origin of something or stated by the lens.
    ///
    /// # Errors
    /// A leaf is missing, stands twice, or is carried nowhere.
    pub fn check_ledger(&self, source: &Tree, got: &Got) -> Checked<()> {
        let ledger = self.ledger(source, got);
        let leaves: Vec<NodeId> =
            source.descend(NodeId::ROOT).filter(|node| is_leaf(source, *node)).collect();
        if ledger.entries.len() != leaves.len()
            || ledger.entries.iter().zip(&leaves).any(|(entry, leaf)| entry.node != *leaf)
        {
            return Err(self.broken(
                Law::Ledger,
                None,
                String::new(),
                "its entries are not the leaves of the document",
            ));
        }
        if ledger.counts().total() != leaves.len() {
            return Err(self.broken(Law::Ledger, None, String::new(), "its sums do not add up"));
        }
        let facts = Facts::new(self);
        let origins: HashSet<NodeId> =
            got.target.descend(NodeId::ROOT).filter_map(|node| got.origins.source(node)).collect();
        for entry in ledger.entries.iter().filter(|entry| entry.fate == Fate::Carried) {
            let text = source.text(entry.node);
            let is_part = |node: NodeId| {
                origins.contains(&node)
                    && (node == entry.node
                        || source.kind(entry.node) == Kind::Text
                        || copied(&facts, got, node))
            };
            let mut above = Some(entry.node);
            let mut carried = facts.stated.contains(&*text);
            carried |= facts.references
                && matches!(
                    source.name(entry.node),
                    Name::REFERENCE | Name::RESOURCE_TYPE | Name::ID | Name::FULL_URL
                );
            while let Some(node) = above.filter(|_| !carried) {
                carried = is_part(node) || says_again(&facts, source, got, node, entry.node);
                above = source.parent(node);
            }
            if !carried {
                let message = "it counts as carried, and is nowhere in the resources";
                return Err(self.broken(Law::Ledger, entry.rule, source.path(entry.node), message));
            }
        }
        Ok(())
    }

    /// On a document drawn from the model no leaf is unexplained, but for what a vendor added to it.
    ///
    /// # Errors
    /// One is: the conditions of the lens leave a gap.
    pub fn check_explained(&self, source: &Tree, got: &Got) -> Checked<()> {
        let ledger = self.ledger(source, got);
        let is_modelled = |node: NodeId| source.name(node).number() < self.names.len();
        let open = |entry: &&Entry| entry.fate == Fate::Unexplained && is_modelled(entry.node);
        match ledger.entries.iter().find(open) {
            Some(entry) => Err(self.broken(
                Law::Ledger,
                None,
                source.path(entry.node),
                "no rule says what becomes of it",
            )),
            None => Ok(()),
        }
    }

    /// Locality: one target leaf takes the value that it has in another document, and one source leaf changes.
    ///
    /// # Errors
    /// Another source leaf changes, or comes or goes.
    pub fn check_locality(
        &self,
        source: &Tree,
        got: &Got,
        other: &Got,
        random: &mut Random,
    ) -> Checked<Outcome> {
        let Some((node, from, text)) = self.local_change(source, got, other, random) else {
            return Ok(Outcome::Idle);
        };
        let mut changed = got.target.clone();
        changed.set_text(node, &text);
        let rule = got.origins.rule(node);
        let places = said_places(got, node);
        let edited = match self.put_over(source.clone(), got, &changed) {
            Ok(edited) => edited,
            Err(issue) if issue.code == codes::PUT_REFUSED => return Ok(Outcome::Refused(issue)),
            Err(issue) => return Err(self.failed(Law::Locality, &issue)),
        };
        let (mut before, mut after) = (leaves(source, &places), leaves(&edited, &places));
        // What all items of a list say changes on all of them.
        if Facts::new(self).says_same(rule) {
            let shape = names_above(source, from);
            before.retain(|(node, ..)| *node == from || names_above(source, *node) != shape);
            after.retain(|(node, ..)| *node == from || names_above(&edited, *node) != shape);
        }
        if before.len() != after.len() {
            let message = "a change of one value adds or takes away leaves of the document";
            return Err(self.broken(Law::Locality, rule, got.target.path(node), message));
        }
        for ((node, path, text), (_, path_after, text_after)) in before.iter().zip(&after) {
            let own = *node == from || source.parent(*node) == Some(from);
            if path != path_after || (text != text_after && !own) {
                return Err(self.broken(
                    Law::Locality,
                    rule,
                    path.clone(),
                    "it changes with a value that it did not give",
                ));
            }
        }
        Ok(Outcome::Held)
    }

    /// A leaf that alone comes from its source leaf, and a text that the same rule gives in another document.
    fn local_change(
        &self,
        source: &Tree,
        got: &Got,
        other: &Got,
        random: &mut Random,
    ) -> Option<(NodeId, NodeId, String)> {
        let facts = Facts::new(self);
        // What tells the kind of the document is not for a change: with another it would be of another kind.
        let mut telling = Vec::new();
        for condition in self.roots.get(got.root).into_iter().flat_map(|root| &root.source_conditions) {
            if let Condition::Equals(steps, _) = condition {
                all(source, NodeId::ROOT, steps, &mut telling);
            }
        }
        let keys = keyed(self, got.root, &got.target);
        let target = &got.target;
        let made = |tree: &Tree| -> Vec<NodeId> { tree.descend(NodeId::ROOT).collect() };
        let nodes = made(target);
        let mut candidates: Vec<(NodeId, NodeId, usize)> = Vec::new();
        for node in &nodes {
            let (Some(rule), Some(from)) = (got.origins.rule(*node), got.origins.source(*node)) else {
                continue;
            };
            let plain = target.has_text(*node) && target.first_child(*node).is_none();
            let alone = nodes.iter().filter(|other| got.origins.source(**other) == Some(from)).count() == 1;
            if plain
                && alone
                && !is_beside(target, *node)
                && !telling.contains(&from)
                && !keys.contains(node)
                && facts.leaves[rule].is_some_and(|(_, derived)| !derived)
            {
                candidates.push((*node, from, rule));
            }
        }
        let (node, from, rule) = *candidates.get(random.below(candidates.len()))?;
        let seen = made(&other.target)
            .into_iter()
            .filter(|leaf| other.origins.rule(*leaf) == Some(rule) && other.origins.source(*leaf).is_some())
            .filter(|leaf| other.target.has_text(*leaf) && other.target.first_child(*leaf).is_none())
            .filter(|leaf| !is_beside(&other.target, *leaf))
            .map(|leaf| other.target.text(leaf).into_owned())
            .find(|text| !text.is_empty() && *text != target.text(node));
        // Where the other document has none, a value that the rule could have met there.
        let drawn = || {
            let (leaf, _) = facts.leaves[rule]?;
            let drawn = random.convertible(&leaf.convert, leaf.primitive);
            let drawn = tidy(&drawn, self.format);
            let value = leaf.forward(&drawn);
            let text =
                value.text.filter(|_| value.source_text.is_none() && value.problem.is_none())?.into_owned();
            (text != target.text(node)).then_some(text)
        };
        Some((node, from, seen.or_else(drawn)?))
    }
}

/// True where a rule copied a source node with all below it.
fn copied(facts: &Facts<'_>, got: &Got, node: NodeId) -> bool {
    let target = &got.target;
    target.descend(NodeId::ROOT).any(|made| {
        got.origins.source(made) == Some(node)
            && got.origins.rule(made).is_some_and(|rule| facts.copies[rule])
    })
}

/// True where the target has at the noted place what a source node says again of it.
fn says_again(facts: &Facts<'_>, source: &Tree, got: &Got, node: NodeId, entry: NodeId) -> bool {
    let Some((there, rule)) = got.said_again.get(&node).copied() else { return false };
    let target = &got.target;
    match facts.leaves[rule] {
        Some((leaf, _)) if node == entry => {
            let said = source.text(node);
            let held = target.has_text(there).then(|| target.text(there));
            leaf.forward(&said).text.as_deref() == held.as_deref()
        }
        Some(_) => target.descend(there).any(|beside| target.text(beside) == source.text(entry)),
        None => same_content(source, node, target, there),
    }
}

/// Where the document holds the resource that a target node is part of, if that is said more than once: its own
/// entry, and the elements that restate it. A change of the resource is for all of them.
fn said_places(got: &Got, node: NodeId) -> Vec<NodeId> {
    let above: Vec<NodeId> = std::iter::successors(Some(node), |node| got.target.parent(*node)).collect();
    let restated = got.restated.values().filter(|restated| above.contains(&restated.resource));
    restated.flat_map(|restated| [restated.element, restated.held]).collect()
}

/// The leaves of a tree, but for those in some places.
fn leaves(tree: &Tree, but: &[NodeId]) -> Vec<(NodeId, String, String)> {
    let outside = |node: &NodeId| {
        std::iter::successors(Some(*node), |node| tree.parent(*node)).all(|node| !but.contains(&node))
    };
    tree.descend(NodeId::ROOT)
        .filter(|node| tree.kind(*node).is_leaf())
        .filter(outside)
        .map(|node| (node, tree.path(node), tree.text(node).into_owned()))
        .collect()
}

/// The names of a node and of what is above it.
fn names_above(tree: &Tree, node: NodeId) -> Vec<Name> {
    std::iter::successors(Some(node), |node| tree.parent(*node)).map(|node| tree.name(node)).collect()
}

/// True for what stands beside the value of a primitive.
fn is_beside(tree: &Tree, node: NodeId) -> bool {
    let mut above = tree.parent(node);
    while let Some(here) = above {
        if tree.kind(here).is_leaf() {
            return true;
        }
        above = tree.parent(here);
    }
    false
}

fn stands_elsewhere(target: &Tree, node: NodeId, text: &str) -> bool {
    target
        .descend(NodeId::ROOT)
        .any(|other| other != node && target.kind(other).is_leaf() && target.text(other) == text)
}

/// An id that was minted, or the fullUrl that goes with it.
fn is_minted(target: &Tree, node: NodeId, text: &str) -> bool {
    match target.name(node) {
        Name::ID => {
            text.rsplit_once('-').is_some_and(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()))
        }
        Name::FULL_URL => text.strip_prefix(LOCAL_BASE).is_some_and(|local| leads_somewhere(target, local)),
        _ => false,
    }
}

fn is_reference(target: &Tree, node: NodeId, text: &str) -> bool {
    target.name(node) == Name::REFERENCE && leads_somewhere(target, text)
}

fn leads_somewhere(target: &Tree, local: &str) -> bool {
    super::links::resolve(target, NodeId::ROOT, local).is_some()
}
