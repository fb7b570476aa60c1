//! A node of a resource, as the reader of `StructureMap` looks at it.

use crate::diag::{Issue, codes};
use crate::mapping::fml::model::{Literal, Origin, Text};
use crate::tree::{Kind, NodeId, Tree};

/// A node and its tree.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) tree: &'a Tree,
    pub(super) id: NodeId,
}

impl<'a> View<'a> {
    pub(super) fn children(self) -> impl Iterator<Item = Self> + use<'a> {
        let shown = move |id: &NodeId| {
            !matches!(self.tree.kind(*id), Kind::EmptyList | Kind::Comment | Kind::Pi | Kind::Text)
        };
        self.tree.children(self.id).filter(shown).map(move |id| Self { id, ..self })
    }

    pub(super) fn items(self, name: &'static str) -> impl Iterator<Item = Self> + use<'a> {
        self.children().filter(move |child| child.name() == name)
    }

    pub(super) fn child(self, name: &'static str) -> Option<Self> {
        self.items(name).next()
    }

    pub(super) fn name(self) -> &'a str {
        self.tree.name_text(self.id)
    }

    pub(super) fn string(self) -> String {
        self.tree.text(self.id).into_owned()
    }

    pub(super) fn text(self) -> Text {
        Text::new(self.string(), self.origin())
    }

    pub(super) fn child_text(self, name: &'static str) -> Option<Text> {
        self.child(name).filter(|child| child.tree.has_text(child.id)).map(Self::text)
    }

    pub(super) fn child_string(self, name: &'static str) -> Option<String> {
        self.child_text(name).map(|text| text.text)
    }

    pub(super) fn origin(self) -> Origin {
        Origin { span: self.tree.span(self.id), path: self.tree.path(self.id).into() }
    }

    /// The value of a leaf.
    pub(super) fn literal(self) -> Option<Literal> {
        let text = self.string();
        match self.tree.kind(self.id) {
            Kind::Str | Kind::Xhtml | Kind::Attr => Some(Literal::String(text)),
            Kind::Bool => Some(Literal::Boolean(text == "true")),
            Kind::Number if text.contains(['.', 'e', 'E']) => Some(Literal::Decimal(text)),
            Kind::Number => Some(Literal::Integer(text)),
            _ => None,
        }
    }

    /// The child `stem[x]`, with the type that its name chooses.
    pub(super) fn choice(self, stem: &'static str) -> Option<(&'a str, Self)> {
        self.children().find_map(|child| {
            let rest = child.name().strip_prefix(stem)?;
            rest.starts_with(|c: char| c.is_ascii_uppercase()).then_some((rest, child))
        })
    }

    pub(super) fn issue(self, message: impl Into<String>) -> Issue {
        let issue = Issue::error(codes::FML_SHAPE, self.tree.head_span(self.id), message);
        issue.at(self.tree.path(self.id))
    }

    /// That something is not carried over.
    pub(super) fn lost(self) -> Issue {
        let message = format!("`{}` has no place in a map", self.name());
        Issue::warning(codes::FML_LOST, self.tree.head_span(self.id), message).at(self.tree.path(self.id))
    }
}
