//! Steps to elements: which names in data a step means, and which types it leads to.

use super::super::ast::Name as Word;
use super::super::code::{Code, Op, Step, Target};
use super::super::types::{AnyType, StaticType, System, TypeTest};
use super::{Checker, Part, Purpose};
use crate::diag::{Issue, Span, codes, nearest};
use crate::schema::UNKNOWN;
use crate::tree::Name;
use crate::tree::fhir::TypeId;

/// What HL7's models of XML, and so the maps of them, call the text of an element.
const XML_TEXT_NAMES: &[&str] = &["data", "xmlText", "value"];

/// What a name means on one type.
enum Meaning {
    /// These names in data, with the types of what stands there.
    Elements(Vec<(Name, TypeId)>),
    /// The text of an XML element.
    Text(TypeId),
    /// A part of a value of the language.
    Value(System),
    /// The data will tell.
    Open,
    /// Nothing.
    Nothing,
}

impl Checker<'_> {
    /// A name at the head of a path: the type of the focus, or an element of it.
    pub(super) fn head(&mut self, name: &Word, span: Span) -> Part {
        if self.options.purpose == Purpose::Map
            && self.options.variables.iter().any(|(known, _)| **known == *name.text)
        {
            return self.variable(&name.text, span);
        }
        let focus = Part { code: Code::new(Op::This, span), ty: self.scope.focus.clone(), is_fixed: false };
        let is_type_name = name.text.starts_with(|c: char| c.is_ascii_uppercase());
        let named = self.model.schema.type_named(&name.text).filter(|_| is_type_name);
        let Some(ty) = named else { return self.child(focus, name, span) };
        let fits = |known: &AnyType| match known {
            AnyType::Fhir(known) => self.model.is_subtype(*known, ty) || self.model.is_subtype(ty, *known),
            AnyType::System(_) | AnyType::Label => false,
        };
        let types = match &focus.ty.of {
            None => vec![AnyType::Fhir(ty)],
            Some(types) => types.iter().copied().filter(fits).collect(),
        };
        // A context of type Resource that is asked for as Patient is a Patient from here on.
        let narrowed = types.iter().map(|known| match known {
            AnyType::Fhir(known) if self.model.is_subtype(ty, *known) => AnyType::Fhir(ty),
            other => *other,
        });
        let found = StaticType { of: Some(narrowed.collect()), ..focus.ty.clone() };
        if found.is_empty() && !focus.ty.is_empty() && self.options.is_strict {
            let context = focus.ty.text(self.model.schema);
            let message = format!("the context is {context}, never `{}`", name.text);
            self.error(codes::FHIRPATH_ELEMENT, name.span, message);
        }
        let test = TypeTest::fhir(Some(ty));
        Part { code: Code::new(Op::Root { test }, span), ty: found, is_fixed: false }
    }

    /// `input.name`.
    pub(super) fn child(&mut self, input: Part, name: &Word, span: Span) -> Part {
        if self.options.purpose == Purpose::Map && &*name.text == "value" && self.is_primitive(&input.ty) {
            return input;
        }
        let types = input.ty.of.clone();
        let meanings: Option<Vec<Meaning>> =
            types.as_ref().map(|types| types.iter().map(|ty| self.meaning(*ty, &name.text)).collect());
        let in_table = self.model.schema.names().get(&name.text).unwrap_or(Name::NONE);
        let (target, of) = match meanings {
            None => (Target::Open, None),
            Some(meanings) => {
                if !meanings.is_empty() && meanings.iter().all(|it| matches!(it, Meaning::Nothing)) {
                    self.no_element(&input, name);
                }
                combine(meanings, in_table)
            }
        };
        let ty = StaticType {
            of: of.map(|types| types.into_iter().map(Found::any).collect()),
            is_many: input.ty.is_many || self.is_list(types.as_deref(), &name.text),
            is_unordered: input.ty.is_unordered,
        };
        let is_text = self.may_be_text(&name.text);
        let step = Step { name: in_table, text: name.text.clone(), target, is_text };
        let op = Op::Child { input: Box::new(input.code), step };
        Part { code: Code::new(op, span), ty, is_fixed: input.is_fixed }
    }

    fn is_primitive(&self, ty: &StaticType) -> bool {
        let primitive = |ty: &AnyType| matches!(ty, AnyType::Fhir(ty) if self.model.is_primitive(*ty));
        ty.of.as_ref().is_some_and(|types| !types.is_empty() && types.iter().all(primitive))
    }

    fn is_list(&self, types: Option<&[AnyType]>, name: &str) -> bool {
        let Some(types) = types else { return true };
        types.iter().any(|ty| match ty {
            AnyType::Fhir(ty) => {
                let found = self.model.schema.find(*ty, name).map(|found| found.element.is_list());
                let open = self.model.known.is_open(*ty) && found.is_none();
                found.unwrap_or(open)
            }
            AnyType::System(_) | AnyType::Label => false,
        })
    }

    fn meaning(&self, ty: AnyType, name: &str) -> Meaning {
        let ty = match ty {
            AnyType::System(System::Quantity) => {
                return match name {
                    "value" => Meaning::Value(System::Decimal),
                    "unit" | "code" => Meaning::Value(System::String),
                    _ => Meaning::Nothing,
                };
            }
            AnyType::Label if matches!(name, "name" | "namespace") => return Meaning::Value(System::String),
            AnyType::System(_) | AnyType::Label => return Meaning::Nothing,
            AnyType::Fhir(ty) => ty,
        };
        let schema = self.model.schema;
        if ty == UNKNOWN {
            return Meaning::Open;
        }
        if let Some(choice) = schema.choice(ty, name) {
            let names = schema.names_in_data(ty, choice);
            return Meaning::Elements(names.iter().map(|found| (found.name, found.ty)).collect());
        }
        // Attributes of XML go by their names, as elements do.
        let attribute =
            || schema.find(ty, &format!("@{name}")).or_else(|| schema.find(ty, &format!("@xsi:{name}")));
        match schema.find(ty, name).or_else(attribute) {
            // A choice goes by its own name; by that in data only where nobody is strict, and in maps.
            Some(found) if found.element.is_choice() && self.is_strict_on_choices() => Meaning::Nothing,
            Some(found) => Meaning::Elements(vec![(found.name, self.model.element_type(ty, &found))]),
            None if self.may_be_text(name) && schema.find(ty, "text()").is_some() => {
                Meaning::Text(schema.find(ty, "text()").map_or(UNKNOWN, |found| found.ty))
            }
            None if self.model.known.is_open(ty) => Meaning::Open,
            None => Meaning::Nothing,
        }
    }

    fn may_be_text(&self, name: &str) -> bool {
        self.options.purpose == Purpose::Map && XML_TEXT_NAMES.contains(&name)
    }

    fn is_strict_on_choices(&self) -> bool {
        self.options.is_strict && self.options.purpose != Purpose::Map
    }

    /// An element that none of the types has.
    fn no_element(&mut self, input: &Part, name: &Word) {
        if !self.options.is_strict {
            return;
        }
        let schema = self.model.schema;
        let shown = input.ty.text(schema);
        let message = format!("{} has no element `{}`", shown.trim_end_matches(" *"), name.text);
        let issue = Issue::error(codes::FHIRPATH_ELEMENT, name.span, message);
        let fhir = input.ty.of.iter().flatten().filter_map(|ty| match ty {
            AnyType::Fhir(ty) => Some(*ty),
            AnyType::System(_) | AnyType::Label => None,
        });
        let fhir: Vec<TypeId> = fhir.collect();
        let in_data = fhir.iter().find_map(|ty| schema.find(*ty, &name.text));
        let help = match in_data {
            Some(found) => {
                let (choice, ty) = (schema.name_text(found.element.name), schema.type_info(found.ty).name);
                Some(format!("a choice goes by its own name: `{choice}.ofType({ty})`"))
            }
            None => {
                let known = fhir.iter().flat_map(|ty| schema.elements(*ty));
                let known = known.map(|element| schema.name_text(element.name));
                nearest(&name.text, known).map(|meant| format!("did you mean `{meant}`?"))
            }
        };
        self.issues.push(match help {
            Some(help) => issue.with_help(help),
            None => issue,
        });
    }
}

/// A type that a step leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Fhir(TypeId),
    System(System),
}

impl Found {
    const fn any(self) -> AnyType {
        match self {
            Self::Fhir(ty) => AnyType::Fhir(ty),
            Self::System(system) => AnyType::System(system),
        }
    }
}

/// The meanings of one name on several types, as one step; `None` for the types where they are not known.
fn combine(meanings: Vec<Meaning>, name: Name) -> (Target, Option<Vec<Found>>) {
    let mut names: Vec<(Name, TypeId)> = Vec::new();
    let mut types: Vec<Found> = Vec::new();
    let mut is_open = false;
    for meaning in meanings {
        match meaning {
            Meaning::Open => return (Target::Open, None),
            Meaning::Nothing => {}
            Meaning::Value(system) => types.push(Found::System(system)),
            Meaning::Text(ty) => types.push(Found::Fhir(ty)),
            Meaning::Elements(elements) => {
                for (in_data, ty) in elements {
                    let other = names.iter().find(|(known, _)| *known == in_data);
                    is_open |= other.is_some_and(|(_, known)| *known != ty);
                    if other.is_none() {
                        names.push((in_data, ty));
                    }
                    if !types.contains(&Found::Fhir(ty)) {
                        types.push(Found::Fhir(ty));
                    }
                }
            }
        }
    }
    let unknown = types.contains(&Found::Fhir(UNKNOWN));
    let target = match names.as_slice() {
        _ if is_open => Target::Open,
        [] => Target::Open,
        [(in_data, ty)] if *in_data == name => Target::Exact(*ty),
        _ => Target::Choice(names),
    };
    (target, (!unknown).then_some(types))
}
