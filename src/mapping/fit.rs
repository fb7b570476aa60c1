//! A new document that holds as much of the resources as its format has room for, and an account of the rest.
//!
//! [`Program::create`] makes a document only where it holds everything. Between units of different kinds that is
//! seldom so. Here the rules write what they can; then `get` says what the document really holds, and each place
//! where that is not what was wanted is a [`Loss`]. Nothing is left out or said otherwise in silence.

use super::Format;
use super::get::Got;
use super::program::{Condition, Program, Root, meets};
use super::put::PASSES_MAX;
use crate::diag::{Issue, Redacted, Severity, Span, codes};
use crate::tree::{Kind, Name, NodeId, Tree};

mod account;
mod align;

/// Bytes of the word of a URL that names an extension.
const WORD_BYTES_MAX: usize = 60;

/// A new document and how it differs from what was wanted.
#[derive(Debug)]
pub struct Fitted {
    /// The document.
    pub document: Tree,
    /// What it does not hold, or holds otherwise; empty where [`Program::create`] would make the same.
    pub losses: Vec<Loss>,
}

/// What became of a part of the resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LossKind {
    /// The format demands an element that the resources say nothing for.
    Missing,
    /// The document says another value.
    Altered,
    /// The document has no place for it.
    Left,
    /// The document says something that the resources did not: a constant of its format.
    Stated,
}

/// One part of the resources that a new document does not hold as it was.
#[derive(Debug, Clone)]
pub struct Loss {
    /// What became of it.
    pub kind: LossKind,
    /// The element by its resource, `Goal.target.dueDate`, extensions with the last word of their URL; for
    /// [`LossKind::Missing`] that of the document.
    pub element: String,
    /// The place in the resources, or for [`LossKind::Stated`] in what the document gives.
    pub path: String,
    /// What the resources say; the document's value where they say nothing.
    pub value: Redacted<String>,
    /// The same in words for people: of a code its display, of another value both.
    pub words: Redacted<String>,
}

impl Program {
    /// Makes a document that holds of the resources what its format has room for.
    ///
    /// # Errors
    /// The lens has no map for a Bundle of resources.
    pub fn create_fitting(&self, resources: &Tree) -> Result<Fitted, Box<Issue>> {
        if let Ok(document) = self.create(resources) {
            return Ok(Fitted { document, losses: Vec::new() });
        }
        let suits = |root: &&Root| meets(resources, NodeId::ROOT, &root.target_conditions);
        let root = self.roots.iter().position(|root| suits(&root)).unwrap_or(0);
        let Some(chosen) = self.roots.get(root) else { return self.create(resources).map(Fitted::whole) };
        let mut document = self.start_lenient(chosen, resources);
        let mut losses = self.losses(root, &document, resources);
        // Conditions look at what other rules write, so another pass may find more places.
        for _ in 0..PASSES_MAX {
            let again = self.put_lenient(chosen, document.clone(), &self.get_as(root, &document), resources);
            let fewer = self.losses(root, &again, resources);
            if fewer.len() >= losses.len() {
                break;
            }
            (document, losses) = (again, fewer);
        }
        if self.format == Format::Json {
            prune(&mut document);
        }
        Ok(Fitted { document, losses })
    }

    fn losses(&self, root: usize, document: &Tree, resources: &Tree) -> Vec<Loss> {
        let mut losses = self.roots.get(root).map_or_else(Vec::new, |root| self.missing(root, document));
        losses.extend(account::account(&self.get_as(root, document), resources));
        losses
    }

    /// What the lens knows a document of its kind by, and this one does not have.
    fn missing(&self, root: &Root, document: &Tree) -> Vec<Loss> {
        let unmet = root
            .source_conditions
            .iter()
            .filter(|condition| !meets(document, NodeId::ROOT, std::slice::from_ref(condition)));
        unmet
            .map(|condition| {
                let (Condition::Equals(steps, _)
                | Condition::Differs(steps, _)
                | Condition::Has(steps)
                | Condition::Lacks(steps)) = condition;
                let names: Vec<&str> = steps.iter().map(|step| self.names.text(step.name)).collect();
                let path = names.join(".");
                let nothing = || Redacted::new(String::new());
                Loss {
                    kind: LossKind::Missing,
                    element: path.clone(),
                    path,
                    value: nothing(),
                    words: nothing(),
                }
            })
            .collect()
    }
}

impl Fitted {
    const fn whole(document: Tree) -> Self {
        Self { document, losses: Vec::new() }
    }

    /// The losses as findings, one for each element; `format` is what people call the format of the document.
    pub fn issues(&self, format: &str) -> Vec<Issue> {
        let mut groups: Vec<(&Loss, Vec<&str>)> = Vec::new();
        for loss in &self.losses {
            let value = loss.words.reveal().as_str();
            match groups.last_mut() {
                Some((first, values)) if (first.kind, &first.element) == (loss.kind, &loss.element) => {
                    values.push(value);
                }
                _ => groups.push((loss, vec![value])),
            }
        }
        groups.into_iter().map(|(first, values)| first.issue(&values, format)).collect()
    }
}

impl Loss {
    /// This loss and those like it as one finding.
    fn issue(&self, values: &[&str], format: &str) -> Issue {
        let element = &self.element;
        let (code, message) = match self.kind {
            LossKind::Missing => {
                (codes::NEEDED, format!("`{format}` demands `{element}`, and nothing gives it"))
            }
            LossKind::Altered => (codes::ALTERED, format!("`{format}` says `{element}` otherwise")),
            LossKind::Left => (codes::NOT_HELD, format!("`{format}` has no place for `{element}`")),
            LossKind::Stated => {
                (codes::STATED, format!("`{format}` always says `{element}`; the source did not"))
            }
        };
        let times = if values.len() > 1 { format!(" ({} times)", values.len()) } else { String::new() };
        let mut issue = Issue::warning(code, Span::default(), message + &times).at(&*self.path);
        if self.kind == LossKind::Stated {
            issue.severity = Severity::Information;
        }
        if values.iter().any(|value| !value.is_empty()) {
            issue = issue.with_value(values.join(" / "));
        }
        issue
    }
}

/// Takes away objects that were made for what then had no place.
fn prune(tree: &mut Tree) {
    let mut nodes: Vec<NodeId> = tree.descend(NodeId::ROOT).skip(1).collect();
    // Children stand behind their parents.
    nodes.reverse();
    for node in nodes {
        if tree.kind(node) == Kind::Object && tree.first_child(node).is_none() {
            tree.remove(node);
        }
    }
}

/// What is said of one difference.
fn loss(kind: LossKind, tree: &Tree, node: NodeId) -> Loss {
    Loss {
        kind,
        element: element(tree, node),
        path: tree.path(node),
        value: Redacted::new(said(tree, node)),
        words: Redacted::new(words(tree, node)),
    }
}

/// What is said of a value that became another.
fn altered(ours: &Tree, a: NodeId, theirs: &Tree, b: NodeId) -> Loss {
    let words = format!("{} -> {}", words(theirs, b), words(ours, a));
    Loss { words: Redacted::new(words), ..loss(LossKind::Altered, theirs, b) }
}

/// The element by its resource, without the places in lists.
fn element(tree: &Tree, node: NodeId) -> String {
    let mut names: Vec<String> = Vec::new();
    let mut here = node;
    loop {
        if let Some(kind) = tree.resource_type(here) {
            names.reverse();
            let mut path = kind.into_owned();
            for name in names {
                path.push('.');
                path.push_str(&name);
            }
            return path;
        }
        names.push(name(tree, here));
        match tree.parent(here) {
            Some(parent) => here = parent,
            None => return tree.path(node),
        }
    }
}

/// The name of an element; of an extension with the last word of its URL, which is what people know it by.
fn name(tree: &Tree, node: NodeId) -> String {
    let plain = tree.name_text(node).to_owned();
    if !matches!(&*plain, "extension" | "modifierExtension") {
        return plain;
    }
    let url = tree.child(node, Name::URL).map(|url| tree.text(url)).unwrap_or_default();
    let word = url.rsplit(['/', ':', '#']).next().unwrap_or_default();
    let is_word = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if word.is_empty() || word.len() > WORD_BYTES_MAX || !word.chars().all(is_word) {
        return plain;
    }
    format!("{plain}({word})")
}

/// What an element says to people, in one line: of a code that has a name the name alone, of an extension no URL.
fn words(tree: &Tree, node: NodeId) -> String {
    let mut words = Vec::new();
    collect_words(tree, node, &mut words);
    words.join(" ")
}

fn collect_words(tree: &Tree, node: NodeId, words: &mut Vec<String>) {
    if tree.kind(node).is_leaf() {
        if tree.has_text(node) {
            words.push(tree.text(node).into_owned());
        }
        return;
    }
    if let Some(display) = tree.child_text(node, "display").filter(|display| !display.trim().is_empty())
        && tree.child_str(node, "code").is_some()
    {
        return words.push(display.into_owned());
    }
    for child in
        tree.children(node).filter(|child| !matches!(tree.name(*child), Name::URL | Name::RESOURCE_TYPE))
    {
        // The system says nothing to people where the code itself is told.
        if tree.name_text(child) != "system" || tree.child_str(node, "code").is_none() {
            collect_words(tree, child, words);
        }
    }
}

/// All that an element says, in one line.
fn said(tree: &Tree, node: NodeId) -> String {
    let leaves = tree.descend(node).filter(|leaf| tree.kind(*leaf).is_leaf() && tree.has_text(*leaf));
    leaves.map(|leaf| tree.text(leaf)).collect::<Vec<_>>().join(" ")
}
