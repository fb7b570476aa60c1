//! The outline of a map: its names, the types behind them, what becomes of each element.

mod defaults;
mod follow;

use super::check::find_type;
use super::library::{Library, Reach as Imports};
use super::model::{
    Argument, Call, Expression, Group, InputMode, Literal, Map, Path, Rule, RuleBody, Source, Target, Text,
    Transform, Transformation,
};
use crate::diag::Span;
use crate::fhirpath::{self, Options, StaticType, What};
use crate::mapping::outline::{
    Declared, Element, Fate, Flow, Kind, Meaning, Outline, Part, PartKind, Reach, Side, Spot, merge, steps,
};
use crate::schema::Schema;
use crate::tree::fhir::TypeId;
use defaults::Defaults;
use std::collections::HashMap;
use std::rc::Rc;

/// How often a map is gone through to learn the types of inputs that name none from the groups that give them.
const ROUNDS_MAX: usize = 4;

/// The outline of a map of a library, with the text that it was parsed from.
pub fn outline<'m>(text: &str, map: &'m Map, library: &Library<'m>, schema: &Schema) -> Outline {
    let imports = library.reach(map);
    let reach = Rc::new(Reached { defaults: Defaults::of(map, library, &imports, schema), imports });
    let mut given = Given::new();
    let mut round = 0;
    loop {
        round += 1;
        let mut walker = Walker::new(text, map, (library, Rc::clone(&reach)), schema, given.clone());
        walker.map();
        if walker.given == given || round == ROUNDS_MAX {
            walker.outline.parts = parts(map);
            let followed = follow::followed(&mut walker);
            walker.outline.flows.extend(followed);
            return walker.outline.finished();
        }
        given = walker.given;
    }
}

/// What groups are given: by name and number of the input.
type Given = HashMap<(String, usize), Vec<TypeId>>;

#[derive(Debug, Clone)]
struct Variable {
    declared: usize,
    name: String,
    side: Side,
    spot: Spot,
}

/// What a call gives to one input of a group.
struct Gift {
    spot: Spot,
    side: Side,
}

/// A group that is called, extended or taken by default, with what it is given.
struct Handed<'m> {
    /// As the call names it.
    name: &'m str,
    /// Where it is named; of a default group the rule.
    span: Span,
    /// `None` where it is not at hand.
    group: Option<(&'m Map, &'m Group)>,
    given: Vec<Gift>,
}

/// The groups that a map can use.
struct Reached<'m> {
    imports: Imports,
    defaults: Defaults<'m>,
}

struct Walker<'m, 'a> {
    text: &'a str,
    map: &'m Map,
    library: &'a Library<'m>,
    reach: Rc<Reached<'m>>,
    schema: &'a Schema,
    given: Given,
    outline: Outline,
    scope: Vec<Variable>,
    /// Calls and extended groups, in the order of the text.
    handed: Vec<Handed<'m>>,
    /// How many rules were gone through.
    rules: usize,
}

impl<'m, 'a> Walker<'m, 'a> {
    fn new(
        text: &'a str,
        map: &'m Map,
        (library, reach): (&'a Library<'m>, Rc<Reached<'m>>),
        schema: &'a Schema,
        given: Given,
    ) -> Self {
        let (outline, scope, handed) = (Outline::default(), Vec::new(), Vec::new());
        Self { text, map, library, reach, schema, given, outline, scope, handed, rules: 0 }
    }

    fn map(&mut self) {
        let map = self.map;
        for structure in &map.structures {
            let ty = self.schema.type_by_url(&structure.url.text);
            if let Some(ty) = ty {
                self.outline.mark(self.inside(&structure.url), Meaning::Type(ty));
            }
            if let Some(alias) = &structure.alias {
                let spot = Spot { types: ty.into_iter().collect(), place: structure.url.text.clone() };
                self.declare(alias, Kind::Alias, structure.origin.span, &spot);
            }
        }
        for import in &map.imports {
            if let Some(url) = self.library.import(&import.text).first().and_then(|map| map.url.as_ref()) {
                self.outline.mark(self.inside(import), Meaning::Map(url.text.clone()));
            }
        }
        for concept_map in &map.concept_maps {
            self.declare(&concept_map.id, Kind::ConceptMap, concept_map.origin.span, &Spot::default());
        }
        for constant in &map.constants {
            self.declare(&constant.name, Kind::Constant, constant.origin.span, &Spot::default());
        }
        for constant in &map.constants {
            self.expression(&constant.value, &Spot::default());
        }
        for group in &map.groups {
            self.declare(&group.name, Kind::Group, group.origin.span, &Spot::default());
        }
        for group in &map.groups {
            self.group(group, &[]);
        }
    }

    /// A name or string without its quotes.
    fn inside(&self, text: &Text) -> Span {
        let span = text.origin.span;
        let raw = self.text.get(span.start as usize..span.end as usize).unwrap_or("");
        let is_quoted = raw.len() > 1 && raw.starts_with(['"', '\'', '`']);
        if is_quoted { Span::new(span.start + 1, span.end - 1) } else { span }
    }

    fn declare(&mut self, name: &Text, kind: Kind, whole: Span, spot: &Spot) -> usize {
        let scope = match kind {
            Kind::Source | Kind::Target | Kind::Resource | Kind::Parameter => {
                Span::new(name.origin.span.start, whole.end)
            }
            Kind::Group | Kind::Codes | Kind::Constant | Kind::ConceptMap | Kind::Alias => {
                Span::new(0, u32::MAX)
            }
        };
        let (types, place) = (spot.types.clone(), spot.place.clone());
        let span = self.inside(name);
        self.outline.declare(Declared { name: name.text.clone(), kind, span, whole, scope, types, place })
    }

    fn bind(&mut self, name: &Text, side: Side, whole: Span, spot: Spot) {
        let kind = if side == Side::Source { Kind::Source } else { Kind::Target };
        let declared = self.declare(name, kind, whole, &spot);
        self.scope.push(Variable { declared, name: name.text.clone(), side, spot });
    }

    /// The rules of a group; what it is given stands for its inputs where that is known.
    fn group(&mut self, group: &'m Group, gifts: &[Gift]) {
        let mut inputs = Vec::new();
        for (at, input) in group.inputs.iter().enumerate() {
            let gift = gifts.get(at).map(|gift| &gift.spot).filter(|spot| !spot.place.is_empty());
            let named = input.type_name.as_ref().and_then(|name| self.type_name(name, input.mode));
            let spot = match (named, gift) {
                (Some(ty), Some(gift)) => Spot { types: vec![ty], place: gift.place.clone() },
                (Some(ty), None) => Spot::root(self.schema, Some(ty)),
                (None, Some(gift)) => gift.clone(),
                (None, None) => {
                    let types = self.given.get(&(group.name.text.clone(), at)).cloned().unwrap_or_default();
                    let first = types.first().map(|ty| self.schema.type_info(*ty).name.to_owned());
                    Spot { place: first.unwrap_or_else(|| input.name.text.clone()), types }
                }
            };
            inputs.push(Gift { spot: spot.clone(), side: side(input.mode) });
            self.bind(&input.name, side(input.mode), group.origin.span, spot);
        }
        if let Some(extends) = &group.extends {
            self.group_name(extends);
            self.hand(extends, inputs);
        }
        for rule in &group.rules {
            self.rule(rule);
        }
        self.scope.clear();
    }

    /// The type of a name, which is marked.
    fn type_name(&mut self, name: &Text, mode: InputMode) -> Option<TypeId> {
        let alias = self.declared(&name.text, Kind::Alias);
        let ty = find_type(self.map, self.schema, &name.text, mode);
        let span = self.inside(name);
        match (alias, ty) {
            (Some(alias), _) => self.outline.mark(span, Meaning::Declared(alias)),
            (None, Some(ty)) => self.outline.mark(span, Meaning::Type(ty)),
            (None, None) => {}
        }
        ty
    }

    fn declared(&self, name: &str, kind: Kind) -> Option<usize> {
        self.outline.named(kind, name)
    }

    fn rule(&mut self, rule: &'m Rule) {
        self.rules += 1;
        let known = self.scope.len();
        let span = rule.origin.span;
        match &rule.body {
            RuleBody::Identity { source, target } => {
                let (source, target) = (self.path(source, Side::Source), self.path(target, Side::Target));
                self.identity(source, target, span);
            }
            RuleBody::Batch { source, target, elements } => {
                let from = self.variable(source, Side::Source).unwrap_or_default();
                let to = self.variable(target, Side::Target).unwrap_or_default();
                for element in elements {
                    let name = [(element.as_str(), self.inside(element))];
                    let source = steps(&mut self.outline, self.schema, &from, name, Side::Source);
                    let target = steps(&mut self.outline, self.schema, &to, name, Side::Target);
                    self.identity(source, target, span);
                }
            }
            RuleBody::Full(full) => self.transformation(full, span),
        }
        self.scope.truncate(known);
    }

    /// What the default group of the types says of an element; without one all of it is carried.
    fn identity(&mut self, source: Spot, target: Spot, span: Span) {
        match self.reach.defaults.find(&source.types, &target.types) {
            Some((map, group)) => {
                let sides = [(source, Side::Source), (target, Side::Target)];
                let given = sides.into_iter().map(|(spot, side)| Gift { spot, side }).collect();
                let group = Some((map, group));
                self.handed.push(Handed { name: "", span, group, given });
            }
            None => self.flow(Some(source.place), Some(target.place), span),
        }
    }

    /// Notes that a group is called or extended.
    fn hand(&mut self, name: &'m Text, given: Vec<Gift>) {
        let group = self.library.group(self.map, &self.reach.imports, &name.text);
        self.handed.push(Handed { name: &name.text, span: name.origin.span, group, given });
    }

    fn flow(&mut self, source: Option<String>, target: Option<String>, span: Span) {
        let fate = if source.is_some() { Fate::Derived } else { Fate::Set };
        self.outline.flow(Flow { source, target, fate, reach: Reach::Below, span, through: None });
    }

    fn transformation(&mut self, full: &'m Transformation, span: Span) {
        for source in &full.sources {
            self.source(source, span);
        }
        for target in &full.targets {
            self.target(target, span);
        }
        for call in &full.calls {
            self.call(call, None);
        }
        for rule in &full.rules {
            self.rule(rule);
        }
    }

    fn source(&mut self, source: &'m Source, whole: Span) {
        let mut spot = self.path(&source.path, Side::Source);
        if let Some(name) = &source.type_name
            && let Some(ty) = self.type_name(name, InputMode::Source)
        {
            spot.types = vec![ty];
        }
        if let Some(name) = &source.variable {
            self.bind(name, Side::Source, whole, spot.clone());
        }
        if let Some(default) = &source.default {
            self.expression(&default.expression, &Spot::default());
        }
        for expression in [&source.condition, &source.check, &source.log].into_iter().flatten() {
            self.expression(expression, &spot);
        }
    }

    fn target(&mut self, target: &'m Target, whole: Span) {
        let spot = target.path.as_ref().map(|path| self.path(path, Side::Target));
        let place = spot.as_ref().map(|spot| spot.place.clone());
        let mut made = spot.clone().unwrap_or_default();
        let mut sources = Vec::new();
        if let Some(transform) = &target.transform {
            let last = target.path.as_ref().and_then(|path| path.elements.last());
            if let Some(ty) = self.transform(transform, last, &made, &mut sources) {
                made.types = vec![ty];
            }
        }
        let has_element = target.path.as_ref().is_some_and(|path| !path.elements.is_empty());
        // What a group makes its rules say.
        let is_made = target.transform.as_ref().is_some_and(|it| !matches!(it, Transform::Group(_)));
        if has_element && is_made {
            let sources =
                if sources.is_empty() { vec![None] } else { sources.into_iter().map(Some).collect() };
            for source in sources {
                self.flow(source, place.clone(), target.origin.span);
            }
        }
        if let Some(name) = &target.variable {
            self.bind(name, Side::Target, whole, made);
        }
    }

    /// What a transform makes; notes where its values come from.
    fn transform(
        &mut self,
        transform: &'m Transform,
        last: Option<&Text>,
        at: &Spot,
        sources: &mut Vec<String>,
    ) -> Option<TypeId> {
        match transform {
            Transform::Copy(Argument::Literal(literal, origin)) => {
                if let (Literal::String(code), Some(last)) = (literal, last) {
                    self.value(&Text::new(code.clone(), origin.clone()), last, at);
                }
                None
            }
            Transform::Copy(argument) => {
                self.argument(argument, Side::Source, sources).spot.types.first().copied()
            }
            Transform::Evaluate(expression) => {
                sources.extend(self.expression(expression, &Spot::default()));
                None
            }
            Transform::Function { function, name, arguments } => {
                self.outline.mark(name.span, Meaning::Transform(*function));
                for argument in arguments {
                    self.argument(argument, Side::Source, sources);
                }
                let made = match (function, arguments.first()) {
                    (super::Function::Create, Some(Argument::Literal(Literal::String(name), origin))) => {
                        let name = Text::new(name.clone(), origin.clone());
                        return self.type_name(&name, InputMode::Target);
                    }
                    (super::Function::Translate, _) => {
                        self.concept_map(arguments.get(1));
                        return None;
                    }
                    (super::Function::Cc, _) => "CodeableConcept",
                    (super::Function::C, _) => "Coding",
                    (super::Function::Qty, _) => "Quantity",
                    (super::Function::Id, _) => "Identifier",
                    (super::Function::Cp, _) => "ContactPoint",
                    _ => return None,
                };
                self.schema.type_named(made)
            }
            Transform::Group(call) => {
                self.call(call, Some(at));
                None
            }
        }
    }

    fn concept_map(&mut self, argument: Option<&Argument>) {
        let Some(Argument::Literal(Literal::String(url), origin)) = argument else { return };
        let declared = url.strip_prefix('#').and_then(|id| self.declared(id, Kind::ConceptMap));
        if let Some(declared) = declared {
            let quoted = self.inside(&Text::new(url.clone(), origin.clone()));
            let name = Span::new(quoted.start + 1, quoted.end);
            self.outline.mark(name, Meaning::Declared(declared));
        }
    }

    /// A constant that an element takes.
    fn value(&mut self, code: &Text, element: &Text, at: &Spot) {
        let owners = match self.outline.started(self.inside(element).start).map(|mark| &mark.meaning) {
            Some(Meaning::Element(element)) => element.owners.clone(),
            _ => Vec::new(),
        };
        let name = element.text.clone();
        let element = Element { owners, name, place: at.place.clone(), is_source: false };
        self.outline.mark(self.inside(code), Meaning::Value(element, code.text.clone()));
    }

    fn argument(&mut self, argument: &'m Argument, side: Side, sources: &mut Vec<String>) -> Gift {
        match argument {
            Argument::Literal(..) => Gift { spot: Spot::default(), side },
            Argument::Variable(path) => {
                let side = self.found(&path.context.text, side).map_or(side, |variable| variable.side);
                let spot = self.path(path, side);
                if !spot.place.is_empty() {
                    sources.push(spot.place.clone());
                }
                Gift { spot, side }
            }
            Argument::Expression(expression) => {
                sources.extend(self.expression(expression, &Spot::default()));
                Gift { spot: Spot::default(), side }
            }
        }
    }

    /// A call; what it makes stands at a place where the call is a value.
    fn call(&mut self, call: &'m Call, made: Option<&Spot>) {
        self.group_name(&call.name);
        let called = self.library.group(self.map, &self.reach.imports, &call.name.text);
        let sides: Vec<Side> =
            called.map_or_else(Vec::new, |(_, group)| group.inputs.iter().map(|it| side(it.mode)).collect());
        let mut given = Vec::new();
        for (at, argument) in call.arguments.iter().enumerate() {
            let side = sides.get(at).copied().unwrap_or(Side::Source);
            given.push(self.argument(argument, side, &mut Vec::new()));
        }
        // The last input is what the group makes, where nothing else is given for it.
        if let Some(spot) = made
            && (called.is_none() || given.len() < sides.len())
        {
            given.push(Gift { spot: spot.clone(), side: Side::Target });
        }
        for (at, gift) in given.iter().enumerate() {
            merge(self.given.entry((call.name.text.clone(), at)).or_default(), &gift.spot.types);
        }
        self.hand(&call.name, given);
    }

    fn group_name(&mut self, name: &Text) {
        let Some((map, group)) = self.library.group(self.map, &self.reach.imports, &name.text) else {
            return;
        };
        let own = std::ptr::eq(map, self.map).then(|| self.declared(&name.text, Kind::Group)).flatten();
        let meaning = match own {
            Some(declared) => Meaning::Declared(declared),
            None => Meaning::Elsewhere {
                map: map.url.as_ref().map(|url| url.text.clone()).unwrap_or_default(),
                name: group.name.text.clone(),
                span: group.name.origin.span,
            },
        };
        self.outline.mark(self.inside(name), meaning);
    }

    /// The innermost variable of a name, of the wanted side where both are known.
    fn found(&self, name: &str, side: Side) -> Option<&Variable> {
        let named = || self.scope.iter().rev().filter(|variable| variable.name == name);
        named().find(|variable| variable.side == side).or_else(|| named().next())
    }

    fn variable(&mut self, name: &Text, side: Side) -> Option<Spot> {
        let span = self.inside(name);
        if let Some(found) = self.found(&name.text, side) {
            let (declared, spot) = (found.declared, found.spot.clone());
            self.outline.mark(span, Meaning::Declared(declared));
            return Some(spot);
        }
        if let Some(constant) = self.declared(&name.text, Kind::Constant) {
            self.outline.mark(span, Meaning::Declared(constant));
        }
        None
    }

    fn path(&mut self, path: &Path, side: Side) -> Spot {
        let from = self.variable(&path.context, side).unwrap_or_default();
        let names: Vec<(&str, Span)> =
            path.elements.iter().map(|element| (element.as_str(), self.inside(element))).collect();
        steps(&mut self.outline, self.schema, &from, names, side)
    }

    /// Marks the names of an expression; gives where its values come from.
    fn expression(&mut self, expression: &Expression, focus: &Spot) -> Vec<String> {
        let at = expression.origin.span;
        let stands = self.text.get(at.start as usize..at.end as usize) == Some(expression.text.as_str());
        let Ok(parsed) = fhirpath::parse_in_map(&expression.text) else { return Vec::new() };
        let mut options = Options::new().in_map();
        if !focus.types.is_empty() {
            options = options.on_type(StaticType::any_of(focus.types.iter().copied()));
        }
        for variable in self.scope.iter().rev() {
            let known = &variable.spot.types;
            let ty = if known.is_empty() {
                StaticType::UNKNOWN
            } else {
                StaticType::any_of(known.iter().copied())
            };
            options = options.with_variable(&variable.name, ty);
        }
        for constant in &self.map.constants {
            options = options.with_variable(&constant.name.text, StaticType::UNKNOWN);
        }
        let mut sources = Vec::new();
        for named in parsed.outline(self.schema, &options) {
            let span = Span::new(at.start + named.span.start, at.start + named.span.end);
            let meaning = match named.what {
                What::Variable => {
                    let name =
                        Text::new(named.name.clone(), super::model::Origin::text(name_only(span, &named)));
                    let before = self.found(&named.name, Side::Source).map(|it| it.spot.place.clone());
                    sources.extend(before.filter(|place| !place.is_empty()));
                    if stands {
                        self.variable(&name, Side::Source);
                    }
                    continue;
                }
                What::Element(owners) => {
                    let place = match (owners.first(), focus.place.as_str()) {
                        (Some(owner), _) => format!("{}.{}", self.schema.type_info(*owner).name, named.name),
                        (None, _) => named.name.clone(),
                    };
                    Meaning::Element(Element { owners, name: named.name, place, is_source: true })
                }
                What::Type(ty) => Meaning::Type(ty),
                What::Function(_) => Meaning::Function(named.name),
            };
            if stands {
                self.outline.mark(span, meaning);
            }
        }
        sources
    }
}

/// The place of a variable without its `%`.
fn name_only(span: Span, named: &fhirpath::Named) -> Span {
    let length = u32::try_from(named.name.len()).unwrap_or(0);
    Span::new(span.end.saturating_sub(length).max(span.start), span.end)
}

const fn side(mode: InputMode) -> Side {
    match mode {
        InputMode::Source => Side::Source,
        InputMode::Target => Side::Target,
    }
}

fn parts(map: &Map) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut add = |name: String, kind, span, selection, parts_of: Vec<Part>| {
        parts.push(Part { name, kind, span, selection, parts: parts_of });
    };
    for concept_map in &map.concept_maps {
        let (name, selection) = (format!("conceptmap {}", concept_map.id.text), concept_map.id.origin.span);
        add(name, PartKind::Declaration, concept_map.origin.span, selection, Vec::new());
    }
    for structure in &map.structures {
        let named = structure.alias.as_ref().unwrap_or(&structure.url);
        let (name, selection) = (format!("uses {}", named.text), named.origin.span);
        add(name, PartKind::Declaration, structure.origin.span, selection, Vec::new());
    }
    for group in &map.groups {
        let (name, selection) = (format!("group {}", group.name.text), group.name.origin.span);
        add(name, PartKind::Group, group.origin.span, selection, rules_of(&group.rules));
    }
    parts
}

/// The rules that have a name or rules in them.
fn rules_of(rules: &[Rule]) -> Vec<Part> {
    let mut parts = Vec::new();
    for rule in rules {
        let (inside, first) = match &rule.body {
            RuleBody::Full(full) => (rules_of(&full.rules), full.sources.first().map(|source| &source.path)),
            RuleBody::Identity { source, .. } => (Vec::new(), Some(source)),
            RuleBody::Batch { .. } => (Vec::new(), None),
        };
        let Some(path) = first.filter(|_| rule.name.is_some() || !inside.is_empty()) else { continue };
        let name = rule.name.as_ref().map_or_else(|| said(path), |name| name.text.clone());
        let selection = rule.name.as_ref().map_or(path.context.origin.span, |name| name.origin.span);
        parts.push(Part { name, kind: PartKind::Rule, span: rule.origin.span, selection, parts: inside });
    }
    parts
}

fn said(path: &Path) -> String {
    let elements = path.elements.iter().map(Text::as_str);
    std::iter::once(path.context.as_str()).chain(elements).collect::<Vec<_>>().join(".")
}
