//! Values become the text of primitives, or elements are copied.

use super::{Outcome, Run, TARGET_BYTES_MAX, Var};
use crate::diag::{Severity, Span, codes};
use crate::fhirpath::{TemporalKind, Value};
use crate::mapping::fml::compile::{Compat, Spot, Step, Target};
use crate::mapping::fml::form::{Fit, fit};
use crate::mapping::fml::run::make::Structure;
use crate::mapping::program::Primitive;
use crate::schema::UNKNOWN;
use crate::tree::fhir::{Form, TypeId};
use crate::tree::{Kind, NodeId};
use std::borrow::Cow;

impl<'p, 'a> Run<'p, 'a> {
    /// The FHIR type that a value of FHIRPath has by itself.
    pub(super) fn type_of_value(&self, value: &Value<'_>) -> TypeId {
        match value {
            Value::Boolean(_) => self.known.boolean,
            Value::Integer(_) | Value::Long(_) => self.known.integer,
            Value::Decimal(_) => self.known.decimal,
            Value::String(_) => self.known.string,
            Value::Temporal(value) => match value.kind() {
                TemporalKind::Date => self.known.date,
                TemporalKind::DateTime => self.known.date_time,
                TemporalKind::Time => self.known.time,
            },
            Value::Quantity(_) => self.known.quantity,
            Value::Type(_) => UNKNOWN,
        }
    }

    /// Puts a value into an element of which a type may be chosen by the value.
    pub(super) fn assign_at(
        &mut self,
        parent: NodeId,
        ty: TypeId,
        step: &'p Step,
        value: &Var<'a>,
        (target, span): (Option<&'p Target>, Span),
    ) -> Outcome<Option<(NodeId, TypeId)>> {
        if matches!(value, Var::None) {
            return Ok(None);
        }
        let spots = self.spots(ty, step);
        if spots.is_empty() {
            self.no_element(ty, step, span);
            return Ok(None);
        }
        let from = self.type_of_var(value);
        let Some(spot) = self.choose(&spots, from) else {
            let name = self.program.schema.type_info(from).name;
            self.error(codes::FML_MADE, span, format!("`{}` never is a `{name}`", step.text));
            return Ok(None);
        };
        let Some(text) = self.prepared(&spot, from, value, span) else { return Ok(None) };
        let made = if spot.form == Form::Resource { from } else { spot.ty };
        self.writing = span;
        let Some(id) = self.element(parent, spot, made, target)? else { return Ok(None) };
        let is_whole = matches!(spot.form, Form::Object | Form::Resource);
        let former = if is_whole { self.emptied(id, &spot, value) } else { None };
        self.finish(id, made, &spot, (value, text))?;
        self.refilled(id, former);
        Ok(Some((id, made)))
    }

    /// Puts a value into an element that is there.
    pub(super) fn write_into(&mut self, id: NodeId, ty: TypeId, value: &Var<'a>, span: Span) -> Outcome<()> {
        if matches!(value, Var::None) {
            return Ok(());
        }
        let form = self.program.schema.form(ty);
        let spot = Spot {
            name: self.target.name(id),
            ty,
            form,
            kind: kind_of(form),
            is_list: false,
            order: self.target.order(id),
            is_choice: false,
            is_logical: false,
        };
        self.writing = span;
        let from = self.type_of_var(value);
        match self.prepared(&spot, from, value, span) {
            Some(text) => self.finish(id, ty, &spot, (value, text)),
            None => Ok(()),
        }
    }

    /// The spot of a choice for a value of a type.
    fn choose(&self, spots: &[Spot], from: TypeId) -> Option<Spot> {
        if let [only] = spots {
            return Some(*only);
        }
        let exact = spots.iter().find(|spot| spot.ty == from);
        let derived = || spots.iter().find(|spot| spot.ty != UNKNOWN && self.is_subtype(from, spot.ty));
        let special = || spots.iter().find(|spot| self.is_subtype(spot.ty, from));
        let is_text = self.is_text(from);
        let text = || spots.iter().find(|spot| is_text && self.is_text(spot.ty));
        let wider = || self.wider(from).and_then(|ty| spots.iter().find(|spot| spot.ty == ty));
        exact.or_else(derived).or_else(special).or_else(text).or_else(wider).copied()
    }

    /// The type that holds every value of another.
    fn wider(&self, ty: TypeId) -> Option<TypeId> {
        let known = self.known;
        if ty == known.date || ty == known.instant {
            return Some(known.date_time);
        }
        self.is_subtype(ty, known.integer).then_some(known.decimal)
    }

    /// True for a primitive that is any text.
    fn is_text(&self, ty: TypeId) -> bool {
        let known = self.known;
        let info = self.program.schema.type_info(ty);
        let is_time = [known.date, known.date_time, known.instant, known.time].contains(&ty);
        info.is_primitive() && info.form == Form::Str && !is_time
    }

    /// The text to be written, empty where an element is to be copied; `None` where the value cannot stand here,
    /// which is reported.
    fn prepared(&mut self, spot: &Spot, from: TypeId, value: &Var<'a>, span: Span) -> Option<Cow<'a, str>> {
        let is_leaf = !matches!(spot.form, Form::Object | Form::Resource);
        let text = self.text(value);
        if !is_leaf {
            let is_copy =
                self.is_copy(spot, from, value) || (text.is_some() && self.cast(spot, "").is_some());
            if is_copy {
                return Some(text.unwrap_or(Cow::Borrowed("")));
            }
            self.misfit(spot, from, span);
            return None;
        }
        let Some(text) = text else {
            // A primitive may have extensions and no value.
            if self.is_beside(value) {
                return Some(Cow::Borrowed(""));
            }
            self.misfit(spot, from, span);
            return None;
        };
        if from == spot.ty {
            return Some(text);
        }
        match fit(self.program.schema, &self.known, text, spot.ty, spot.form) {
            Fit::Text(text) => Some(text),
            // What a logical model has as words stays whole; only of a point in time the day is taken.
            Fit::Part(text) if !(spot.is_logical && self.is_text(from)) => {
                let name = self.program.schema.type_info(spot.ty).name;
                let message = format!("a `{name}` holds only a part of this value");
                self.report(Severity::Warning, codes::FML_VALUE, span, message);
                Some(text)
            }
            Fit::Part(_) | Fit::No => {
                let name = self.program.schema.type_info(spot.ty).name;
                let shown = self.text(value).map(Cow::into_owned);
                let message = format!("this value is no `{name}`");
                // A logical model says what a unit's documents are meant to hold; what somebody wrote there instead is
                // lost nowhere else either.
                let is_kept = spot.is_logical;
                let severity = if is_kept { Severity::Warning } else { Severity::Error };
                self.report_value(severity, codes::FML_VALUE, span, message, shown.as_deref());
                is_kept.then(|| Cow::Owned(shown.unwrap_or_default()))
            }
        }
    }

    /// True for a primitive with an id or extensions beside its value or instead of it.
    fn is_beside(&self, value: &Var<'a>) -> bool {
        match value {
            Var::Node(node) => node.tree.kind(node.id).is_leaf() && node.tree.first_child(node.id).is_some(),
            Var::Made(id, _) => self.target.kind(*id).is_leaf(),
            Var::None | Var::Value(..) => false,
        }
    }

    pub(super) fn is_copy(&self, spot: &Spot, from: TypeId, value: &Var<'a>) -> bool {
        let info = self.program.schema.type_info(from);
        match value {
            Var::Value(Value::Quantity(_), _) => self.is_subtype(spot.ty, self.known.quantity),
            Var::None | Var::Value(..) => false,
            Var::Node(_) | Var::Made(..) if info.is_primitive() => false,
            Var::Node(_) | Var::Made(..) => {
                let is_resource = spot.form == Form::Resource && info.is_resource();
                is_resource
                    || from == UNKNOWN
                    || spot.ty == UNKNOWN
                    || self.is_subtype(from, spot.ty)
                    || self.is_subtype(spot.ty, from)
            }
        }
    }

    fn misfit(&mut self, spot: &Spot, from: TypeId, span: Span) {
        let schema = self.program.schema;
        let (found, wanted) = (schema.type_info(from).name, schema.type_info(spot.ty).name);
        let found = if found.is_empty() { "value of unknown type" } else { found };
        self.error(codes::FML_MADE, span, format!("a `{found}` cannot stand where `{wanted}` is expected"));
    }

    /// What HL7's engine makes of a plain text where a data type is expected, and what a model of XML has as the
    /// text of an element.
    fn cast(&self, spot: &Spot, text: &str) -> Option<Structure> {
        let name = self.program.schema.type_info(spot.ty).name;
        if spot.is_logical && self.program.schema.find(spot.ty, "text()").is_some() {
            return Some(Structure::new("", &[(&["data"], text)]));
        }
        if self.program.compat != Compat::Reference {
            return None;
        }
        match name {
            "CodeableConcept" => Some(Structure::new("CodeableConcept", &[(&["text"], text)])),
            "Coding" => Some(Structure::new("Coding", &[(&["code"], text)])),
            "Reference" => Some(Structure::new("Reference", &[(&["reference"], text)])),
            "Annotation" => Some(Structure::new("Annotation", &[(&["text"], text)])),
            "Identifier" => Some(Structure::new("Identifier", &[(&["value"], text)])),
            _ => None,
        }
    }

    fn finish(
        &mut self,
        id: NodeId,
        ty: TypeId,
        spot: &Spot,
        (value, text): (&Var<'a>, Cow<'a, str>),
    ) -> Outcome<()> {
        let source = match value {
            Var::Node(node) => Some(node.id),
            _ => None,
        };
        if matches!(spot.form, Form::Object | Form::Resource) {
            self.came_from(id, source);
            return match value {
                Var::Value(Value::Quantity(quantity), _) => {
                    let structure = Structure::of_quantity(quantity);
                    self.build(id, ty, &structure)
                }
                _ if !text.is_empty() => match self.cast(spot, &text) {
                    Some(structure) => {
                        if let Var::Node(node) = value {
                            self.carried(node);
                        }
                        self.build(id, ty, &structure)
                    }
                    None => self.copy(id, ty, value),
                },
                _ => self.copy(id, ty, value),
            };
        }
        let has_value = match value {
            Var::Node(node) => node.tree.has_text(node.id),
            Var::Made(made, _) => self.target.has_text(*made),
            Var::None | Var::Value(..) => true,
        };
        if has_value {
            self.write_text(id, kind_for(spot, &text), &text)?;
        }
        self.came_from(id, source);
        match value {
            Var::Node(node) => {
                self.carried(node);
                self.copy_beside(id, node)
            }
            _ => Ok(()),
        }
    }

    /// Gives a leaf its text.
    pub(super) fn write_text(&mut self, id: NodeId, kind: Kind, text: &str) -> Outcome<()> {
        self.bytes += text.len();
        if self.bytes > TARGET_BYTES_MAX {
            return Err(self.limit("bytes of text", TARGET_BYTES_MAX as u64));
        }
        if self.target.has_text(id) {
            self.give_way(id, text);
        }
        self.target.set_kind(id, kind);
        self.target.set_text(id, text);
        Ok(())
    }

    /// A text as a named type has it, for `cast`.
    pub(super) fn cast_text<'v>(&self, text: Cow<'v, str>, ty: TypeId) -> Option<Cow<'v, str>> {
        match fit(self.program.schema, &self.known, text, ty, self.program.schema.form(ty)) {
            Fit::Text(text) | Fit::Part(text) => Some(text),
            Fit::No => None,
        }
    }
}

/// The kind of the element of a spot with a text: words that a logical model holds where it means a number are words.
fn kind_for(spot: &Spot, text: &str) -> Kind {
    match spot.kind {
        Kind::Number if spot.is_logical && !Primitive::Decimal.accepts(text) => Kind::Str,
        Kind::Bool if spot.is_logical && !Primitive::Boolean.accepts(text) => Kind::Str,
        kind => kind,
    }
}

const fn kind_of(form: Form) -> Kind {
    match form {
        Form::Object | Form::Resource => Kind::Object,
        Form::Str => Kind::Str,
        Form::Number => Kind::Number,
        Form::Bool => Kind::Bool,
        Form::Xhtml => Kind::Xhtml,
    }
}
