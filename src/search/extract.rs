//! From a resource to the values of its search parameters, and to its keys.

use super::data::Data;
use super::fields::text;
use super::key::{Form, Key};
use super::range::{code, dates};
use super::table::{Component, Found, Parameter, ParameterKind, Parameters, Term};
use super::value::{Keys, Span, UnitOf, Value};
use crate::diag::{Issue, Span as Place, codes};
use crate::fhirpath::{Context, Decimal, Item, Node, Quantity, Unit, Value as Plain};
use crate::tree::{Name, NodeId, Tree};
use std::borrow::Cow;

/// Keys of one resource.
pub const KEYS_MAX: usize = 200_000;
/// Numbers of a sampled series that are looked at.
const SAMPLES_MAX: usize = 1_000_000;
/// The code system of UCUM.
pub(super) const UCUM: &str = "http://unitsofmeasure.org";
/// That of currencies.
const CURRENCIES: &str = "urn:iso:std:iso:4217";

impl Parameters {
    /// What a resource can be found by, sorted and without doubles. A resource of a type that is not known has none.
    ///
    /// # Errors
    /// Where a search parameter cannot be evaluated, or finds too much: such a resource would not be found later.
    pub fn keys(&self, tree: &Tree) -> Result<Vec<Key>, Box<Issue>> {
        let found = self.values(tree)?;
        let mut keys = Vec::with_capacity(found.values.len() * 4);
        for (slot, value) in &found.values {
            Keys { slot: *slot, found: &mut keys }.add(value);
            if keys.len() > KEYS_MAX {
                return Err(refused(format!("the resource has more than {KEYS_MAX} index entries")));
            }
        }
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    /// What all search parameters find in a resource.
    pub(super) fn values<'t>(&self, tree: &'t Tree) -> Result<Found<'t>, Box<Issue>> {
        let kind = tree.resource_type(NodeId::ROOT).unwrap_or_default();
        let Some(table) = self.table(&kind) else { return Ok(Found::default()) };
        let Some(ty) = table.ty else { return Ok(Found::default()) };
        let root = Item::node(tree, NodeId::ROOT, ty);
        let context = Context::new(self.schema()).with_resource(root.clone(), root.clone());
        let mut values = Vec::new();
        let reader = Reader { parameters: self, tree, context: &context };
        for parameter in &table.parameters {
            reader.parameter(parameter, &root, &mut |value| values.push((parameter.slot, value)))?;
        }
        let fields = self.fields();
        let updated = tree.child(NodeId::ROOT, fields.meta);
        let updated = updated.and_then(|meta| text(tree, meta, fields.last_updated));
        Ok(Found {
            kind: kind.into_owned(),
            id: text(tree, NodeId::ROOT, Name::ID).unwrap_or_default().into_owned(),
            updated: updated.and_then(|at| dates(&at)).map(|span| span.low),
            values,
        })
    }

    /// What one parameter finds in a resource of a type.
    pub(super) fn values_of<'t>(&self, tree: &'t Tree, name: &str, code: &str) -> Vec<Value<'t>> {
        let Some(ty) = self.table(name).and_then(|table| table.ty) else { return Vec::new() };
        let Some(parameter) = self.find(name, code) else { return Vec::new() };
        let root = Item::node(tree, NodeId::ROOT, ty);
        let context = Context::new(self.schema()).with_resource(root.clone(), root.clone());
        let mut values = Vec::new();
        let reader = Reader { parameters: self, tree, context: &context };
        // What cannot be evaluated leads to nobody.
        let read = reader.parameter(parameter, &root, &mut |value| values.push(value));
        if read.is_ok() { values } else { Vec::new() }
    }
}

fn refused(message: String) -> Box<Issue> {
    Box::new(Issue::error(codes::SEARCH_INDEX, Place::default(), message))
}

/// Reads values out of one resource.
struct Reader<'r, 't> {
    parameters: &'r Parameters,
    tree: &'t Tree,
    context: &'r Context<'r>,
}

/// A parameter, or a component of one.
#[derive(Clone, Copy)]
struct Part<'p> {
    terms: &'p [Term],
    kind: ParameterKind,
    targets: &'p [String],
}

/// What is read of an item, by the kind of its parameter.
#[derive(Clone, Copy)]
struct Way<'w> {
    kind: ParameterKind,
    only: Option<&'w str>,
    targets: &'w [String],
}

type Sink<'s, 't> = &'s mut dyn FnMut(Value<'t>);

impl<'t> Reader<'_, 't> {
    fn parameter(
        &self,
        parameter: &Parameter,
        root: &Item<'_>,
        sink: Sink<'_, 't>,
    ) -> Result<(), Box<Issue>> {
        if parameter.kind != ParameterKind::Composite {
            let part = Part { terms: &parameter.terms, kind: parameter.kind, targets: &parameter.targets };
            return self.terms(part, root, &parameter.code, sink);
        }
        for term in &parameter.terms {
            for item in self.items(term, root, &parameter.code)? {
                let all = parameter.components.iter();
                let all: Vec<Vec<Value<'t>>> = all
                    .map(|component| self.component(component, &item, &parameter.code))
                    .collect::<Result<_, _>>()?;
                if all.iter().all(|values| !values.is_empty()) {
                    sink(Value::Composite(all));
                }
            }
        }
        Ok(())
    }

    fn component(
        &self,
        component: &Component,
        base: &Item<'_>,
        code: &str,
    ) -> Result<Vec<Value<'t>>, Box<Issue>> {
        let mut values = Vec::new();
        let part = Part { terms: &component.terms, kind: component.kind, targets: &component.targets };
        self.terms(part, base, code, &mut |value| values.push(value))?;
        // What a code is called is asked for by a modifier, which no component takes.
        values.retain(|value| !matches!(value, Value::TokenText(_) | Value::OfType { .. }));
        Ok(values)
    }

    fn terms(
        &self,
        part: Part<'_>,
        base: &Item<'_>,
        code: &str,
        sink: Sink<'_, 't>,
    ) -> Result<(), Box<Issue>> {
        for term in part.terms {
            let way = Way { kind: part.kind, only: term.only.as_deref(), targets: part.targets };
            for item in self.items(term, base, code)? {
                match &item {
                    Item::Node(node) => self.node(node, way, sink),
                    Item::Value(value) => plain(value, part.kind, sink),
                }
            }
        }
        Ok(())
    }

    /// What a term finds. All nodes are of this tree.
    fn items(&self, term: &Term, base: &Item<'_>, code: &str) -> Result<Vec<Item<'t>>, Box<Issue>> {
        if let (Some(name), Some(node)) = (term.needs, base.as_node())
            && self.tree.child(node.id, name).is_none()
        {
            return Ok(Vec::new());
        }
        let found = term.compiled.evaluate(self.context, base).map_err(|_| {
            refused(format!("the search parameter `{code}` cannot be evaluated on the resource"))
        })?;
        let owned = |item: &Item<'_>| match item {
            Item::Node(node) => Item::node(self.tree, node.id, node.ty),
            Item::Value(value) => Item::Value(value.clone().into_owned()),
        };
        Ok(found.items().iter().map(owned).collect())
    }

    fn node(&self, node: &Node<'_>, way: Way<'_>, sink: Sink<'_, 't>) {
        let data = self.parameters.data(node.ty);
        if data == Data::Extension {
            self.extension(node, way, sink);
            return;
        }
        match way.kind {
            ParameterKind::Token => self.token(node.id, data, sink),
            ParameterKind::Reference => self.reference(node.id, data, way, sink),
            ParameterKind::String => self.string(node.id, data, sink),
            ParameterKind::Uri => self.uri(node.id, data, sink),
            ParameterKind::Date => {
                if let Some(span) = self.date(node.id, data) {
                    sink(Value::Dates(span));
                }
            }
            ParameterKind::Number | ParameterKind::Quantity => {
                if let Some(value) = self.amount(node.id, data) {
                    sink(value);
                }
            }
            ParameterKind::Composite | ParameterKind::Special => {}
        }
    }

    /// The value of an extension.
    fn extension(&self, node: &Node<'_>, way: Way<'_>, sink: Sink<'_, 't>) {
        let members = self.parameters.schema().members(node.ty);
        for child in self.tree.children(node.id) {
            let name = self.tree.name(child);
            let found = members.find(name).filter(|found| found.element.is_choice());
            if let Some(found) = found {
                self.node(&Node { tree: self.tree, id: child, ty: found.ty }, way, sink);
            }
        }
    }

    fn text(&self, id: NodeId, name: Name) -> Option<Cow<'t, str>> {
        text(self.tree, id, name)
    }

    fn own_text(&self, id: NodeId) -> Option<Cow<'t, str>> {
        self.tree.has_text(id).then(|| self.tree.text(id)).filter(|text| !text.is_empty())
    }

    fn token(&self, id: NodeId, data: Data, sink: Sink<'_, 't>) {
        let fields = self.parameters.fields();
        match data {
            Data::Coding => self.coding(id, sink),
            Data::CodeableConcept => {
                self.tree.children_named(id, fields.coding).for_each(|coding| self.coding(coding, sink));
                if let Some(text) = self.text(id, fields.text) {
                    sink(Value::TokenText(text));
                }
            }
            Data::Identifier => self.identifier(id, sink),
            Data::ContactPoint => {
                if let Some(code) = self.text(id, Name::VALUE) {
                    sink(Value::Token { system: Cow::Borrowed(""), code });
                }
            }
            Data::Boolean | Data::Text | Data::Uri | Data::Canonical | Data::Number | Data::Date => {
                if let Some(code) = self.own_text(id) {
                    sink(Value::Token { system: Cow::Borrowed(""), code });
                }
            }
            _ => {}
        }
    }

    fn coding(&self, id: NodeId, sink: Sink<'_, 't>) {
        let fields = self.parameters.fields();
        let (system, code) = (self.text(id, fields.system), self.text(id, fields.code));
        if system.is_some() || code.is_some() {
            sink(Value::Token { system: system.unwrap_or_default(), code: code.unwrap_or_default() });
        }
        if let Some(display) = self.text(id, fields.display) {
            sink(Value::TokenText(display));
        }
    }

    fn identifier(&self, id: NodeId, sink: Sink<'_, 't>) {
        let fields = self.parameters.fields();
        let system = self.text(id, fields.system);
        let value = self.text(id, Name::VALUE);
        if let Some(kind) = self.tree.child(id, fields.kind) {
            if let Some(text) = self.text(kind, fields.text) {
                sink(Value::TokenText(text));
            }
            for coding in self.tree.children_named(kind, fields.coding) {
                if let (Some(code), Some(value)) = (self.text(coding, fields.code), value.clone()) {
                    let system = self.text(coding, fields.system).unwrap_or_default();
                    sink(Value::OfType { system, code, value });
                }
            }
        }
        if system.is_some() || value.is_some() {
            sink(Value::Token { system: system.unwrap_or_default(), code: value.unwrap_or_default() });
        }
    }

    fn reference(&self, id: NodeId, data: Data, way: Way<'_>, sink: Sink<'_, 't>) {
        let (fields, only) = (self.parameters.fields(), way.only);
        match data {
            Data::Reference => {
                let target = self.text(id, Name::REFERENCE).and_then(|text| self.target(text, way.targets));
                if let Some((target, version)) = target
                    && only.is_none_or(|only| leads_to(&target, only))
                {
                    sink(Value::Reference { target, version });
                }
                let kind = self.text(id, fields.kind);
                if let Some(identifier) = self.tree.child(id, fields.identifier)
                    && only.is_none_or(|only| kind.is_none_or(|kind| kind == only))
                    && let Some(value) = self.text(identifier, Name::VALUE)
                {
                    let system = self.text(identifier, fields.system).unwrap_or_default();
                    sink(Value::Identifier { system, value });
                }
            }
            Data::Canonical | Data::Uri => self.uri(id, data, sink),
            Data::Resource => {
                let kind = self.tree.resource_type(id);
                if let (Some(kind), Some(own)) = (kind, self.text(id, Name::ID)) {
                    sink(Value::Reference { target: Cow::Owned(format!("{kind}/{own}")), version: None });
                }
            }
            _ => {}
        }
    }

    /// What a reference leads to, as `Type/id` where it is of this server, and the version that it names. An id alone,
    /// as data should not have it, is one of the only type that there may be. What is contained cannot be asked for
    /// from outside.
    fn target(&self, text: Cow<'t, str>, targets: &[String]) -> Option<(Cow<'t, str>, Option<Cow<'t, str>>)> {
        if text.starts_with('#') || text.is_empty() {
            return None;
        }
        let text = match self.parameters.below_base(&text) {
            Some(below) => Cow::Owned(below.to_owned()),
            None => text,
        };
        let text = match targets {
            [only] if !text.contains(['/', ':']) => Cow::Owned(format!("{only}/{text}")),
            _ => text,
        };
        let parted =
            text.split_once("/_history/").map(|(target, version)| (target.to_owned(), version.to_owned()));
        Some(match parted {
            Some((target, version)) => (Cow::Owned(target), Some(Cow::Owned(version))),
            None => (text, None),
        })
    }

    fn string(&self, id: NodeId, data: Data, sink: Sink<'_, 't>) {
        let fields = self.parameters.fields();
        let parts: &[Name] = match data {
            Data::HumanName => &[fields.text, fields.family, fields.given, fields.prefix, fields.suffix],
            Data::Address => &[
                fields.text,
                fields.line,
                fields.city,
                fields.district,
                fields.state,
                fields.postal_code,
                fields.country,
            ],
            Data::CodeableConcept | Data::Coding => &[fields.text, fields.display],
            Data::ContactPoint | Data::Identifier => &[Name::VALUE],
            Data::Text | Data::Uri | Data::Canonical | Data::Boolean | Data::Number | Data::Date => {
                if let Some(text) = self.own_text(id) {
                    sink(Value::Text(text));
                }
                return;
            }
            _ => return,
        };
        for child in self.tree.children(id) {
            if parts.contains(&self.tree.name(child)) {
                if let Some(text) = self.own_text(child) {
                    sink(Value::Text(text));
                }
            } else if data == Data::CodeableConcept && self.tree.name(child) == fields.coding {
                self.string(child, Data::Coding, sink);
            }
        }
    }

    fn uri(&self, id: NodeId, data: Data, sink: Sink<'_, 't>) {
        let Some(text) = self.own_text(id) else { return };
        if data != Data::Canonical {
            sink(Value::Uri(text));
            return;
        }
        // A fragment names a part of what the url leads to.
        let whole = text.split_once('#').map_or(&*text, |(whole, _)| whole);
        let (url, version) =
            whole.split_once('|').map_or((whole, None), |(url, version)| (url, Some(version)));
        if !url.is_empty() {
            let version = version.map(|version| Cow::Owned(version.to_owned()));
            sink(Value::Canonical { url: Cow::Owned(url.to_owned()), version });
        }
    }

    fn date(&self, id: NodeId, data: Data) -> Option<Span> {
        let fields = self.parameters.fields();
        match data {
            Data::Date | Data::Text => dates(&self.own_text(id)?),
            Data::Period => {
                let end = |name: Name| self.text(id, name).and_then(|text| dates(&text));
                let (start, end) = (end(fields.start), end(fields.end));
                let span = Span {
                    low: start.map_or(i64::MIN, |span| span.low),
                    high: end.map_or(i64::MAX, |span| span.high),
                };
                (start.is_some() || end.is_some()).then_some(span)
            }
            // The outer limits alone count (FHIR R4, "Search", "date").
            Data::Timing => {
                let events = self.tree.children_named(id, fields.event);
                let events = events.filter_map(|event| dates(&self.own_text(event)?));
                let bounds = self.tree.child(id, fields.repeat);
                let bounds = bounds.and_then(|repeat| self.tree.child(repeat, fields.bounds_period));
                let bounds = bounds.and_then(|period| self.date(period, Data::Period));
                let join = |a: Span, b: Span| Span { low: a.low.min(b.low), high: a.high.max(b.high) };
                events.chain(bounds).reduce(join)
            }
            _ => None,
        }
    }

    fn amount(&self, id: NodeId, data: Data) -> Option<Value<'t>> {
        let fields = self.parameters.fields();
        let value = |id: NodeId| self.tree.child(id, Name::VALUE).and_then(|value| self.number(value));
        let (ends, unit) = match data {
            Data::Number => (Ends::point(self.number(id)?), None),
            Data::Quantity => {
                let number = value(id)?;
                // A comparator leaves one end open; whether the bound itself is meant makes no difference here.
                let ends = match self.text(id, fields.comparator).as_deref() {
                    Some("<" | "<=") => Ends(None, Some(number)),
                    Some(">" | ">=") => Ends(Some(number), None),
                    _ => Ends::point(number),
                };
                (ends, self.unit(id, ends))
            }
            Data::Money => {
                let unit = self.text(id, fields.currency).map(|code| UnitOf {
                    system: Cow::Borrowed(CURRENCIES),
                    name: code.clone(),
                    code,
                    base: None,
                });
                (Ends::point(value(id)?), unit)
            }
            Data::Range => {
                let (low, high) = (self.tree.child(id, fields.low), self.tree.child(id, fields.high));
                let ends = Ends(low.and_then(value), high.and_then(value));
                (ends, low.or(high).and_then(|quantity| self.unit(quantity, ends)))
            }
            Data::Samples => {
                let origin = self.tree.child(id, fields.origin)?;
                let ends = self.sampled(id, value(origin)?)?;
                (ends, self.unit(origin, ends))
            }
            _ => return None,
        };
        (ends != Ends(None, None)).then(|| Value::Amount { span: ends.span(), unit })
    }

    fn number(&self, id: NodeId) -> Option<Decimal> {
        Decimal::parse(&self.own_text(id)?)
    }

    /// The unit of a quantity, with some amounts of it in base units.
    fn unit(&self, id: NodeId, ends: Ends) -> Option<UnitOf<'t>> {
        let fields = self.parameters.fields();
        let system = self.text(id, fields.system).unwrap_or_default();
        let code = self.text(id, fields.code).unwrap_or_default();
        let name = self.text(id, fields.unit).unwrap_or_default();
        let base = (system == UCUM && !code.is_empty()).then(|| ends.in_base_units(&code)).flatten();
        let is_named = !(system.is_empty() && code.is_empty() && name.is_empty());
        is_named.then_some(UnitOf { system, code, name, base })
    }

    /// The least and the greatest sample of a series.
    fn sampled(&self, id: NodeId, origin: Decimal) -> Option<Ends> {
        let fields = self.parameters.fields();
        let factor = self.tree.child(id, fields.factor).and_then(|factor| self.number(factor));
        let samples = self.text(id, fields.data)?;
        let samples = samples.split_ascii_whitespace().take(SAMPLES_MAX).filter_map(Decimal::parse);
        let (low, high) = samples.fold((None, None), |(low, high), sample| {
            let is_less = |kept: &Decimal| code(sample) < code(*kept);
            let is_more = |kept: &Decimal| code(sample) > code(*kept);
            let low = if low.as_ref().is_none_or(is_less) { Some(sample) } else { low };
            (low, if high.as_ref().is_none_or(is_more) { Some(sample) } else { high })
        });
        let real = |sample: Decimal| sample.mul(factor.unwrap_or(Decimal::ONE))?.add(origin);
        let (one, other) = (real(low?)?, real(high?)?);
        // A factor below zero turns the series upside down.
        Some(if code(one) <= code(other) {
            Ends(Some(one), Some(other))
        } else {
            Ends(Some(other), Some(one))
        })
    }
}

/// The least and the greatest of an amount; none where it is open.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Ends(pub(super) Option<Decimal>, pub(super) Option<Decimal>);

impl Ends {
    pub(super) const fn point(at: Decimal) -> Self {
        Self(Some(at), Some(at))
    }

    pub(super) fn span(self) -> Span {
        Span { low: self.0.map_or(i64::MIN, code), high: self.1.map_or(i64::MAX, code) }
    }

    /// The same in base units of UCUM, with the hash of what they measure; none for a unit that is not known.
    pub(super) fn in_base_units(self, unit: &str) -> Option<(i64, Span)> {
        let convert = |number: Decimal| Quantity::new(number, Unit::Ucum(unit.into())).to_base();
        let (low, high) = (self.0.map(convert), self.1.map(convert));
        let (dimension, _) = low.clone().or_else(|| high.clone())??;
        let end = |end: Option<Option<(String, Decimal)>>| end.flatten().map(|(_, number)| number);
        let ends = Self(end(low), end(high));
        Some((Form::Dimension.hash(&[&dimension]), ends.span()))
    }
}

/// True where a reference may lead to a resource of a type: it says so, or does not say of which type it is.
fn leads_to(target: &str, only: &str) -> bool {
    let kind =
        target.rsplit_once('/').map(|(before, _)| before.rsplit_once('/').map_or(before, |(_, kind)| kind));
    kind.is_some_and(|kind| kind == only)
}

/// A value that an expression made.
fn plain(value: &Plain<'_>, kind: ParameterKind, sink: Sink<'_, '_>) {
    let text = match value {
        Plain::Boolean(_) | Plain::String(_) | Plain::Integer(_) => value.to_text().into_owned(),
        _ => return,
    };
    match kind {
        ParameterKind::Token => sink(Value::Token { system: Cow::Borrowed(""), code: Cow::Owned(text) }),
        ParameterKind::String => sink(Value::Text(Cow::Owned(text))),
        _ => {}
    }
}
