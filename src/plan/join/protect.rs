//! A person who must not be found (the security label TURVAKIELTO): what tells where the person lives or how to reach
//! the person stands nowhere in the joined plan, whichever source gives it and wherever.
//!
//! Of the person's own resources and contacts every address and number goes. Elsewhere the same address or number goes,
//! as that of a relative in the same home, and in texts it is blotted out. Of a relative's address the same
//! municipality is enough; that of a service or a worker tells nothing of where its client lives.

use super::items::Items;
use super::{Contact, Finding};
use crate::plan::read::{all, at, text};
use crate::tree::{NodeId, Tree};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Letters and digits that an address line or a number must have to be looked for in texts.
const SOUGHT_MIN: usize = 5;
/// Address lines and numbers of protected persons that are looked for.
const SOUGHT_MAX: usize = 256;
/// Elements in which people write, as against codes, numbers and urls.
const SPOKEN: &[&str] = &[
    "text",
    "div",
    "display",
    "description",
    "comment",
    "title",
    "line",
    "conclusion",
    "summary",
    "content",
    "patientInstruction",
    "detailString",
    "scheduledString",
    "valueString",
    "valueMarkdown",
];
/// What stands for what was blotted out.
pub(in crate::plan) const BLOT: &str = "•••";

/// What tells where protected persons live; empty where nobody is protected.
#[derive(Debug, Clone, Default)]
pub(super) struct Protected {
    /// The first resource of each protected person.
    persons: BTreeSet<usize>,
    /// Address lines and numbers, only letters and digits.
    sought: BTreeSet<String>,
    /// Cities and postal codes.
    places: BTreeSet<String>,
}

/// Who is protected and what tells where they live, as far as other contributions know it.
#[derive(Default)]
pub(super) struct Known {
    /// Patients that are protected persons: the number of the contribution and the node.
    patients: Vec<(usize, NodeId)>,
    sought: BTreeSet<String>,
    places: BTreeSet<String>,
}

impl Known {
    /// What in the Patients of a contribution tells where a protected person lives.
    pub(super) fn homes(&self, number: usize, tree: &Tree) -> Vec<NodeId> {
        let patients = self.patients.iter().filter(|(member, _)| *member == number);
        patients
            .flat_map(|(_, patient)| tree.descend(*patient))
            .filter(|node| gives_away(tree, *node))
            .collect()
    }

    /// The same for contributions in another order, and without some of them.
    pub(super) fn renumbered(&self, place: impl Fn(usize) -> Option<usize>) -> Self {
        let patients = self.patients.iter().filter_map(|(number, node)| Some((place(*number)?, *node)));
        Self { patients: patients.collect(), sought: self.sought.clone(), places: self.places.clone() }
    }
}

impl Protected {
    /// What is known here, for a join of less.
    pub(super) fn known(&self, items: &Items<'_>) -> Known {
        let patients = (0..items.list.len())
            .filter(|item| items.kind(*item) == "Patient" && self.persons.contains(&items.root(*item)));
        let patients = patients.map(|item| (items.list[item].member, items.node(item))).collect();
        Known { patients, sought: self.sought.clone(), places: self.places.clone() }
    }

    /// Protects also those who are known to be protected.
    pub(super) fn with(mut self, items: &Items<'_>, known: &Known) -> Self {
        let is_known = |item: &usize| {
            items.kind(*item) == "Patient"
                && known.patients.contains(&(items.list[*item].member, items.node(*item)))
        };
        self.persons.extend((0..items.list.len()).filter(is_known).map(|item| items.root(item)));
        self.sought.extend(known.sought.iter().cloned());
        self.places.extend(known.places.iter().cloned());
        self
    }

    pub(super) fn of(items: &Items<'_>) -> Self {
        let mut found = Self::default();
        let patients: Vec<usize> =
            (0..items.list.len()).filter(|item| items.kind(*item) == "Patient").collect();
        found.persons =
            patients.iter().filter(|item| is_labelled(items, **item)).map(|item| items.root(*item)).collect();
        for item in patients {
            if found.persons.contains(&items.root(item)) {
                found.read(items.list[item].tree, items.node(item));
            }
        }
        found
    }

    fn read(&mut self, tree: &Tree, patient: NodeId) {
        let words = |node: NodeId, names: &[&str]| -> Vec<String> {
            let leaves = tree.children(node).filter(|child| names.contains(&tree.name_text(*child)));
            leaves.filter(|leaf| tree.has_text(*leaf)).map(|leaf| reduced(&tree.text(leaf))).collect()
        };
        for address in all(tree, patient, "address") {
            self.sought.extend(words(address, &["line", "text"]));
            self.places.extend(words(address, &["city", "postalCode", "district"]));
        }
        for telecom in all(tree, patient, "telecom") {
            self.sought.extend(words(telecom, &["value"]).into_iter().map(national));
        }
        self.sought.retain(|sought| sought.chars().count() >= SOUGHT_MIN);
        while self.sought.len() > SOUGHT_MAX {
            self.sought.pop_last();
        }
        self.places.retain(|place| !place.is_empty());
    }

    /// True where both leave out and blot out the same of whatever is no protected person.
    pub(super) fn blots_as(&self, other: &Self) -> bool {
        self.is_empty() == other.is_empty() && self.sought == other.sought && self.places == other.places
    }

    /// True for a resource of a protected person.
    pub(super) fn is_person(&self, items: &Items<'_>, item: usize) -> bool {
        !self.is_empty() && self.persons.contains(&items.root(item))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.persons.is_empty() && self.sought.is_empty() && self.places.is_empty()
    }

    /// True for an element that is left out of what stands for the resource.
    pub(super) fn hides(&self, items: &Items<'_>, item: usize, node: NodeId) -> bool {
        if self.is_empty() {
            return false;
        }
        let tree = items.list[item].tree;
        let kind = items.kind(item);
        if kind == "Patient" && self.persons.contains(&items.root(item)) {
            return gives_away(tree, node);
        }
        match tree.name_text(node) {
            "address" | "valueAddress" => self.is_home(tree, node, kind == "RelatedPerson"),
            "telecom" | "valueContactPoint" => text(tree, node, &["value"])
                .is_some_and(|value| self.sought.contains(&national(reduced(&value)))),
            _ => false,
        }
    }

    fn is_home(&self, tree: &Tree, address: NodeId, of_relative: bool) -> bool {
        tree.children(address).any(|child| {
            let says = |known: &BTreeSet<String>| {
                tree.kind(child).is_leaf() && known.contains(&reduced(&tree.text(child)))
            };
            match tree.name_text(child) {
                "line" | "text" => says(&self.sought),
                "city" | "postalCode" | "district" => of_relative && says(&self.places),
                _ => false,
            }
        })
    }

    /// The text of an element without the addresses and numbers in it.
    pub(super) fn blot_in<'t>(&self, element: &str, text: Cow<'t, str>) -> Cow<'t, str> {
        if self.sought.is_empty() || !SPOKEN.contains(&element) {
            return text;
        }
        Cow::Owned(self.blot(&text).into_owned())
    }

    /// A text without the addresses and numbers in it.
    fn blot<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for sought in &self.sought {
            while let Some((start, end)) = find(&text, sought) {
                let (before, after) = (text.get(..start).unwrap_or(""), text.get(end..).unwrap_or(""));
                text = Cow::Owned(format!("{before}{BLOT}{after}"));
            }
        }
        text
    }

    /// The findings and the contact without them.
    pub(super) fn clean(&self, findings: &mut [Finding], contact: &mut Contact) {
        if self.is_empty() {
            return;
        }
        for side in findings.iter_mut().flat_map(|finding| &mut finding.sides) {
            side.value = self.blot(&side.value).into_owned();
        }
        let people = match contact {
            Contact::One(person) => std::slice::from_mut(person),
            Contact::Several(people) => people.as_mut_slice(),
            Contact::Missing => &mut [],
        };
        for person in people {
            person.telecom.retain(|number| !self.sought.contains(&national(reduced(number))));
        }
    }
}

fn is_labelled(items: &Items<'_>, item: usize) -> bool {
    let tree = items.list[item].tree;
    let Some(meta) = tree.child_str(items.node(item), "meta") else { return false };
    all(tree, meta, "security").any(|label| {
        tree.child_text(label, "code").is_some_and(|code| code.eq_ignore_ascii_case("TURVAKIELTO"))
    })
}

/// True for elements of a Patient that tell where a protected person lives or how to reach the person. The
/// municipality is an extension of HL7 Finland's base profiles (`municipality-code`).
pub(in crate::plan) fn gives_away(tree: &Tree, node: NodeId) -> bool {
    let located = |name: &str| name.starts_with("valueAddress") || name.starts_with("valueContactPoint");
    match tree.name_text(node) {
        "address" | "telecom" | "text" if !is_name(tree, node) => true,
        "extension" => {
            at(tree, node, &["url"]).is_some_and(|url| tree.text(url).contains("municipality"))
                || tree.descend(node).any(|below| located(tree.name_text(below)))
        }
        _ => false,
    }
}

/// `text` is the narrative of a resource, and also the whole of a name or a concept, which are leaves.
fn is_name(tree: &Tree, node: NodeId) -> bool {
    tree.name_text(node) == "text" && tree.kind(node).is_leaf()
}

/// Letters and digits in lower case.
fn reduced(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A telephone number without the country's code or the zero in its place.
fn national(number: String) -> String {
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return number;
    }
    let rest = ["00358", "358", "0"].iter().find_map(|prefix| number.strip_prefix(prefix));
    rest.map_or(number.clone(), str::to_owned)
}

/// Where a text has these letters and digits, whatever stands between them.
fn find(text: &str, sought: &str) -> Option<(usize, usize)> {
    text.char_indices().filter(|(_, letter)| letter.is_alphanumeric()).find_map(|(start, _)| {
        let mut wanted = sought.chars().peekable();
        for (at, letter) in text.get(start..)?.char_indices() {
            if letter.is_alphanumeric() {
                for lower in letter.to_lowercase() {
                    if wanted.next() != Some(lower) {
                        return None;
                    }
                }
            }
            if wanted.peek().is_none() {
                return Some((start, start + at + letter.len_utf8()));
            }
        }
        None
    })
}
