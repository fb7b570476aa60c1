//! Functions: whether they can be called like this, and what they compile to.

use super::super::ast::{Ast, Direction, Name, Node, TypeName, TypeOperator};
use super::super::code::{Clock, Code, Compute, Keep, Op, Part as Place, Quantifier, SortKey, Test};
use super::super::functions::{Form, Function, Scalar, Takes, compile_pattern, names};
use super::super::types::{AnyType, StaticType, System};
use super::operator::{loosen, terms};
use super::{Checker, Defined, Part, unknown, url_constant};
use crate::diag::{Span, codes};

/// A call as it is written, with its input compiled.
struct Site<'x> {
    input: Part,
    arguments: &'x [Ast],
    name: &'x Name,
    span: Span,
}

impl Checker<'_> {
    pub(super) fn call(&mut self, input: Option<&Ast>, name: &Name, arguments: &[Ast], span: Span) -> Part {
        let input = match input {
            Some(input) => self.part(input),
            None => {
                Part { code: Code::new(super::Op::This, span), ty: self.scope.focus.clone(), is_fixed: false }
            }
        };
        let Some(function) = Function::named(&name.text) else {
            let message = format!("there is no function `{}`", name.text);
            self.misspelt(codes::FHIRPATH_FUNCTION, name.span, message, &name.text, names());
            return unknown(span);
        };
        let (least, greatest) = function.arguments();
        if !(least..=greatest).contains(&arguments.len()) {
            let wanted = match (least, greatest) {
                (0, 0) => "no argument".to_owned(),
                (1, 1) => "one argument".to_owned(),
                (least, greatest) if least == greatest => format!("{least} arguments"),
                (least, greatest) => format!("{least} to {greatest} arguments"),
            };
            let message = format!("`{}` takes {wanted}, not {}", name.text, arguments.len());
            self.error(codes::FHIRPATH_FUNCTION, span, message);
            return unknown(span);
        }
        let site = Site { input, arguments, name, span };
        match function {
            Function::Scalar(scalar) => self.scalar(scalar, site),
            Function::Form(form, ..) => self.form(form, site),
        }
    }

    fn form(&mut self, form: Form, site: Site<'_>) -> Part {
        match form {
            Form::Empty | Form::Exists => self.existence(form == Form::Exists, site),
            Form::AllTrue => self.quantified(Quantifier::All, true, site),
            Form::AnyTrue => self.quantified(Quantifier::Any, true, site),
            Form::AllFalse => self.quantified(Quantifier::All, false, site),
            Form::AnyFalse => self.quantified(Quantifier::Any, false, site),
            Form::Where | Form::All => self.filter(form == Form::Where, site),
            Form::Select => self.select(site),
            Form::Repeat => self.repeat(Keep::Distinct, site),
            Form::RepeatAll => self.repeat(Keep::All, site),
            Form::OfType | Form::Is | Form::As => self.of_type(form, site),
            Form::First => self.place(site, |_| Place::First),
            Form::Last => self.place(site, |_| Place::Last),
            Form::Tail => self.places(site, |_| Place::Tail),
            Form::Single => self.place(site, |_| Place::Single),
            Form::Skip => self.places(site, |count| count.map_or(Place::Tail, Place::Skip)),
            Form::Take => self.places(site, |count| count.map_or(Place::First, Place::Take)),
            Form::SubsetOf | Form::SupersetOf | Form::Intersect | Form::Exclude => self.sets(form, site),
            Form::Union | Form::Combine => self.together(form == Form::Union, site),
            Form::Coalesce => self.coalesce(&site),
            Form::Iif => self.choose(site),
            Form::Aggregate => self.aggregate(site),
            Form::Sort => self.sort(site),
            Form::Trace => self.trace(site),
            Form::DefineVariable => self.define(site),
            Form::Join => self.join_texts(site),
            Form::Extension => self.extension(site),
            Form::Now => clock(Clock::Now, System::DateTime, &site),
            Form::Today => clock(Clock::Today, System::Date, &site),
            Form::TimeOfDay => clock(Clock::TimeOfDay, System::Time, &site),
            Form::Count => computed(site, System::Integer, |input| Compute::Count { input }),
            Form::TypeOf => {
                let mut part = computed(site, System::String, |input| Compute::TypeOf { input });
                part.ty = StaticType::one(AnyType::Label);
                part
            }
            Form::IsDistinct => tested(site, |input| Test::IsDistinct { input }),
            Form::HasValue => tested(site, |input| Test::HasValue { input }),
            Form::Not => tested(site, |input| Test::Not { input }),
            Form::Distinct => {
                let ty = site.input.ty.clone();
                mapped(site, ty, |input| Op::Distinct { input })
            }
            Form::Children => tree(site, |input| Op::Children { input }),
            Form::Descendants => tree(site, |input| Op::Descendants { input }),
            Form::Resolve => {
                let ty = StaticType::fhir(self.model.known.resource).many_if(site.input.ty.is_many);
                let mut part = mapped(site, ty, |input| Op::Resolve { input });
                // Without a reference of its own, the resource at hand says where to look.
                part.is_fixed = false;
                part
            }
        }
    }

    fn existence(&mut self, wanted: bool, site: Site<'_>) -> Part {
        let mut input = site.input;
        loosen(&mut input.code);
        let mut criterion = site.arguments.first().map(|body| {
            let criterion = self.lambda(body, input.ty.clone(), None);
            self.expect_boolean(&criterion);
            criterion
        });
        let is_fixed = match &mut criterion {
            None => input.is_fixed,
            Some(criterion) => self.join(&mut [&mut input, criterion]),
        };
        let criterion = criterion.map(|criterion| Box::new(criterion.code));
        let test = Test::Exists { input: Box::new(input.code), criterion, wanted };
        boolean(test, site.span, is_fixed)
    }

    fn quantified(&mut self, quantifier: Quantifier, wanted: bool, site: Site<'_>) -> Part {
        self.expect_boolean(&site.input);
        tested(site, |input| Test::Truth { input, quantifier, wanted })
    }

    /// `where` and `all`.
    fn filter(&mut self, is_where: bool, site: Site<'_>) -> Part {
        let Some(body) = site.arguments.first() else { return unknown(site.span) };
        let mut input = site.input;
        let mut criterion = self.lambda(body, input.ty.clone(), None);
        self.expect_boolean(&criterion);
        let is_fixed = self.join(&mut [&mut input, &mut criterion]);
        let (ty, input, criterion) = (input.ty, Box::new(input.code), Box::new(criterion.code));
        if is_where {
            Part { code: Code::new(Op::Where { input, criterion }, site.span), ty, is_fixed }
        } else {
            boolean(Test::All { input, criterion }, site.span, is_fixed)
        }
    }

    fn select(&mut self, site: Site<'_>) -> Part {
        let Some(body) = site.arguments.first() else { return unknown(site.span) };
        let mut input = site.input;
        let mut projection = self.lambda(body, input.ty.clone(), None);
        let is_fixed = self.join(&mut [&mut input, &mut projection]);
        let ty = projection.ty.many_if(input.ty.is_many);
        let op = Op::Select { input: Box::new(input.code), projection: Box::new(projection.code) };
        Part { code: Code::new(op, site.span), ty, is_fixed }
    }

    fn repeat(&mut self, keep: Keep, site: Site<'_>) -> Part {
        let Some(body) = site.arguments.first() else { return unknown(site.span) };
        let mut input = site.input;
        // What is found is looked at again, so the body sees items of its own type too.
        let before = (self.issues.len(), self.slots, self.defined.len());
        let first = self.lambda(body, input.ty.clone(), None);
        self.issues.truncate(before.0);
        self.slots = before.1;
        self.defined.truncate(before.2);
        let item = input.ty.clone().or(first.ty);
        let mut projection = self.lambda(body, item, None);
        let is_fixed = self.join(&mut [&mut input, &mut projection]);
        let ty = StaticType { is_unordered: true, ..projection.ty.many() };
        let op = Op::Repeat { input: Box::new(input.code), projection: Box::new(projection.code), keep };
        Part { code: Code::new(op, site.span), ty, is_fixed }
    }

    /// `ofType`, `is` and `as` with a type as their argument.
    fn of_type(&mut self, form: Form, site: Site<'_>) -> Part {
        let Some(name) = site.arguments.first().and_then(type_name) else {
            self.error(
                codes::FHIRPATH_TYPE,
                site.span,
                format!("`{}` takes the name of a type", site.name.text),
            );
            return unknown(site.span);
        };
        let operator = if form == Form::Is { TypeOperator::Is } else { TypeOperator::As };
        let is_many = site.input.ty.is_many;
        let mut part = self.type_test(operator, site.input, &name, site.span);
        if form == Form::OfType {
            if let Op::As { input, test } = part.code.op {
                part.code.op = Op::OfType { input, test };
            }
            part.ty = part.ty.many_if(is_many);
        }
        part
    }

    fn place(&mut self, site: Site<'_>, part: impl Fn(Option<Box<Code>>) -> Place) -> Part {
        let mut found = self.places(site, part);
        found.ty = found.ty.single();
        found
    }

    /// A part of a collection by the place of its items.
    fn places(&mut self, site: Site<'_>, part: impl Fn(Option<Box<Code>>) -> Place) -> Part {
        let mut input = site.input;
        self.needs_order(&input, site.span);
        let mut count = site.arguments.first().map(|count| self.whole(count));
        let is_fixed = match &mut count {
            None => input.is_fixed,
            Some(count) => {
                self.expect_system(count, System::Integer, "a whole number");
                self.join(&mut [&mut input, count])
            }
        };
        let part = part(count.map(|count| Box::new(count.code)));
        let op = Op::Take { input: Box::new(input.code), part };
        Part { code: Code::new(op, site.span), ty: input.ty, is_fixed }
    }

    fn sets(&mut self, form: Form, site: Site<'_>) -> Part {
        let Some(other) = site.arguments.first() else { return unknown(site.span) };
        let (mut input, mut other) = (site.input, self.whole(other));
        loosen(&mut other.code);
        let is_fixed = self.join(&mut [&mut input, &mut other]);
        let ty = input.ty;
        let (input, other) = (Box::new(input.code), Box::new(other.code));
        let op = match form {
            Form::Intersect => Op::Intersect { input, other },
            Form::Exclude => Op::Exclude { input, other },
            Form::SupersetOf => {
                return boolean(Test::SubsetOf { input: other, other: input }, site.span, is_fixed);
            }
            _ => return boolean(Test::SubsetOf { input, other }, site.span, is_fixed),
        };
        Part { code: Code::new(op, site.span), ty, is_fixed }
    }

    fn together(&mut self, is_union: bool, site: Site<'_>) -> Part {
        let Some(other) = site.arguments.first() else { return unknown(site.span) };
        let (mut input, mut other) = (site.input, self.whole(other));
        let is_fixed = self.join(&mut [&mut input, &mut other]);
        let ty = input.ty.or(other.ty).many();
        let op = if is_union {
            Op::Union(terms(input.code, other.code))
        } else {
            Op::Combine(vec![input.code, other.code])
        };
        Part { code: Code::new(op, site.span), ty, is_fixed }
    }

    fn coalesce(&mut self, site: &Site<'_>) -> Part {
        let mut parts: Vec<Part> = site.arguments.iter().map(|argument| self.whole(argument)).collect();
        let is_fixed = self.join(&mut parts.iter_mut().collect::<Vec<_>>());
        let ty = parts.iter().fold(StaticType::empty(), |ty, part| ty.or(part.ty.clone()));
        let op = Op::Coalesce(parts.into_iter().map(|part| part.code).collect());
        Part { code: Code::new(op, site.span), ty, is_fixed }
    }

    /// `iif`: its arguments see the input as `$this`.
    fn choose(&mut self, site: Site<'_>) -> Part {
        let input = site.input;
        let focus = std::mem::replace(&mut self.scope.focus, input.ty.clone());
        let mut parts: Vec<Part> = site.arguments.iter().map(|argument| self.whole(argument)).collect();
        self.scope.focus = focus;
        if let Some(criterion) = parts.first() {
            self.expect_boolean(criterion);
        }
        let is_fixed = self.join(&mut parts.iter_mut().collect::<Vec<_>>()) && input.is_fixed;
        let ty = parts.iter().skip(1).fold(StaticType::empty(), |ty, part| ty.or(part.ty.clone()));
        let mut codes = parts.into_iter().map(|part| Box::new(part.code));
        let (Some(criterion), Some(then)) = (codes.next(), codes.next()) else { return unknown(site.span) };
        let op = Op::Iif { input: Box::new(input.code), criterion, then, otherwise: codes.next() };
        Part { code: Code::new(op, site.span), ty, is_fixed }
    }

    fn aggregate(&mut self, site: Site<'_>) -> Part {
        let Some(body) = site.arguments.first() else { return unknown(site.span) };
        let mut start = site.arguments.get(1).map(|start| self.whole(start));
        let input = site.input;
        // The type of a total that starts with nothing is that of what the body makes of it.
        let total = start.as_ref().map_or(StaticType::UNKNOWN, |start| start.ty.clone());
        let open = StaticType { of: None, ..total };
        let step = self.lambda(body, input.ty.clone(), Some(open));
        if let Some(start) = &mut start {
            self.hoist(start);
        }
        let op = Op::Aggregate {
            input: Box::new(input.code),
            step: Box::new(step.code),
            start: start.map(|start| Box::new(start.code)),
        };
        Part { code: Code::new(op, site.span), ty: step.ty, is_fixed: false }
    }

    /// A sign before a key turns the order round, also that of texts.
    fn sort(&mut self, site: Site<'_>) -> Part {
        let input = site.input;
        let mut keys = Vec::new();
        for key in site.arguments {
            let (body, direction) = match &key.node {
                Node::Directed { operand, direction } => (&**operand, *direction),
                Node::Sign { is_minus: true, operand } => (&**operand, Direction::Negated),
                _ => (key, Direction::Ascending),
            };
            let part = self.lambda(body, input.ty.clone(), None);
            keys.push(SortKey { code: part.code, direction });
        }
        if keys.is_empty() {
            let code = Code::new(Op::This, site.span);
            keys.push(SortKey { code, direction: Direction::Ascending });
        }
        let ty = StaticType { is_unordered: false, ..input.ty };
        let op = Op::Sort { input: Box::new(input.code), keys };
        Part { code: Code::new(op, site.span), ty, is_fixed: false }
    }

    fn trace(&mut self, site: Site<'_>) -> Part {
        let Some(name) = site.arguments.first() else { return unknown(site.span) };
        let name = Box::new(self.whole(name).code);
        let projection = site.arguments.get(1).map(|body| self.lambda(body, site.input.ty.clone(), None));
        let (ty, is_fixed) = (site.input.ty, site.input.is_fixed);
        let projection = projection.map(|projection| Box::new(projection.code));
        let op = Op::Trace { input: Box::new(site.input.code), name, projection };
        Part { code: Code::new(op, site.span), ty, is_fixed }
    }

    fn define(&mut self, site: Site<'_>) -> Part {
        let Some(name) = site.arguments.first() else { return unknown(site.span) };
        let name_code = self.whole(name).code;
        let Some(text) = name_code.constant_text() else {
            self.error(codes::FHIRPATH_NAME, name.span, "the name of a variable is a literal text");
            return unknown(site.span);
        };
        let taken = self.defined.iter().any(|known| *known.name == *text)
            || self.options.variables.iter().any(|(known, _)| **known == *text)
            || matches!(text, "resource" | "rootResource" | "context")
            || url_constant(text).is_some();
        if taken {
            self.error(codes::FHIRPATH_NAME, name.span, format!("there is a variable `%{text}` already"));
        }
        let input = site.input;
        let focus = std::mem::replace(&mut self.scope.focus, input.ty.clone());
        let value = site.arguments.get(1).map(|value| self.whole(value));
        self.scope.focus = focus;
        let slot = self.slots.1;
        self.slots.1 += 1;
        let ty = value.as_ref().map_or_else(|| input.ty.clone(), |value| value.ty.clone());
        self.defined.push(Defined { name: text.into(), ty, slot });
        let value = value.map(|value| Box::new(value.code));
        let op = Op::Define { input: Box::new(input.code), slot, value };
        Part { code: Code::new(op, site.span), ty: input.ty, is_fixed: false }
    }

    fn join_texts(&mut self, site: Site<'_>) -> Part {
        let mut input = site.input;
        let mut separator = site.arguments.first().map(|separator| self.whole(separator));
        let is_fixed = match &mut separator {
            None => input.is_fixed,
            Some(separator) => self.join(&mut [&mut input, separator]),
        };
        let separator = separator.map(|separator| Box::new(separator.code));
        let compute = Compute::Join { input: Box::new(input.code), separator };
        let ty = StaticType::system(System::String);
        Part { code: Code::new(Op::Compute(compute), site.span), ty, is_fixed }
    }

    fn extension(&mut self, site: Site<'_>) -> Part {
        let Some(url) = site.arguments.first() else { return unknown(site.span) };
        let (mut input, mut url) = (site.input, self.whole(url));
        self.expect_system(&url, System::String, "the url of an extension");
        let is_fixed = self.join(&mut [&mut input, &mut url]);
        let op = Op::Extension { input: Box::new(input.code), url: Box::new(url.code) };
        let ty = StaticType::fhir(self.model.known.extension).many();
        Part { code: Code::new(op, site.span), ty, is_fixed }
    }

    fn expect_boolean(&mut self, part: &Part) {
        self.expect_system(part, System::Boolean, "a boolean");
    }

    /// A function of one item.
    fn scalar(&mut self, function: &'static Scalar, site: Site<'_>) -> Part {
        let mut input = site.input;
        self.expect(function.input, &input, site.span, &site.name.text);
        let mut arguments: Vec<Part> = site.arguments.iter().map(|argument| self.whole(argument)).collect();
        for (argument, takes) in arguments.iter().zip(function.arguments) {
            self.expect(*takes, argument, argument.code.span, &site.name.text);
        }
        let is_constant =
            std::iter::once(&input).chain(&arguments).all(|part| part.code.constant().is_some());
        let regex = self.pattern(function, &arguments);
        let is_fixed = {
            let mut parts: Vec<&mut Part> = std::iter::once(&mut input).chain(arguments.iter_mut()).collect();
            self.join(&mut parts)
        };
        let ty = function.gives.map_or_else(|| input.ty.clone().single(), StaticType::system);
        let op = Op::Scalar {
            function,
            input: Box::new(input.code),
            arguments: arguments.into_iter().map(|argument| argument.code).collect(),
            regex,
        };
        let code = Code::new(op, site.span);
        let code = if is_constant { self.folded(code) } else { code };
        Part { code, ty: ty.many_if(function.is_many), is_fixed }
    }

    /// A literal regular expression, compiled once.
    fn pattern(&mut self, function: &Scalar, arguments: &[Part]) -> Option<Box<regex::Regex>> {
        let code = &arguments.first().filter(|_| function.has_pattern)?.code;
        let text = code.constant_text()?;
        match compile_pattern(&function.pattern(text)) {
            Ok(regex) => Some(Box::new(regex)),
            Err(reason) => {
                let message = format!("this regular expression is not valid: {reason}");
                self.error(codes::FHIRPATH_TYPE, code.span, message);
                None
            }
        }
    }

    /// Reports a type that a function can never work on.
    fn expect(&mut self, takes: Takes, part: &Part, span: Span, name: &str) {
        let fits = |system: System| match takes {
            Takes::Anything => true,
            // A primitive of data is a text wherever one is wanted.
            Takes::Text => system == System::String,
            Takes::Number => system.is_number() || system == System::Quantity,
            Takes::Integer => matches!(system, System::Integer | System::Long),
            Takes::Quantity => system == System::Quantity || system.is_number(),
            Takes::Temporal => system.is_temporal(),
        };
        let of = |ty: &AnyType| match ty {
            AnyType::System(system) => fits(*system),
            AnyType::Fhir(ty) => {
                let system = self.model.system(*ty);
                let is_text = takes == Takes::Text && system.is_some_and(|system| system != System::Quantity);
                self.model.known.is_open(*ty) || is_text || system.is_some_and(fits)
            }
            AnyType::Label => false,
        };
        let Some(types) = &part.ty.of else { return };
        if takes != Takes::Anything && !types.is_empty() && !types.iter().any(of) {
            let wanted = match takes {
                Takes::Anything => "anything",
                Takes::Text => "a text",
                Takes::Number => "a number",
                Takes::Integer => "a whole number",
                Takes::Quantity => "a quantity",
                Takes::Temporal => "a date or time",
            };
            let shown = part.ty.text(self.model.schema);
            let message = format!("`{name}` works on {wanted}, but this is {shown}");
            self.error(codes::FHIRPATH_TYPE, span, message);
        }
    }
}

/// The type that an argument names: `Patient`, `FHIR.Patient`.
fn type_name(argument: &Ast) -> Option<TypeName> {
    match &argument.node {
        Node::Member { input: None, name } => {
            Some(TypeName { namespace: None, name: name.text.clone(), span: name.span })
        }
        Node::Member { input: Some(input), name } => match &input.node {
            Node::Member { input: None, name: namespace } => Some(TypeName {
                namespace: Some(namespace.text.clone()),
                name: name.text.clone(),
                span: argument.span,
            }),
            _ => None,
        },
        _ => None,
    }
}

fn boolean(test: Test, span: Span, is_fixed: bool) -> Part {
    Part { code: Code::new(Op::Test(test), span), ty: StaticType::system(System::Boolean), is_fixed }
}

fn tested(site: Site<'_>, test: impl FnOnce(Box<Code>) -> Test) -> Part {
    boolean(test(Box::new(site.input.code)), site.span, site.input.is_fixed)
}

fn computed(site: Site<'_>, gives: System, compute: impl FnOnce(Box<Code>) -> Compute) -> Part {
    let op = Op::Compute(compute(Box::new(site.input.code)));
    Part { code: Code::new(op, site.span), ty: StaticType::system(gives), is_fixed: site.input.is_fixed }
}

fn mapped(site: Site<'_>, ty: StaticType, op: impl FnOnce(Box<Code>) -> Op) -> Part {
    let code = Code::new(op(Box::new(site.input.code)), site.span);
    Part { code, ty, is_fixed: site.input.is_fixed }
}

/// Nodes of the tree of the input, of any type and in no order.
fn tree(site: Site<'_>, op: impl FnOnce(Box<Code>) -> Op) -> Part {
    let ty = StaticType { is_unordered: true, ..StaticType::UNKNOWN };
    mapped(site, ty, op)
}

fn clock(clock: Clock, gives: System, site: &Site<'_>) -> Part {
    let code = Code::new(Op::Compute(Compute::Clock(clock)), site.span);
    Part { code, ty: StaticType::system(gives), is_fixed: true }
}
