//! A policy: the rules by which a county discloses, as a file that a lawyer can read.
//!
//! [`Policy::read`] checks a TOML file; [`Policy::county`] is the default for a Finnish wellbeing services county, and
//! `policy/county.fi.md` and `policy/county.en.md` explain it. Rules are asked in their order, the first that fits
//! decides. Every rule says whether it stands in law or is a reading of it.

mod check;
mod page;
mod read;

pub use page::rules_page;

use super::Sector;
use super::permission::{
    Action, Audience, Denial, Direction, Emergency, Facts, JointPlan, Keeper, Opening, Permission, Purpose,
    Reason, Relation, Restriction, Set, Statute, Tell,
};
use crate::diag::{Issue, Language};
use std::sync::LazyLock;

/// The text of the default policy.
pub const COUNTY: &str = include_str!("policy/county.toml");

/// A text in the three languages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts {
    fi: String,
    sv: String,
    en: String,
}

impl Texts {
    /// The text in a language.
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Fi => &self.fi,
            Language::Sv => &self.sv,
            Language::En => &self.en,
        }
    }
}

/// What a rule stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The law, or the national registry's instructions, say so.
    Law,
    /// It is how the law was read here.
    Reading,
}

/// When a rule fits: each fact is one of the words that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    relation: Set<Relation>,
    purpose: Set<Purpose>,
    action: Set<Action>,
    permission: Set<Permission>,
    denial: Set<Denial>,
    joint_plan: Set<JointPlan>,
    emergency: Set<Emergency>,
    restriction: Set<Restriction>,
    statute: Set<Statute>,
    direction: Set<Direction>,
    sector: Set<Sector>,
}

impl Condition {
    /// True where every fact is among the words.
    pub fn holds(&self, facts: &Facts) -> bool {
        self.relation.has(facts.relation)
            && self.purpose.has(facts.purpose)
            && self.action.has(facts.action)
            && self.permission.has(facts.permission)
            && self.denial.has(facts.denial)
            && self.joint_plan.has(facts.joint_plan)
            && self.emergency.has(facts.emergency)
            && self.restriction.has(facts.restriction)
            && self.statute.has(facts.statute)
            && self.direction.has(facts.direction)
            && self.sector.has(facts.sector)
    }
}

/// One rule on whether a source is disclosed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id, which rulings name.
    pub id: String,
    /// When it fits.
    pub when: Condition,
    /// True where it permits.
    pub permits: bool,
    /// Why, as a code.
    pub reason: Reason,
    /// Why, in words.
    pub text: Texts,
    /// The statute or instruction that it follows.
    pub reference: String,
    /// What it stands on.
    pub basis: Basis,
}

/// A right by statute that a requester may claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatutoryRight {
    /// Its id, which requests name.
    pub id: String,
    /// For which purposes it is.
    pub purposes: Set<Purpose>,
    /// What it is, in words.
    pub text: Texts,
    /// The statute.
    pub reference: String,
}

/// What an audience sees of a source that is disclosed to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, by the name that the policy file has"
)]
pub struct Sight {
    /// Its id, which rulings name.
    pub id: String,
    /// For whom it is.
    pub audience: Set<Audience>,
    /// Paths that are shown: `Goal`, `CarePlan.activity`, `*.note`.
    pub show: Vec<Path>,
    /// Paths that are withheld.
    pub withhold: Vec<Path>,
    /// Shows the personal identity code.
    pub identity_code: bool,
    /// Shows only activities that the requester carries out.
    pub own_activities: bool,
    /// Shows of teams only whom to contact, and the requester.
    pub contacts_only: bool,
    /// Shows of extensions only those that a path names: they may hold the words that a unit wrote.
    pub named_extensions: bool,
    /// Shows what is about persons beside the client.
    pub other_persons: bool,
    /// Shows what the unit releases to the client later.
    pub unreleased: bool,
    /// How much is said of what is withheld.
    pub tell: Tell,
    /// Why, in words.
    pub text: Texts,
    /// The statute or instruction that it follows.
    pub reference: String,
    /// What it stands on.
    pub basis: Basis,
}

/// What is labelled as sensitive, and who sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sensitive {
    /// Its id, which rulings name.
    pub id: String,
    /// Codes of security labels and of categories.
    pub labels: Vec<String>,
    /// Who sees it.
    pub relation: Set<Relation>,
    /// Why, in words.
    pub text: Texts,
    /// The statute or instruction that it follows.
    pub reference: String,
    /// What it stands on.
    pub basis: Basis,
}

/// Who may record what opens data: no other record of it counts. A denial counts whoever recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeping {
    /// Its id.
    pub id: String,
    /// What is recorded.
    pub opening: Set<Opening>,
    /// Who may record it.
    pub keeper: Set<Keeper>,
    /// Why, in words.
    pub text: Texts,
    /// The statute or instruction that it follows.
    pub reference: String,
    /// What it stands on.
    pub basis: Basis,
}

/// A path in resources: a kind, or `*`, and elements below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<String>);

impl Path {
    fn new(text: &str) -> Self {
        Self(text.split('.').map(str::to_owned).collect())
    }

    /// How closely it names a place: the number of its parts, or 0 where it does not. A kind by its name is closer
    /// than any kind.
    fn closeness(&self, place: &[&str]) -> usize {
        let same = |(at, part): (usize, &String)| {
            let here = place.get(at).copied().unwrap_or_default();
            let any_kind = at == 0 && part == "*";
            any_kind
                || part == here
                || here.strip_prefix(part.as_str()).is_some_and(|rest| rest.starts_with(':'))
        };
        if self.0.len() > place.len() || !self.0.iter().enumerate().all(same) {
            return 0;
        }
        self.0.len() * 2 - usize::from(self.0.first().is_some_and(|kind| kind == "*"))
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl Sight {
    /// True where a place is shown: `["Goal", "note", "text"]`. What lies closest to it decides; what no path names is
    /// withheld.
    pub fn shows(&self, place: &[&str]) -> bool {
        let closest =
            |paths: &[Path]| paths.iter().map(|path| path.closeness(place)).max().unwrap_or_default();
        closest(&self.show) > closest(&self.withhold)
    }

    /// True where nothing of a source that is disclosed can be withheld.
    pub fn shows_everything(&self) -> bool {
        let is_all = |path: &Path| path.0.len() == 1 && path.0.first().is_some_and(|kind| kind == "*");
        self.withhold.is_empty()
            && self.show.iter().any(is_all)
            && !self.named_extensions
            && self.identity_code
            && self.other_persons
            && self.unreleased
            && !self.own_activities
            && !self.contacts_only
    }

    /// True where a resource of a kind is shown as it stands, whatever it holds, to a requester who sees it at all.
    pub fn shows_whole(&self, kind: &str) -> bool {
        /// What may hold persons beside the client, or the client's code.
        const PERSONAL: &[&str] = &["CarePlan", "FamilyMemberHistory", "Patient", "RelatedPerson"];
        let concerns = |path: &Path| path.0.first().is_some_and(|of| of == "*" || of == kind);
        let is_personal = PERSONAL.contains(&kind);
        self.shows_everything()
            || self.shows(&[kind])
                && !self.withhold.iter().any(concerns)
                && !self.named_extensions
                && !self.own_activities
                && !self.contacts_only
                && self.unreleased
                && (self.identity_code && self.other_persons || !is_personal)
    }

    /// True where a path names a place itself, and no container of it.
    pub fn names(&self, place: &[&str]) -> bool {
        self.show.iter().any(|path| path.0.len() == place.len() && path.closeness(place) > 0)
    }

    /// True where anything below a place is shown.
    pub fn shows_below(&self, place: &[&str]) -> bool {
        let below = |path: &Path| {
            path.0.len() > place.len() && path.0.iter().zip(place).all(|(part, here)| part == here)
        };
        self.shows(place) || self.show.iter().any(below)
    }
}

/// The rules of a county.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What it is called.
    pub title: Texts,
    /// Rules on disclosure, in order.
    pub rules: Vec<Rule>,
    /// Rights by statute.
    pub statutes: Vec<StatutoryRight>,
    /// What each audience sees.
    pub sights: Vec<Sight>,
    /// What is sensitive.
    pub sensitive: Vec<Sensitive>,
    /// Who may record permissions and consents.
    pub keeping: Vec<Keeping>,
}

impl Policy {
    /// Reads and checks a policy.
    ///
    /// # Errors
    /// Everything that is wrong with it, each at its place: it is not TOML, a word is not known, a rule can never
    /// fire, a combination is not covered.
    pub fn read(text: &str) -> Result<Self, Vec<Issue>> {
        let (policy, places, mut issues) = read::read(text);
        if issues.is_empty() {
            check::check(&policy, &places, &mut issues);
        }
        if issues.is_empty() { Ok(policy) } else { Err(issues) }
    }

    /// The default for a Finnish wellbeing services county. Were its text faulty, it would permit nothing.
    pub fn county() -> &'static Self {
        static COUNTY_POLICY: LazyLock<Policy> =
            LazyLock::new(|| Policy::read(COUNTY).unwrap_or_else(|_| Policy::closed()));
        &COUNTY_POLICY
    }

    /// A policy that permits nothing.
    pub fn closed() -> Self {
        Self {
            title: Texts::default(),
            rules: Vec::new(),
            statutes: Vec::new(),
            sights: Vec::new(),
            sensitive: Vec::new(),
            keeping: Vec::new(),
        }
    }

    /// The rule that decides.
    pub fn first(&self, facts: &Facts) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.when.holds(facts))
    }

    /// True where there is a right by statute for a purpose.
    pub fn has_statute(&self, id: &str, purpose: Purpose) -> bool {
        self.statutes.iter().any(|right| right.id == id && right.purposes.has(purpose))
    }

    /// True where a permission or consent counts that such a recorder has.
    pub fn takes(&self, opening: Opening, keeper: Keeper) -> bool {
        self.keeping.iter().any(|rule| rule.opening.has(opening) && rule.keeper.has(keeper))
    }

    /// What an audience sees; `None` where nobody wrote that down, so it sees nothing.
    pub fn sight(&self, audience: Audience) -> Option<&Sight> {
        self.sights.iter().find(|sight| sight.audience.has(audience))
    }

    /// The words of a rule of any kind, by its id.
    pub fn text_of(&self, id: &str) -> Option<(&Texts, &str)> {
        let rules = self.rules.iter().map(|rule| (&rule.id, &rule.text, &rule.reference));
        let sights = self.sights.iter().map(|sight| (&sight.id, &sight.text, &sight.reference));
        let sensitive = self.sensitive.iter().map(|rule| (&rule.id, &rule.text, &rule.reference));
        let statutes = self.statutes.iter().map(|right| (&right.id, &right.text, &right.reference));
        let keeping = self.keeping.iter().map(|rule| (&rule.id, &rule.text, &rule.reference));
        let mut all = rules.chain(sights).chain(sensitive).chain(statutes).chain(keeping);
        all.find(|(known, ..)| *known == id).map(|(_, text, reference)| (text, reference.as_str()))
    }
}

#[cfg(test)]
mod tests;
