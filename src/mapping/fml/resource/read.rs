//! From a resource to the model.

use super::metadata::flatten;
use super::names::generated;
use super::part::{
    EQUIVALENCES, RELATIONSHIPS, TYPE_MODES, constant_of_extension, expression, is_concept_map,
    literal_of_default, path_of, path_of_name, shortened, variable,
};
use super::view::View;
use super::{CONSTANT_EXTENSION, DEFAULT_EXTENSION, Release};
use crate::diag::{Issue, Span, codes, nearest};
use crate::mapping::fml::function::Function;
use crate::mapping::fml::model::{
    Argument, Call, Cardinality, CodeRef, ConceptMap, Constant, Default, Expression, Group, Input, InputMode,
    Literal, Map, Mapping, Relation, Rule, Source, SourceListMode, Structure, StructureMode, Target,
    TargetListMode, Text, Transform, Transformation, Unmapped,
};
use crate::mapping::fml::syntax;
use crate::tree::{NodeId, Tree};
use std::collections::HashSet;

/// A resource that was read.
#[derive(Debug)]
pub struct Resource {
    /// What it says.
    pub map: Map,
    /// The form it has.
    pub release: Release,
    /// What is wrong with it, and what of it a map has no place for.
    pub issues: Vec<Issue>,
}

/// Reads a `StructureMap` in the form of R4 or R5; which of them is told by the elements it has.
///
/// # Errors
/// The resource is no `StructureMap`.
pub fn read(tree: &Tree) -> Result<Resource, Box<Issue>> {
    if tree.resource_type(NodeId::ROOT).as_deref() != Some("StructureMap") {
        let issue = Issue::error(codes::FML_SHAPE, Span::default(), "this resource is no StructureMap");
        return Err(Box::new(issue));
    }
    let root = View { tree, id: NodeId::ROOT };
    let mut reader = Reader { release: release(root), issues: Vec::new() };
    let map = reader.map(root);
    reader.beside_values(root);
    Ok(Resource { map, release: reader.release, issues: reader.issues })
}

/// R4 demands `typeMode` of every group and `name` of every rule, which R5 does not; and each has elements of
/// its own.
fn release(root: View<'_>) -> Release {
    let untyped = root.items("group").any(|group| group.child("typeMode").is_none());
    let own = |name: &str| {
        matches!(name, "const" | "copyrightLabel" | "defaultValue" | "relationship" | "noMap")
            || name.starts_with("versionAlgorithm")
    };
    let is_r5 = |id: NodeId| {
        let node = View { tree: root.tree, id };
        let parent = root.tree.parent(id).map(|parent| root.tree.name_text(parent));
        own(node.name())
            || (node.name() == "parameter" && parent == Some("dependent"))
            || (node.name() == "rule" && node.child("name").is_none())
    };
    if untyped || root.tree.descend(root.id).any(is_r5) { Release::R5 } else { Release::R4 }
}

struct Reader {
    release: Release,
    issues: Vec<Issue>,
}

impl Reader {
    /// Reports the children that nobody reads.
    fn rest(&mut self, node: View<'_>, known: &[&str]) {
        self.issues.extend(node.children().filter(|child| !known.contains(&child.name())).map(View::lost));
    }

    /// Reports ids and extensions of primitives, which a map has only for what becomes a statement about it.
    fn beside_values(&mut self, root: View<'_>) {
        let is_of_model = |child: &View<'_>| {
            matches!(child.name(), "url" | "name" | "structure" | "import" | "const" | "group")
        };
        for child in root.children().filter(is_of_model) {
            let nodes = root.tree.descend(child.id).filter(|id| root.tree.kind(*id).is_leaf());
            let leaves = nodes.map(|id| View { tree: root.tree, id });
            self.issues.extend(leaves.flat_map(View::children).map(View::lost));
        }
    }

    /// The text of a child that must be there.
    fn required(&mut self, node: View<'_>, name: &'static str) -> Text {
        node.child_text(name).unwrap_or_else(|| {
            self.issues.push(node.issue(format!("`{name}` is missing")));
            Text::new("", node.origin())
        })
    }

    /// The code of a child, as one of a closed list.
    fn code<T: Copy>(
        &mut self,
        node: View<'_>,
        name: &'static str,
        all: &'static [(T, &'static str)],
    ) -> Option<T> {
        let child = node.child(name)?;
        let word = child.string();
        let found = all.iter().find(|(_, known)| *known == word).map(|(one, _)| *one);
        if found.is_none() {
            let issue = child.issue(format!("`{name}` has a code that is not known"));
            self.issues.push(match nearest(&word, all.iter().map(|(_, known)| *known)) {
                Some(meant) => issue.with_help(format!("did you mean `{meant}`?")),
                None => issue,
            });
        }
        found
    }

    fn map(&mut self, root: View<'_>) -> Map {
        let mut map = Map::default();
        for child in root.children() {
            match child.name() {
                "resourceType" => {}
                "url" => map.url = Some(child.text()),
                "name" => map.name = Some(child.text()),
                "structure" => map.structures.extend(self.structure(child)),
                "import" => map.imports.push(child.text()),
                "const" => map.constants.push(self.constant(child)),
                "group" => {
                    let group = self.group(child);
                    map.groups.push(group);
                }
                "contained" if is_concept_map(child) => map.concept_maps.push(self.concept_map(child)),
                "extension" if child.child_string("url").as_deref() == Some(CONSTANT_EXTENSION) => {
                    map.constants.extend(constant_of_extension(child));
                }
                "status" if child.string() == "draft" => {}
                _ => flatten(child, &[], &mut map.metadata),
            }
        }
        map
    }

    fn structure(&mut self, node: View<'_>) -> Option<Structure> {
        self.rest(node, &["url", "mode", "alias", "documentation"]);
        let mode = self.code(node, "mode", StructureMode::ALL);
        if node.child("mode").is_none() {
            self.issues.push(node.issue("`mode` is missing"));
        }
        Some(Structure {
            url: self.required(node, "url"),
            alias: node.child_text("alias"),
            mode: mode?,
            documentation: node.child_string("documentation"),
            origin: node.origin(),
        })
    }

    fn constant(&mut self, node: View<'_>) -> Constant {
        self.rest(node, &["name", "value"]);
        let name = self.required(node, "name");
        let value = self.required(node, "value");
        Constant { name, value: Expression { text: value.text, origin: value.origin }, origin: node.origin() }
    }

    fn concept_map(&mut self, node: View<'_>) -> ConceptMap {
        let mut concept_map = ConceptMap {
            id: self.required(node, "id"),
            mappings: Vec::new(),
            unmapped: Vec::new(),
            metadata: Vec::new(),
            origin: node.origin(),
        };
        for child in node.children() {
            match child.name() {
                "resourceType" | "id" => {}
                "status" if child.string() == "draft" => {}
                "group" => {
                    self.mappings(child, &mut concept_map.mappings);
                    self.unmapped(child, &mut concept_map.unmapped);
                }
                _ => flatten(child, &[], &mut concept_map.metadata),
            }
        }
        concept_map
    }

    fn mappings(&mut self, group: View<'_>, out: &mut Vec<Mapping>) {
        self.rest(group, &["source", "target", "element", "unmapped"]);
        let source_system = group.child_string("source").unwrap_or_default();
        let target_system = group.child_string("target").unwrap_or_default();
        for element in group.items("element") {
            self.rest(element, &["code", "display", "target", "noMap"]);
            let source = CodeRef {
                system: source_system.clone(),
                code: self.required(element, "code"),
                display: element.child_string("display"),
            };
            if element.child("target").is_none() {
                let relation = Relation::Unmatched;
                out.push(Mapping { source, relation, target: None, origin: element.origin() });
                continue;
            }
            for target in element.items("target") {
                self.rest(target, &["code", "display", "equivalence", "relationship"]);
                let relation = self.relation(target);
                let code = target.child_text("code").map(|code| CodeRef {
                    system: target_system.clone(),
                    code,
                    display: target.child_string("display"),
                });
                out.push(Mapping { source: source.clone(), relation, target: code, origin: target.origin() });
            }
        }
    }

    /// What becomes of the codes that no row of a group has; a map knows only that they stay as they are.
    fn unmapped(&mut self, group: View<'_>, out: &mut Vec<Unmapped>) {
        let Some(child) = group.child("unmapped") else { return };
        let mode = child.child_string("mode").unwrap_or_default();
        if !matches!(mode.as_str(), "provided" | "use-source-code") {
            return self.issues.push(child.lost());
        }
        self.rest(child, &["mode"]);
        let system = group.child_string("source").unwrap_or_default();
        if !out.iter().any(|known| known.system == system) {
            out.push(Unmapped { system, origin: child.origin() });
        }
    }

    fn relation(&mut self, target: View<'_>) -> Relation {
        let found = self
            .code(target, "equivalence", EQUIVALENCES)
            .or_else(|| self.code(target, "relationship", RELATIONSHIPS));
        if target.child("equivalence").is_none() && target.child("relationship").is_none() {
            self.issues.push(target.issue("`equivalence` is missing"));
        }
        found.unwrap_or(Relation::RelatedTo)
    }

    fn group(&mut self, node: View<'_>) -> Group {
        self.rest(node, &["name", "extends", "typeMode", "documentation", "input", "rule"]);
        Group {
            name: self.required(node, "name"),
            inputs: node.items("input").filter_map(|input| self.input(input)).collect(),
            extends: node.child_text("extends"),
            type_mode: self.code(node, "typeMode", TYPE_MODES).flatten(),
            rules: self.rules(node),
            documentation: node.child_string("documentation"),
            origin: node.origin(),
        }
    }

    fn input(&mut self, node: View<'_>) -> Option<Input> {
        self.rest(node, &["name", "type", "mode", "documentation"]);
        let mode = self.code(node, "mode", InputMode::ALL);
        if node.child("mode").is_none() {
            self.issues.push(node.issue("`mode` is missing"));
        }
        Some(Input {
            mode: mode?,
            name: self.required(node, "name"),
            type_name: node.child_text("type"),
            documentation: node.child_string("documentation"),
            origin: node.origin(),
        })
    }

    fn rules(&mut self, node: View<'_>) -> Vec<Rule> {
        let mut rules = Vec::new();
        let mut names = HashSet::new();
        for child in node.items("rule") {
            let mut rule = self.rule(child);
            let name = child.child_string("name").unwrap_or_default();
            // R4 demands a name; one that would be made again was made.
            if self.release == Release::R4 && generated(&rule, &names) == name {
                rule.name = None;
            }
            names.insert(name);
            rules.push(rule);
        }
        rules
    }

    fn rule(&mut self, node: View<'_>) -> Rule {
        self.rest(node, &["name", "source", "target", "rule", "dependent", "documentation"]);
        let full = Transformation {
            sources: node.items("source").map(|source| self.source(source)).collect(),
            targets: node.items("target").map(|target| self.target(target)).collect(),
            calls: node.items("dependent").map(|call| self.dependent(call)).collect(),
            rules: self.rules(node),
        };
        if full.sources.is_empty() {
            self.issues.push(node.issue("`source` is missing"));
        }
        Rule {
            name: node.child_text("name"),
            body: shortened(full),
            documentation: node.child_string("documentation"),
            origin: node.origin(),
        }
    }

    fn source(&mut self, node: View<'_>) -> Source {
        const KNOWN: &[&str] = &[
            "context",
            "element",
            "type",
            "min",
            "max",
            "listMode",
            "variable",
            "condition",
            "check",
            "logMessage",
            "defaultValue",
        ];
        let is_default = |child: &View<'_>| {
            child.name().starts_with("defaultValue")
                || child.child_string("url").as_deref() == Some(DEFAULT_EXTENSION)
        };
        let lost = |child: &View<'_>| !KNOWN.contains(&child.name()) && !is_default(child);
        self.issues.extend(node.children().filter(lost).map(View::lost));
        let context = self.required(node, "context");
        Source {
            path: path_of(context, node),
            type_name: node.child_text("type"),
            cardinality: self.cardinality(node),
            default: self.default_value(node),
            list_mode: self.code(node, "listMode", SourceListMode::ALL),
            variable: node.child_text("variable"),
            condition: expression(node, "condition"),
            check: expression(node, "check"),
            log: expression(node, "logMessage"),
            origin: node.origin(),
        }
    }

    fn cardinality(&mut self, node: View<'_>) -> Option<Cardinality> {
        let (min, max) = (node.child("min"), node.child("max"));
        let origin = min.or(max)?.origin();
        let mut number = |view: View<'_>| {
            let parsed = view.string().parse();
            if parsed.is_err() {
                self.issues.push(view.issue("a whole number was expected"));
            }
            parsed.unwrap_or(0)
        };
        let least = min.map_or(0, &mut number);
        let greatest = max.filter(|max| max.string() != "*").map(number);
        Some(Cardinality { min: least, max: greatest, origin })
    }

    fn default_value(&mut self, node: View<'_>) -> Option<Default> {
        if let Some(expression) = expression(node, "defaultValue") {
            return Some(Default { expression, type_name: None });
        }
        if let Some((type_name, child)) = node.choice("defaultValue") {
            let Some(literal) = child.literal() else {
                self.issues.push(child.lost());
                return None;
            };
            let (text, plain) = literal_of_default(type_name, literal);
            let expression = Expression { text, origin: child.origin() };
            let type_name = (!plain).then(|| type_name.to_owned());
            return Some(Default { expression, type_name });
        }
        let mut extensions = node.items("extension");
        let extension = extensions.find(|it| it.child_string("url").as_deref() == Some(DEFAULT_EXTENSION))?;
        Some(Default { expression: expression(extension, "valueString")?, type_name: None })
    }

    fn target(&mut self, node: View<'_>) -> Target {
        self.rest(
            node,
            &[
                "context",
                "contextType",
                "element",
                "variable",
                "listMode",
                "listRuleId",
                "transform",
                "parameter",
            ],
        );
        if let Some(kind) = node.child("contextType").filter(|kind| kind.string() != "variable") {
            self.issues.push(kind.lost());
        }
        let share = node.child_text("listRuleId");
        let modes = node.items("listMode");
        let has_share = node.items("listMode").any(|mode| mode.string() == "share");
        // What says something only beside something else.
        let beside = [("listRuleId", has_share), ("element", node.child("context").is_some())];
        let beside = beside.into_iter().chain([("parameter", node.child("transform").is_some())]);
        let alone = beside.filter(|(_, has_it)| !has_it).filter_map(|(name, _)| node.child(name));
        self.issues.extend(alone.map(View::lost));
        Target {
            path: node.child_text("context").map(|context| path_of(context, node)),
            transform: node.child("transform").map(|code| self.transform(node, code)),
            variable: node.child_text("variable"),
            list_modes: modes.filter_map(|mode| self.list_mode(mode, share.as_ref())).collect(),
            origin: node.origin(),
        }
    }

    fn list_mode(&mut self, mode: View<'_>, share: Option<&Text>) -> Option<TargetListMode> {
        match mode.string().as_str() {
            "first" => Some(TargetListMode::First),
            "last" => Some(TargetListMode::Last),
            "single" | "collate" => Some(TargetListMode::Single),
            "share" => {
                if share.is_none() {
                    self.issues.push(mode.issue("`listRuleId` is missing beside `share`"));
                }
                share.cloned().map(TargetListMode::Share)
            }
            _ => {
                self.issues.push(mode.issue("`listMode` has a code that is not known"));
                None
            }
        }
    }

    fn transform(&mut self, target: View<'_>, code: View<'_>) -> Transform {
        let name = code.text();
        let function = Function::of_word(&name.text);
        let count = target.items("parameter").count();
        let mut arguments = Vec::new();
        for (at, parameter) in target.items("parameter").enumerate() {
            let argument = self.parameter(parameter);
            let is_expression = function == Some(Function::Evaluate) && at + 1 == count;
            arguments.extend(argument.map(|argument| match argument {
                Argument::Literal(Literal::String(text), origin) if is_expression => {
                    Argument::Expression(Expression { text, origin })
                }
                other => other,
            }));
        }
        syntax::transform_of(Call { name, arguments, origin: code.origin() })
    }

    fn parameter(&mut self, node: View<'_>) -> Option<Argument> {
        let Some((type_name, value)) = node.choice("value") else {
            self.issues.push(node.issue("`value[x]` is missing"));
            return None;
        };
        let literal = value.literal();
        Some(match (type_name, literal) {
            ("Id", Some(_)) => Argument::Variable(path_of_name(&value.text())),
            ("Date", Some(Literal::String(text))) => Argument::Literal(Literal::Date(text), value.origin()),
            ("DateTime", Some(Literal::String(text))) => {
                Argument::Literal(Literal::DateTime(text), value.origin())
            }
            ("Time", Some(Literal::String(text))) => Argument::Literal(Literal::Time(text), value.origin()),
            ("Decimal", Some(Literal::Integer(text))) => {
                Argument::Literal(Literal::Decimal(text), value.origin())
            }
            (_, Some(literal)) => Argument::Literal(literal, value.origin()),
            (_, None) => {
                self.issues.push(value.lost());
                return None;
            }
        })
    }

    fn dependent(&mut self, node: View<'_>) -> Call {
        self.rest(node, &["name", "variable", "parameter"]);
        let name = self.required(node, "name");
        let mut arguments: Vec<Argument> = node.items("variable").map(variable).collect();
        arguments.extend(node.items("parameter").filter_map(|parameter| self.parameter(parameter)));
        Call { name, arguments, origin: node.origin() }
    }
}
