//! What becomes of elements in the groups that they are handed to: the rules of a group that is called, extended or
//! taken by default are gone through again with the places of what it is given.

use super::defaults::Defaults;
use super::{Given, Handed, Reached, Walker};
use crate::diag::Span;
use crate::mapping::fml::library::Library;
use crate::mapping::fml::model::Map;
use crate::mapping::outline::{Fate, Flow, Reach, Side, Through};
use crate::schema::Schema;
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

/// Groups within groups that are followed; one that calls itself would have no end.
const DEPTH_MAX: usize = 8;
/// Rules that are gone through for the calls of one map.
const RULES_MAX: usize = 20_000;

/// A call that is to be followed.
struct Open<'m> {
    handed: Handed<'m>,
    /// The map that the call stands in.
    map: &'m Map,
    /// The call in the map that is outlined.
    call: Span,
    depth: usize,
}

/// What becomes of elements of a map through its calls.
pub(super) fn followed<'m>(walker: &mut Walker<'m, '_>) -> Vec<Flow> {
    let root = walker.map;
    let mut groups = Groups::new(walker);
    // The nearest first, so that a limit leaves out what is far away.
    let mut open: VecDeque<Open<'m>> = std::mem::take(&mut walker.handed)
        .into_iter()
        .map(|handed| Open { map: root, call: handed.span, handed, depth: 0 })
        .collect();
    let mut seen: HashSet<Flow> = HashSet::new();
    let mut flows = Vec::new();
    while let Some(next) = open.pop_front() {
        let (found, map, is_direct) = match groups.inner(&next) {
            Some(inner) => {
                let (map, call, depth) = (inner.map, next.call, next.depth + 1);
                open.extend(inner.handed.into_iter().map(|handed| Open { handed, map, call, depth }));
                (inner.outline.flows, map, false)
            }
            None => (left(&next.handed), next.map, next.depth == 0),
        };
        let url = map.url.as_ref().filter(|_| !std::ptr::eq(map, root)).map(|url| url.text.clone());
        let through = (!is_direct).then_some(Through { call: next.call, map: url });
        for flow in found {
            let flow = Flow { through: through.clone(), ..flow };
            if seen.insert(flow.clone()) {
                flows.push(flow);
            }
        }
    }
    flows
}

/// What calls lead to.
struct Groups<'m, 'a> {
    library: &'a Library<'m>,
    schema: &'a Schema,
    /// What the maps that were come to can use, by their url.
    reached: HashMap<&'m str, Rc<Reached<'m>>>,
    /// How many rules were gone through.
    rules: usize,
}

impl<'m, 'a> Groups<'m, 'a> {
    fn new(walker: &Walker<'m, 'a>) -> Self {
        let mut reached = HashMap::new();
        reached.insert(url_of(walker.map), Rc::clone(&walker.reach));
        Self { library: walker.library, schema: walker.schema, reached, rules: 0 }
    }

    /// The rules of the group that is called, with what it is given; `None` where it is not at hand or too far away.
    fn inner(&mut self, open: &Open<'m>) -> Option<Walker<'m, 'a>> {
        if open.depth >= DEPTH_MAX || self.rules >= RULES_MAX {
            return None;
        }
        let (map, group) = open.handed.group?;
        let (library, schema) = (self.library, self.schema);
        let reach = self.reached.entry(url_of(map)).or_insert_with(|| {
            let imports = library.reach(map);
            Rc::new(Reached { defaults: Defaults::of(map, library, &imports, schema), imports })
        });
        // Without its text no name of the other map is marked.
        let mut walker = Walker::new("", map, (library, Rc::clone(reach)), schema, Given::new());
        walker.group(group, &open.handed.given);
        self.rules += walker.rules + 1;
        Some(walker)
    }
}

fn url_of(map: &Map) -> &str {
    map.url.as_ref().map_or("", |url| url.as_str())
}

/// What is known of elements that a group gets which is not looked into.
fn left(handed: &Handed<'_>) -> Vec<Flow> {
    let name = handed.group.map_or(handed.name, |(_, group)| group.name.as_str());
    let flow = |source, target| Flow {
        source,
        target,
        fate: Fate::Handed(name.to_owned()),
        reach: Reach::Below,
        span: handed.span,
        through: None,
    };
    let known = handed.given.iter().filter(|given| !given.spot.place.is_empty());
    known
        .map(|given| match given.side {
            Side::Source => flow(Some(given.spot.place.clone()), None),
            Side::Target => flow(None, Some(given.spot.place.clone())),
        })
        .collect()
}
