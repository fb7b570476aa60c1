//! Calls: functions and groups with their arguments.

use super::Checker;
use crate::diag::{Code, Issue, Severity, codes};
use crate::mapping::fml::function::Function;
use crate::mapping::fml::model::{Argument, Call, Group, Input, InputMode, Literal, Map, Origin, Text};
use crate::mapping::fml::oid::OID_TO_URI;
use crate::tree::fhir::TypeId;

/// Units that `dateOp` adds, without the `s` that they may have.
const DATE_UNITS: &[&str] = &["year", "month", "week", "day", "hour", "minute", "second", "millisecond"];
/// What `translate` can give.
const OUTPUTS: &[&str] = &["code", "system", "display", "Coding", "CodeableConcept"];

impl<'m> Checker<'m, '_> {
    /// The type of an argument, where it is known.
    pub(super) fn argument(&mut self, argument: &'m Argument) -> Option<TypeId> {
        self.argument_on(argument, None)
    }

    /// As [`Checker::argument`], where an expression is about a value of a type.
    fn argument_on(&mut self, argument: &'m Argument, focus: Option<TypeId>) -> Option<TypeId> {
        match argument {
            Argument::Literal(..) => None,
            Argument::Variable(path) => {
                let Some(variable) = self.variable(&path.context.text, InputMode::Source) else {
                    if !self.is_constant(&path.context.text) {
                        self.unknown_variable(&path.context);
                    }
                    return None;
                };
                self.walk(variable.ty, &path.elements).ty
            }
            Argument::Expression(expression) => {
                self.expression(expression, focus);
                None
            }
        }
    }

    pub(super) fn function(&mut self, function: Function, name: &Origin, arguments: &'m [Argument]) {
        let (least, most) = function.arity();
        let count = arguments.len();
        if count < least || most.is_some_and(|most| count > most) {
            let message = format!("`{}` does not take {}", function.word(), counted(count));
            let issue = Issue::error(codes::FML_ARGUMENTS, name.span, message);
            self.report(issue.with_help(format!("write `{}`", function.usage())), name);
        }
        let mut first = None;
        for argument in arguments {
            let ty = self.argument_on(argument, first);
            first = first.or(ty);
            if matches!(argument, Argument::Expression(_)) && function != Function::Evaluate {
                let message = format!("`{}` takes no expression", function.word());
                let issue = Issue::error(codes::FML_ARGUMENTS, argument.origin().span, message);
                let help = "make it a variable before: `(expression) as v`";
                self.report(issue.with_help(help), argument.origin());
            }
        }
        match (function, arguments) {
            (Function::Truncate, [_, Argument::Literal(literal, origin)])
                if !matches!(literal, Literal::Integer(_)) =>
            {
                self.error(codes::FML_ARGUMENTS, origin, "the length is a whole number");
            }
            (Function::DateOp, [_, _, Argument::Literal(Literal::String(unit), origin)])
                if !DATE_UNITS.contains(&unit.strip_suffix('s').unwrap_or(unit)) =>
            {
                let known: Vec<String> = DATE_UNITS.iter().map(|unit| format!("{unit}s")).collect();
                let message = format!("`{unit}` is no unit of time");
                self.unknown(codes::FML_ARGUMENTS, unit, origin, message, &known);
            }
            (Function::Translate, [_, map, rest @ ..]) => self.translate(map, rest),
            _ => {}
        }
    }

    fn translate(&mut self, map: &Argument, output: &[Argument]) {
        let is_of_oids = matches!(map, Argument::Literal(Literal::String(url), _) if url == OID_TO_URI);
        if let (Argument::Literal(Literal::String(url), origin), false) = (map, is_of_oids) {
            self.concept_map_named(url, origin);
        }
        if let [Argument::Literal(Literal::String(word), origin)] = output
            && !OUTPUTS.contains(&word.as_str())
            && !(is_of_oids && word == "uri")
        {
            let known: Vec<String> = OUTPUTS.iter().map(|word| (*word).to_owned()).collect();
            let message = "`translate` gives `code`, `system`, `display`, `Coding` or `CodeableConcept`";
            self.unknown(codes::FML_ARGUMENTS, word, origin, message.to_owned(), &known);
        }
    }

    /// `#id` of this map, `url#id` of another, or the url of one of the definitions.
    fn concept_map_named(&mut self, url: &str, origin: &Origin) {
        let (of, id) = url.split_once('#').map_or((url, None), |(of, id)| (of, Some(id)));
        let map = if of.is_empty() { Some(self.map) } else { self.library.import(of).into_iter().next() };
        if let (Some(map), Some(id)) = (map, id) {
            let known: Vec<String> = map.concept_maps.iter().map(|it| it.id.text.clone()).collect();
            if !known.iter().any(|known| known == id) {
                let message = format!("no concept map `#{id}` is in this map");
                self.unknown(codes::FML_CODES, id, origin, message, &known);
            }
        } else if id.is_some() {
            let message =
                format!("no map that was given has the url `{of}`, which the concept map is part of");
            let issue = Issue::new(codes::FML_IMPORT, Severity::Information, origin.span, message);
            self.report(issue, origin);
        } else if self.schema.concept_map(url).is_none() {
            let message = format!("no concept map `{url}` is among the definitions at hand");
            let issue = Issue::warning(codes::FML_CODES, origin.span, message);
            let help = "give it with --definition, or write it as `conceptmap` in the map";
            self.report(issue.with_help(help), origin);
        }
    }

    /// A group that goes on with the variables of a rule.
    pub(super) fn group_call(&mut self, call: &'m Call) {
        match self.library.group(self.map, &self.reach, &call.name.text) {
            Some((map, group)) => self.known_call(call, map, group, Left::Nothing),
            None => {
                self.unknown_group(call, false);
                for argument in &call.arguments {
                    self.argument(argument);
                }
            }
        }
    }

    /// A group that makes a value, or a function that nobody knows.
    pub(super) fn value_call(&mut self, call: &'m Call, made: Option<TypeId>) {
        match self.library.group(self.map, &self.reach, &call.name.text) {
            // What it fills, its last input, may be left to the target.
            Some((map, group)) => self.known_call(call, map, group, Left::Last(made)),
            None => self.unknown_group(call, true),
        }
    }

    fn unknown_group(&mut self, call: &Call, as_function: bool) {
        let name = call.name.text.as_str();
        let functions = Function::ALL.iter().filter(|_| as_function).map(|(_, word)| *word);
        let groups = self.library.group_names(self.map, &self.reach);
        let meant = self.meant(name, functions.chain(groups)).map(str::to_owned);
        let (code, what) = if as_function {
            (codes::FML_FUNCTION, "function or group")
        } else {
            (codes::FML_GROUP, "group")
        };
        self.unknown_callee(code, what, &call.name, meant);
    }

    /// Reports a group that is nowhere; where not all imports are at hand, it may still be in one of them.
    pub(super) fn unknown_callee(
        &mut self,
        code: &'static Code,
        what: &str,
        name: &Text,
        meant: Option<String>,
    ) {
        let severity = match (self.reach.is_open, &meant) {
            (false, _) => Severity::Error,
            (true, Some(_)) => Severity::Warning,
            (true, None) => Severity::Information,
        };
        let message = format!("no {what} `{}` is known", name.text);
        // What may be elsewhere is worth one remark.
        if severity == Severity::Information && self.issues.iter().any(|told| told.message == message) {
            return;
        }
        let issue = Issue::new(code, severity, name.origin.span, message);
        let issue = match meant {
            Some(meant) => issue.with_help(format!("did you mean `{meant}`?")),
            None if self.reach.is_open => issue.with_help("it may be in an imported map that was not given"),
            None => issue,
        };
        self.report(issue, &name.origin);
    }

    fn known_call(&mut self, call: &'m Call, map: &'m Map, group: &'m Group, left: Left) {
        let (expected, found) = (group.inputs.len(), call.arguments.len());
        let is_left = matches!(left, Left::Last(_)) && expected == found + 1;
        if expected != found && !is_left {
            let inputs: Vec<&str> = group.inputs.iter().map(|input| input.name.as_str()).collect();
            let message = format!("`{}` is given {}, not {expected}", group.name.text, counted(found));
            let issue = Issue::error(codes::FML_ARGUMENTS, call.name.origin.span, message);
            let help = format!("write `{}({})`", group.name.text, inputs.join(", "));
            self.report(issue.with_help(help), &call.name.origin);
        }
        // Aliases of another map may mean other types.
        let same_map = std::ptr::eq(map, self.map);
        for (at, argument) in call.arguments.iter().enumerate() {
            let Some(input) = group.inputs.get(at) else {
                self.argument(argument);
                continue;
            };
            let ty = self.input(argument, input, same_map);
            if same_map {
                self.gives(group, at, ty);
            }
        }
        if let (Left::Last(made), true, true) = (left, same_map, is_left) {
            self.gives(group, found, made);
        }
    }

    /// What a group is given for an input; its type where that is known.
    fn input(&mut self, argument: &'m Argument, input: &'m Input, same_map: bool) -> Option<TypeId> {
        let ty = match argument {
            Argument::Variable(path) => {
                let Some(variable) = self.variable(&path.context.text, input.mode) else {
                    if !self.is_constant(&path.context.text) {
                        self.unknown_variable(&path.context);
                    }
                    return None;
                };
                if input.mode == InputMode::Target && variable.mode == InputMode::Source {
                    let message =
                        format!("`{}` is a source, but `{}` is filled", path.context.text, input.name.text);
                    self.error(codes::FML_MODE, &path.context.origin, message);
                    return None;
                }
                self.walk(variable.ty, &path.elements).ty
            }
            Argument::Literal(_, origin) if input.mode == InputMode::Target => {
                let message = format!("a plain value is given, but `{}` is filled", input.name.text);
                self.error(codes::FML_MODE, origin, message);
                return None;
            }
            Argument::Literal(..) | Argument::Expression(_) => self.argument(argument),
        };
        let declared = input.type_name.as_ref().filter(|_| same_map);
        let (Some(known), Some(declared)) = (ty, declared) else { return ty };
        let issues = self.issues.len();
        let expected = self.type_of(declared, input.mode);
        // A type that is not known is reported where the group declares it.
        self.issues.truncate(issues);
        if let Some(expected) = expected.filter(|expected| !self.is_compatible(*expected, known)) {
            let message = format!(
                "a `{}` is given, but `{}` is a `{}`",
                self.type_name(known),
                input.name.text,
                self.type_name(expected)
            );
            self.error(codes::FML_TYPE, argument.origin(), message);
        }
        ty
    }
}

/// What a call may leave out.
#[derive(Clone, Copy)]
enum Left {
    Nothing,
    /// What the group fills, its last input; then that is of the type of what is made, where it is known.
    Last(Option<TypeId>),
}

fn counted(count: usize) -> String {
    format!("{count} argument{}", if count == 1 { "" } else { "s" })
}
