//! Targets: where they write, what they make, the variables they make.

use super::Checker;
use super::types::Stepped;
use crate::diag::{Issue, Severity, codes, nearest};
use crate::mapping::fml::function::Function;
use crate::mapping::fml::model::{Argument, InputMode, Literal, Origin, Path, Target, Text, Transform};
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
                self.value_call(call);
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
    fn fits(&mut self, stepped: Stepped<'_>, ty: Option<TypeId>, origin: &Origin) {
        let Some(ty) = ty else { return };
        let fits = match stepped.ty {
            Some(element) => self.is_compatible(element, ty) || self.allows(stepped, ty),
            None => self.allows(stepped, ty) || self.schema.type_info(ty).is_primitive(),
        };
        if fits || (stepped.element.is_none() && stepped.ty.is_none()) {
            return;
        }
        let found = self.type_name(ty);
        let expected = stepped.ty.map_or("another type", |ty| self.type_name(ty));
        let message = format!("a `{found}` cannot stand here, where `{expected}` is expected");
        let severity = misfit(self.schema.type_info(ty).is_primitive(), expected);
        self.report(Issue::new(codes::FML_TYPE, severity, origin.span, message), origin);
    }

    fn literal(&mut self, literal: &Literal, origin: &Origin, stepped: Stepped<'a>) {
        let Some(ty) = stepped.ty else { return };
        let info = self.schema.type_info(ty);
        if !info.is_primitive() {
            let message = format!("a plain value cannot stand here, where `{}` is expected", info.name);
            let severity = misfit(true, info.name);
            self.report(Issue::new(codes::FML_TYPE, severity, origin.span, message), origin);
            return;
        }
        let fits = match (info.form, literal) {
            (Form::Bool, Literal::String(text)) => matches!(text.as_str(), "true" | "false"),
            (Form::Bool, _) => matches!(literal, Literal::Boolean(_)),
            (Form::Number, Literal::String(text)) => text.parse::<f64>().is_ok(),
            (Form::Number, _) => matches!(literal, Literal::Integer(_) | Literal::Decimal(_)),
            (Form::Object | Form::Str | Form::Xhtml | Form::Resource, _) => true,
        };
        if !fits {
            let message = format!("this value is no `{}`", info.name);
            self.error(codes::FML_TYPE, origin, message);
        }
        if let (Literal::String(code), Some(element)) = (literal, stepped.element) {
            self.bound_code(code, origin, element);
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

/// How much a value of the wrong type matters: the HL7 reference engine makes some types of a plain value, as
/// its `castToCodeableConcept` does, which the language does not say.
fn misfit(is_plain: bool, expected: &str) -> Severity {
    let is_cast = is_plain && matches!(expected, "CodeableConcept" | "Coding" | "Reference");
    if is_cast { Severity::Warning } else { Severity::Error }
}
