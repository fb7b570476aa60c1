//! The rules of a policy as Markdown tables, for the page that explains the default to a lawyer.

use super::{Basis, Condition, Policy, Sight};
use crate::diag::Language;
use crate::plan::permission::{Set, Word};

/// The rules in their order, each with its condition, its words and what it stands on; rights by statute; what each
/// audience sees; what is sensitive; who may record permissions.
pub fn rules_page(policy: &Policy, language: Language) -> String {
    [
        rules(policy, language),
        statutes(policy, language),
        sights(policy, language),
        sensitive(policy, language),
        keeping(policy, language),
    ]
    .join("\n")
}

const fn say(language: Language, fi: &'static str, sv: &'static str, en: &'static str) -> &'static str {
    match language {
        Language::Fi => fi,
        Language::Sv => sv,
        Language::En => en,
    }
}

const fn stands_on(basis: Basis, language: Language) -> &'static str {
    match basis {
        Basis::Law => say(language, "laki tai ohje", "lag eller anvisning", "law or instruction"),
        Basis::Reading => say(language, "oma tulkinta", "egen tolkning", "our reading"),
    }
}

fn rules(policy: &Policy, language: Language) -> String {
    let head = say(
        language,
        "| sääntö | milloin | ratkaisu | perustelu | lähde | pohja |",
        "| regel | när | avgörande | motivering | källa | grund |",
        "| rule | when | outcome | why | source | stands on |",
    );
    let mut out = format!("{head}\n|---|---|---|---|---|---|\n");
    for rule in &policy.rules {
        let outcome = if rule.permits {
            say(language, "sallitaan", "tillåts", "permit")
        } else {
            say(language, "evätään", "nekas", "deny")
        };
        let cells = [
            format!("`{}`", rule.id),
            condition(&rule.when, say(language, "aina", "alltid", "always")),
            outcome.to_owned(),
            rule.text.in_language(language).to_owned(),
            rule.reference.clone(),
            stands_on(rule.basis, language).to_owned(),
        ];
        out.push_str(&row(&cells));
    }
    out
}

fn statutes(policy: &Policy, language: Language) -> String {
    let head = say(
        language,
        "| laissa säädetty oikeus | mihin tarkoitukseen | mikä se on | lähde |",
        "| lagstadgad rätt | för vilket ändamål | vad den är | källa |",
        "| right by statute | for what purpose | what it is | source |",
    );
    let mut out = format!("{head}\n|---|---|---|---|\n");
    for right in &policy.statutes {
        let cells = [
            format!("`{}`", right.id),
            right.purposes.words().map(Word::code).collect::<Vec<_>>().join(", "),
            right.text.in_language(language).to_owned(),
            right.reference.clone(),
        ];
        out.push_str(&row(&cells));
    }
    out
}

/// The switches of a view that are on, and how much it tells of what is withheld, by the names of the policy file.
fn switches(sight: &Sight) -> String {
    let known = [
        ("identity-code", sight.identity_code),
        ("own-activities", sight.own_activities),
        ("contacts-only", sight.contacts_only),
        ("named-extensions", sight.named_extensions),
        ("other-persons", sight.other_persons),
        ("unreleased", sight.unreleased),
    ];
    let mut said: Vec<String> =
        known.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| format!("`{name}`")).collect();
    said.push(format!("tell: {}", sight.tell.code()));
    said.join("; ")
}

fn sights(policy: &Policy, language: Language) -> String {
    let head = say(
        language,
        "| näkymä | kenelle | näytetään | pidätetään | asetukset | perustelu | lähde | pohja |",
        "| vy | för vem | visas | hålls inne | inställningar | motivering | källa | grund |",
        "| view | for whom | shown | withheld | switches | why | source | stands on |",
    );
    let mut out = format!("{head}\n|---|---|---|---|---|---|---|---|\n");
    let paths = |paths: &[super::Path]| {
        let list: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
        list.join(" ")
    };
    for sight in &policy.sights {
        let cells = [
            format!("`{}`", sight.id),
            sight.audience.words().map(Word::code).collect::<Vec<_>>().join(", "),
            paths(&sight.show),
            paths(&sight.withhold),
            switches(sight),
            sight.text.in_language(language).to_owned(),
            sight.reference.clone(),
            stands_on(sight.basis, language).to_owned(),
        ];
        out.push_str(&row(&cells));
    }
    out
}

fn sensitive(policy: &Policy, language: Language) -> String {
    let head = say(
        language,
        "| arkaluonteinen | merkinnät | kuka näkee | perustelu | lähde | pohja |",
        "| känsligt | märkningar | vem ser | motivering | källa | grund |",
        "| sensitive | labels | who sees it | why | source | stands on |",
    );
    let mut out = format!("{head}\n|---|---|---|---|---|---|\n");
    for rule in &policy.sensitive {
        let cells = [
            format!("`{}`", rule.id),
            rule.labels.join(", "),
            rule.relation.words().map(Word::code).collect::<Vec<_>>().join(", "),
            rule.text.in_language(language).to_owned(),
            rule.reference.clone(),
            stands_on(rule.basis, language).to_owned(),
        ];
        out.push_str(&row(&cells));
    }
    out
}

fn keeping(policy: &Policy, language: Language) -> String {
    let head = say(
        language,
        "| kirjaaminen | mitä kirjataan | kenen kirjaus pätee | perustelu | lähde | pohja |",
        "| registrering | vad som registreras | vems anteckning gäller | motivering | källa | grund |",
        "| record | what is recorded | whose record counts | why | source | stands on |",
    );
    let mut out = format!("{head}\n|---|---|---|---|---|---|\n");
    for rule in &policy.keeping {
        let cells = [
            format!("`{}`", rule.id),
            rule.opening.words().map(Word::code).collect::<Vec<_>>().join(", "),
            rule.keeper.words().map(Word::code).collect::<Vec<_>>().join(", "),
            rule.text.in_language(language).to_owned(),
            rule.reference.clone(),
            stands_on(rule.basis, language).to_owned(),
        ];
        out.push_str(&row(&cells));
    }
    out
}

fn row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn condition(when: &Condition, always: &str) -> String {
    let mut said = Vec::new();
    add(&mut said, "relation", when.relation);
    add(&mut said, "purpose", when.purpose);
    add(&mut said, "action", when.action);
    add(&mut said, "permission", when.permission);
    add(&mut said, "denial", when.denial);
    add(&mut said, "joint-plan", when.joint_plan);
    add(&mut said, "emergency", when.emergency);
    add(&mut said, "restriction", when.restriction);
    add(&mut said, "statute", when.statute);
    add(&mut said, "direction", when.direction);
    add(&mut said, "sector", when.sector);
    if said.is_empty() { always.to_owned() } else { said.join("; ") }
}

fn add<W: Word>(said: &mut Vec<String>, name: &str, set: Set<W>) {
    if !set.is_all() {
        let words: Vec<&str> = set.words().map(Word::code).collect();
        said.push(format!("{name}: {}", words.join(", ")));
    }
}
