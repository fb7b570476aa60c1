//! Which elements the rules of a lens name, on either side: what no rule reads, and what no rule sets.

use super::ast::Word;
use crate::diag::{Issue, Span, codes};
use crate::schema::Schema;
use crate::tree::Name;
use crate::tree::fhir::{Form, TypeId};

/// The number of an element in a [`Cover`].
pub(super) type At = usize;

/// One element that rules name.
#[derive(Debug)]
struct Element {
    name: Name,
    /// Tells apart elements of one name with different conditions, and the items of different `each` rules.
    key: String,
    ty: TypeId,
    children: Vec<At>,
    /// All of it is dealt with.
    whole: bool,
    /// What no rule names of its children is dealt with.
    rest: bool,
    /// What no rule names at any depth below it is dealt with.
    below: bool,
    /// The value is set by a rule at this place.
    written: Option<Span>,
    span: Span,
    /// Where it stands, for messages.
    path: String,
}

/// The elements of one side of a lens that rules name.
#[derive(Debug, Default)]
pub(super) struct Cover {
    elements: Vec<Element>,
    roots: Vec<At>,
}

impl Cover {
    /// A root: the document, or a resource with its own entry.
    pub(super) fn root(&mut self, ty: TypeId, path: &str, span: Span) -> At {
        let at = self.add(Name::NONE, String::new(), ty, path.to_owned(), span);
        self.roots.push(at);
        at
    }

    fn add(&mut self, name: Name, key: String, ty: TypeId, path: String, span: Span) -> At {
        self.elements.push(Element {
            name,
            key,
            ty,
            children: Vec::new(),
            whole: false,
            rest: false,
            below: false,
            written: None,
            span,
            path,
        });
        self.elements.len() - 1
    }

    /// The child of a name and key, added where it is new.
    pub(super) fn child(&mut self, at: At, name: Name, key: &str, ty: TypeId, word: &Word) -> At {
        let found = self.elements[at].children.iter().copied().find(|child| {
            let child = &self.elements[*child];
            child.name == name && child.key == key
        });
        if let Some(found) = found {
            return found;
        }
        let path = format!("{}.{}", self.elements[at].path, word.text);
        let child = self.add(name, key.to_owned(), ty, path, word.span);
        self.elements[at].children.push(child);
        child
    }

    /// A sibling of `at` that another rule makes.
    pub(super) fn child_of_parent(&mut self, at: At, name: Name, key: &str, ty: TypeId, word: &Word) -> At {
        let path = self.elements[at].path.clone();
        // What the conditions of the step write, each copy has.
        let stated = self.elements[at].children.clone();
        let copy = self.add(name, key.to_owned(), ty, path, word.span);
        self.elements[copy].children = stated;
        copy
    }

    /// The elements known so far, to forget later ones.
    pub(super) fn mark(&self) -> usize {
        self.elements.len()
    }

    /// Forgets elements that were only looked at.
    pub(super) fn forget(&mut self, mark: usize) {
        self.elements.truncate(mark);
        for element in &mut self.elements {
            element.children.retain(|child| *child < mark);
        }
    }

    /// The types whose elements are named.
    pub(super) fn types(&self) -> impl Iterator<Item = TypeId> {
        self.elements.iter().map(|element| element.ty)
    }

    pub(super) fn ty(&self, at: At) -> TypeId {
        self.elements[at].ty
    }

    /// The element turns out to have a more special type, as `resource` does.
    pub(super) fn set_type(&mut self, at: At, ty: TypeId) {
        self.elements[at].ty = ty;
    }

    pub(super) fn set_whole(&mut self, at: At) {
        self.elements[at].whole = true;
    }

    pub(super) fn set_rest(&mut self, at: At) {
        self.elements[at].rest = true;
    }

    pub(super) fn set_below(&mut self, at: At) {
        self.elements[at].below = true;
    }

    /// Notes that a rule sets the value; gives the place of the rule that did so before.
    pub(super) fn write(&mut self, at: At, span: Span) -> Option<Span> {
        self.elements[at].whole = true;
        self.elements[at].written.replace(span).filter(|before| *before != span)
    }

    pub(super) fn path(&self, at: At) -> &str {
        &self.elements[at].path
    }

    /// Names of the children that rules name.
    pub(super) fn named(&self, at: At) -> Vec<Name> {
        self.elements[at].children.iter().map(|child| self.elements[*child].name).collect()
    }

    /// Every source element that no rule reads. An element that rules name behind several conditions is read
    /// where any of them reads it; whether the conditions leave a gap in a document, its ledger tells.
    pub(super) fn unread(&self, schema: &Schema, issues: &mut Vec<Issue>) {
        for root in &self.roots {
            self.unread_below(&[*root], schema, issues);
        }
    }

    fn unread_below(&self, group: &[At], schema: &Schema, issues: &mut Vec<Issue>) {
        let elements = || group.iter().map(|at| &self.elements[*at]);
        if elements().any(|element| element.whole || element.below) {
            return;
        }
        let children: Vec<At> = elements().flat_map(|element| element.children.iter().copied()).collect();
        let mut names: Vec<Name> = children.iter().map(|child| self.elements[*child].name).collect();
        names.sort_unstable();
        names.dedup();
        for name in &names {
            let alike: Vec<At> =
                children.iter().copied().filter(|child| self.elements[*child].name == *name).collect();
            self.unread_below(&alike, schema, issues);
        }
        let Some(here) = elements().next().filter(|_| !elements().any(|element| element.rest)) else {
            return;
        };
        for element in schema.elements(here.ty) {
            let in_data = schema.names_in_data(here.ty, element);
            if element.slice().is_none() && !in_data.iter().any(|found| names.contains(&found.name)) {
                let path = format!("{}.{}", here.path, schema.name_text(element.name));
                let message = format!("no rule says what becomes of `{path}`");
                let help = format!("add a rule for it, or `keep {path}`, or `ignore {path} because \"…\"`");
                issues.push(Issue::error(codes::LENS_UNREAD, here.span, message).with_help(help).at(path));
            }
        }
    }

    /// Every required target element that no rule sets.
    pub(super) fn unset(&self, schema: &Schema, issues: &mut Vec<Issue>) {
        for here in &self.elements {
            let leaf = !matches!(schema.form(here.ty), Form::Object | Form::Resource);
            if here.whole || here.rest || leaf || here.children.is_empty() {
                continue;
            }
            for element in schema.required(here.ty) {
                let names = schema.names_in_data(here.ty, element);
                let named = names
                    .iter()
                    .any(|found| here.children.iter().any(|child| self.elements[*child].name == found.name));
                if !named {
                    let path = format!("{}.{}", here.path, schema.name_text(element.name));
                    let message = format!("`{path}` is required, and no rule sets it");
                    issues.push(Issue::error(codes::LENS_REQUIRED, here.span, message).at(path));
                }
            }
        }
    }
}
