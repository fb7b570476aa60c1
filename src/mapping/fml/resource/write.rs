//! From the model to a resource.

use super::metadata::{self, node};
use super::names::generated;
use super::part::{bare_source, bare_target, equivalence, joined, relationship, type_of};
use super::shape::MapShape;
use super::{CONSTANT_EXTENSION, DEFAULT_EXTENSION, IDENTITY_VARIABLE, Release};
use crate::diag::{Issue, codes};
use crate::mapping::fml::function::Function;
use crate::mapping::fml::model::{
    Argument, Call, CodeRef, ConceptMap, Constant, Default, Group, InputMode, Literal, Map, Mapping,
    Metadata, Origin, Path, Relation, Rule, RuleBody, Source, SourceListMode, Structure, StructureMode,
    Target, TargetListMode, Text, Transform, Transformation, TypeMode,
};
use crate::mapping::fml::syntax;
use crate::schema::Schema;
use crate::tree::fhir::{Shape, sort};
use crate::tree::{Kind, Name, NodeId, Tree};
use std::collections::HashSet;

/// Elements of `StructureMap` that R4 does not have.
const R5_ONLY: &[&str] = &["versionAlgorithmString", "versionAlgorithmCoding", "copyrightLabel"];

/// A model as a `StructureMap` in the form of a release, and what that form has no place for.
pub fn write(map: &Map, release: Release, schema: &Schema) -> (Tree, Vec<Issue>) {
    let shape = MapShape::new(schema);
    let mut tree = Tree::new(schema.names());
    let root = tree.push_root(Name::NONE, Kind::Object);
    let mut writer = Writer { tree, shape, release, issues: Vec::new() };
    writer.map(root, map);
    let Writer { mut tree, issues, .. } = writer;
    sort(&mut tree, &shape);
    (tree, issues)
}

struct Writer<'a> {
    tree: Tree,
    shape: MapShape<'a>,
    release: Release,
    issues: Vec<Issue>,
}

impl Writer<'_> {
    fn is_r4(&self) -> bool {
        self.release == Release::R4
    }

    fn string(&mut self, parent: NodeId, name: &str, text: &str) {
        node(&mut self.tree, parent, name, Some(&Literal::String(text.to_owned())), false);
    }

    fn maybe(&mut self, parent: NodeId, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.string(parent, name, text);
        }
    }

    fn item(&mut self, parent: NodeId, name: &str) -> NodeId {
        node(&mut self.tree, parent, name, None, true)
    }

    fn string_item(&mut self, parent: NodeId, name: &str, text: &str) {
        node(&mut self.tree, parent, name, Some(&Literal::String(text.to_owned())), true);
    }

    fn lost(&mut self, origin: &Origin, message: &str) {
        let issue = Issue::warning(codes::FML_LOST, origin.span, message);
        self.issues.push(issue.at(origin.path.as_ref()));
    }

    fn map(&mut self, root: NodeId, map: &Map) {
        self.string(root, "resourceType", "StructureMap");
        self.maybe(root, "url", map.url.as_ref().map(Text::as_str));
        self.maybe(root, "name", map.name.as_ref().map(Text::as_str));
        if !map.metadata.iter().any(|statement| statement.path == ["status"]) {
            // "If no value is provided for status, then the status draft is assumed" (IG, "Metadata").
            self.string(root, "status", "draft");
        }
        self.metadata(root, map);
        for structure in &map.structures {
            self.structure(root, structure);
        }
        for import in &map.imports {
            self.string_item(root, "import", &import.text);
        }
        for constant in &map.constants {
            self.constant(root, constant);
        }
        for concept_map in &map.concept_maps {
            self.concept_map(root, concept_map);
        }
        for group in &map.groups {
            self.group(root, group);
        }
    }

    fn metadata(&mut self, root: NodeId, map: &Map) {
        let ty = self.shape.type_named("StructureMap");
        let mut kept: Vec<Metadata> = Vec::new();
        for statement in &map.metadata {
            let first = statement.path.first().map_or("", String::as_str);
            let known = ty.and_then(|ty| self.shape.element(ty, first)).is_some();
            if known && !(self.is_r4() && R5_ONLY.contains(&first)) {
                kept.push(statement.clone());
            } else {
                let message = format!("`{first}` is no element of StructureMap in this release");
                self.lost(&statement.origin, &message);
            }
        }
        metadata::write(&mut self.tree, root, ty, self.shape, &kept);
    }

    fn structure(&mut self, root: NodeId, structure: &Structure) {
        let id = self.item(root, "structure");
        self.string(id, "url", &structure.url.text);
        self.string(id, "mode", StructureMode::word(structure.mode));
        self.maybe(id, "alias", structure.alias.as_ref().map(Text::as_str));
        self.maybe(id, "documentation", structure.documentation.as_deref());
    }

    fn constant(&mut self, root: NodeId, constant: &Constant) {
        if !self.is_r4() {
            let id = self.item(root, "const");
            self.string(id, "name", &constant.name.text);
            self.string(id, "value", &constant.value.text);
            return;
        }
        let message = "R4 has no constants; it is kept in an extension, which R4 engines do not read";
        self.lost(&constant.origin, message);
        let id = self.item(root, "extension");
        self.string(id, "url", CONSTANT_EXTENSION);
        for (url, value, text) in
            [("name", "valueId", &constant.name.text), ("value", "valueString", &constant.value.text)]
        {
            let part = self.item(id, "extension");
            self.string(part, "url", url);
            self.string(part, value, text);
        }
    }

    fn concept_map(&mut self, root: NodeId, concept_map: &ConceptMap) {
        let id = self.item(root, "contained");
        self.string(id, "resourceType", "ConceptMap");
        self.string(id, "id", &concept_map.id.text);
        if !concept_map.metadata.iter().any(|statement| statement.path == ["status"]) {
            self.string(id, "status", "draft");
        }
        let ty = self.shape.type_named("ConceptMap");
        metadata::write(&mut self.tree, id, ty, self.shape, &concept_map.metadata);
        let mut rows = concept_map.mappings.as_slice();
        while let Some(first) = rows.first() {
            // A group is the rows that follow each other with one pair of systems.
            let system = |target: &Option<CodeRef>| target.as_ref().map(|target| target.system.clone());
            let target = rows.iter().find_map(|row| system(&row.target));
            let fits = |row: &Mapping| {
                row.source.system == first.source.system
                    && (row.target.is_none() || system(&row.target) == target)
            };
            let count = rows.iter().take_while(|row| fits(row)).count().max(1);
            let (group, rest) = rows.split_at_checked(count).unwrap_or((rows, &[]));
            let group_id = self.mappings(id, group, target.as_deref());
            if concept_map.unmapped.iter().any(|row| row.system == first.source.system) {
                self.unmapped(group_id);
            }
            rows = rest;
        }
        let has_rows = |system: &str| concept_map.mappings.iter().any(|row| row.source.system == system);
        for row in concept_map.unmapped.iter().filter(|row| !has_rows(&row.system)) {
            let group = self.item(id, "group");
            self.maybe(group, "source", Some(row.system.as_str()).filter(|system| !system.is_empty()));
            self.unmapped(group);
        }
    }

    fn unmapped(&mut self, group: NodeId) {
        let id = node(&mut self.tree, group, "unmapped", None, false);
        self.string(id, "mode", if self.is_r4() { "provided" } else { "use-source-code" });
    }

    fn mappings(&mut self, concept_map: NodeId, rows: &[Mapping], target: Option<&str>) -> NodeId {
        let group = self.item(concept_map, "group");
        let system = rows.first().map(|row| row.source.system.as_str());
        self.maybe(group, "source", system.filter(|system| !system.is_empty()));
        self.maybe(group, "target", target.filter(|system| !system.is_empty()));
        let mut open: Option<(&CodeRef, NodeId)> = None;
        for row in rows {
            let element = match open {
                Some((code, element)) if *code == row.source => element,
                _ => {
                    let element = self.item(group, "element");
                    self.string(element, "code", &row.source.code.text);
                    self.maybe(element, "display", row.source.display.as_deref());
                    element
                }
            };
            open = Some((&row.source, element));
            self.mapping(element, row);
        }
        group
    }

    fn mapping(&mut self, element: NodeId, row: &Mapping) {
        if row.target.is_none() && row.relation == Relation::Unmatched && !self.is_r4() {
            node(&mut self.tree, element, "noMap", Some(&Literal::Boolean(true)), false);
            return;
        }
        let target = self.item(element, "target");
        if let Some(code) = &row.target {
            self.string(target, "code", &code.code.text);
            self.maybe(target, "display", code.display.as_deref());
        }
        if self.is_r4() {
            self.string(target, "equivalence", equivalence(row.relation));
        } else {
            self.string(target, "relationship", relationship(row.relation));
        }
    }

    fn group(&mut self, root: NodeId, group: &Group) {
        let id = self.item(root, "group");
        self.string(id, "name", &group.name.text);
        self.maybe(id, "extends", group.extends.as_ref().map(Text::as_str));
        match group.type_mode {
            Some(TypeMode::Types) => self.string(id, "typeMode", "types"),
            Some(TypeMode::TypeAndTypes) => self.string(id, "typeMode", "type-and-types"),
            None if self.is_r4() => self.string(id, "typeMode", "none"),
            None => {}
        }
        self.maybe(id, "documentation", group.documentation.as_deref());
        for input in &group.inputs {
            let child = self.item(id, "input");
            self.string(child, "name", &input.name.text);
            self.maybe(child, "type", input.type_name.as_ref().map(Text::as_str));
            self.string(child, "mode", InputMode::word(input.mode));
            self.maybe(child, "documentation", input.documentation.as_deref());
        }
        self.rules(id, &group.rules);
    }

    fn rules(&mut self, parent: NodeId, rules: &[Rule]) {
        let mut names = HashSet::new();
        for rule in rules {
            let id = self.item(parent, "rule");
            let name = match &rule.name {
                Some(name) => name.text.clone(),
                None if self.is_r4() => generated(rule, &names),
                None => String::new(),
            };
            self.maybe(id, "name", Some(name.as_str()).filter(|name| !name.is_empty()));
            names.insert(name);
            self.body(id, &rule.body);
            self.maybe(id, "documentation", rule.documentation.as_deref());
        }
    }

    fn body(&mut self, rule: NodeId, body: &RuleBody) {
        match body {
            RuleBody::Identity { source, target } => self.identity(rule, source, target),
            RuleBody::Batch { source, target, elements } => {
                let path = |context: &Text, element: Option<&Text>| Path {
                    context: context.clone(),
                    elements: element.into_iter().cloned().collect(),
                };
                self.source(rule, &bare_source(path(source, None), None));
                self.target(rule, &bare_target(path(target, None)));
                let identity = |element: &Text| Rule {
                    name: None,
                    body: RuleBody::Identity {
                        source: path(source, Some(element)),
                        target: path(target, Some(element)),
                    },
                    documentation: None,
                    origin: element.origin.clone(),
                };
                let rules: Vec<Rule> = elements.iter().map(identity).collect();
                self.rules(rule, &rules);
            }
            RuleBody::Full(full) => self.full(rule, full),
        }
    }

    fn identity(&mut self, rule: NodeId, source: &Path, target: &Path) {
        let variable = Some(Text::new(IDENTITY_VARIABLE, Origin::default()));
        self.source(rule, &bare_source(source.clone(), variable.clone()));
        let create = Transform::Function {
            function: Function::Create,
            name: Origin::default(),
            arguments: Vec::new(),
        };
        let target = Target { transform: Some(create), variable, ..bare_target(target.clone()) };
        self.target(rule, &target);
    }

    fn full(&mut self, rule: NodeId, full: &Transformation) {
        for source in &full.sources {
            self.source(rule, source);
        }
        for target in &full.targets {
            self.target(rule, target);
        }
        self.rules(rule, &full.rules);
        for call in &full.calls {
            self.dependent(rule, call);
        }
    }

    fn element(&mut self, parent: NodeId, path: &Path) {
        self.string(parent, "context", &path.context.text);
        if !path.elements.is_empty() {
            self.string(parent, "element", &joined(path.elements.iter()));
        }
    }

    fn source(&mut self, rule: NodeId, source: &Source) {
        let id = self.item(rule, "source");
        self.element(id, &source.path);
        if let Some(cardinality) = &source.cardinality {
            let min = Literal::Integer(cardinality.min.to_string());
            node(&mut self.tree, id, "min", Some(&min), false);
            let max = cardinality.max.map_or_else(|| "*".to_owned(), |max| max.to_string());
            self.string(id, "max", &max);
        }
        self.maybe(id, "type", source.type_name.as_ref().map(Text::as_str));
        if let Some(default) = &source.default {
            self.default_value(id, default);
        }
        self.maybe(id, "listMode", source.list_mode.map(SourceListMode::word));
        self.maybe(id, "variable", source.variable.as_ref().map(Text::as_str));
        for (name, expression) in
            [("condition", &source.condition), ("check", &source.check), ("logMessage", &source.log)]
        {
            self.maybe(id, name, expression.as_ref().map(|expression| expression.text.as_str()));
        }
    }

    fn default_value(&mut self, source: NodeId, default: &Default) {
        let expression = &default.expression;
        if !self.is_r4() {
            self.string(source, "defaultValue", &expression.text);
            return;
        }
        if let Some(Argument::Literal(literal, _)) = syntax::argument(&expression.text) {
            let type_name = default.type_name.as_deref().unwrap_or_else(|| type_of(&literal));
            let name = format!("defaultValue{type_name}");
            node(&mut self.tree, source, &name, Some(&literal), false);
            return;
        }
        let message = "R4 has no default that is an expression; it is kept in an extension, which R4 engines do not read";
        self.lost(&expression.origin, message);
        let id = self.item(source, "extension");
        self.string(id, "url", DEFAULT_EXTENSION);
        self.string(id, "valueString", &expression.text);
    }

    fn target(&mut self, rule: NodeId, target: &Target) {
        let id = self.item(rule, "target");
        if let Some(path) = &target.path {
            self.element(id, path);
            if self.is_r4() {
                self.string(id, "contextType", "variable");
            }
        }
        self.maybe(id, "variable", target.variable.as_ref().map(Text::as_str));
        for mode in &target.list_modes {
            let code = match mode {
                TargetListMode::First => "first",
                TargetListMode::Share(_) => "share",
                TargetListMode::Last => "last",
                TargetListMode::Single if self.is_r4() => "collate",
                TargetListMode::Single => "single",
            };
            self.string_item(id, "listMode", code);
        }
        if let Some(TargetListMode::Share(share)) =
            target.list_modes.iter().find(|mode| matches!(mode, TargetListMode::Share(_)))
        {
            self.string(id, "listRuleId", &share.text);
        }
        if let Some(transform) = &target.transform {
            self.transform(id, transform);
        }
    }

    fn transform(&mut self, target: NodeId, transform: &Transform) {
        match transform {
            Transform::Copy(argument) => {
                self.string(target, "transform", "copy");
                self.parameter(target, argument);
            }
            Transform::Evaluate(expression) => {
                self.string(target, "transform", "evaluate");
                self.parameter(target, &Argument::Expression(expression.clone()));
            }
            Transform::Function { function, arguments, .. } => {
                self.string(target, "transform", function.word());
                for argument in arguments {
                    if matches!(argument, Argument::Expression(_)) && *function != Function::Evaluate {
                        self.lost(argument.origin(), "only `evaluate` can take an expression in a resource");
                    }
                    self.parameter(target, argument);
                }
            }
            Transform::Group(call) => {
                let message = "a resource has no place for a group that makes a value";
                self.lost(&call.origin, message);
                self.string(target, "transform", &call.name.text);
                for argument in &call.arguments {
                    self.parameter(target, argument);
                }
            }
        }
    }

    fn parameter(&mut self, parent: NodeId, argument: &Argument) {
        let id = self.item(parent, "parameter");
        match argument {
            Argument::Literal(
                literal @ (Literal::Date(_) | Literal::DateTime(_) | Literal::Time(_)),
                origin,
            ) if self.is_r4() => {
                self.lost(origin, "R4 has no parameter of this type; it is written as a string");
                node(&mut self.tree, id, "valueString", Some(literal), false);
            }
            Argument::Literal(literal, _) => {
                let name = format!("value{}", type_of(literal));
                node(&mut self.tree, id, &name, Some(literal), false);
            }
            Argument::Variable(path) => {
                let name = joined(std::iter::once(&path.context).chain(&path.elements));
                self.string(id, "valueId", &name);
            }
            Argument::Expression(expression) => self.string(id, "valueString", &expression.text),
        }
    }

    fn dependent(&mut self, rule: NodeId, call: &Call) {
        let id = self.item(rule, "dependent");
        self.string(id, "name", &call.name.text);
        for argument in &call.arguments {
            if !self.is_r4() {
                self.parameter(id, argument);
                continue;
            }
            let text = match argument {
                Argument::Variable(path) => joined(std::iter::once(&path.context).chain(&path.elements)),
                Argument::Literal(literal, origin) => {
                    self.lost(origin, "R4 calls groups with variables only; the value is written as one");
                    crate::mapping::fml::print::literal(literal)
                }
                Argument::Expression(expression) => {
                    let message = "R4 calls groups with variables only; the expression is written as one";
                    self.lost(&expression.origin, message);
                    expression.text.clone()
                }
            };
            self.string_item(id, "variable", &text);
        }
    }
}
