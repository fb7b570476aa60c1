//! Checks an expression against the definitions and compiles it in the same walk, so that what was checked is what
//! runs.

mod call;
mod operator;
mod path;

use super::ast::{Ast, Literal, Node, Special, TypeName, TypeOperator};
use super::code::{Code, Compute, Environment, Op, Part as Place, Test};
use super::context::Context;
use super::eval::Machine;
use super::quantity::Quantity;
use super::types::{AnyType, Known, Model, StaticType, System, TypeTest};
use super::value::{Item, Value};
use crate::diag::{Issue, Span, codes, nearest};
use crate::schema::Schema;
use crate::tree::fhir::TypeId;

/// How an expression is checked and how it will run.
#[derive(Debug, Clone)]
pub struct Options {
    pub(super) focus: StaticType,
    pub(super) variables: Vec<(Box<str>, StaticType)>,
    pub(super) is_strict: bool,
    pub(super) is_ordered: bool,
    pub(super) purpose: Purpose,
}

/// What an expression is written for, where that changes what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Query,
    Invariant,
    Map,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// Nothing is known of the focus, and an element that no definition has is empty.
    pub const fn new() -> Self {
        Self {
            focus: StaticType::UNKNOWN,
            variables: Vec::new(),
            is_strict: false,
            is_ordered: false,
            purpose: Purpose::Query,
        }
    }

    /// The focus is one item of a type. Elements are then looked up once, when the expression is compiled.
    #[must_use]
    pub fn on(mut self, ty: TypeId) -> Self {
        self.focus = StaticType::fhir(ty);
        self
    }

    /// The focus is of a static type.
    #[must_use]
    pub fn on_type(mut self, focus: StaticType) -> Self {
        self.focus = focus;
        self
    }

    /// There is a variable `%name`; its value has its place among the variables of the context.
    #[must_use]
    pub fn with_variable(mut self, name: &str, ty: StaticType) -> Self {
        self.variables.push((name.into(), ty));
        self
    }

    /// An element that the definitions do not have is an error, as is a choice by the name it has in data.
    #[must_use]
    pub const fn strict(mut self) -> Self {
        self.is_strict = true;
        self
    }

    /// Asking a collection without order for its first, last or n-th item is an error.
    #[must_use]
    pub const fn ordered(mut self) -> Self {
        self.is_ordered = true;
        self
    }

    /// The expression is an invariant of a definition: `as()` on several items chooses those of the type, as R4's own
    /// dom-3 needs it, and a FHIR primitive is of the type of the language that it is converted to, as que-7 has it.
    #[must_use]
    pub const fn invariant(mut self) -> Self {
        self.purpose = Purpose::Invariant;
        self
    }

    /// The expression stands in a map of the FHIR Mapping Language: a name at the head of a path may be a variable
    /// without its `%`, and the `value` of a primitive is the primitive itself, as HL7's maps write both.
    #[must_use]
    pub const fn in_map(mut self) -> Self {
        self.purpose = Purpose::Map;
        self
    }
}

/// What a check found: the compiled expression, which is to run only where there is no issue.
pub(super) struct Checked {
    pub(super) code: Code,
    pub(super) ty: StaticType,
    pub(super) issues: Vec<Issue>,
    /// The type of each node of the syntax tree, by its number.
    pub(super) types: Vec<StaticType>,
    /// How many parts are hoisted, and how many variables are defined.
    pub(super) slots: (usize, usize),
    pub(super) known: Known,
}

/// Checks and compiles.
pub(super) fn check(ast: &Ast, schema: &Schema, options: &Options) -> Checked {
    let known = Known::new(schema);
    let mut checker = Checker {
        model: Model { schema, known: &known },
        options,
        issues: Vec::new(),
        types: vec![StaticType::UNKNOWN; ast.id as usize + 1],
        scope: Scope { focus: options.focus.clone(), total: None, lambdas: 0 },
        defined: Vec::new(),
        slots: (0, 0),
    };
    let part = checker.whole(ast);
    let Checker { issues, types, slots, .. } = checker;
    Checked { code: part.code, ty: part.ty, issues, types, slots, known }
}

/// A compiled part with what is known of it.
struct Part {
    code: Code,
    ty: StaticType,
    /// It depends on nothing but the environment, so it is the same for every item.
    is_fixed: bool,
}

/// What `$this` and its like stand for.
#[derive(Clone)]
struct Scope {
    focus: StaticType,
    total: Option<StaticType>,
    /// How many functions that go through items are open.
    lambdas: u32,
}

/// A variable that `defineVariable` made.
struct Defined {
    name: Box<str>,
    ty: StaticType,
    slot: usize,
}

struct Checker<'a> {
    model: Model<'a>,
    options: &'a Options,
    issues: Vec<Issue>,
    types: Vec<StaticType>,
    scope: Scope,
    defined: Vec<Defined>,
    slots: (usize, usize),
}

impl Checker<'_> {
    fn error(&mut self, code: &'static crate::diag::Code, span: Span, message: impl Into<String>) {
        self.issues.push(Issue::error(code, span, message));
    }

    /// An error about a word, with the one that was perhaps meant.
    fn misspelt<'w>(
        &mut self,
        code: &'static crate::diag::Code,
        span: Span,
        message: String,
        word: &str,
        known: impl IntoIterator<Item = &'w str>,
    ) {
        let issue = Issue::error(code, span, message);
        self.issues.push(match nearest(word, known) {
            Some(meant) => issue.with_help(format!("did you mean `{meant}`?")),
            None => issue,
        });
    }

    /// An expression that stands on its own: the variables that it defines end with it.
    fn whole(&mut self, ast: &Ast) -> Part {
        let before = self.defined.len();
        let part = self.part(ast);
        self.defined.truncate(before);
        part
    }

    /// A part of a path: the variables that it defines are known to what follows in the path.
    fn part(&mut self, ast: &Ast) -> Part {
        let part = match &ast.node {
            Node::Literal(literal) => literal_part(literal, ast.span),
            Node::Variable(name) => self.variable(name, ast.span),
            Node::Special(special) => self.special(*special, ast.span),
            Node::Member { input: None, name } => self.head(name, ast.span),
            Node::Member { input: Some(input), name } => {
                let input = self.part(input);
                self.child(input, name, ast.span)
            }
            Node::Call { input, name, arguments } => self.call(input.as_deref(), name, arguments, ast.span),
            Node::Index { input, index } => {
                let input = self.part(input);
                self.needs_order(&input, ast.span);
                let mut index = self.whole(index);
                self.expect_system(&index, System::Integer, "a whole number");
                let mut input = input;
                let is_fixed = self.join(&mut [&mut input, &mut index]);
                let ty = input.ty.clone().single();
                let part = Place::At(Box::new(index.code));
                Part {
                    code: Code::new(Op::Take { input: Box::new(input.code), part }, ast.span),
                    ty,
                    is_fixed,
                }
            }
            Node::Sign { is_minus, operand } => self.sign(*is_minus, operand, ast.span),
            Node::Directed { operand, .. } => {
                self.error(codes::FHIRPATH_SYNTAX, ast.span, "only a key of `sort` has a direction");
                self.whole(operand)
            }
            Node::Binary { operator, left, right } => self.binary(*operator, left, right, ast.span),
            Node::Type { operator, operand, name } => {
                let operand = self.whole(operand);
                self.type_test(*operator, operand, name, ast.span)
            }
        };
        if let Some(ty) = self.types.get_mut(ast.id as usize) {
            *ty = part.ty.clone();
        }
        part
    }

    /// `is` and `as`, as operators and as functions.
    fn type_test(&mut self, operator: TypeOperator, operand: Part, name: &TypeName, span: Span) -> Part {
        let Some(mut test) = TypeTest::new(name, self.model.schema) else {
            let types = self.model.schema.all_types().map(|ty| self.model.schema.type_info(ty).name);
            let types: Vec<&str> = types.collect();
            self.misspelt(
                codes::FHIRPATH_ELEMENT,
                name.span,
                format!("there is no type `{}`", name.name),
                &name.name,
                types,
            );
            return unknown(span);
        };
        // R4's own invariants name FHIR primitives like this (que-7: `answer is Boolean`).
        test.converts = self.options.purpose == Purpose::Invariant && name.namespace.is_none();
        let is_fixed = operand.is_fixed;
        let input = Box::new(operand.code);
        let (op, ty) = match operator {
            TypeOperator::Is => (Op::Test(Test::Is { input, test }), StaticType::system(System::Boolean)),
            TypeOperator::As if self.options.purpose == Purpose::Invariant => {
                (Op::OfType { input, test }, typed(test).many_if(operand.ty.is_many))
            }
            TypeOperator::As => (Op::As { input, test }, typed(test)),
        };
        Part { code: Code::new(op, span), ty, is_fixed }
    }

    fn special(&mut self, special: Special, span: Span) -> Part {
        let integer = StaticType::system(System::Integer);
        let (op, ty) = match special {
            Special::This => (Op::This, self.scope.focus.clone()),
            Special::Index => (Op::Index, integer),
            Special::Total => (Op::Total, self.scope.total.clone().unwrap_or(StaticType::UNKNOWN)),
        };
        let misplaced = match special {
            Special::This => None,
            Special::Index => {
                (self.scope.lambdas == 0).then_some("`$index` has a meaning only for one of several items")
            }
            Special::Total => {
                self.scope.total.is_none().then_some("`$total` has a meaning only in `aggregate`")
            }
        };
        if let Some(message) = misplaced {
            self.error(codes::FHIRPATH_NAME, span, message);
        }
        Part { code: Code::new(op, span), ty, is_fixed: false }
    }

    fn variable(&mut self, name: &str, span: Span) -> Part {
        let fixed = |op: Op, ty: StaticType| Part { code: Code::new(op, span), ty, is_fixed: true };
        if let Some(known) = self.defined.iter().rev().find(|known| *known.name == *name) {
            let code = Code::new(Op::Defined(known.slot), span);
            return Part { code, ty: known.ty.clone(), is_fixed: false };
        }
        let external = self.options.variables.iter().position(|(known, _)| **known == *name);
        if let Some((number, (_, ty))) = external.and_then(|at| Some((at, self.options.variables.get(at)?))) {
            return fixed(Op::External(number), ty.clone());
        }
        let resource = StaticType::fhir(self.model.known.resource);
        match name {
            "resource" => return fixed(Op::Environment(Environment::Resource), self.resource_type(resource)),
            "rootResource" => return fixed(Op::Environment(Environment::RootResource), resource),
            "context" if self.scope.lambdas == 0 => {
                return fixed(Op::Environment(Environment::Context), self.options.focus.clone());
            }
            "context" => return fixed(Op::Environment(Environment::Context), StaticType::UNKNOWN),
            _ => {}
        }
        match url_constant(name) {
            Some(url) => {
                let items = vec![Item::Value(Value::String(url.into()))];
                fixed(Op::Constant(items), StaticType::system(System::String))
            }
            None => {
                let own = self.options.variables.iter().map(|(name, _)| &**name);
                let defined = self.defined.iter().map(|known| &*known.name);
                let known = ["resource", "rootResource", "context", "ucum", "sct", "loinc"];
                let all: Vec<String> = own.chain(defined).chain(known).map(str::to_owned).collect();
                let message = format!("there is no variable `%{name}` here");
                self.misspelt(codes::FHIRPATH_NAME, span, message, name, all.iter().map(String::as_str));
                unknown(span)
            }
        }
    }

    /// `%resource` is the focus itself, where that is a resource.
    fn resource_type(&self, otherwise: StaticType) -> StaticType {
        match self.options.focus.of.as_deref() {
            Some([AnyType::Fhir(ty)]) if self.model.schema.type_info(*ty).is_resource() => {
                StaticType::fhir(*ty)
            }
            _ => otherwise,
        }
    }

    /// Brings parts together: what is fixed beside something that is not is evaluated only once.
    fn join(&mut self, parts: &mut [&mut Part]) -> bool {
        let all = parts.iter().all(|part| part.is_fixed);
        if !all {
            for part in parts {
                self.hoist(part);
            }
        }
        all
    }

    /// Takes a fixed part out of the function that goes through items, where it does more than name a value.
    fn hoist(&mut self, part: &mut Part) {
        if part.is_fixed {
            self.hoist_code(&mut part.code);
        }
    }

    fn hoist_code(&mut self, code: &mut Code) {
        let is_light = matches!(
            code.op,
            Op::Constant(_)
                | Op::Environment(_)
                | Op::External(_)
                | Op::Hoisted { .. }
                | Op::Compute(Compute::Clock(_))
        );
        if self.scope.lambdas == 0 || is_light {
            return;
        }
        let (slot, span) = (self.slots.0, code.span);
        self.slots.0 += 1;
        let inner = std::mem::replace(code, Code::new(Op::This, span));
        *code = Code::new(Op::Hoisted { slot, code: Box::new(inner) }, span);
    }

    /// A body that is evaluated for each item of an input.
    fn lambda(&mut self, body: &Ast, item: StaticType, total: Option<StaticType>) -> Part {
        let scope = Scope {
            focus: item.single(),
            total: total.or_else(|| self.scope.total.clone()),
            lambdas: self.scope.lambdas + 1,
        };
        let outer = std::mem::replace(&mut self.scope, scope);
        let mut part = self.whole(body);
        self.hoist(&mut part);
        self.scope = outer;
        part
    }

    /// A part of constants alone becomes a constant, where it can be evaluated now.
    fn folded(&self, code: Code) -> Code {
        let items = {
            let context = Context::new(self.model.schema);
            let machine = Machine::new(&context, self.model, &[], (0, 0));
            let found = machine.gather(&code, machine.root());
            found.ok().and_then(|found| owned(found.items()))
        };
        match items {
            Some(items) => Code::new(Op::Constant(items), code.span),
            None => code,
        }
    }

    fn expect_system(&mut self, part: &Part, wanted: System, what: &str) {
        let Some(systems) = part.ty.systems(self.model) else { return };
        if !systems.is_empty() && !systems.contains(&wanted) {
            let message = format!("{what} is needed here, but this is {}", part.ty.text(self.model.schema));
            self.error(codes::FHIRPATH_TYPE, part.code.span, message);
        }
    }

    fn needs_order(&mut self, input: &Part, span: Span) {
        if self.options.is_ordered && input.ty.is_unordered {
            self.error(codes::FHIRPATH_TYPE, span, "these items have no order, so their places mean nothing");
        }
    }
}

fn owned(items: &[Item<'_>]) -> Option<Vec<Item<'static>>> {
    let own = |item: &Item<'_>| match item {
        Item::Value(value) => Some(Item::Value(value.clone().into_owned())),
        Item::Node(_) => None,
    };
    items.iter().map(own).collect()
}

/// A part of which nothing is known, as after an error.
fn unknown(span: Span) -> Part {
    Part { code: Code::new(Op::Constant(Vec::new()), span), ty: StaticType::UNKNOWN, is_fixed: true }
}

/// Items of the type that a test names.
fn typed(test: TypeTest) -> StaticType {
    let fhir = test.fhir.map(AnyType::Fhir);
    let types = fhir.into_iter().chain(test.system.map(AnyType::System)).collect();
    StaticType { of: Some(types), is_many: false, is_unordered: false }
}

fn literal_part(literal: &Literal, span: Span) -> Part {
    let quantity = |quantity: &Quantity| Value::Quantity(Box::new(quantity.clone()));
    let value = match literal {
        Literal::Empty => {
            let code = Code::new(Op::Constant(Vec::new()), span);
            return Part { code, ty: StaticType::empty(), is_fixed: true };
        }
        Literal::Boolean(value) => Value::Boolean(*value),
        Literal::String(text) => Value::String(text.to_string().into()),
        Literal::Integer(value) => Value::Integer(*value),
        Literal::Long(value) => Value::Long(*value),
        Literal::Decimal(value) => Value::Decimal(*value),
        Literal::Temporal(value) => Value::Temporal(*value),
        Literal::Quantity(value) => quantity(value),
    };
    let ty = value.system().map_or(StaticType::UNKNOWN, StaticType::system);
    Part { code: Code::new(Op::Constant(vec![Item::Value(value)]), span), ty, is_fixed: true }
}

/// The constants of FHIR: code systems, value sets and extensions by their names.
fn url_constant(name: &str) -> Option<String> {
    let of = |prefix: &str, base: &str| name.strip_prefix(prefix).map(|rest| format!("{base}{rest}"));
    match name {
        "ucum" => Some("http://unitsofmeasure.org".to_owned()),
        "sct" => Some("http://snomed.info/sct".to_owned()),
        "loinc" => Some("http://loinc.org".to_owned()),
        _ => of("vs-", "http://hl7.org/fhir/ValueSet/")
            .or_else(|| of("ext-", "http://hl7.org/fhir/StructureDefinition/")),
    }
}
