//! Rules: their sources, their targets, the transforms and calls.

use super::program::RuleInfo;
use super::{
    Argument, Call, Compiler, Output, Place, Rule, Slot, Source, Target, TargetMode, Then, Transform,
};
use crate::diag::codes;
use crate::fhirpath::{Decimal, Temporal, Value};
use crate::mapping::fml::function::Function;
use crate::mapping::fml::model::{
    self, Expression, InputMode, Literal, Origin, RuleBody, TargetListMode, Text, Transformation,
};
use crate::mapping::fml::oid::OID_TO_URI;
use crate::schema::UNKNOWN;
use crate::tree::fhir::TypeId;

/// The variable of a source that has no name of its own.
const UNNAMED: &str = "";

impl<'m> Compiler<'m, '_, '_> {
    pub(super) fn rules(&mut self, rules: &'m [model::Rule]) -> Vec<Rule> {
        let mut compiled = Vec::new();
        for rule in rules {
            let depth = self.scope.len();
            self.rule(rule, &mut compiled);
            self.scope.truncate(depth);
        }
        compiled
    }

    fn rule(&mut self, rule: &'m model::Rule, compiled: &mut Vec<Rule>) {
        let number = self.program.infos.len();
        self.program.infos.push(RuleInfo {
            map: self.here,
            group: self.group.clone(),
            name: rule.name.as_ref().map_or_else(String::new, |name| name.text.clone()),
            span: rule.origin.span,
            path: rule.origin.path.to_string(),
        });
        match &rule.body {
            RuleBody::Identity { source, target } => {
                compiled.extend(self.identity(number, source, target));
            }
            RuleBody::Batch { source, target, elements } => {
                for element in elements {
                    let path = |context: &Text| model::Path {
                        context: context.clone(),
                        elements: vec![element.clone()],
                    };
                    compiled.extend(self.identity(number, &path(source), &path(target)));
                }
            }
            RuleBody::Full(full) => compiled.extend(self.full(number, full)),
        }
    }

    fn identity(&mut self, number: usize, source: &model::Path, target: &model::Path) -> Option<Rule> {
        let (from, ty) = self.place(source, InputMode::Source)?;
        let (to, _) = self.place(target, InputMode::Target)?;
        let span = from.span;
        let slot = self.declare(UNNAMED, InputMode::Source, ty);
        Some(Rule { number, sources: vec![plain_source(from, slot, span)], then: Then::Identity(to) })
    }

    fn full(&mut self, number: usize, full: &'m Transformation) -> Option<Rule> {
        let sources: Vec<Option<Source>> = full.sources.iter().map(|source| self.source(source)).collect();
        let is_always = sources.iter().flatten().all(is_given);
        let targets: Vec<Option<Target>> =
            full.targets.iter().map(|target| self.target(target, is_always)).collect();
        let calls: Vec<Option<Call>> = full.calls.iter().map(|call| self.group_call(call)).collect();
        let rules = self.rules(&full.rules);
        let then = Then::Full {
            targets: targets.into_iter().collect::<Option<_>>()?,
            calls: calls.into_iter().collect::<Option<_>>()?,
            rules,
        };
        Some(Rule { number, sources: sources.into_iter().collect::<Option<_>>()?, then })
    }

    fn source(&mut self, source: &'m model::Source) -> Option<Source> {
        let (from, mut ty) = self.place(&source.path, InputMode::Source)?;
        let default = match &source.default {
            Some(default) => Some(self.expression(&default.expression, UNKNOWN)?),
            None => None,
        };
        let mut filter = None;
        if let Some(name) = &source.type_name {
            filter = self.type_of(name, InputMode::Source).or_else(|| self.schema.type_named(&name.text));
            if filter.is_none() {
                let message = format!("no type `{}` is known", name.text);
                self.error(codes::FML_TYPE, &name.origin, message);
            }
            ty = filter.unwrap_or(UNKNOWN);
        }
        let name = source.variable.as_ref().map_or(UNNAMED, |name| name.as_str());
        let slot = self.declare(name, InputMode::Source, ty);
        let mut clause = |clause: &'m Option<Expression>| match clause {
            Some(expression) => self.expression(expression, ty).map(Some),
            None => Some(None),
        };
        let (condition, check, log) = (clause(&source.condition), clause(&source.check), clause(&source.log));
        Some(Source {
            from,
            ty: filter,
            count: source.cardinality.as_ref().map(|count| (count.min, count.max, count.origin.span)),
            default,
            mode: source.list_mode,
            slot,
            condition: condition?,
            check: check?,
            log: log?,
            span: source.origin.span,
        })
    }

    fn target(&mut self, target: &'m model::Target, is_always: bool) -> Option<Target> {
        let (to, ty) = match &target.path {
            Some(path) => self.place(path, InputMode::Target).map(|(place, ty)| (Some(place), ty))?,
            None => (None, UNKNOWN),
        };
        let (transform, made) = match &target.transform {
            Some(transform) => self.transform(transform)?,
            None => (Transform::None, None),
        };
        let mut mode = TargetMode::Append;
        for known in &target.list_modes {
            mode = match known {
                TargetListMode::First => TargetMode::First,
                TargetListMode::Last => TargetMode::Append,
                TargetListMode::Single => TargetMode::Single,
                TargetListMode::Share(id) => TargetMode::Share(id.text.as_str().into()),
            };
        }
        let variable = target.variable.as_ref();
        let slot = variable.map(|name| self.declare(&name.text, InputMode::Target, made.unwrap_or(ty)));
        let is_default = is_always && is_constant(&transform);
        Some(Target { to, transform, slot, mode, is_default, span: target.origin.span })
    }

    /// A transform, and the type of what it makes where that is known.
    fn transform(&mut self, transform: &'m model::Transform) -> Option<(Transform, Option<TypeId>)> {
        let made = match transform {
            model::Transform::Copy(argument) => Transform::Copy(self.argument(argument)?),
            model::Transform::Evaluate(expression) => {
                Transform::Evaluate(Argument::Nothing, Box::new(self.expression(expression, UNKNOWN)?))
            }
            model::Transform::Group(call) => Transform::Group(self.value_call(call)?),
            model::Transform::Function { function, name, arguments } => {
                return self.function(*function, name, arguments);
            }
        };
        Some((made, None))
    }

    fn function(
        &mut self,
        function: Function,
        name: &Origin,
        arguments: &'m [model::Argument],
    ) -> Option<(Transform, Option<TypeId>)> {
        let (least, most) = function.arity();
        if arguments.len() < least || most.is_some_and(|most| arguments.len() > most) {
            self.error(codes::FML_ARGUMENTS, name, format!("it is called as `{}`", function.usage()));
            return None;
        }
        let text = |at: usize| match arguments.get(at) {
            Some(model::Argument::Literal(Literal::String(text), origin)) => {
                Some(Text::new(text.clone(), origin.clone()))
            }
            _ => None,
        };
        match function {
            Function::Create => match text(0) {
                None => Some((Transform::Instance, None)),
                Some(name) => {
                    let ty = self.known_type(&name)?;
                    Some((Transform::Create(ty), Some(ty)))
                }
            },
            Function::Copy => Some((Transform::Copy(self.argument(arguments.first()?)?), None)),
            Function::Cast => {
                let ty = match text(1) {
                    Some(name) => Some(self.known_type(&name)?),
                    None => None,
                };
                Some((Transform::Cast(self.argument(arguments.first()?)?, ty), ty))
            }
            Function::Evaluate => Some((self.evaluate(arguments)?, None)),
            Function::Translate => {
                let Some(map) = text(1) else {
                    self.error(codes::FML_ARGUMENTS, name, "the concept map must be named by a text");
                    return None;
                };
                let value = self.argument(arguments.first()?)?;
                if map.text == OID_TO_URI {
                    return Some((Transform::OidToUri(value), None));
                }
                let table = self.table(&map.text, &map.origin)?;
                let output = output(text(2).as_ref().map_or("", |text| text.as_str()));
                Some((Transform::Translate { value, table, output }, None))
            }
            _ => {
                let arguments = arguments.iter().map(|argument| self.argument(argument));
                let arguments = arguments.collect::<Option<Vec<Argument>>>()?;
                let made = made_type(function).and_then(|name| self.schema.type_named(name));
                Some((Transform::Function(function, arguments), made))
            }
        }
    }

    /// `evaluate(context, expression)`; the expression may stand in a text, as resources have it.
    fn evaluate(&mut self, arguments: &'m [model::Argument]) -> Option<Transform> {
        let (context, expression) = match arguments {
            [expression] => (Argument::Nothing, expression),
            [context, expression, ..] => (self.argument(context)?, expression),
            [] => return None,
        };
        let expr = match expression {
            model::Argument::Expression(expression) => self.expression(expression, UNKNOWN)?,
            model::Argument::Literal(Literal::String(text), origin) => {
                self.expression_of(text, origin.span, UNKNOWN)?
            }
            other => {
                self.error(codes::FML_ARGUMENTS, other.origin(), "an expression was expected");
                return None;
            }
        };
        Some(Transform::Evaluate(context, Box::new(expr)))
    }

    fn known_type(&mut self, name: &Text) -> Option<TypeId> {
        let found = self.type_of(name, InputMode::Target).or_else(|| self.schema.type_named(&name.text));
        if found.is_none() {
            self.error(codes::FML_TYPE, &name.origin, format!("no type `{}` is known", name.text));
        }
        found
    }

    fn argument(&mut self, argument: &'m model::Argument) -> Option<Argument> {
        Some(match argument {
            model::Argument::Literal(literal, origin) => match value_of(literal) {
                Some(value) => Argument::Literal(value),
                None => {
                    self.error(codes::FML_ARGUMENTS, origin, "this value is not one that can be used");
                    return None;
                }
            },
            model::Argument::Variable(path) => Argument::Place(self.place(path, InputMode::Source)?.0),
            model::Argument::Expression(expression) => {
                Argument::Expr(Box::new(self.expression(expression, UNKNOWN)?))
            }
        })
    }

    fn group_call(&mut self, call: &'m model::Call) -> Option<Call> {
        self.call_of(call, 0)
    }

    /// A group that makes a value: what it fills is its last input, which may be left to the target.
    fn value_call(&mut self, call: &'m model::Call) -> Option<Call> {
        self.call_of(call, 1)
    }

    fn call_of(&mut self, call: &'m model::Call, made: usize) -> Option<Call> {
        let (map, group) = self.find_group(&call.name)?;
        let given = call.arguments.len();
        if group.inputs.len() != given && group.inputs.len() != given + made {
            let message =
                format!("`{}` has {} inputs, and {} are given", call.name.text, group.inputs.len(), given);
            self.error(codes::FML_ARGUMENTS, &call.name.origin, message);
            return None;
        }
        let modes = group.inputs.iter().map(|input| input.mode);
        let arguments = call.arguments.iter().zip(modes).map(|(argument, mode)| match argument {
            model::Argument::Variable(path) => {
                self.place(path, mode).map(|(place, _)| Argument::Place(place))
            }
            other => self.argument(other),
        });
        let arguments = arguments.collect::<Option<Vec<Argument>>>()?;
        Some(Call { group: self.number(map, group), arguments })
    }
}

fn plain_source(from: Place, slot: usize, span: crate::diag::Span) -> Source {
    Source {
        from,
        ty: None,
        count: None,
        default: None,
        mode: None,
        slot,
        condition: None,
        check: None,
        log: None,
        span,
    }
}

/// True for a source that is a variable and nothing else: whatever the document says, the rule is run.
fn is_given(source: &Source) -> bool {
    let Source { from, ty, count, default, mode, slot: _, condition, check, log: _, span: _ } = source;
    let is_open = ty.is_none() && count.is_none() && default.is_none() && mode.is_none();
    from.steps.is_empty() && is_open && condition.is_none() && check.is_none()
}

/// True for a transform that makes the same of every document.
fn is_constant(transform: &Transform) -> bool {
    let is_fixed = |argument: &Argument| match argument {
        Argument::Literal(_) => true,
        Argument::Place(place) => matches!(place.slot, Slot::Constant(_)),
        Argument::Expr(_) | Argument::Nothing => false,
    };
    match transform {
        Transform::Copy(argument) | Transform::Cast(argument, _) => is_fixed(argument),
        Transform::Function(function, arguments) => {
            *function != Function::Uuid && arguments.iter().all(is_fixed)
        }
        Transform::None
        | Transform::Instance
        | Transform::Create(_)
        | Transform::Evaluate(..)
        | Transform::Translate { .. }
        | Transform::OidToUri(_)
        | Transform::Group(_) => false,
    }
}

/// The output of `translate` by its name.
fn output(name: &str) -> Output {
    match name {
        "code" => Output::Code,
        "system" => Output::System,
        "display" => Output::Display,
        "Coding" | "coding" => Output::Coding,
        "CodeableConcept" => Output::CodeableConcept,
        _ => Output::Inferred,
    }
}

/// The type of what a function makes.
const fn made_type(function: Function) -> Option<&'static str> {
    match function {
        Function::Cc => Some("CodeableConcept"),
        Function::C => Some("Coding"),
        Function::Qty => Some("Quantity"),
        Function::Id => Some("Identifier"),
        Function::Cp => Some("ContactPoint"),
        _ => None,
    }
}

fn value_of(literal: &Literal) -> Option<Value<'static>> {
    Some(match literal {
        Literal::String(text) => Value::String(text.clone().into()),
        Literal::Boolean(value) => Value::Boolean(*value),
        Literal::Integer(text) => match text.parse() {
            Ok(value) => Value::Integer(value),
            Err(_) => Value::Long(text.parse().ok()?),
        },
        Literal::Decimal(text) => Value::Decimal(Decimal::parse(text)?),
        Literal::Date(text) => Value::Temporal(Temporal::date(text)?),
        Literal::DateTime(text) => Value::Temporal(Temporal::date_time(text)?),
        Literal::Time(text) => Value::Temporal(Temporal::time(text)?),
    })
}
