//! Operators: whether the types of their operands go together, and what they compile to.

use super::super::ast::{Ast, Operator};
use super::super::code::{Arithmetic, Code, Compute, Logic, Op, Order, Test};
use super::super::types::{StaticType, System};
use super::{Checker, Part};
use crate::diag::{Span, codes};

impl Checker<'_> {
    pub(super) fn sign(&mut self, is_minus: bool, operand: &Ast, span: Span) -> Part {
        let operand = self.whole(operand);
        let (is_fixed, is_constant) = (operand.is_fixed, operand.code.constant().is_some());
        let ty = operand.ty.clone().single();
        let numbers = |system: &System| system.is_number() || *system == System::Quantity;
        if let Some(systems) = operand.ty.systems(self.model)
            && !systems.is_empty()
            && !systems.iter().any(numbers)
        {
            let shown = operand.ty.text(self.model.schema);
            self.error(codes::FHIRPATH_TYPE, span, format!("a sign needs a number, but this is {shown}"));
        }
        let operand = Box::new(operand.code);
        let compute = if is_minus { Compute::Negate { operand } } else { Compute::Affirm { operand } };
        let code = Code::new(Op::Compute(compute), span);
        Part { code: if is_constant { self.folded(code) } else { code }, ty, is_fixed }
    }

    pub(super) fn binary(&mut self, operator: Operator, left: &Ast, right: &Ast, span: Span) -> Part {
        let mut left = self.whole(left);
        let mut right = self.whole(right);
        if matches!(operator, Operator::In | Operator::Contains) {
            // What repeats in a collection changes nothing for membership.
            let collection = if operator == Operator::In { &mut right } else { &mut left };
            loosen(&mut collection.code);
        }
        if operator == Operator::In && !left.is_fixed {
            self.hoist_terms(&mut right);
        }
        let is_fixed = self.join(&mut [&mut left, &mut right]);
        let is_constant = left.code.constant().is_some() && right.code.constant().is_some();
        self.operands(operator, &left, &right, span);
        let ty = self.result(operator, &left, &right);
        let op = compiled(operator, left.code, right.code);
        let code = Code::new(op, span);
        // A union of constants is told apart when it runs.
        let code = if is_constant { self.folded(code) } else { code };
        Part { code, ty, is_fixed }
    }

    /// Each term of a collection is looked into by itself, so that only those are evaluated that are needed.
    fn hoist_terms(&mut self, collection: &mut Part) {
        let Op::Combine(terms) = &mut collection.code.op else { return };
        if collection.is_fixed {
            for term in terms {
                self.hoist_code(term);
            }
            collection.is_fixed = false;
        }
    }

    fn result(&self, operator: Operator, left: &Part, right: &Part) -> StaticType {
        match operator {
            Operator::Less
            | Operator::LessEqual
            | Operator::Greater
            | Operator::GreaterEqual
            | Operator::Equal
            | Operator::NotEqual
            | Operator::Equivalent
            | Operator::NotEquivalent
            | Operator::In
            | Operator::Contains
            | Operator::And
            | Operator::Or
            | Operator::Xor
            | Operator::Implies => StaticType::system(System::Boolean),
            Operator::Concatenate => StaticType::system(System::String),
            Operator::Union => left.ty.clone().or(right.ty.clone()).many(),
            Operator::Multiply
            | Operator::Divide
            | Operator::Div
            | Operator::Mod
            | Operator::Add
            | Operator::Subtract => self.sum(operator, left, right),
        }
    }

    /// The type of a sum or product.
    fn sum(&self, operator: Operator, left: &Part, right: &Part) -> StaticType {
        let systems = left.ty.systems(self.model).zip(right.ty.systems(self.model));
        match systems.as_ref().map(|(left, right)| (left.as_slice(), right.as_slice())) {
            Some(([left], [right])) => StaticType::system(match (left, right) {
                (left, _) if left.is_temporal() => *left,
                (System::Quantity, _) | (_, System::Quantity) => System::Quantity,
                (System::String, _) => System::String,
                _ if operator == Operator::Divide => System::Decimal,
                (System::Decimal, _) | (_, System::Decimal) => System::Decimal,
                (System::Long, _) | (_, System::Long) => System::Long,
                (left, _) => *left,
            }),
            _ => StaticType::UNKNOWN.single(),
        }
    }

    /// Reports operands of which no two types go together.
    fn operands(&mut self, operator: Operator, left: &Part, right: &Part, span: Span) {
        let systems = left.ty.systems(self.model).zip(right.ty.systems(self.model));
        let Some((mine, theirs)) = systems else { return self.complex(operator, left, right, span) };
        if mine.is_empty() || theirs.is_empty() {
            return;
        }
        let fits = |left: &System| theirs.iter().any(|right| go_together(operator, *left, *right));
        if !mine.iter().any(fits) {
            self.misfit(operator, left, right, span);
        }
    }

    /// Elements with children have no order and no arithmetic.
    fn complex(&mut self, operator: Operator, left: &Part, right: &Part, span: Span) {
        let is_free = match operator {
            Operator::Equal
            | Operator::NotEqual
            | Operator::Equivalent
            | Operator::NotEquivalent
            | Operator::In
            | Operator::Contains
            | Operator::Union
            | Operator::And
            | Operator::Or
            | Operator::Xor
            | Operator::Implies => true,
            Operator::Multiply
            | Operator::Divide
            | Operator::Div
            | Operator::Mod
            | Operator::Add
            | Operator::Subtract
            | Operator::Concatenate
            | Operator::Less
            | Operator::LessEqual
            | Operator::Greater
            | Operator::GreaterEqual => false,
        };
        let is_complex = |part: &Part| {
            let types = part.ty.of.as_deref().unwrap_or_default();
            let none = |ty| StaticType::one(ty).systems(self.model).is_none();
            !types.is_empty() && types.iter().all(|ty| none(*ty))
        };
        if !is_free && (is_complex(left) || is_complex(right)) {
            self.misfit(operator, left, right, span);
        }
    }

    fn misfit(&mut self, operator: Operator, left: &Part, right: &Part, span: Span) {
        let (mine, theirs) = (left.ty.text(self.model.schema), right.ty.text(self.model.schema));
        let message = format!("`{}` cannot be used between {mine} and {theirs}", operator.text());
        self.error(codes::FHIRPATH_TYPE, span, message);
    }
}

fn go_together(operator: Operator, left: System, right: System) -> bool {
    let measure = |system: System| system.is_number() || system == System::Quantity;
    let clock = |system: System| system == System::Time;
    match operator {
        Operator::Add => {
            (measure(left) && measure(right))
                || (left == System::String && right == System::String)
                || (left.is_temporal() && right == System::Quantity)
        }
        Operator::Subtract => {
            (measure(left) && measure(right)) || (left.is_temporal() && right == System::Quantity)
        }
        Operator::Multiply | Operator::Divide => measure(left) && measure(right),
        Operator::Div | Operator::Mod => left.is_number() && right.is_number(),
        Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
            (measure(left) && measure(right))
                || (left == System::String && right == System::String)
                || (left.is_temporal() && right.is_temporal() && clock(left) == clock(right))
        }
        Operator::Concatenate
        | Operator::Union
        | Operator::Equal
        | Operator::NotEqual
        | Operator::Equivalent
        | Operator::NotEquivalent
        | Operator::In
        | Operator::Contains
        | Operator::And
        | Operator::Or
        | Operator::Xor
        | Operator::Implies => true,
    }
}

fn compiled(operator: Operator, left: Code, right: Code) -> Op {
    let (left, right) = (Box::new(left), Box::new(right));
    let logic = |logic, left, right| Op::Test(Test::Logic { logic, left, right });
    let order = |order, left, right| Op::Test(Test::Order { order, left, right });
    let arithmetic = |arithmetic, left, right| Op::Compute(Compute::Arithmetic { arithmetic, left, right });
    match operator {
        Operator::And => logic(Logic::And, left, right),
        Operator::Or => logic(Logic::Or, left, right),
        Operator::Xor => logic(Logic::Xor, left, right),
        Operator::Implies => logic(Logic::Implies, left, right),
        Operator::Less => order(Order::Less, left, right),
        Operator::LessEqual => order(Order::LessEqual, left, right),
        Operator::Greater => order(Order::Greater, left, right),
        Operator::GreaterEqual => order(Order::GreaterEqual, left, right),
        Operator::Add => arithmetic(Arithmetic::Add, left, right),
        Operator::Subtract => arithmetic(Arithmetic::Subtract, left, right),
        Operator::Multiply => arithmetic(Arithmetic::Multiply, left, right),
        Operator::Divide => arithmetic(Arithmetic::Divide, left, right),
        Operator::Div => arithmetic(Arithmetic::Div, left, right),
        Operator::Mod => arithmetic(Arithmetic::Mod, left, right),
        Operator::Equal => Op::Test(Test::Equal { left, right, wanted: true }),
        Operator::NotEqual => Op::Test(Test::Equal { left, right, wanted: false }),
        Operator::Equivalent => Op::Test(Test::Equivalent { left, right, wanted: true }),
        Operator::NotEquivalent => Op::Test(Test::Equivalent { left, right, wanted: false }),
        Operator::In => Op::Test(Test::In { item: left, collection: right }),
        Operator::Contains => Op::Test(Test::In { item: right, collection: left }),
        Operator::Concatenate => Op::Compute(Compute::Concatenate { left, right }),
        Operator::Union => Op::Union(terms(*left, *right)),
    }
}

/// The terms of a union of unions, which is one union.
pub(super) fn terms(left: Code, right: Code) -> Vec<Code> {
    let of = |code: Code| match code.op {
        Op::Union(terms) => terms,
        _ => vec![code],
    };
    let mut all = of(left);
    all.extend(of(right));
    all
}

/// A collection of which only the members count need not be without repetition.
pub(super) fn loosen(code: &mut Code) {
    if let Op::Distinct { input } = &mut code.op {
        let inner = std::mem::replace(&mut **input, Code::new(Op::This, code.span));
        *code = inner;
    }
    if let Op::Union(terms) = &mut code.op {
        let mut terms = std::mem::take(terms);
        terms.iter_mut().for_each(loosen);
        code.op = Op::Combine(terms);
    }
}
