//! Expressions on what the variables hold.

use super::{Outcome, Run, Var, var_of};
use crate::diag::{Issue, Severity, codes};
use crate::fhirpath::{Collection, Context, Error, Fault, Host, Item, Node, Value};
use crate::mapping::fml::compile::{Expr, Slot};
use crate::mapping::fml::model::Origin;
use crate::schema::Schema;
use crate::tree::{NodeId, Tree};
use std::borrow::Cow;

/// Answers what expressions of maps ask of definitions.
struct Definitions<'s>(&'s Schema);

impl Host for Definitions<'_> {
    /// A resource fits the definition of its type; of other profiles nothing is known here.
    fn conforms_to(&self, node: Node<'_>, profile: &str) -> Option<bool> {
        let wanted = self.0.type_by_url(profile).filter(|ty| !self.0.type_info(*ty).is_profile)?;
        let named = node.tree.resource_type(node.id).and_then(|name| self.0.type_named(&name));
        let mut here = Some(named.unwrap_or(node.ty));
        while let Some(ty) = here {
            if ty == wanted {
                return Some(true);
            }
            here = self.0.type_info(ty).base;
        }
        Some(false)
    }
}

impl<'p, 'a> Run<'p, 'a> {
    /// The values of a constant, evaluated once.
    pub(super) fn constant(&mut self, number: usize) -> Vec<Var<'a>> {
        if let Some(Some(known)) = self.constants.get(number) {
            return known.clone();
        }
        let Some(expr) = self.program.constants.get(number) else { return Vec::new() };
        let found = self.evaluate(expr, None).unwrap_or_default();
        if let Some(place) = self.constants.get_mut(number) {
            *place = Some(found.clone());
        }
        found
    }

    /// The values of an expression on a value, or on nothing. What goes wrong is reported.
    pub(super) fn evaluate(&mut self, expr: &'p Expr, focus: Option<&Var<'a>>) -> Outcome<Vec<Var<'a>>> {
        self.note_reads(expr);
        let found = self.with_context(expr, focus, |context, focus, sources| {
            let found = expr.code.evaluate_all(context, focus)?;
            Ok(found.items().iter().map(|item| var_of(item, sources)).collect::<Vec<_>>())
        });
        match found {
            Ok(found) => Ok(found),
            Err(error) => {
                self.evaluation_failed(expr, &error)?;
                Ok(Vec::new())
            }
        }
    }

    /// True where a condition is true.
    pub(super) fn truth(&mut self, expr: &'p Expr, focus: &Var<'a>) -> Outcome<bool> {
        let found = self.with_context(expr, Some(focus), |context, focus, _| match focus {
            [focus] => expr.code.evaluate_boolean(context, focus),
            _ => Ok(None),
        });
        match found {
            Ok(truth) => Ok(truth == Some(true)),
            Err(error) => {
                self.evaluation_failed(expr, &error)?;
                Ok(false)
            }
        }
    }

    fn with_context<R>(
        &mut self,
        expr: &'p Expr,
        focus: Option<&Var<'a>>,
        run: impl for<'x> FnOnce(&'x Context<'x>, &'x [Item<'x>], &[&'a Tree]) -> Result<R, Box<Error>>,
    ) -> Result<R, Box<Error>> {
        // Constants are evaluated before the target is borrowed.
        for slot in &expr.variables {
            if let Slot::Constant(number) = slot {
                self.constant(*number);
            }
        }
        let item = |var: &Var<'a>| -> Option<Item<'_>> {
            match var {
                Var::None => None,
                Var::Node(node) => Some(Item::Node(*node)),
                Var::Made(id, ty) => Some(Item::node(&self.target, *id, *ty)),
                Var::Value(value, _) => Some(Item::Value(value.clone())),
            }
        };
        let variables: Vec<Collection<'_>> = expr
            .variables
            .iter()
            .map(|slot| match slot {
                Slot::Local(slot) => self.slots.get(self.frame + slot).and_then(item).into(),
                Slot::Constant(number) => {
                    let values = self.constants.get(*number).and_then(Option::as_ref);
                    values.into_iter().flatten().filter_map(item).collect()
                }
            })
            .collect();
        let host = Definitions(self.program.schema);
        let mut context = Context::new(self.program.schema).with_variables(&variables).with_host(&host);
        if let Some(tree) = self.sources.first() {
            let resource = Item::node(tree, NodeId::ROOT, self.known.resource);
            context = context.with_resource(resource.clone(), resource);
        }
        if let Some(now) = self.settings.now {
            context = context.with_now(now);
        }
        let focus = focus.and_then(item);
        run(&context, focus.as_slice(), &self.sources)
    }

    fn evaluation_failed(&mut self, expr: &Expr, error: &Error) -> Outcome<()> {
        let span = Origin::text(expr.span).within(error.span).span;
        if matches!(error.fault, Fault::Limit { .. }) {
            return Err(Box::new(Issue::error(codes::FML_LIMIT, span, error.to_string())));
        }
        self.report(Severity::Error, error.code(), span, error.to_string());
        if let Some(told) = self.findings.last_mut().filter(|told| told.issue.code.id == error.code().id) {
            error.advice().clone_into(&mut told.issue.help);
        }
        Ok(())
    }

    /// Notes for the ledger what an expression reads from its variables.
    fn note_reads(&mut self, expr: &'p Expr) {
        if !self.settings.with_ledger {
            return;
        }
        for (slot, path) in &expr.reads {
            let Slot::Local(slot) = slot else { continue };
            let Var::Node(node) = self.var(*slot) else { continue };
            let mut found = vec![node.id];
            for name in path {
                found = found.iter().flat_map(|id| children_of_choice(node.tree, *id, name)).collect();
            }
            for id in found {
                self.carried(&Node { tree: node.tree, id, ty: node.ty });
            }
        }
    }

    /// The text of a value; none of an element with children.
    pub(super) fn text(&self, var: &Var<'a>) -> Option<Cow<'a, str>> {
        match var {
            Var::None | Var::Value(Value::Quantity(_) | Value::Type(_), _) => None,
            Var::Node(node) => node.tree.has_text(node.id).then(|| node.tree.text(node.id)),
            Var::Made(id, _) => {
                self.target.has_text(*id).then(|| Cow::Owned(self.target.text(*id).into_owned()))
            }
            Var::Value(Value::String(text), _) => Some(text.clone()),
            Var::Value(value, _) => Some(Cow::Owned(value.to_text().into_owned())),
        }
    }
}

/// The children of a name, or of a choice of that name.
fn children_of_choice(tree: &Tree, id: NodeId, name: &str) -> Vec<NodeId> {
    let is_named = |child: &NodeId| {
        let rest = tree.name_text(*child).strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_uppercase()))
    };
    tree.children(id).filter(is_named).collect()
}
