#![doc = include_str!("MATCHING.md")]

mod alike;
mod weights;

pub use weights::{Field, Level, WEIGHTS, Weight};

use super::Contribution;
use super::join::protect;
use super::person::{Match, Person, compare_persons, read_patient};
use super::read::{all, extensions_by, human_name, text};
use crate::schema::Schema;
use crate::tree::json::Layout;
use crate::tree::{NodeId, Tree, fhir};
use alike::{dates, digits, names, sets};
use std::collections::BTreeSet;

/// The odds, in bits, that two records at hand are one person before anything of them is compared: one in three hundred
/// thousand, about the people of one county.
const PRIOR_BITS: f64 = -18.2;
/// From this score on a match is probable: a person should look at it first.
const PROBABLE: f64 = 0.95;
/// From this score on a match is possible; what lies below is not shown.
const POSSIBLE: f64 = 0.20;
/// Words of one kind that are compared of one record.
const WORDS_MAX: usize = 16;

/// How sure a match is, as FHIR grades it (`http://terminology.hl7.org/CodeSystem/match-grade`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// The personal identity codes are valid and differ.
    CertainlyNot,
    /// Worth a look.
    Possible,
    /// Nearly all that both state agrees.
    Probable,
    /// One valid personal identity code, and nothing that contradicts it.
    Certain,
}

impl Grade {
    /// The FHIR code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CertainlyNot => "certainly-not",
            Self::Possible => "possible",
            Self::Probable => "probable",
            Self::Certain => "certain",
        }
    }
}

/// How likely it is that two records are one person.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// From 0 to 1, in thousandths.
    pub score: f64,
    /// The grade; nothing where the score is too low to be shown.
    pub grade: Option<Grade>,
    /// An equal code or identifier, but name or birth date disagree: one of the records is wrong.
    pub disagrees: bool,
    /// What was compared, and how far it agrees. What one of the two does not state is not in it.
    pub fields: Vec<(Field, Level)>,
}

/// What a record states of a person, as far as it is compared. `Debug` prints nothing of it.
pub struct Record {
    person: Person,
    /// Words as they are written.
    family: BTreeSet<String>,
    given: BTreeSet<String>,
    sex: Option<String>,
    municipality: BTreeSet<String>,
    postal_code: BTreeSet<String>,
    phone: BTreeSet<String>,
    email: BTreeSet<String>,
    /// Where the person lives must not be told, so it is not compared either.
    is_protected: bool,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Record(«redacted»)")
    }
}

impl Record {
    /// What a Patient states.
    pub fn of(tree: &Tree, patient: NodeId) -> Self {
        let words = |part: &str| -> BTreeSet<String> {
            let leaves = all(tree, patient, "name").flat_map(|name| all(tree, name, part));
            let texts: Vec<String> = leaves.map(|leaf| tree.text(leaf).into_owned()).collect();
            texts.iter().flat_map(|text| text.split_whitespace()).take(WORDS_MAX).map(str::to_owned).collect()
        };
        let of_address = |part: &str| -> BTreeSet<String> {
            let found = all(tree, patient, "address").filter_map(|address| text(tree, address, &[part]));
            found.map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty()).collect()
        };
        let telecom = |system: &str| -> Vec<String> {
            let of_system = all(tree, patient, "telecom")
                .filter(|telecom| text(tree, *telecom, &["system"]).as_deref() == Some(system));
            let values = of_system.filter_map(|telecom| text(tree, telecom, &["value"]));
            values.map(|value| value.trim().to_lowercase()).take(WORDS_MAX).collect()
        };
        let mut municipality = of_address("city");
        municipality.extend(extensions_by(tree, patient, "municipality-code"));
        let is_protected =
            all(tree, patient, "meta").flat_map(|meta| all(tree, meta, "security")).any(|label| {
                tree.child_text(label, "code").is_some_and(|code| code.eq_ignore_ascii_case("TURVAKIELTO"))
            });
        Self {
            person: read_patient(tree, patient),
            family: words("family"),
            given: words("given"),
            sex: text(tree, patient, &["gender"])
                .filter(|sex| matches!(&**sex, "male" | "female"))
                .map(std::borrow::Cow::into_owned),
            municipality,
            postal_code: of_address("postalCode"),
            phone: telecom("phone").iter().map(|number| digits(number)).filter(|n| n.len() > 5).collect(),
            email: telecom("email").into_iter().collect(),
            is_protected,
        }
    }

    /// What the plan of a contribution states of its client.
    pub(super) fn of_client(contribution: &Contribution) -> Option<Self> {
        let plan = contribution.plan()?;
        let patient = contribution.follow(plan, contribution.subject()?)?;
        let tree = &contribution.bundle;
        (tree.resource_type(patient).as_deref() == Some("Patient")).then(|| Self::of(tree, patient))
    }

    /// True where the person must not be found: nothing that leaves may tell where the person lives.
    pub const fn is_protected(&self) -> bool {
        self.is_protected
    }

    /// How far the two agree, field by field.
    fn fields(&self, other: &Self) -> Vec<(Field, Level)> {
        let open = !self.is_protected && !other.is_protected;
        let contact = |a: &BTreeSet<String>, b: &BTreeSet<String>| if open { sets(a, b) } else { None };
        let shares = |id: &String| other.person.others.contains(id);
        let identifier = self.person.others.iter().any(shares).then_some(Level::Equal);
        let sex = self.sex.as_ref().zip(other.sex.as_ref());
        let (birth, other_birth) = (self.person.birth_day(), other.person.birth_day());
        let found = [
            (Field::Family, names(&self.family, &other.family)),
            (Field::Given, names(&self.given, &other.given)),
            (Field::BirthDate, birth.zip(other_birth).and_then(|(a, b)| dates(&a, &b))),
            (Field::Sex, sex.map(|(a, b)| if a == b { Level::Equal } else { Level::Different })),
            (Field::Municipality, contact(&self.municipality, &other.municipality)),
            (Field::PostalCode, contact(&self.postal_code, &other.postal_code)),
            (Field::Phone, contact(&self.phone, &other.phone)),
            (Field::Email, contact(&self.email, &other.email)),
            (Field::Identifier, identifier),
        ];
        found.into_iter().filter_map(|(field, level)| Some((field, level?))).collect()
    }

    /// How likely it is that the two are one person.
    pub fn score(&self, other: &Self) -> Score {
        let fields = self.fields(other);
        let codes = self.person.hetu.as_ref().zip(other.person.hetu.as_ref());
        let shares = |id: &String| other.person.others.contains(id);
        let same_code = codes.is_some_and(|(a, b)| a == b);
        let verdict = (same_code || self.person.others.iter().any(shares))
            .then(|| compare_persons(&self.person, &other.person));
        let disagrees = matches!(verdict, Some(Match::Disagree));
        let made = |score: f64, grade| Score { score, grade, disagrees, fields: fields.clone() };
        match codes {
            Some((a, b)) if a != b => return made(0.0, Some(Grade::CertainlyNot)),
            Some(_) if matches!(verdict, Some(Match::Same)) => return made(1.0, Some(Grade::Certain)),
            Some(_) | None => {}
        }
        let bits: f64 = fields.iter().map(|(field, level)| weights::bits(*field, *level)).sum();
        let odds = (bits + PRIOR_BITS).exp2();
        let score = ((odds / (1.0 + odds)) * 1000.0).round() / 1000.0;
        // What contradicts the whole is never outweighed by a shared home: twins, and parents with their children.
        let torn = disagrees
            || fields.iter().any(|(field, level)| {
                matches!(field, Field::Given | Field::Sex | Field::BirthDate) && *level == Level::Different
            });
        // Certainty is for the rule of the code alone.
        let score = if torn { score.min(PROBABLE - 0.001) } else { score.min(0.999) };
        let grade = match score {
            _ if disagrees => Some(Grade::Possible),
            score if score >= PROBABLE => Some(Grade::Probable),
            score if score >= POSSIBLE => Some(Grade::Possible),
            _ => None,
        };
        made(score, grade)
    }
}

/// A Patient as JSON that may leave: of a person who must not be found without what tells where the person lives.
pub fn to_json(tree: &Tree, patient: NodeId, schema: &Schema) -> String {
    let mut out = String::new();
    if Record::of(tree, patient).is_protected() {
        let mut own = tree.clone();
        let hidden: Vec<NodeId> =
            tree.children(patient).filter(|child| protect::gives_away(tree, *child)).collect();
        for child in hidden {
            own.detach(child);
        }
        fhir::write_json(&own, patient, Some(schema), Layout::Compact, &mut out);
    } else {
        fhir::write_json(tree, patient, Some(schema), Layout::Compact, &mut out);
    }
    out
}

/// A name of a Patient as people say it.
pub fn name(tree: &Tree, patient: NodeId) -> Option<String> {
    human_name(tree, patient)
}

#[cfg(test)]
mod tests;
