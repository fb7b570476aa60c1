//! Targets: where they write, what they make, the variables they make.

use super::Checker;
use super::types::{Family, Stepped, family};
use crate::diag::{Issue, Severity, codes, nearest};
use crate::mapping::fml::compile::Known;
use crate::mapping::fml::form::{Fit, fit};
use crate::mapping::fml::function::Function;
use crate::mapping::fml::model::{
    Argument, InputMode, Literal, Origin, Path, Target, TargetListMode, Text, Transform,
};
use crate::schema::{ElementDef, Strength};
use crate::tree::fhir::{Form, TypeId};

/// What a transform makes.
enum Made {
    /// Something of a type, where it is known.
    Value(Option<TypeId>),
    /// What the element takes, as nothing else is said.
    Inferred,
}

impl<'m, 'a> Checker<'m, 'a> {
    /// The type of a variable that is filled.
    pub(super) fn target_variable(&mut self, name: &Text) -> Option<TypeId> {
        let Some(variable) = self.variable(&name.text, InputMode::Target) else {
            self.unknown_variable(name);
            return None;
        };
        if variable.mode == InputMode::Source {
            let message = format!("`{}` is a source, which is filled here", name.text);
            self.error(codes::FML_MODE, &name.origin, message);
        }
        variable.ty
    }

    pub(super) fn target_path(&mut self, path: &Path) -> Stepped<'a> {
        let ty = self.target_variable(&path.context);
        self.walk(ty, &path.elements)
    }

    pub(super) fn target(&mut self, target: &'m Target) {
        let stepped = target.path.as_ref().map_or(Stepped::of(None), |path| self.target_path(path));
        let made = match &target.transform {
            Some(transform) => self.transform(transform, stepped),
            None => Made::Inferred,
        };
        if matches!(made, Made::Inferred) && target.variable.is_some() {
            self.inferred(target, stepped);
        }
        let ty = match made {
            Made::Value(ty) => ty.or(stepped.ty),
            Made::Inferred => stepped.ty,
        };
        for mode in &target.list_modes {
            if let TargetListMode::Share(id) = mode {
                self.shared.push((id, self.repeats));
            }
        }
        if let Some(name) = &target.variable {
            self.declare(name, InputMode::Target, ty);
        }
    }

    /// "It is an error if auto-created elements … have more than one possible type" (IG, "Target Transform").
    fn inferred(&mut self, target: &Target, stepped: Stepped<'_>) {
        let Some(element) = stepped.element else { return };
        let last = target.path.as_ref().and_then(|path| path.elements.last());
        let (Some(last), true) = (last, stepped.is_resource || element.types.len() > 1) else { return };
        if element.body.is_some() || stepped.ty.is_some() {
            return;
        }
        let message = format!("`{}` may have several types, and none is chosen", last.text);
        let issue = Issue::warning(codes::FML_TYPE, last.origin.span, message);
        self.report(issue.with_help("choose it: `= create('…')`"), &last.origin);
    }

    fn transform(&mut self, transform: &'m Transform, stepped: Stepped<'a>) -> Made {
        match transform {
            Transform::Copy(Argument::Literal(literal, origin)) => {
                self.literal(literal, origin, stepped);
                Made::Value(None)
            }
            Transform::Copy(argument) => {
                let ty = self.argument(argument);
                self.fits(stepped, ty, argument.origin());
                Made::Value(ty)
            }
            Transform::Evaluate(expression) => {
                self.expression(expression, None);
                Made::Value(None)
            }
            Transform::Function { function, name, arguments } => {
                self.function(*function, name, arguments);
                self.made(*function, name, arguments, stepped)
            }
            Transform::Group(call) => {
                self.value_call(call, stepped.ty);
                Made::Value(None)
            }
        }
    }

    fn made(
        &mut self,
        function: Function,
        name: &Origin,
        arguments: &'m [Argument],
        stepped: Stepped<'a>,
    ) -> Made {
        let made = match (function, arguments) {
            (Function::Create, []) => return Made::Inferred,
            (Function::Create, [Argument::Literal(Literal::String(text), origin)]) => {
                let ty = self.type_of(&Text::new(text.clone(), origin.clone()), InputMode::Target);
                self.fits(stepped, ty, origin);
                return Made::Value(ty);
            }
            (Function::Cc, _) => "CodeableConcept",
            (Function::C, _) => "Coding",
            (Function::Qty, _) => "Quantity",
            (Function::Id, _) => "Identifier",
            (Function::Cp, _) => "ContactPoint",
            (Function::Truncate | Function::Append | Function::Uuid, _) => "string",
            _ => return Made::Value(None),
        };
        let known = !self.types.is_open(InputMode::Target);
        let ty = self.schema.type_named(made).filter(|_| known);
        self.fits(stepped, ty, name);
        Made::Value(ty)
    }

    /// Reports a value of a type that the element never has.
    pub(super) fn fits(&mut self, stepped: Stepped<'_>, ty: Option<TypeId>, origin: &Origin) {
        let Some(ty) = ty else { return };
        let fits = match stepped.ty {
            Some(element) => self.is_compatible(element, ty) || self.allows(stepped, ty),
            None => self.allows(stepped, ty) || self.chosen(stepped, ty).is_some(),
        };
        if stepped.element.is_none() && stepped.ty.is_none() {
            return;
        }
        if fits {
            return self.form_fits(stepped, ty, origin);
        }
        self.misplaced(stepped, ty, origin);
    }

    /// Reports a value of a type that an element does not take.
    fn misplaced(&mut self, stepped: Stepped<'_>, ty: TypeId, origin: &Origin) {
        let several = stepped.element.map_or(&[][..], |element| &*element.types);
        let expected: Vec<&str> = match stepped.ty {
            Some(ty) => vec![self.type_name(ty)],
            None => several.iter().map(|allowed| self.type_name(allowed.ty)).collect(),
        };
        let found = self.type_name(ty);
        let message =
            format!("a `{found}` cannot stand here, where `{}` is expected", expected.join("` or `"));
        let is_plain = self.schema.type_info(ty).is_primitive();
        let severity = misfit(is_plain, &expected);
        self.report(Issue::new(codes::FML_TYPE, severity, origin.span, message), origin);
    }

    fn literal(&mut self, literal: &Literal, origin: &Origin, stepped: Stepped<'a>) {
        let from = type_of(literal, &self.known);
        let Some(ty) = stepped.ty.or_else(|| self.chosen(stepped, from)) else {
            if stepped.element.is_some() && !self.allows(stepped, from) {
                self.misplaced(stepped, from, origin);
            }
            return;
        };
        let info = self.schema.type_info(ty);
        if !info.is_primitive() {
            let message = format!("a plain value cannot stand here, where `{}` is expected", info.name);
            let severity = misfit(true, &[info.name]);
            self.report(Issue::new(codes::FML_TYPE, severity, origin.span, message), origin);
            return;
        }
        let text = text_of(literal);
        let is_of_kind = match (info.form, literal) {
            (Form::Bool, _) => matches!(literal, Literal::Boolean(_) | Literal::String(_)),
            (Form::Number, _) => {
                matches!(literal, Literal::Integer(_) | Literal::Decimal(_) | Literal::String(_))
            }
            (Form::Object | Form::Str | Form::Xhtml | Form::Resource, _) => true,
        };
        let has_form = !matches!(fit(self.schema, &self.known, text.into(), ty, info.form), Fit::No);
        if !is_of_kind || !has_form {
            let message = format!("this value is no `{}`", info.name);
            return self.error(codes::FML_TYPE, origin, message);
        }
        if let Some(element) = stepped.element {
            self.bound_code(text, origin, element);
        }
    }

    /// The type that an element of several takes for a plain value, as `fml/run` chooses it: its own, one that it
    /// derives from or that derives from it, any text for a text, and one that holds all of its values.
    fn chosen(&self, stepped: Stepped<'_>, from: TypeId) -> Option<TypeId> {
        let element = stepped.element.filter(|_| self.schema.type_info(from).is_primitive())?;
        let types = || element.types.iter().map(|allowed| allowed.ty);
        let known = &self.known;
        let is_text = |ty: TypeId| {
            let info = self.schema.type_info(ty);
            let is_time = [known.date, known.date_time, known.instant, known.time].contains(&ty);
            info.is_primitive() && info.form == Form::Str && !is_time
        };
        let wider = match family(self.schema.type_info(from).name) {
            Some(Family::Date) => Some(known.date_time),
            Some(Family::Number) => Some(known.decimal).filter(|_| self.derives(from, known.integer)),
            Some(Family::Boolean | Family::Time) | None => None,
        };
        types()
            .find(|ty| *ty == from)
            .or_else(|| types().find(|ty| self.derives(from, *ty) || self.derives(*ty, from)))
            .or_else(|| types().find(|ty| is_text(from) && is_text(*ty)))
            .or_else(|| types().find(|ty| Some(*ty) == wider))
    }

    /// Of primitives that fit by their types: whether a text may have another form, and whether a value can ever be one
    /// of the codes that an element is bound to.
    fn form_fits(&mut self, stepped: Stepped<'_>, ty: TypeId, origin: &Origin) {
        let (found, Some(wanted)) = (self.schema.type_info(ty), stepped.ty) else { return };
        let wanted = self.schema.type_info(wanted);
        if !(found.is_primitive() && wanted.is_primitive()) {
            return;
        }
        match (family(found.name), family(wanted.name)) {
            (None, Some(_)) => {
                let message = format!("a `{}` may not have the form of a `{}`", found.name, wanted.name);
                let issue = Issue::warning(codes::FML_TYPE, origin.span, message);
                let help = format!("say what it is: `cast(…, '{}')`, or a date function", wanted.name);
                self.report(issue.with_help(help), origin);
            }
            (Some(kind), None) => {
                let binding = stepped.element.and_then(ElementDef::binding);
                let required = binding.filter(|binding| binding.strength == Strength::Required);
                let codes = required.and_then(|binding| self.schema.codes(&binding.value_set));
                let is_code = |code: &str| match kind {
                    Family::Boolean => matches!(code, "true" | "false"),
                    Family::Number => code.parse::<f64>().is_ok(),
                    Family::Date | Family::Time => false,
                };
                if codes.is_some_and(|codes| !codes.iter().any(|known| is_code(known.code))) {
                    let message = format!("a `{}` never is one of the codes that may stand here", found.name);
                    let issue = Issue::error(codes::FML_CODES, origin.span, message);
                    let help = "write a code, or make one of the value with `translate` or an expression";
                    self.report(issue.with_help(help), origin);
                }
            }
            _ => {}
        }
    }

    /// A constant code must be one of a value set that is required.
    fn bound_code(&mut self, code: &str, origin: &Origin, element: &ElementDef) {
        let Some(binding) = element.binding().filter(|binding| binding.strength == Strength::Required) else {
            return;
        };
        let Some(codes) = self.schema.codes(&binding.value_set) else { return };
        if codes.iter().any(|known| known.code == code) {
            return;
        }
        let message = "this code is not in the value set that the element is bound to";
        let issue = Issue::error(codes::FML_CODES, origin.span, message);
        let issue = match nearest(code, codes.iter().map(|known| known.code)) {
            Some(meant) => issue.with_help(format!("did you mean `{meant}`?")),
            None => issue.with_help(format!("the codes are those of {}", binding.value_set)),
        };
        self.report(issue, origin);
    }
}

/// The type that a literal has by itself.
const fn type_of(literal: &Literal, known: &Known) -> TypeId {
    match literal {
        Literal::Boolean(_) => known.boolean,
        Literal::String(_) => known.string,
        Literal::Integer(_) => known.integer,
        Literal::Decimal(_) => known.decimal,
        Literal::Date(_) => known.date,
        Literal::DateTime(_) => known.date_time,
        Literal::Time(_) => known.time,
    }
}

/// A literal as data hold it.
fn text_of(literal: &Literal) -> &str {
    match literal {
        Literal::Boolean(true) => "true",
        Literal::Boolean(false) => "false",
        Literal::String(text)
        | Literal::Integer(text)
        | Literal::Decimal(text)
        | Literal::Date(text)
        | Literal::DateTime(text)
        | Literal::Time(text) => text,
    }
}

/// How much a value of the wrong type matters: the HL7 reference engine makes some types of a plain value, as
/// its `castToCodeableConcept` does, which the language does not say; `--compat reference` does the same.
fn misfit(is_plain: bool, expected: &[&str]) -> Severity {
    const CAST: [&str; 5] = ["CodeableConcept", "Coding", "Reference", "Annotation", "Identifier"];
    let is_cast = is_plain && expected.iter().any(|name| CAST.contains(name));
    if is_cast { Severity::Warning } else { Severity::Error }
}
