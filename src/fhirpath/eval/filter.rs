//! What chooses, projects and orders the items of one collection.

use super::super::ast::Direction;
use super::super::code::{Code, Keep, Op, Part, SortKey};
use super::super::context::ITEMS_MAX;
use super::super::error::{Error, Fault, Outcome};
use super::super::types::{System, TypeTest};
use super::super::value::{Collection, Item, Value};
use super::compare::order;
use super::sets::Distinct;
use super::{Flow, Machine, Scope, Sink, Stop, node_of, settle, text_of, too_many};
use crate::diag::Span;
use std::cmp::Ordering;
use std::rc::Rc;

impl<'a> Machine<'a> {
    pub(super) fn filter(
        &self,
        input: &'a Code,
        criterion: &'a Code,
        scope: Scope<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Flow {
        let mut index = 0;
        self.stream(input, scope, &mut |item| {
            let holds = self.truth(criterion, scope.item(&item, index))? == Some(true);
            index += 1;
            if holds { sink(item) } else { Ok(()) }
        })
    }

    pub(super) fn select(
        &self,
        input: &'a Code,
        projection: &'a Code,
        scope: Scope<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Flow {
        let mut index = 0;
        self.stream(input, scope, &mut |item| {
            index += 1;
            self.stream(projection, scope.item(&item, index - 1), sink)
        })
    }

    /// What the projection gives of the input, of that, and so on, until there is nothing new.
    pub(super) fn repeat(
        &self,
        input: &'a Code,
        projection: &'a Code,
        keep: Keep,
        scope: Scope<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Flow {
        let mut queue: Vec<Item<'a>> = self.gather(input, scope)?.items().to_vec();
        let mut seen = Distinct::new(self.model);
        let mut at = 0;
        while let Some(item) = queue.get(at).cloned() {
            let index = u32::try_from(at).unwrap_or(u32::MAX);
            at += 1;
            let mut found = Collection::Empty;
            settle(self.stream(projection, scope.item(&item, index), &mut |item| {
                found.push(item);
                Ok(())
            }))?;
            for item in found {
                if queue.len() >= ITEMS_MAX {
                    return Err(too_many(projection.span).into());
                }
                if keep == Keep::All || seen.insert(&item, projection.span)? {
                    sink(item.clone())?;
                    queue.push(item);
                }
            }
        }
        Ok(())
    }

    pub(super) fn of_type(
        &self,
        input: &'a Code,
        test: TypeTest,
        scope: Scope<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Flow {
        self.stream(input, scope, &mut |item| {
            if test.selects(&item, self.model) { sink(item) } else { Ok(()) }
        })
    }

    /// `as`: of one item.
    pub(super) fn cast(
        &self,
        input: &'a Code,
        test: TypeTest,
        scope: Scope<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Flow {
        match self.single(input, scope)? {
            Some(item) if test.selects(&item, self.model) => sink(item),
            _ => Ok(()),
        }
    }

    pub(super) fn part(
        &self,
        input: &'a Code,
        part: &'a Part,
        scope: Scope<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Flow {
        match part {
            Part::First => self.between(input, 0, 1, scope, sink),
            Part::Tail => self.between(input, 1, usize::MAX, scope, sink),
            Part::Single => self.single(input, scope)?.map_or(Ok(()), sink),
            Part::Last => {
                let mut last = None;
                settle(self.stream(input, scope, &mut |item| {
                    last = Some(item);
                    Ok(())
                }))?;
                last.map_or(Ok(()), sink)
            }
            Part::At(index) => match self.number(index, scope)?.map(usize::try_from) {
                Some(Ok(index)) => self.between(input, index, 1, scope, sink),
                Some(Err(_)) | None => Ok(()),
            },
            Part::Skip(count) => match self.number(count, scope)? {
                Some(count) => {
                    let skipped = usize::try_from(count).unwrap_or(0);
                    self.between(input, skipped, usize::MAX, scope, sink)
                }
                None => Ok(()),
            },
            Part::Take(count) => match self.number(count, scope)?.map(usize::try_from) {
                Some(Ok(count)) => self.between(input, 0, count, scope, sink),
                Some(Err(_)) | None => Ok(()),
            },
        }
    }

    fn number(&self, code: &'a Code, scope: Scope<'_, 'a>) -> Outcome<Option<i32>> {
        let item = self.single(code, scope)?;
        item.map(|item| self.integer(&item, code.span)).transpose()
    }

    /// At most `count` items after the first `skipped`; nothing is looked at beyond them.
    fn between(
        &self,
        input: &'a Code,
        skipped: usize,
        count: usize,
        scope: Scope<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Flow {
        let (mut before, mut left) = (skipped, count);
        if left == 0 {
            return Ok(());
        }
        let flow = self.stream(input, scope, &mut |item| {
            if before > 0 {
                before -= 1;
                return Ok(());
            }
            sink(item)?;
            left -= 1;
            if left == 0 { Err(Stop::Enough) } else { Ok(()) }
        });
        // That this part is full does not mean that the sink has enough.
        if left == 0 { Ok(()) } else { flow }
    }

    /// `iif`: of criterion, result and other result only what is needed is evaluated.
    pub(super) fn choose(
        &self,
        input: &'a Code,
        [criterion, then, otherwise]: [Option<&'a Code>; 3],
        scope: Scope<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Flow {
        let focus = self.gather(input, scope)?;
        if focus.items().len() > 1 && !matches!(input.op, Op::This) {
            return Err(Error::new(input.span, Fault::Several).into());
        }
        let scope = Scope { focus: focus.items(), ..scope };
        let holds = criterion.map_or(Ok(None), |criterion| self.truth(criterion, scope))?;
        match if holds == Some(true) { then } else { otherwise } {
            Some(chosen) => self.stream(chosen, scope, sink),
            None => Ok(()),
        }
    }

    pub(super) fn coalesce(&self, terms: &'a [Code], scope: Scope<'_, 'a>, sink: Sink<'_, 'a>) -> Flow {
        for term in terms {
            let mut any = false;
            self.stream(term, scope, &mut |item| {
                any = true;
                sink(item)
            })?;
            if any {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn aggregate(
        &self,
        input: &'a Code,
        step: &'a Code,
        start: Option<&'a Code>,
        scope: Scope<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Flow {
        let collected = |code: &'a Code, scope: Scope<'_, 'a>| -> Outcome<Vec<Item<'a>>> {
            Ok(self.gather(code, scope)?.items().to_vec())
        };
        let mut total = start.map_or(Ok(Vec::new()), |start| collected(start, scope))?;
        let mut index = 0;
        settle(self.stream(input, scope, &mut |item| {
            let inner = Scope { total: Some(&total), ..scope.item(&item, index) };
            let next = collected(step, inner)?;
            total = next;
            index += 1;
            Ok(())
        }))?;
        total.into_iter().try_for_each(sink)
    }

    /// Items by their keys, in the order they had where the keys do not tell them apart.
    pub(super) fn sort(
        &self,
        input: &'a Code,
        keys: &'a [SortKey],
        scope: Scope<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Flow {
        let items = self.gather(input, scope)?;
        let mut rows: Vec<(Vec<Option<Value<'a>>>, &Item<'a>)> = Vec::with_capacity(items.items().len());
        for (index, item) in (0..).zip(items.items()) {
            let inner = scope.item(item, index);
            let mut row = Vec::with_capacity(keys.len());
            for key in keys {
                row.push(self.single(&key.code, inner)?.and_then(|item| self.value(&item)));
            }
            rows.push((row, item));
        }
        let mut fault = None;
        rows.sort_by(|left, right| {
            let pairs = left.0.iter().zip(&right.0).zip(keys);
            pairs.fold(Ordering::Equal, |before, ((left, right), key)| {
                before.then_with(|| match key_order(left.as_ref(), right.as_ref(), key) {
                    Ok(order) => order,
                    Err(error) => {
                        fault = Some(error);
                        Ordering::Equal
                    }
                })
            })
        });
        if let Some(error) = fault {
            return Err(error.into());
        }
        rows.into_iter().try_for_each(|(_, item)| sink(item.clone()))
    }

    pub(super) fn trace(
        &self,
        input: &'a Code,
        name: &'a Code,
        projection: Option<&'a Code>,
        scope: Scope<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Flow {
        let label = self.single(name, scope)?;
        let label = label.map_or(Ok("".into()), |label| text_of(&label, name.span))?;
        let items = self.gather(input, scope)?;
        match projection {
            None => self.context.host.trace(&label, items.items()),
            Some(projection) => {
                let mut shown = Collection::Empty;
                for (index, item) in (0..).zip(items.items()) {
                    settle(self.stream(projection, scope.item(item, index), &mut |item| {
                        shown.push(item);
                        Ok(())
                    }))?;
                }
                self.context.host.trace(&label, shown.items());
            }
        }
        items.items().iter().try_for_each(|item| sink(item.clone()))
    }

    /// `defineVariable`: the check sees to it that only what follows reads the variable.
    pub(super) fn define(
        &self,
        input: &'a Code,
        slot: usize,
        value: Option<&'a Code>,
        scope: Scope<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Flow {
        let items = self.gather(input, scope)?;
        let kept: Rc<[Item<'a>]> = match value {
            None => items.items().into(),
            Some(value) => self.gather(value, Scope { focus: items.items(), ..scope })?.items().into(),
        };
        if let Some(place) = self.defined.borrow_mut().get_mut(slot) {
            *place = kept;
        }
        items.items().iter().try_for_each(|item| sink(item.clone()))
    }

    /// Items that are kept for the whole evaluation.
    pub(super) fn kept(&self, code: &'a Code, sink: Sink<'_, 'a>) -> Flow {
        match &code.op {
            Op::External(number) => {
                self.external(*number, code.span)?.iter().try_for_each(|item| sink(item.clone()))
            }
            Op::Defined(slot) => {
                // The sink may define further variables, so nothing stays borrowed here.
                let items = self.defined.borrow().get(*slot).cloned();
                items.unwrap_or_default().iter().try_for_each(|item| sink(item.clone()))
            }
            Op::Hoisted { slot, code } => {
                self.hoisted(*slot, code)?.items.iter().try_for_each(|item| sink(item.clone()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn external(&self, number: usize, span: Span) -> Outcome<&'a [Item<'a>]> {
        let found = self.context.variables.get(number).map(Collection::items);
        found.ok_or_else(|| Error::new(span, Fault::NoVariable))
    }

    pub(super) fn join(
        &self,
        input: &'a Code,
        separator: Option<&'a Code>,
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Outcome<Option<Value<'a>>> {
        let separator = match separator {
            Some(code) => self.optional_text(code, scope)?,
            None => "".into(),
        };
        let mut text: Option<String> = None;
        settle(self.stream(input, scope, &mut |item| {
            let part = text_of(&item, input.span)?;
            match &mut text {
                None => text = Some(part.into_owned()),
                Some(text) => {
                    self.spend(separator.len() + part.len(), span)?;
                    text.push_str(&separator);
                    text.push_str(&part);
                }
            }
            Ok(())
        }))?;
        Ok(text.map(|text| Value::String(text.into())))
    }
}

/// True where a node is a primitive with a value, or an item is a value.
pub(super) fn has_value(item: &Item<'_>) -> bool {
    node_of(item).is_none_or(|node| node.tree.kind(node.id).is_leaf() && node.tree.has_text(node.id))
}

/// Nothing is lower than any value (FHIRPath 3.0.0, "sort").
fn key_order(left: Option<&Value<'_>>, right: Option<&Value<'_>>, key: &SortKey) -> Outcome<Ordering> {
    let (Some(left), Some(right)) = (left, right) else {
        let order = left.is_some().cmp(&right.is_some());
        return Ok(if key.direction == Direction::Descending { order.reverse() } else { order });
    };
    let name = |value: &Value<'_>| value.system().map_or("a type", System::name);
    let found = order(left, right).map_err(|()| {
        let (left, right) = (name(left), name(right));
        Error::new(key.code.span, Fault::Operands { operator: "sort", left, right })
    })?;
    let found = found.unwrap_or(Ordering::Equal);
    Ok(if key.direction == Direction::Ascending { found } else { found.reverse() })
}
