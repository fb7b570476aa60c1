//! The outline of a lens. Groups are followed wherever they are used, as the compiler does, so that the types of
//! their variables are known.

use super::place::{Side, Spot, steps};
use super::{Declared, Element, Fate, Flow, Kind, Mark, Meaning, Outline, Part, PartKind, Reach};
use crate::diag::Span;
use crate::mapping::ast::{
    Binding, Body, Condition, Given, Group, Lens, Literal, Map, Path, Relate, Rule, Step, Via, Way, Word,
};
use crate::mapping::compile::{BLOCKS_OPEN_MAX, RULES_MAX};
use crate::mapping::lexer::{Token, lex};
use crate::schema::Schema;
use crate::tree::fhir::{Form, TypeId};

/// The outline of a lens, as far as it was parsed.
pub fn outline(text: &str, lens: &Lens, schema: &Schema) -> Outline {
    let mut walker = Walker {
        lens,
        schema,
        blocks: blocks(text),
        outline: Outline::default(),
        scope: Vec::new(),
        groups_open: Vec::new(),
        groups_seen: Vec::new(),
        rules: 0,
        blocks_open: 0,
    };
    walker.declarations();
    for map in &lens.maps {
        walker.map(map);
    }
    for group in &lens.groups {
        walker.unused(group);
    }
    walker.parts();
    walker.outline.finished()
}

/// The spans of all braces with what they enclose, in the order of the text. What is never closed goes on to the end.
fn blocks(text: &str) -> Vec<Span> {
    let mut blocks: Vec<Span> = Vec::new();
    let mut open = Vec::new();
    for lexeme in lex(text, &mut Vec::new()) {
        match lexeme.token {
            Token::Sign("{") => {
                open.push(blocks.len());
                blocks.push(lexeme.span);
            }
            Token::Sign("}") => {
                if let Some(block) = open.pop().and_then(|at| blocks.get_mut(at)) {
                    block.end = lexeme.span.end;
                }
            }
            _ => {}
        }
    }
    let last = u32::try_from(text.len()).unwrap_or(u32::MAX);
    for at in open {
        if let Some(block) = blocks.get_mut(at) {
            block.end = last;
        }
    }
    blocks
}

/// A variable where it is known.
#[derive(Debug, Clone)]
struct Variable {
    declared: usize,
    name: String,
    side: Side,
    spot: Spot,
}

struct Walker<'a> {
    lens: &'a Lens,
    schema: &'a Schema,
    blocks: Vec<Span>,
    outline: Outline,
    scope: Vec<Variable>,
    groups_open: Vec<&'a str>,
    groups_seen: Vec<&'a str>,
    rules: usize,
    blocks_open: usize,
}

impl<'a> Walker<'a> {
    /// The first block at or after a byte.
    fn block_after(&self, start: u32) -> Option<Span> {
        let at = self.blocks.partition_point(|block| block.start < start);
        self.blocks.get(at).copied()
    }

    fn definition(&mut self, url: &Word) -> Option<TypeId> {
        let found = self.schema.type_by_url(&url.text).or_else(|| self.schema.type_named(&url.text))?;
        self.outline.mark(inside(url), Meaning::Type(found));
        Some(found)
    }

    fn declarations(&mut self) {
        for codes in &self.lens.codes {
            let whole = Span::new(codes.name.span.start, codes.file.span.end);
            let place = codes.file.text.clone();
            self.declare(&codes.name, Kind::Codes, whole, EVERYWHERE, &Spot { types: Vec::new(), place });
            self.outline.mark(inside(&codes.file), Meaning::File(codes.file.text.clone()));
        }
        for list in &self.lens.lists {
            self.outline.mark(inside(&list.file), Meaning::File(list.file.text.clone()));
        }
        for group in &self.lens.groups {
            let whole = self.whole_of(group);
            self.declare(&group.name, Kind::Group, whole, EVERYWHERE, &Spot::default());
        }
    }

    fn whole_of(&self, group: &Group) -> Span {
        let end = self.block_after(group.name.span.end).map_or(group.name.span.end, |block| block.end);
        Span::new(group.name.span.start, end)
    }

    fn declare(&mut self, word: &Word, kind: Kind, whole: Span, scope: Span, spot: &Spot) -> usize {
        self.outline.declare(Declared {
            name: word.text.clone(),
            kind,
            span: word.span,
            whole,
            scope,
            types: spot.types.clone(),
            place: spot.place.clone(),
        })
    }

    fn bind(&mut self, word: &Word, kind: Kind, whole: Span, end: u32, spot: Spot) {
        let scope = Span::new(word.span.start, end);
        let declared = self.declare(word, kind, whole, scope, &spot);
        let side = if kind == Kind::Source { Side::Source } else { Side::Target };
        self.scope.push(Variable { declared, name: word.text.clone(), side, spot });
    }

    fn map(&mut self, map: &'a Map) {
        let source = self.definition(&self.lens.source.definition);
        let target = self.definition(&self.lens.target.definition);
        let source = self.named_resource(&map.source).or(source);
        let target = self.named_resource(&map.target).or(target);
        let end = self.block_after(map.target.span.end).map_or(map.target.span.end, |block| block.end);
        let whole = Span::new(map.source.span.start, end);
        self.scope.clear();
        let (source, target) = (Spot::root(self.schema, source), Spot::root(self.schema, target));
        self.bind(&map.source.variable, Kind::Source, whole, end, source.clone());
        self.bind(&map.target.variable, Kind::Target, whole, end, target.clone());
        self.conditions(&source, &map.source.conditions, Side::Source);
        self.conditions(&target, &map.target.conditions, Side::Target);
        for path in self.lens.likely.iter().filter(|path| path.variable.text == map.source.variable.text) {
            self.conditions(&source, &path.conditions, Side::Source);
        }
        for path in self.lens.narratives.iter().filter(|path| path.variable.text == map.source.variable.text)
        {
            self.path(path, Side::Source);
        }
        self.block(&map.rules, end);
    }

    /// The type that a root condition `[resourceType = "X"]` names.
    fn named_resource(&self, root: &Path) -> Option<TypeId> {
        root.conditions.iter().find_map(|condition| match condition {
            Condition::Equals(steps, Literal::Text(word)) => match steps.as_slice() {
                [only] if only.name.text == "resourceType" => self.schema.type_named(&word.text),
                _ => None,
            },
            _ => None,
        })
    }

    /// A group that nothing uses: its types are not known.
    fn unused(&mut self, group: &'a Group) {
        if !self.groups_seen.contains(&group.name.text.as_str()) {
            self.group(group, Spot::default(), Spot::default());
        }
    }

    fn group(&mut self, group: &'a Group, source: Spot, target: Spot) {
        let scope = std::mem::take(&mut self.scope);
        self.groups_open.push(&group.name.text);
        self.groups_seen.push(&group.name.text);
        let whole = self.whole_of(group);
        self.bind(&group.source, Kind::Source, whole, whole.end, source);
        self.bind(&group.target, Kind::Target, whole, whole.end, target);
        for parameter in &group.parameters {
            let scope = Span::new(parameter.span.start, whole.end);
            self.declare(parameter, Kind::Parameter, whole, scope, &Spot::default());
        }
        self.block(&group.rules, whole.end);
        self.groups_open.pop();
        self.scope = scope;
    }

    fn block(&mut self, rules: &'a [Rule], end: u32) {
        if self.blocks_open >= BLOCKS_OPEN_MAX {
            return;
        }
        self.blocks_open += 1;
        let known = self.scope.len();
        for rule in rules {
            self.rules += 1;
            if self.rules > RULES_MAX {
                break;
            }
            self.rule(rule, end);
        }
        self.blocks_open -= 1;
        self.scope.truncate(known);
    }

    fn rule(&mut self, rule: &'a Rule, end: u32) {
        let span = rule.span();
        let flow = match rule {
            Rule::Relate(relate) => return self.relate(relate, end),
            Rule::Target(path, given, _) => {
                let target = self.path(path, Side::Target);
                self.given(given, path, &target);
                Flow {
                    source: None,
                    target: Some(target.place),
                    fate: Fate::Set,
                    reach: Reach::Element,
                    span,
                    through: None,
                }
            }
            Rule::Source(path, literal, _) => {
                let source = self.path(path, Side::Source);
                self.value(literal, path.steps.last(), &source, Side::Source);
                Flow {
                    source: Some(source.place),
                    target: None,
                    fate: Fate::Set,
                    reach: Reach::Element,
                    span,
                    through: None,
                }
            }
            Rule::Rest(source, target, _) => {
                let source = self.variable(source, Side::Source).map(|spot| spot.place);
                let target = self.variable(target, Side::Target).map(|spot| spot.place);
                Flow { source, target, fate: Fate::Carried, reach: Reach::Unnamed, span, through: None }
            }
            Rule::Keep(path, below, _) => self.left(path, *below, Fate::Kept, span),
            Rule::Ignore(path, below, reason, _) => {
                self.left(path, *below, Fate::Ignored(reason.text.clone()), span)
            }
        };
        self.outline.flow(flow);
    }

    /// What is not carried, by `x` or `x.*`.
    fn left(&mut self, path: &Path, below: bool, fate: Fate, span: Span) -> Flow {
        let source = self.path(path, Side::Source).place;
        let reach = if below { Reach::Unnamed } else { Reach::Below };
        Flow { source: Some(source), target: None, fate, reach, span, through: None }
    }

    fn given(&mut self, given: &Given, path: &Path, target: &Spot) {
        match given {
            Given::Literal(literal) | Given::Optional(literal) => {
                self.value(literal, path.steps.last(), target, Side::Target);
            }
            Given::Same(from) => {
                self.path(from, Side::Target);
            }
            Given::Reference(word) => {
                self.variable(word, Side::Target);
            }
        }
    }

    fn relate(&mut self, relate: &'a Relate, end: u32) {
        let source = self.path(&relate.source, Side::Source);
        let target = self.path(&relate.target, Side::Target);
        self.vias(&relate.via, relate.target.steps.last(), &target);
        if let Some(literal) = &relate.default {
            self.value(literal, relate.target.steps.last(), &target, Side::Target);
        }
        let whole = self.whole_of_rule(relate);
        let known = self.scope.len();
        let inner_source = self.binding(relate.source_as.as_ref(), &source, Kind::Source, whole, whole.end);
        let is_resource = relate.target_as.as_ref().is_some_and(|it| it.resource.is_some());
        let stays = is_resource && !relate.each;
        let kind = if is_resource { Kind::Resource } else { Kind::Target };
        let until = if stays { end } else { whole.end };
        let inner_target = self.binding(relate.target_as.as_ref(), &target, kind, whole, until);
        let bound: Vec<Variable> = self.scope.get(known..).unwrap_or(&[]).to_vec();
        for path in &relate.key {
            self.path(path, Side::Target);
        }
        if let Some(restating) = &relate.restating {
            self.path(&restating.reference, Side::Source);
        }
        match &relate.body {
            Some(Body::Rules(rules)) => self.block(rules, whole.end),
            Some(Body::Call(name, arguments)) => self.call(name, arguments, inner_source, inner_target),
            None => self.carried(relate, source, target),
        }
        if let Some(restating) = &relate.restating {
            self.block(&restating.otherwise, whole.end);
        }
        self.scope.truncate(known);
        let kept = |it: &Variable| stays && it.side == Side::Target;
        self.scope.extend(bound.into_iter().filter(kept));
    }

    /// A rule with its braces.
    fn whole_of_rule(&self, relate: &Relate) -> Span {
        let mut end = relate.span.end;
        if let Some(Body::Rules(_)) = &relate.body {
            end = self.block_after(end).map_or(end, |block| block.end);
        }
        let otherwise = relate.restating.as_ref().is_some_and(|it| !it.otherwise.is_empty());
        if otherwise {
            end = self.block_after(end).map_or(end, |block| block.end);
        }
        Span::new(relate.span.start, end)
    }

    fn carried(&mut self, relate: &Relate, source: Spot, target: Spot) {
        let fate = match relate.way {
            Way::Both => Fate::Carried,
            Way::Forward => Fate::Derived,
        };
        let form = |ty: &TypeId| matches!(self.schema.form(*ty), Form::Object | Form::Resource);
        let reach = if source.types.iter().any(form) { Reach::Below } else { Reach::Element };
        let (source, target, span) = (Some(source.place), Some(target.place), relate.span);
        self.outline.flow(Flow { source, target, fate, reach, span, through: None });
    }

    /// What `as` binds, and where the rules inside are.
    fn binding(&mut self, binding: Option<&Binding>, at: &Spot, kind: Kind, whole: Span, end: u32) -> Spot {
        let Some(binding) = binding else { return at.clone() };
        let resource = binding.resource.as_ref().and_then(|word| {
            let ty = self.schema.type_named(&word.text)?;
            self.outline.mark(word.span, Meaning::Type(ty));
            Some(ty)
        });
        let spot = resource.map_or_else(|| at.clone(), |ty| Spot::root(self.schema, Some(ty)));
        let side = if kind == Kind::Source { Side::Source } else { Side::Target };
        self.conditions(&spot, &binding.conditions, side);
        self.bind(&binding.variable, kind, whole, end, spot.clone());
        spot
    }

    fn call(&mut self, name: &Word, arguments: &[Literal], source: Spot, target: Spot) {
        for argument in arguments {
            self.parameter(argument);
        }
        let Some(group) = self.lens.groups.iter().find(|group| group.name.text == name.text) else { return };
        if let Some(declared) = self.declared(&name.text, Kind::Group) {
            self.outline.mark(name.span, Meaning::Declared(declared));
        }
        if !self.groups_open.contains(&name.text.as_str()) {
            self.group(group, source, target);
        }
    }

    fn declared(&self, name: &str, kind: Kind) -> Option<usize> {
        self.outline.named(kind, name)
    }

    fn vias(&mut self, vias: &[Via], step: Option<&Step>, target: &Spot) {
        for via in vias {
            self.outline.mark(via.name.span, Meaning::Conversion(via.name.text.clone()));
            let is_codes = via.name.text == "codes";
            for (at, argument) in via.arguments.iter().enumerate() {
                match argument {
                    Literal::Text(table) if is_codes && at == 0 => {
                        if let Some(declared) = self.declared(&table.text, Kind::Codes) {
                            self.outline.mark(table.span, Meaning::Declared(declared));
                        }
                    }
                    literal if is_codes => self.value(literal, step, target, Side::Target),
                    literal => self.parameter(literal),
                }
            }
        }
    }

    /// The use of a parameter.
    fn parameter(&mut self, literal: &Literal) {
        let Literal::Parameter(word) = literal else { return };
        let open = self.groups_open.last().copied();
        let group = self.lens.groups.iter().find(|group| Some(group.name.text.as_str()) == open);
        let parameter = group.and_then(|it| it.parameters.iter().find(|known| known.text == word.text));
        let span = parameter.map(|parameter| parameter.span);
        let declared = self.outline.declared.iter().position(|it| Some(it.span) == span);
        if let Some(declared) = declared {
            let name = Span::new(word.span.start + 1, word.span.end);
            self.outline.mark(name, Meaning::Declared(declared));
        }
    }

    /// A constant that an element takes.
    fn value(&mut self, literal: &Literal, step: Option<&Step>, at: &Spot, side: Side) {
        self.parameter(literal);
        let (Literal::Text(word), Some(step)) = (literal, step) else { return };
        let owners = match self.outline.started(inside(&step.name).start) {
            Some(Mark { meaning: Meaning::Element(element), .. }) => element.owners.clone(),
            _ => Vec::new(),
        };
        let name = step.name.text.clone();
        let element = Element { owners, name, place: at.place.clone(), is_source: side == Side::Source };
        self.outline.mark(inside(word), Meaning::Value(element, word.text.clone()));
    }

    fn variable(&mut self, word: &Word, side: Side) -> Option<Spot> {
        let found = self.scope.iter().rev().find(|known| known.name == word.text && known.side == side)?;
        let (declared, spot) = (found.declared, found.spot.clone());
        self.outline.mark(word.span, Meaning::Declared(declared));
        Some(spot)
    }

    fn path(&mut self, path: &Path, side: Side) -> Spot {
        let mut here = self.variable(&path.variable, side).unwrap_or_default();
        self.conditions(&here, &path.conditions, side);
        for step in &path.steps {
            here = self.step(&here, step, side);
        }
        here
    }

    fn step(&mut self, from: &Spot, step: &Step, side: Side) -> Spot {
        let name = [(step.name.text.as_str(), inside(&step.name))];
        let spot = steps(&mut self.outline, self.schema, from, name, side);
        self.conditions(&spot, &step.conditions, side);
        spot
    }

    fn conditions(&mut self, at: &Spot, conditions: &[Condition], side: Side) {
        for condition in conditions {
            match condition {
                Condition::Equals(steps, literal) | Condition::Differs(steps, literal) => {
                    // `extension(word)` has no step of its own in the text.
                    let is_written = steps.first().is_none_or(|step| step.name.span != literal.word().span);
                    if is_written {
                        let end = self.inner(at, steps, side);
                        self.value(literal, steps.last(), &end, side);
                    } else {
                        self.parameter(literal);
                    }
                }
                Condition::Has(steps) | Condition::Lacks(steps) => {
                    self.inner(at, steps, side);
                }
                Condition::First | Condition::Rest | Condition::Same => {}
            }
        }
    }

    fn inner(&mut self, at: &Spot, steps: &[Step], side: Side) -> Spot {
        let mut here = at.clone();
        for step in steps {
            here = self.step(&here, step, side);
        }
        here
    }

    fn parts(&mut self) {
        let mut parts = Vec::new();
        for codes in &self.lens.codes {
            let span = Span::new(codes.name.span.start, codes.file.span.end);
            let name = format!("codes {}", codes.name.text);
            let kind = PartKind::Declaration;
            parts.push(Part { name, kind, span, selection: codes.name.span, parts: Vec::new() });
        }
        for map in &self.lens.maps {
            let end = self.block_after(map.target.span.end).map_or(map.target.span.end, |block| block.end);
            let span = Span::new(map.source.span.start, end);
            let name = format!("map {} <-> {}", map.source.variable.text, map.target.variable.text);
            let selection = map.source.variable.span;
            parts.push(Part { name, kind: PartKind::Map, span, selection, parts: self.rules_of(&map.rules) });
        }
        for group in &self.lens.groups {
            let (span, selection) = (self.whole_of(group), group.name.span);
            let (name, kind) = (format!("group {}", group.name.text), PartKind::Group);
            parts.push(Part { name, kind, span, selection, parts: self.rules_of(&group.rules) });
        }
        self.outline.parts = parts;
    }

    /// The rules that have rules in them.
    fn rules_of(&self, rules: &[Rule]) -> Vec<Part> {
        let mut parts = Vec::new();
        for rule in rules {
            let Rule::Relate(relate) = rule else { continue };
            if relate.body.is_none() {
                continue;
            }
            let inside = rule.blocks().flat_map(|block| self.rules_of(block)).collect();
            let variable = relate.target_as.as_ref().map_or(&relate.target.variable, |it| &it.variable);
            let kind = relate.target_as.as_ref().and_then(|it| it.resource.as_ref());
            let name = match kind {
                Some(kind) => format!("{} {}", kind.text, variable.text),
                None => said(&relate.target),
            };
            let (kind, span) = (PartKind::Rule, self.whole_of_rule(relate));
            parts.push(Part { name, kind, span, selection: relate.span, parts: inside });
        }
        parts
    }
}

/// Known in the whole text.
const EVERYWHERE: Span = Span::new(0, u32::MAX);

/// A path without its conditions.
fn said(path: &Path) -> String {
    let steps = path.steps.iter().map(|step| step.name.text.as_str());
    std::iter::once(path.variable.text.as_str()).chain(steps).collect::<Vec<_>>().join(".")
}

/// A word without its quotes.
fn inside(word: &Word) -> Span {
    let quotes = (word.span.end - word.span.start) as usize >= word.text.len() + 2;
    if quotes { Span::new(word.span.start + 1, word.span.end - 1) } else { word.span }
}
