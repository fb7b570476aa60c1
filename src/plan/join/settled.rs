//! What people have decided about resources: found again among those at hand, or flagged where it is not.
//!
//! A ground names a resource by the contribution's key and the source's own key of the resource, so it leads to the same
//! one whatever else is joined. It holds while that resource still says what it said when the person decided.

use super::findings::{Finding, FindingKind, cited};
use super::ids::Ids;
use super::items::Items;
use super::persons;
use super::team::{self, ContactPerson};
use crate::plan::decision::{Claim, Decision, Fate, Ground, Log, Standing, Statement, settle};
use crate::plan::person::Standings;
use crate::plan::read::{all, human_name};
use crate::tree::{NodeId, Tree};
use std::collections::{BTreeSet, HashMap};

/// Elements that say what a resource is; a decision that two are one holds while these stay.
const CORE: &[&str] = &["description", "code", "name", "title", "type", "category"];

/// The decisions about resources.
#[derive(Default)]
pub(super) struct Settled {
    /// Resources that are one, and those that are not.
    pub(super) same: Vec<Vec<usize>>,
    apart: Vec<Vec<usize>>,
    pub(super) values: Vec<SettledValue>,
    /// The decision about who coordinates, and who does.
    pub(super) coordinator: Option<(String, ContactPerson)>,
    pub(super) standings: Standings,
}

/// The right one of several values of an element.
pub(super) struct SettledValue {
    /// The place of the decision in [`Log::in_force`], and its id.
    decision: usize,
    pub(super) id: String,
    pub(super) element: String,
    right: (usize, String),
    /// What all sides said, and who they are.
    sides: BTreeSet<(usize, String)>,
}

impl Settled {
    /// The decisions that are about resources of these contributions; which of them count that contradict each other.
    pub(super) fn new(items: &Items<'_>, log: &Log<'_>) -> Self {
        let mut settled = Self::default();
        let finder = Finder::new(items, log);
        let mut claims = Vec::new();
        let mut values = Vec::new();
        for (decision, made) in log.in_force.iter().enumerate() {
            let statement = made.statement();
            let same = matches!(statement, Statement::SameResource(_));
            let found = match statement {
                Statement::SameResource(_) | Statement::NotSameResource(_) | Statement::Value { .. } => {
                    finder.find(statement)
                }
                Statement::SameClient(_)
                | Statement::NotSameClient(_)
                | Statement::Coordinator(_)
                | Statement::Revoke(_) => continue,
            };
            match found {
                Found::Elsewhere => {}
                Found::Gone => settled.standings.push((decision, Standing::GroundGone)),
                Found::Here(things) => match statement {
                    Statement::Value { element, .. } => {
                        values.push(SettledValue::new(decision, made, element, &things));
                    }
                    _ => claims.push(Claim { decision, age: made.age(), same, things }),
                },
            }
        }
        for (claim, fate) in claims.iter().zip(settle(&claims)) {
            settled.standings.push((claim.decision, Standing::of(fate)));
            if fate == Fate::Counts {
                let list = if claim.same { &mut settled.same } else { &mut settled.apart };
                list.push(claim.things.clone());
            }
        }
        settled.choose_values(log, values);
        settled
    }

    /// True where people have decided that two resources are two.
    pub(super) fn parts(&self, left: usize, right: usize) -> bool {
        left != right && self.apart.iter().any(|group| group.contains(&left) && group.contains(&right))
    }

    /// True where people have decided of any resources that they are two.
    pub(super) fn tears(&self) -> bool {
        !self.apart.is_empty()
    }

    /// True where any of one group is decided to be another than any of the other.
    pub(super) fn parts_any(&self, left: &[usize], right: &[usize]) -> bool {
        !self.apart.is_empty() && left.iter().any(|left| right.iter().any(|right| self.parts(*left, *right)))
    }

    /// True where putting two groups together would make one of what people have decided to be two.
    pub(super) fn parts_groups(&self, root: impl Fn(usize) -> usize, left: usize, right: usize) -> bool {
        let has = |group: &[usize], wanted| group.iter().any(|item| root(*item) == wanted);
        left != right && self.apart.iter().any(|group| has(group, left) && has(group, right))
    }

    /// True where it is decided which of two values of an element is right.
    pub(super) fn covers(&self, ids: &Ids, element: &str, sides: [(usize, &str); 2]) -> bool {
        self.values.iter().any(|value| {
            value.element == element
                && sides
                    .iter()
                    .all(|(item, said)| value.sides.contains(&(*item, value_print(ids, element, said))))
        })
    }

    /// Of decisions about one value the newest counts; of one time and two minds, none.
    fn choose_values(&mut self, log: &Log<'_>, mut open: Vec<SettledValue>) {
        let age = |value: &SettledValue| log.in_force[value.decision].age();
        open.sort_by_key(|value| (std::cmp::Reverse(age(value)), value.id.clone()));
        let clash = |a: &SettledValue, b: &SettledValue| {
            a.decision != b.decision
                && a.element == b.element
                && a.right.1 != b.right.1
                && a.sides.iter().any(|(item, _)| b.sides.iter().any(|(other, _)| item == other))
        };
        let mut fates = vec![Standing::Applied; open.len()];
        for at in 0..open.len() {
            let torn = open.iter().any(|other| age(other) == age(&open[at]) && clash(other, &open[at]));
            let newer = (0..at).any(|other| {
                fates[other] == Standing::Applied
                    && age(&open[other]) > age(&open[at])
                    && clash(&open[other], &open[at])
            });
            if newer {
                fates[at] = Standing::Older;
            } else if torn {
                fates[at] = Standing::Torn;
            }
        }
        for (value, fate) in open.into_iter().zip(fates) {
            if fate == Standing::Applied {
                self.values.push(value);
            } else {
                self.standings.push((value.decision, fate));
            }
        }
    }

    /// Finds the member of a team whom people have decided to be the one who coordinates.
    pub(super) fn find_coordinator(&mut self, items: &Items<'_>, log: &Log<'_>) {
        let mut decided: Vec<(usize, &Decision, &Ground)> = Vec::new();
        for (at, made) in log.in_force.iter().enumerate() {
            if let Statement::Coordinator(who) = made.statement()
                && items.members.iter().any(|member| is_named(member, who))
            {
                decided.push((at, made, who));
            }
        }
        if decided.is_empty() {
            return;
        }
        let members = team::members(items);
        decided.sort_by_key(|(_, made, _)| (std::cmp::Reverse(made.age()), made.id()));
        let mut found: Vec<(usize, &Decision, &ContactPerson)> = Vec::new();
        for (at, made, who) in decided {
            match members.iter().find(|member| is_ground(items, who, &member.ground)) {
                Some(member) => found.push((at, made, member)),
                None => self.standings.push((at, Standing::GroundGone)),
            }
        }
        let Some((_, newest, first)) = found.first().copied() else { return };
        let others =
            |age: i64| found.iter().any(|(_, made, person)| made.age() == age && person.who() != first.who());
        let torn = others(newest.age());
        for (at, made, person) in &found {
            let standing = if torn && made.age() == newest.age() {
                Standing::Torn
            } else if torn || person.who() == first.who() {
                Standing::Applied
            } else {
                Standing::Older
            };
            // Below a torn pair nobody can tell what counts: the older ones wait with them.
            let standing = if torn && made.age() < newest.age() { Standing::Older } else { standing };
            self.standings.push((*at, standing));
        }
        if !torn {
            self.coordinator = Some((newest.id().to_owned(), first.clone()));
        }
    }

    /// Says of each finding whether it is decided; the values that stand come back. A decision about a value is flagged
    /// where a source says of it what the person did not know.
    pub(super) fn close(
        &self,
        items: &Items<'_>,
        found: &mut [Finding],
        (values, standings): (Vec<SettledValue>, &mut Standings),
    ) -> Vec<SettledValue> {
        let mut open = Vec::new();
        for value in values {
            let targets: BTreeSet<&str> = value.sides.iter().map(|(item, _)| items.target(*item)).collect();
            let about = |finding: &&mut Finding| {
                finding.kind == FindingKind::Conflict
                    && finding.element == value.element
                    && finding.sides.iter().any(|side| targets.contains(side.target.as_str()))
            };
            let said: BTreeSet<&str> = value.sides.iter().map(|(_, said)| said.as_str()).collect();
            let mut torn: Vec<&mut Finding> = found.iter_mut().filter(about).collect();
            if torn
                .iter()
                .all(|finding| finding.sides.iter().all(|side| said.contains(side.ground.says.as_str())))
            {
                for finding in &mut torn {
                    finding.decided = Some(value.id.clone());
                }
                standings.push((value.decision, Standing::Applied));
                open.push(value);
            } else {
                standings.push((value.decision, Standing::GroundGone));
            }
        }
        if let Some((id, _)) = &self.coordinator {
            let several = |finding: &&mut Finding| finding.kind == FindingKind::SeveralCoordinators;
            found.iter_mut().filter(several).for_each(|finding| finding.decided = Some(id.clone()));
        }
        open
    }
}

impl SettledValue {
    fn new(decision: usize, made: &Decision, element: &str, things: &[usize]) -> Self {
        let grounds = made.statement().grounds();
        let sides: Vec<(usize, String)> =
            things.iter().zip(grounds).map(|(item, ground)| (*item, ground.says.clone())).collect();
        let right = sides.first().cloned().unwrap_or_default();
        let (id, element) = (made.id().to_owned(), element.to_owned());
        Self { decision, id, element, right, sides: sides.into_iter().collect() }
    }

    /// True where a resource is one of those that the decision is about.
    pub(super) fn is_about(&self, item: usize) -> bool {
        self.sides.iter().any(|(side, _)| *side == item)
    }

    /// The resource whose value is right, and where in it the value stands, if it stands there as such.
    pub(super) fn source(&self, items: &Items<'_>) -> (usize, Option<NodeId>, String) {
        let (item, print) = &self.right;
        let value = values_at(items, *item, &self.element)
            .into_iter()
            .find(|(said, _)| value_print(&items.ids, &self.element, said) == *print);
        value.map_or((*item, None, String::new()), |(said, node)| (*item, node, said))
    }
}

enum Found {
    /// In the order of the grounds.
    Here(Vec<usize>),
    /// A contribution that it names is not here: it is no business of those that are.
    Elsewhere,
    Gone,
}

struct Finder<'a, 'b> {
    items: &'b Items<'a>,
    places: HashMap<String, Vec<usize>>,
}

impl<'a, 'b> Finder<'a, 'b> {
    fn new(items: &'b Items<'a>, log: &Log<'_>) -> Self {
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        let about_resources =
            |made: &&Decision| made.statement().grounds().iter().any(|ground| !ground.resource.is_empty());
        if log.in_force.iter().any(about_resources) {
            for item in 0..items.list.len() {
                places.entry(items.own_reference(item)).or_default().push(item);
                // What one plan says twice has one name in a decision: what it says tells which is meant.
                let name = format!("{}/{}", items.kind(item), items.list[item].resource.id);
                if name != items.own_reference(item) {
                    places.entry(name).or_default().push(item);
                }
            }
        }
        Self { items, places }
    }

    fn find(&self, statement: &Statement) -> Found {
        let grounds = statement.grounds();
        let is_here = |ground: &&Ground| self.items.members.iter().any(|member| is_named(member, ground));
        if !grounds.iter().all(is_here) {
            return Found::Elsewhere;
        }
        let things: Option<Vec<usize>> = grounds.iter().map(|ground| self.place(statement, ground)).collect();
        things.map_or(Found::Gone, Found::Here)
    }

    /// The resource that a ground names and that still says what it said. A plan that evaluates a goal and sets it
    /// again has it twice.
    fn place(&self, statement: &Statement, ground: &Ground) -> Option<usize> {
        let items = self.items;
        let holds = |item: usize| match statement {
            Statement::Value { element, .. } => values_at(items, item, element)
                .iter()
                .any(|(said, _)| value_print(&items.ids, element, said) == ground.says),
            _ => ground.says.is_empty() || core_print(items, item) == ground.says,
        };
        let is_meant =
            |item: &&usize| is_named(items.members[items.list[**item].member], ground) && holds(**item);
        self.places.get(&ground.resource)?.iter().find(is_meant).copied()
    }
}

/// The resource that a ground names, whatever it says by now.
pub(super) fn place(items: &Items<'_>, ground: &Ground) -> Option<usize> {
    (0..items.list.len()).find(|item| {
        is_named(items.members[items.list[*item].member], ground)
            && items.own_reference(*item) == ground.resource
    })
}

fn is_named(member: &crate::plan::Contribution, ground: &Ground) -> bool {
    ground.contribution == member.key() || ground.contribution == member.label
}

/// True where a participation is the one that a decision names, by its contribution's key or label.
fn is_ground(items: &Items<'_>, decided: &Ground, here: &Ground) -> bool {
    let contribution =
        items.members.iter().any(|member| member.key() == here.contribution && is_named(member, decided));
    contribution
        && decided.resource == here.resource
        && (decided.says.is_empty() || decided.says == here.says)
}

/// What a resource is called in a decision: by its own source, so that it is called so whatever else is joined.
pub(super) fn ground(items: &Items<'_>, item: usize, says: String) -> Ground {
    let contribution = items.members[items.list[item].member].key();
    Ground { contribution, resource: items.own_reference(item), says }
}

/// A fingerprint of what a resource is; names of codes and what happens with it do not count.
pub(super) fn core_print(items: &Items<'_>, item: usize) -> String {
    print_in(&items.ids, items.list[item].tree, items.node(item))
}

/// The fingerprint of a resource that stands at a node.
pub(super) fn print_of(tree: &Tree, node: NodeId) -> String {
    print_in(&Ids::default(), tree, node)
}

fn print_in(ids: &Ids, tree: &Tree, node: NodeId) -> String {
    let mut parts: Vec<String> = vec![tree.resource_type(node).unwrap_or_default().into_owned()];
    for name in CORE {
        for child in all(tree, node, name) {
            let leaves = tree.descend(child).filter(|leaf| {
                tree.kind(*leaf).is_leaf() && tree.has_text(*leaf) && tree.name_text(*leaf) != "display"
            });
            parts.extend(leaves.map(|leaf| tree.text(leaf).into_owned()));
        }
    }
    ids.id(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A fingerprint of one value of an element.
pub(super) fn value_print(ids: &Ids, element: &str, said: &str) -> String {
    ids.id(&["value", element, said])
}

/// The values that a resource has at the path of a finding, as the finding has them, with their places. A birth date
/// may be told by a code alone.
fn values_at(items: &Items<'_>, item: usize, element: &str) -> Vec<(String, Option<NodeId>)> {
    let (tree, node) = (items.list[item].tree, items.node(item));
    if element == persons::NAME {
        return human_name(tree, node).map(|name| (name, None)).into_iter().collect();
    }
    let mut here = vec![node];
    for name in element.split('.').skip(1) {
        here = here.iter().flat_map(|node| all(tree, *node, name)).collect();
    }
    let mut found: Vec<(String, Option<NodeId>)> =
        here.into_iter().map(|node| (cited(tree, node), Some(node))).collect();
    if element == persons::BIRTH {
        found.extend(persons::told_births(tree, node).into_iter().map(|day| (day, None)));
    }
    found
}
