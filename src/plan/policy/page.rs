//! The rules of a policy as Markdown tables, for the page that explains the default to a lawyer.

use super::{Basis, Condition, Policy};
use crate::diag::Language;
use crate::plan::permission::{Set, Word};

/// The rules in their order, each with its condition, its words and what it stands on.
pub fn rules_page(policy: &Policy, language: Language) -> String {
    let say = |fi: &'static str, sv: &'static str, en: &'static str| match language {
        Language::Fi => fi,
        Language::Sv => sv,
        Language::En => en,
    };
    let basis = |basis: Basis| match basis {
        Basis::Law => say("laki tai ohje", "lag eller anvisning", "law or instruction"),
        Basis::Reading => say("oma tulkinta", "egen tolkning", "our reading"),
    };
    let head = say(
        "| sääntö | milloin | ratkaisu | perustelu | lähde | pohja |",
        "| regel | när | avgörande | motivering | källa | grund |",
        "| rule | when | outcome | why | source | stands on |",
    );
    let mut out = format!("{head}\n|---|---|---|---|---|---|\n");
    for rule in &policy.rules {
        let outcome = if rule.permits {
            say("sallitaan", "tillåts", "permit")
        } else {
            say("evätään", "nekas", "deny")
        };
        let cells = [
            format!("`{}`", rule.id),
            condition(&rule.when, say("aina", "alltid", "always")),
            outcome.to_owned(),
            rule.text.in_language(language).to_owned(),
            rule.reference.clone(),
            basis(rule.basis).to_owned(),
        ];
        out.push_str(&row(&cells));
    }
    let head = say(
        "| näkymä | kenelle | näytetään | pidätetään | perustelu | lähde | pohja |",
        "| vy | för vem | visas | hålls inne | motivering | källa | grund |",
        "| view | for whom | shown | withheld | why | source | stands on |",
    );
    out.push_str(&format!("\n{head}\n|---|---|---|---|---|---|---|\n"));
    for sight in &policy.sights {
        let paths = |paths: &[super::Path]| {
            let list: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
            list.join(" ")
        };
        let cells = [
            format!("`{}`", sight.id),
            sight.audience.words().map(Word::code).collect::<Vec<_>>().join(", "),
            paths(&sight.show),
            paths(&sight.withhold),
            sight.text.in_language(language).to_owned(),
            sight.reference.clone(),
            basis(sight.basis).to_owned(),
        ];
        out.push_str(&row(&cells));
    }
    let head = say(
        "| arkaluonteinen | merkinnät | kuka näkee | perustelu | lähde | pohja |",
        "| känsligt | märkningar | vem ser | motivering | källa | grund |",
        "| sensitive | labels | who sees it | why | source | stands on |",
    );
    out.push_str(&format!("\n{head}\n|---|---|---|---|---|---|\n"));
    for rule in &policy.sensitive {
        let cells = [
            format!("`{}`", rule.id),
            rule.labels.join(", "),
            rule.relation.words().map(Word::code).collect::<Vec<_>>().join(", "),
            rule.text.in_language(language).to_owned(),
            rule.reference.clone(),
            basis(rule.basis).to_owned(),
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
