//! Small parts of a resource: codes, paths, defaults, and the short forms of rules.

use super::IDENTITY_VARIABLE;
use super::view::View;
use crate::mapping::fml::function::Function;
use crate::mapping::fml::model::{
    Argument, Constant, Expression, Literal, Origin, Path, Relation, Rule, RuleBody, Source, Target, Text,
    Transform, Transformation, TypeMode,
};
use crate::mapping::fml::syntax;
use crate::mapping::fml::syntax::lexer::quote;

/// `map-group-type-mode`; R4 has `none` where R5 has no element.
pub(super) const TYPE_MODES: &[(Option<TypeMode>, &str)] =
    &[(None, "none"), (Some(TypeMode::Types), "types"), (Some(TypeMode::TypeAndTypes), "type-and-types")];

/// R4 `concept-map-equivalence`.
pub(super) const EQUIVALENCES: &[(Relation, &str)] = &[
    (Relation::RelatedTo, "relatedto"),
    (Relation::Equivalent, "equivalent"),
    (Relation::Equal, "equal"),
    (Relation::Wider, "wider"),
    (Relation::Subsumes, "subsumes"),
    (Relation::Narrower, "narrower"),
    (Relation::Specializes, "specializes"),
    (Relation::Inexact, "inexact"),
    (Relation::Unmatched, "unmatched"),
    (Relation::Disjoint, "disjoint"),
];

/// R5 `concept-map-relationship`.
pub(super) const RELATIONSHIPS: &[(Relation, &str)] = &[
    (Relation::RelatedTo, "related-to"),
    (Relation::Equivalent, "equivalent"),
    (Relation::Wider, "source-is-narrower-than-target"),
    (Relation::Narrower, "source-is-broader-than-target"),
    (Relation::Disjoint, "not-related-to"),
];

pub(super) fn equivalence(relation: Relation) -> &'static str {
    EQUIVALENCES.iter().find(|(known, _)| *known == relation).map_or("relatedto", |(_, code)| code)
}

/// R5 has fewer codes, so that some become the next wider one.
pub(super) fn relationship(relation: Relation) -> &'static str {
    let nearest = match relation {
        Relation::Equal | Relation::Equivalent => Relation::Equivalent,
        Relation::Wider | Relation::Subsumes => Relation::Wider,
        Relation::Narrower | Relation::Specializes => Relation::Narrower,
        Relation::RelatedTo | Relation::Inexact => Relation::RelatedTo,
        Relation::Unmatched | Relation::Disjoint => Relation::Disjoint,
    };
    RELATIONSHIPS.iter().find(|(known, _)| *known == nearest).map_or("related-to", |(_, code)| code)
}

pub(super) fn is_concept_map(node: View<'_>) -> bool {
    node.tree.resource_type(node.id).as_deref() == Some("ConceptMap")
}

pub(super) fn expression(node: View<'_>, name: &'static str) -> Option<Expression> {
    node.child_text(name).map(|text| Expression { text: text.text, origin: text.origin })
}

pub(super) fn constant_of_extension(extension: View<'_>) -> Option<Constant> {
    let part = |url: &str| {
        let mut parts = extension.items("extension");
        let part = parts.find(|part| part.child_string("url").as_deref() == Some(url))?;
        part.choice("value").map(|(_, value)| value.text())
    };
    let (name, value) = (part("name")?, part("value")?);
    let value = Expression { text: value.text, origin: value.origin };
    Some(Constant { name, value, origin: extension.origin() })
}

/// A context and its elements, which stand in one string with points or, in the guide, in several.
pub(super) fn path_of(context: Text, node: View<'_>) -> Path {
    let elements = node.items("element").flat_map(|element| parts(&element.text())).collect();
    Path { context, elements }
}

/// A variable, maybe with elements below it.
pub(super) fn path_of_name(name: &Text) -> Path {
    let mut parts = parts(name);
    let elements = parts.split_off(1.min(parts.len()));
    Path { context: parts.pop().unwrap_or_default(), elements }
}

/// Splits at points that stand outside backticks.
fn parts(name: &Text) -> Vec<Text> {
    let mut parts = vec![String::new()];
    let mut inside = false;
    for character in name.text.chars() {
        match character {
            '`' => inside = !inside,
            '.' if !inside => parts.push(String::new()),
            other => {
                if let Some(part) = parts.last_mut() {
                    part.push(other);
                }
            }
        }
    }
    parts.into_iter().map(|part| Text::new(part, name.origin.clone())).collect()
}

/// Names with points between them; one that has a point itself stands in backticks.
pub(super) fn joined<'a>(names: impl Iterator<Item = &'a Text>) -> String {
    let part = |name: &Text| {
        if name.text.contains('.') { format!("`{}`", name.text) } else { name.text.clone() }
    };
    names.map(part).collect::<Vec<_>>().join(".")
}

/// A variable of an R4 call, which is a string. Text that is a literal was one before it became R4.
pub(super) fn variable(node: View<'_>) -> Argument {
    let text = node.text();
    match syntax::argument(&text.text) {
        Some(Argument::Literal(literal, _)) => Argument::Literal(literal, text.origin),
        Some(Argument::Expression(expression)) => {
            Argument::Expression(Expression { origin: text.origin, ..expression })
        }
        Some(Argument::Variable(_)) | None => Argument::Variable(path_of_name(&text)),
    }
}

/// `defaultValue[x]` as an expression, and whether the expression alone tells the type.
pub(super) fn literal_of_default(type_name: &str, literal: Literal) -> (String, bool) {
    match (type_name, literal) {
        ("Date", Literal::String(text)) => (format!("@{text}"), true),
        ("DateTime", Literal::String(text)) if text.contains('T') => (format!("@{text}"), true),
        ("DateTime", Literal::String(text)) => (format!("@{text}T"), true),
        ("Time", Literal::String(text)) => (format!("@T{text}"), true),
        (_, Literal::String(text)) => (quote(&text, '\''), type_name == "String"),
        (_, Literal::Boolean(value)) => (value.to_string(), type_name == "Boolean"),
        (_, Literal::Integer(text)) => (text, type_name == "Integer"),
        (_, Literal::Decimal(text)) => (text, type_name == "Decimal"),
        (_, Literal::Date(text) | Literal::DateTime(text) | Literal::Time(text)) => {
            (format!("@{text}"), false)
        }
    }
}

/// The type in the name of `defaultValue[x]` or `value[x]` that holds a literal, and its text there.
pub(super) fn type_of(literal: &Literal) -> &'static str {
    match literal {
        Literal::String(_) => "String",
        Literal::Boolean(_) => "Boolean",
        Literal::Integer(_) => "Integer",
        Literal::Decimal(_) => "Decimal",
        Literal::Date(_) => "Date",
        Literal::DateTime(_) => "DateTime",
        Literal::Time(_) => "Time",
    }
}

/// A rule in full, or the short form it is written as.
pub(super) fn shortened(full: Transformation) -> RuleBody {
    identity(&full).or_else(|| batch(&full)).unwrap_or(RuleBody::Full(full))
}

fn identity(full: &Transformation) -> Option<RuleBody> {
    let ([source], [target]) = (full.sources.as_slice(), full.targets.as_slice()) else { return None };
    let is_variable = |name: &Option<Text>| name.as_ref().is_some_and(|name| name.text == IDENTITY_VARIABLE);
    let creates = matches!(&target.transform,
        Some(Transform::Function { function: Function::Create, arguments, .. }) if arguments.is_empty());
    let alone = full.calls.is_empty() && full.rules.is_empty() && target.list_modes.is_empty();
    if !(alone && creates && is_variable(&target.variable) && is_variable(&source.variable)) {
        return None;
    }
    if *source != bare_source(source.path.clone(), source.variable.clone()) {
        return None;
    }
    Some(RuleBody::Identity { source: source.path.clone(), target: target.path.clone()? })
}

fn batch(full: &Transformation) -> Option<RuleBody> {
    let ([source], [target]) = (full.sources.as_slice(), full.targets.as_slice()) else { return None };
    let path = target.path.clone()?;
    let is_marker = *source == bare_source(source.path.clone(), None)
        && *target == bare_target(path.clone())
        && source.path.elements.is_empty()
        && path.elements.is_empty();
    if !is_marker || !full.calls.is_empty() || full.rules.is_empty() {
        return None;
    }
    let element = |rule: &Rule| match &rule.body {
        RuleBody::Identity { source: from, target: to }
            if from.context == source.path.context
                && to.context == path.context
                && from.elements == to.elements
                && rule.name.is_none()
                && rule.documentation.is_none() =>
        {
            from.elements.first().filter(|_| from.elements.len() == 1).cloned()
        }
        _ => None,
    };
    let elements = full.rules.iter().map(element).collect::<Option<Vec<_>>>()?;
    Some(RuleBody::Batch { source: source.path.context.clone(), target: path.context, elements })
}

/// A source that says nothing but where and under which name.
pub(super) fn bare_source(path: Path, variable: Option<Text>) -> Source {
    Source {
        origin: Origin::default(),
        path,
        variable,
        type_name: None,
        cardinality: None,
        default: None,
        list_mode: None,
        condition: None,
        check: None,
        log: None,
    }
}

/// A target that says nothing but where.
pub(super) fn bare_target(path: Path) -> Target {
    Target {
        path: Some(path),
        transform: None,
        variable: None,
        list_modes: Vec::new(),
        origin: Origin::default(),
    }
}
