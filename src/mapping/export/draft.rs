//! Rules in the making, and the small parts that they are put together from.

use crate::mapping::fml::Function;
use crate::mapping::fml::model::{
    Argument, Call, Expression, Group, Literal, Origin, Path, Rule, RuleBody, Source, SourceListMode, Target,
    TargetListMode, Text, Transform, Transformation,
};

/// A rule with one source. Its targets are made first, then its calls, then its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) source: Source,
    /// At most one value is read, so that rules below one source may stand together.
    pub(super) is_single: bool,
    pub(super) targets: Vec<Target>,
    pub(super) calls: Vec<Call>,
    pub(super) rules: Vec<Draft>,
    pub(super) note: Option<String>,
}

impl Draft {
    /// A rule that reads a variable or an element of one.
    pub(super) fn of(source: Source, is_single: bool) -> Self {
        Self { source, is_single, targets: Vec::new(), calls: Vec::new(), rules: Vec::new(), note: None }
    }

    /// A rule on a variable alone.
    pub(super) fn on(variable: &str) -> Self {
        Self::of(source(variable, None), true)
    }

    /// A rule on a variable where a condition is true.
    pub(super) fn guarded(variable: &str, condition: Option<&str>) -> Self {
        let mut draft = Self::on(variable);
        draft.source.condition = condition.map(expression);
        draft
    }

    /// True where it makes and calls nothing itself.
    fn only_leads(&self) -> bool {
        self.targets.is_empty() && self.calls.is_empty()
    }

    fn rule(self) -> Rule {
        let Self { source, targets, mut calls, mut rules, note, .. } = self;
        // What only calls a group for the variable at hand need not be a rule of its own.
        if let [only] = rules.as_slice()
            && only.only_calls(source.variable.as_ref())
            && calls.is_empty()
        {
            calls.extend(rules.remove(0).calls);
        }
        let transformation =
            Transformation { sources: vec![source], targets, calls, rules: self::rules(rules) };
        Rule {
            name: None,
            body: RuleBody::Full(transformation),
            documentation: note,
            origin: Origin::default(),
        }
    }

    fn only_calls(&self, variable: Option<&Text>) -> bool {
        let plain = variable.is_some_and(|variable| self.source == source(&variable.text, None));
        plain && self.targets.is_empty() && self.rules.is_empty() && self.note.is_none()
    }
}

/// Adds a rule behind others; where it begins with the source of the last one they become one.
pub(super) fn push(rules: &mut Vec<Draft>, rule: Draft) {
    if let Some(last) = rules.last_mut()
        && last.is_single
        && last.source == rule.source
        && last.only_leads()
        && rule.only_leads()
        && rule.note.is_none()
    {
        for inner in rule.rules {
            push(&mut last.rules, inner);
        }
        return;
    }
    rules.push(rule);
}

/// The rules of a group.
pub(super) fn rules(drafts: Vec<Draft>) -> Vec<Rule> {
    drafts.into_iter().map(Draft::rule).collect()
}

pub(super) fn text(text: &str) -> Text {
    Text::new(text, Origin::default())
}

pub(super) fn expression(text: &str) -> Expression {
    Expression { text: text.to_owned(), origin: Origin::default() }
}

pub(super) fn path(context: &str, element: Option<&str>) -> Path {
    Path { context: text(context), elements: element.into_iter().map(text).collect() }
}

pub(super) fn source(context: &str, element: Option<&str>) -> Source {
    Source {
        path: path(context, element),
        type_name: None,
        cardinality: None,
        default: None,
        list_mode: None,
        variable: None,
        condition: None,
        check: None,
        log: None,
        origin: Origin::default(),
    }
}

/// What a rule makes: an element, of what, and the variable that it becomes.
pub(super) fn target(place: Option<Path>, transform: Option<Transform>, variable: Option<&str>) -> Target {
    Target {
        path: place,
        transform,
        variable: variable.map(text),
        list_modes: Vec::new(),
        origin: Origin::default(),
    }
}

pub(super) fn function(function: Function, arguments: Vec<Argument>) -> Transform {
    Transform::Function { function, name: Origin::default(), arguments }
}

pub(super) fn create(ty: &str) -> Transform {
    function(Function::Create, vec![string(ty)])
}

pub(super) fn string(text: &str) -> Argument {
    Argument::Literal(Literal::String(text.to_owned()), Origin::default())
}

pub(super) fn variable(name: &str) -> Argument {
    Argument::Variable(path(name, None))
}

pub(super) fn call(group: &str, arguments: &[String]) -> Call {
    Call {
        name: text(group),
        arguments: arguments.iter().map(|name| variable(name)).collect(),
        origin: Origin::default(),
    }
}

/// Takes the first value alone.
pub(super) const FIRST: Option<SourceListMode> = Some(SourceListMode::First);

/// Visits every target of some groups.
pub(super) fn each_target(groups: &mut [Group], visit: &mut dyn FnMut(&mut Target)) {
    fn walk(rules: &mut [Rule], visit: &mut dyn FnMut(&mut Target)) {
        for rule in rules {
            if let RuleBody::Full(full) = &mut rule.body {
                full.targets.iter_mut().for_each(&mut *visit);
                walk(&mut full.rules, visit);
            }
        }
    }
    for group in groups {
        walk(&mut group.rules, visit);
    }
}

/// The id under which targets share an item.
pub(super) fn shared_id(target: &Target) -> Option<&str> {
    target.list_modes.iter().find_map(|mode| match mode {
        TargetListMode::Share(id) => Some(id.as_str()),
        TargetListMode::First | TargetListMode::Last | TargetListMode::Single => None,
    })
}
