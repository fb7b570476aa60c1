//! Lenses with one fault each. Tests that do not notice them are no proof of anything.

use super::Program;
use super::ast::{Condition, Given, Lens, Literal, Path, Relate, Rule, Way};
use super::compile::compile_lens;
use super::parse::parse;
use crate::diag::Issue;
use crate::schema::Schema;

/// A lens with one fault.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// What was done, and to which rule.
    pub name: String,
    lens: Lens,
    /// A file beside the lens that was altered.
    file: Option<(String, String)>,
}

impl Mutant {
    /// Compiles it, as [`super::compile`] does.
    ///
    /// # Errors
    /// The compiler notices the fault.
    pub fn compile(
        &self,
        text: &str,
        schema: &Schema,
        file: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Program, Vec<Issue>> {
        let altered = |path: &str| match &self.file {
            Some((name, text)) if name == path => Some(text.clone()),
            _ => file(path),
        };
        compile_lens(text, schema, &self.lens, &altered)
    }
}

/// One way to spoil a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Delete,
    /// The targets of this rule and the next are exchanged.
    Swap,
    /// Conversions are left out.
    NoConversion,
    /// An argument of a conversion is another.
    Argument,
    /// A constant is another.
    Constant,
    /// The condition of this number is left out.
    NoCondition(usize),
    /// The condition of this number asks for another constant.
    Condition(usize),
    /// `keep` becomes `ignore`, and the other way round.
    Fate,
    /// `<->` becomes `->`.
    OneWay,
}

/// Every mutant of a lens. `files` are the code tables beside it.
///
/// # Errors
/// The lens does not parse.
pub fn mutants(text: &str, files: &[(&str, &str)]) -> Result<Vec<Mutant>, Vec<Issue>> {
    let lens = parse(text)?;
    let mut made = Vec::new();
    let keeps_all = lens.maps.iter().any(|map| keeps_all(&map.rules, &map.source.variable.text));
    let mut number = 0;
    loop {
        let mut copy = lens.clone();
        let Some((rules, at)) = find(&mut copy, number) else { break };
        let mut faults = faults(rules, at);
        // What the root keeps as a whole is kept whether a rule inside says so again or not.
        if keeps_all && matches!(rules[at], Rule::Keep(..)) {
            faults.retain(|fault| *fault != Fault::Delete);
        }
        let line = text.get(..rules[at].span().start as usize).unwrap_or("").matches('\n').count() + 1;
        for fault in faults {
            let mut copy = lens.clone();
            if let Some((rules, at)) = find(&mut copy, number)
                && spoil(rules, at, fault)
            {
                made.push(Mutant { name: format!("line {line}: {fault:?}"), lens: copy, file: None });
            }
        }
        number += 1;
    }
    let named = |name: &str| lens.codes.iter().any(|codes| codes.file.text == name);
    for (name, table) in files.iter().filter(|(name, _)| named(name)) {
        for (what, table) in spoilt_tables(table) {
            let file = Some(((*name).to_owned(), table));
            made.push(Mutant { name: format!("{name}: {what}"), lens: lens.clone(), file });
        }
    }
    Ok(made)
}

/// The rule of a number in the order of the text, as its block and its place there.
fn find(lens: &mut Lens, number: usize) -> Option<(&mut Vec<Rule>, usize)> {
    let mut left = number;
    let maps = lens.maps.iter_mut().map(|map| &mut map.rules);
    let groups = lens.groups.iter_mut().map(|group| &mut group.rules);
    for rules in maps.chain(groups) {
        let count = count(rules);
        if left < count {
            return find_in(rules, left);
        }
        left -= count;
    }
    None
}

/// True where `keep root.*` stands among the rules.
fn keeps_all(rules: &[Rule], root: &str) -> bool {
    rules.iter().any(|rule| match rule {
        Rule::Keep(path, true, _) => path.steps.is_empty() && path.variable.text == root,
        other => other.blocks().any(|rules| keeps_all(rules, root)),
    })
}

fn count(rules: &[Rule]) -> usize {
    rules.iter().map(|rule| 1 + rule.blocks().map(|rules| count(rules)).sum::<usize>()).sum()
}

fn find_in(rules: &mut Vec<Rule>, number: usize) -> Option<(&mut Vec<Rule>, usize)> {
    let mut left = number;
    let mut at = 0;
    while at < rules.len() {
        if left == 0 {
            return Some((rules, at));
        }
        left -= 1;
        let counts: Vec<usize> = rules[at].blocks().map(|rules| count(rules)).collect();
        for (block, count) in counts.into_iter().enumerate() {
            if left < count {
                return find_in(rules[at].blocks_mut().nth(block)?, left);
            }
            left -= count;
        }
        at += 1;
    }
    None
}

fn faults(rules: &mut [Rule], at: usize) -> Vec<Fault> {
    let mut faults = vec![Fault::Delete];
    match &mut rules[at] {
        Rule::Relate(relate) => {
            let each = relate.each;
            for (at, condition) in conditions(relate).into_iter().enumerate() {
                // A rule without `each` takes the first element whether it says so or not.
                if each || !matches!(condition, Condition::First) {
                    faults.push(Fault::NoCondition(at));
                }
                faults.push(Fault::Condition(at));
            }
            if !relate.via.is_empty() {
                faults.extend([Fault::NoConversion, Fault::Argument]);
            }
            if relate.default.is_some() {
                faults.push(Fault::Constant);
            }
            if relate.body.is_none() {
                faults.extend([Fault::Swap, Fault::OneWay]);
            }
        }
        Rule::Target(_, Given::Literal(_) | Given::Optional(_), _) | Rule::Source(..) => {
            faults.push(Fault::Constant)
        }
        Rule::Target(..) | Rule::Rest(..) => {}
        Rule::Keep(..) | Rule::Ignore(..) => faults.push(Fault::Fate),
    }
    faults
}

fn spoil(rules: &mut Vec<Rule>, at: usize, fault: Fault) -> bool {
    match fault {
        Fault::Delete => {
            rules.remove(at);
            return true;
        }
        Fault::Swap => return swap(rules, at),
        _ => {}
    }
    match (&mut rules[at], fault) {
        (Rule::Relate(relate), Fault::NoConversion) => relate.via.clear(),
        (Rule::Relate(relate), Fault::Argument) => {
            let Some(via) = relate.via.first_mut() else { return false };
            // The first argument of `codes` names its table, whose rows have mutants of their own.
            let skip = usize::from(via.name.text == "codes");
            let Some(argument) = via.arguments.get_mut(skip) else { return false };
            return alter(argument);
        }
        (Rule::Relate(relate), Fault::Constant) => return relate.default.as_mut().is_some_and(alter),
        (Rule::Relate(relate), Fault::OneWay) if relate.way == Way::Both => relate.way = Way::Forward,
        (Rule::Relate(relate), Fault::NoCondition(number)) => return drop_condition(relate, number),
        (Rule::Relate(relate), Fault::Condition(number)) => {
            let mut found = conditions(relate);
            return match found.get_mut(number) {
                Some(Condition::Equals(_, literal) | Condition::Differs(_, literal)) => alter(literal),
                _ => false,
            };
        }
        (
            Rule::Target(_, Given::Literal(literal) | Given::Optional(literal), _)
            | Rule::Source(_, literal, _),
            Fault::Constant,
        ) => {
            return alter(literal);
        }
        (rule @ (Rule::Keep(..) | Rule::Ignore(..)), Fault::Fate) => turn(rule),
        _ => return false,
    }
    true
}

/// `keep` becomes `ignore`, and the other way round.
fn turn(rule: &mut Rule) {
    *rule = match &*rule {
        Rule::Keep(path, below, span) => Rule::Ignore(path.clone(), *below, path.variable.clone(), *span),
        Rule::Ignore(path, below, _, span) => Rule::Keep(path.clone(), *below, *span),
        other => other.clone(),
    };
}

fn swap(rules: &mut [Rule], at: usize) -> bool {
    let (before, after) = rules.split_at_mut(at + 1);
    let (Some(Rule::Relate(one)), Some(Rule::Relate(two))) = (before.last_mut(), after.first_mut()) else {
        return false;
    };
    if two.body.is_some() || one.target.variable.text != two.target.variable.text {
        return false;
    }
    std::mem::swap(&mut one.target, &mut two.target);
    true
}

fn alter(literal: &mut Literal) -> bool {
    let Literal::Text(word) = literal else { return false };
    word.text = match word.text.as_str() {
        "true" => "false".to_owned(),
        "false" => "true".to_owned(),
        pattern if pattern.contains("yyyy") && pattern.contains("dd") => pattern.replace("dd", "d"),
        number if number.parse::<u32>().is_ok() => format!("{number}1"),
        text => format!("{text}x"),
    };
    true
}

fn paths(relate: &mut Relate) -> impl Iterator<Item = &mut Vec<Condition>> {
    let Relate { source, target, source_as, target_as, restating, .. } = relate;
    of(source)
        .chain(of(target))
        .chain(restating.iter_mut().flat_map(|restating| of(&mut restating.reference)))
        .chain(source_as.iter_mut().map(|binding| &mut binding.conditions))
        .chain(target_as.iter_mut().map(|binding| &mut binding.conditions))
}

/// The conditions of the variable and of the steps, in the order of the text.
fn of(path: &mut Path) -> impl Iterator<Item = &mut Vec<Condition>> {
    std::iter::once(&mut path.conditions).chain(path.steps.iter_mut().map(|step| &mut step.conditions))
}

fn conditions(relate: &mut Relate) -> Vec<&mut Condition> {
    paths(relate).flat_map(|conditions| conditions.iter_mut()).collect()
}

fn drop_condition(relate: &mut Relate, number: usize) -> bool {
    let mut left = number;
    for conditions in paths(relate) {
        if left < conditions.len() {
            conditions.remove(left);
            return true;
        }
        left -= conditions.len();
    }
    false
}

/// A code table with two rows exchanged, with a row less, and with another code in a row.
fn spoilt_tables(table: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = table.lines().collect();
    let rows: Vec<usize> =
        (1..lines.len()).filter(|at| lines[*at].contains('\t') && !lines[*at].starts_with('#')).collect();
    let mut made = Vec::new();
    let with = |at: usize, line: Option<String>| {
        let keep =
            |(here, text): (usize, &&str)| if here == at { line.clone() } else { Some((*text).to_owned()) };
        lines.iter().enumerate().filter_map(keep).collect::<Vec<_>>().join("\n") + "\n"
    };
    for at in &rows {
        made.push((format!("row {at} left out"), with(*at, None)));
        if let Some((source, target)) = lines[*at].split_once('\t') {
            made.push((format!("row {at} renamed"), with(*at, Some(format!("{source}x\t{target}")))));
        }
    }
    made
}
