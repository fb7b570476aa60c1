//! Questions: what is true, false or unknown, with as little work as the answer takes.

use super::super::code::{Code, Logic, Op, Order, Quantifier, Test};
use super::super::error::{Error, Fault, Outcome, kind_of};
use super::super::value::{Item, Value};
use super::compare::order as order_of;
use super::filter::has_value;
use super::sets::Distinct;
use super::{Machine, Scope, Stop, settle};
use crate::diag::Span;
use std::cmp::Ordering;

impl<'a> Machine<'a> {
    /// The part as a boolean: a single item that is none counts as true (FHIRPath 2.0.0, "Singleton Evaluation of
    /// Collections").
    pub(in super::super) fn truth(&self, code: &'a Code, scope: Scope<'_, 'a>) -> Outcome<Option<bool>> {
        if let Op::Test(test) = &code.op {
            self.step(code.span)?;
            return self.test(test, code.span, scope);
        }
        Ok(self.single(code, scope)?.map(|item| !matches!(self.value(&item), Some(Value::Boolean(false)))))
    }

    pub(super) fn test(&self, test: &'a Test, span: Span, scope: Scope<'_, 'a>) -> Outcome<Option<bool>> {
        match test {
            Test::Exists { input, criterion, wanted } => {
                let found = self.any(input, scope, &mut |item, index| match criterion {
                    None => Ok(true),
                    Some(criterion) => Ok(self.truth(criterion, scope.item(item, index))? == Some(true)),
                })?;
                Ok(Some(found == *wanted))
            }
            Test::All { input, criterion } => {
                let failed = self.any(input, scope, &mut |item, index| {
                    Ok(self.truth(criterion, scope.item(item, index))? != Some(true))
                })?;
                Ok(Some(!failed))
            }
            Test::Truth { input, quantifier, wanted } => {
                self.quantified(input, *quantifier, *wanted, scope).map(Some)
            }
            Test::IsDistinct { input } => {
                let mut seen = Distinct::new(self.model);
                Ok(Some(!self.any(input, scope, &mut |item, _| Ok(!seen.insert(item, span)?))?))
            }
            Test::SubsetOf { input, other } => {
                let set = self.set(other, scope)?;
                Ok(Some(!self.any(input, scope, &mut |item, _| Ok(!set.contains(item)))?))
            }
            Test::HasValue { input } => {
                // On nothing, and on several items, there is no value (FHIR R4, "FHIRPath", "hasValue").
                let items = self.gather(input, scope)?;
                Ok(Some(matches!(items.items(), [item] if has_value(item))))
            }
            Test::Is { input, test } => {
                Ok(self.single(input, scope)?.map(|item| test.holds(&item, self.model)))
            }
            Test::Not { input } => Ok(self.truth(input, scope)?.map(|holds| !holds)),
            Test::Logic { logic, left, right } => self.logic(*logic, left, right, scope),
            Test::Equal { left, right, wanted } => self.equal(left, right, *wanted, scope),
            Test::Equivalent { left, right, wanted } => {
                let (left, right) = (self.gather(left, scope)?, self.gather(right, scope)?);
                // In any order means each with each.
                self.charge(left.items().len().saturating_mul(right.items().len()), span)?;
                Ok(Some(self.model.all_equivalent(left.items(), right.items()) == *wanted))
            }
            Test::Order { order, left, right } => self.order(*order, left, right, span, scope),
            Test::In { item, collection } => self.membership(item, collection, scope),
        }
    }

    /// True where an item passes; nothing is looked at beyond it.
    fn any(
        &self,
        input: &'a Code,
        scope: Scope<'_, 'a>,
        passes: &mut dyn FnMut(&Item<'a>, u32) -> Outcome<bool>,
    ) -> Outcome<bool> {
        let (mut found, mut index) = (false, 0);
        settle(self.stream(input, scope, &mut |item| {
            found = passes(&item, index)?;
            index += 1;
            if found { Err(Stop::Enough) } else { Ok(()) }
        }))?;
        Ok(found)
    }

    fn quantified(
        &self,
        input: &'a Code,
        quantifier: Quantifier,
        wanted: bool,
        scope: Scope<'_, 'a>,
    ) -> Outcome<bool> {
        // Every item is looked at, so that what is no boolean is found.
        let (mut hits, mut count) = (0_usize, 0_usize);
        settle(self.stream(input, scope, &mut |item| match self.value(&item) {
            Some(Value::Boolean(value)) => {
                count += 1;
                hits += usize::from(value == wanted);
                Ok(())
            }
            _ => {
                Err(Error::new(input.span, Fault::Type { wanted: "a boolean", found: kind_of(&item) }).into())
            }
        }))?;
        Ok(match quantifier {
            Quantifier::All => hits == count,
            Quantifier::Any => hits > 0,
        })
    }

    fn logic(
        &self,
        logic: Logic,
        left: &'a Code,
        right: &'a Code,
        scope: Scope<'_, 'a>,
    ) -> Outcome<Option<bool>> {
        let first = self.truth(left, scope)?;
        match (logic, first) {
            (Logic::And, Some(false)) => return Ok(Some(false)),
            (Logic::Or, Some(true)) | (Logic::Implies, Some(false)) => return Ok(Some(true)),
            (Logic::Xor, None) => return Ok(None),
            _ => {}
        }
        let second = self.truth(right, scope)?;
        Ok(match (logic, first, second) {
            (Logic::And, _, Some(false)) => Some(false),
            (Logic::Or | Logic::Implies, _, Some(true)) => Some(true),
            (Logic::And | Logic::Implies, Some(true), second) | (Logic::Or, Some(false), second) => second,
            (Logic::Xor, Some(first), Some(second)) => Some(first != second),
            _ => None,
        })
    }

    fn equal(
        &self,
        left: &'a Code,
        right: &'a Code,
        wanted: bool,
        scope: Scope<'_, 'a>,
    ) -> Outcome<Option<bool>> {
        let left = self.gather(left, scope)?;
        if left.items().is_empty() {
            return Ok(None);
        }
        let right = self.gather(right, scope)?;
        if right.items().is_empty() {
            return Ok(None);
        }
        Ok(self.model.all_equal(left.items(), right.items()).map(|equal| equal == wanted))
    }

    fn order(
        &self,
        order: Order,
        left: &'a Code,
        right: &'a Code,
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Outcome<Option<bool>> {
        let Some(first) = self.single(left, scope)? else { return Ok(None) };
        let Some(second) = self.single(right, scope)? else { return Ok(None) };
        let operands = || {
            let (operator, left, right) = (order.text(), kind_of(&first), kind_of(&second));
            Error::new(span, Fault::Operands { operator, left, right })
        };
        let found = match (self.value(&first), self.value(&second)) {
            (Some(left), Some(right)) => order_of(&left, &right).map_err(|()| operands())?,
            // A primitive without a value, or with one that is none of its type, has no order.
            _ if self.is_primitive(&first) && self.is_primitive(&second) => None,
            _ => return Err(operands()),
        };
        Ok(found.map(|found| match order {
            Order::Less => found == Ordering::Less,
            Order::LessEqual => found != Ordering::Greater,
            Order::Greater => found == Ordering::Greater,
            Order::GreaterEqual => found != Ordering::Less,
        }))
    }

    fn is_primitive(&self, item: &Item<'a>) -> bool {
        item.as_node().is_none_or(|node| self.model.system(node.ty).is_some())
    }

    fn membership(
        &self,
        item: &'a Code,
        collection: &'a Code,
        scope: Scope<'_, 'a>,
    ) -> Outcome<Option<bool>> {
        let Some(wanted) = self.single(item, scope)? else { return Ok(None) };
        self.is_member(&wanted, collection, scope).map(Some)
    }

    /// What is in one of several terms need not be looked for in the others.
    fn is_member(&self, wanted: &Item<'a>, collection: &'a Code, scope: Scope<'_, 'a>) -> Outcome<bool> {
        match &collection.op {
            Op::Hoisted { slot, code } => {
                return Ok(self.hoisted(*slot, code)?.contains(wanted, self.model));
            }
            Op::Combine(terms) => {
                for term in terms {
                    if self.is_member(wanted, term, scope)? {
                        return Ok(true);
                    }
                }
                return Ok(false);
            }
            _ => {}
        }
        let found =
            self.any(collection, scope, &mut |item, _| Ok(self.model.equal(item, wanted) == Some(true)))?;
        Ok(found)
    }
}
