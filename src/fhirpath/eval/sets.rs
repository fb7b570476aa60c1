//! Collections as sets, by the equality of the language, in time that grows with their size and not its square.

use super::super::code::Code;
use super::super::context::ITEMS_MAX;
use super::super::error::Outcome;
use super::super::types::Model;
use super::super::value::Item;
use super::{Flow, Machine, Scope, Sink, too_many};
use crate::diag::Span;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

/// Items up to this number are compared one by one.
const COMPARED_MAX: usize = 12;

/// Items that differ from each other.
pub(super) struct Distinct<'m, 'a> {
    model: Model<'m>,
    items: Vec<Item<'a>>,
    /// Places in `items` by hash, once there are many.
    places: HashMap<u64, Vec<usize>>,
}

impl<'m, 'a> Distinct<'m, 'a> {
    pub(super) fn new(model: Model<'m>) -> Self {
        Self { model, items: Vec::new(), places: HashMap::new() }
    }

    pub(super) fn contains(&self, item: &Item<'a>) -> bool {
        let equal = |other: &Item<'a>| self.model.equal(item, other) == Some(true);
        if self.items.len() <= COMPARED_MAX {
            return self.items.iter().any(equal);
        }
        let places = self.places.get(&self.model.hash(item));
        places.is_some_and(|places| places.iter().filter_map(|at| self.items.get(*at)).any(equal))
    }

    /// Adds an item; false where there is one like it.
    pub(super) fn insert(&mut self, item: &Item<'a>, span: Span) -> Outcome<bool> {
        if self.contains(item) {
            return Ok(false);
        }
        if self.items.len() >= ITEMS_MAX {
            return Err(too_many(span));
        }
        self.items.push(item.clone());
        if self.items.len() > COMPARED_MAX {
            let from = if self.places.is_empty() { 0 } else { self.items.len() - 1 };
            for (at, item) in self.items.iter().enumerate().skip(from) {
                self.places.entry(self.model.hash(item)).or_default().push(at);
            }
        }
        Ok(true)
    }
}

/// The items of a part that is evaluated once.
pub(super) struct Hoisted<'a> {
    pub(super) items: Vec<Item<'a>>,
    /// Its texts, and its items that are none, once membership is asked for.
    texts: OnceCell<(HashSet<Cow<'a, str>>, Vec<Item<'a>>)>,
}

impl<'a> Hoisted<'a> {
    /// True where an item equals one of these.
    pub(super) fn contains(&self, item: &Item<'a>, model: Model<'_>) -> bool {
        if self.items.len() <= COMPARED_MAX {
            return self.items.iter().any(|other| model.equal(item, other) == Some(true));
        }
        let (texts, others) = self.texts.get_or_init(|| {
            let mut sorted = (HashSet::new(), Vec::new());
            for item in &self.items {
                match model.plain_text(item) {
                    Some(text) => drop(sorted.0.insert(text)),
                    None => sorted.1.push(item.clone()),
                }
            }
            sorted
        });
        match model.plain_text(item) {
            Some(text) => texts.contains(&*text),
            None => others.iter().any(|other| model.equal(item, other) == Some(true)),
        }
    }
}

impl<'a> Machine<'a> {
    /// The items of a part that does not depend on the item at hand.
    pub(super) fn hoisted(&self, slot: usize, code: &'a Code) -> Outcome<&Hoisted<'a>> {
        let Some(cell) = self.hoisted.get(slot) else { return Err(super::too_many(code.span)) };
        if let Some(found) = cell.get() {
            return Ok(found);
        }
        let items = self.gather(code, self.root())?.items().to_vec();
        Ok(cell.get_or_init(|| Hoisted { items, texts: OnceCell::new() }))
    }

    pub(super) fn union(&self, terms: &'a [Code], scope: Scope<'_, 'a>, sink: Sink<'_, 'a>) -> Flow {
        let mut seen = Distinct::new(self.model);
        for term in terms {
            self.stream(term, scope, &mut |item| {
                if seen.insert(&item, term.span)? { sink(item) } else { Ok(()) }
            })?;
        }
        Ok(())
    }

    pub(super) fn distinct(&self, input: &'a Code, scope: Scope<'_, 'a>, sink: Sink<'_, 'a>) -> Flow {
        let mut seen = Distinct::new(self.model);
        self.stream(input, scope, &mut |item| {
            if seen.insert(&item, input.span)? { sink(item) } else { Ok(()) }
        })
    }

    /// The items of a part as a set.
    pub(super) fn set(&self, code: &'a Code, scope: Scope<'_, 'a>) -> Outcome<Distinct<'_, 'a>> {
        let mut set = Distinct::new(self.model);
        for item in self.gather(code, scope)?.items() {
            set.insert(item, code.span)?;
        }
        Ok(set)
    }

    pub(super) fn intersect(
        &self,
        input: &'a Code,
        other: &'a Code,
        scope: Scope<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Flow {
        let wanted = self.set(other, scope)?;
        let mut seen = Distinct::new(self.model);
        self.stream(input, scope, &mut |item| {
            if wanted.contains(&item) && seen.insert(&item, input.span)? { sink(item) } else { Ok(()) }
        })
    }

    pub(super) fn exclude(
        &self,
        input: &'a Code,
        other: &'a Code,
        scope: Scope<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Flow {
        let unwanted = self.set(other, scope)?;
        self.stream(input, scope, &mut |item| if unwanted.contains(&item) { Ok(()) } else { sink(item) })
    }
}
