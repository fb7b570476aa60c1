//! One parameter of a request: its name with modifier and chain, and what it asks.

use super::escape::{split, unescape};
use super::value::{Asker, Modifier};
use super::{Refusal, Refused, VALUES_MAX, refuse, shown};
use crate::diag::{Issue, Span, codes, nearest};
use crate::search::clause::Selection;
use crate::search::condition::Condition;
use crate::search::range::{Prefix, date_test, dates};
use crate::search::table::{ANY, Parameter, ParameterKind, Parameters};
use crate::search::test::Test;
use std::cell::Cell;

/// Links of one chain.
pub const CHAIN_MAX: usize = 8;
/// Types that the chains of one request lead through, all told: a chain over references to anything branches.
pub const CHAIN_STEPS_MAX: usize = 5_000;

const UPDATED: &str = "_lastUpdated";

/// Names that R4 has and that are not offered.
const NOT_OFFERED: [&str; 5] = ["_text", "_content", "_query", "_contained", "_containedType"];

/// True for a parameter of R4 that searches may have.
pub fn is_offered(code: &str) -> bool {
    !NOT_OFFERED.contains(&code)
}

/// What parameters are read for.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) parameters: &'a Parameters,
    /// Microseconds UTC.
    pub(super) now: i64,
    /// The types that are searched; all where none is named.
    pub(super) types: &'a [String],
    /// Steps of chains that may still be tried.
    pub(super) steps: &'a Cell<usize>,
}

impl<'a> Scope<'a> {
    /// What a parameter asks.
    pub(super) fn condition(self, name: &str, value: &str) -> Result<Condition, Refused> {
        self.chained(name, value, CHAIN_MAX)
    }

    fn chained(self, name: &str, value: &str, links: usize) -> Result<Condition, Refused> {
        let Some(links) = links.checked_sub(1) else {
            let message = format!("a chain has more than {CHAIN_MAX} links");
            return Err(refuse(codes::SEARCH_LIMIT, name, message));
        };
        if let Some(rest) = name.strip_prefix("_has:") {
            return self.reverse(rest, value, links);
        }
        if let Some((link, rest)) = name.split_once('.') {
            let (code, kind) = link.split_once(':').map_or((link, None), |(code, kind)| (code, Some(kind)));
            return self.linked(code, kind, &|scope| scope.chained(rest, value, links));
        }
        let (code, modifier) = name.split_once(':').map_or((name, None), |(code, name)| (code, Some(name)));
        let modifier = match modifier {
            None => Modifier::None,
            Some(word) => Modifier::named(word, self.parameters).ok_or_else(|| {
                refuse(codes::SEARCH_MODIFIER, name, "this is no modifier of FHIR R4".to_owned())
            })?,
        };
        self.plain(code, modifier, value)
    }

    fn plain(self, code: &str, modifier: Modifier<'_>, value: &str) -> Result<Condition, Refused> {
        if !is_offered(code) {
            let message = "this parameter is not offered".to_owned();
            return Err(refuse(codes::SEARCH_UNSUPPORTED, code, message));
        }
        let values = split(value, ',');
        if values.len() > VALUES_MAX {
            return Err(refuse(
                codes::SEARCH_LIMIT,
                code,
                format!("a list has more than {VALUES_MAX} values"),
            ));
        }
        if modifier != Modifier::Missing {
            match code {
                "_id" => return ids(modifier, &values),
                UPDATED => return self.updated(modifier, &values),
                "_list" => return self.list(modifier, &values),
                "_filter" => return self.filter(value),
                _ => {}
            }
        }
        let known = self.known(code)?;
        if modifier == Modifier::Missing {
            // Every resource that is stored has an id and a time of update.
            let present = match code {
                "_id" | UPDATED => Condition::Everything,
                _ => Condition::Any(known.iter().map(|(_, it)| Condition::Present(it.slot)).collect()),
            };
            return match value {
                "true" => Ok(Condition::Not(Box::new(present))),
                "false" => Ok(present),
                _ => Err(refuse(codes::SEARCH_VALUE, code, "`:missing` is `true` or `false`".to_owned())),
            };
        }
        let mut parts = Vec::new();
        for (kind, parameter) in known {
            let asker = Asker { parameters: self.parameters, now: self.now, kind, parameter };
            for value in &values {
                let tests = asker.tests(modifier, value)?;
                parts.extend(tests.into_iter().map(|test| Condition::Test { slot: parameter.slot, test }));
            }
        }
        let one = Condition::Any(parts);
        Ok(if modifier.is_negative() { Condition::Not(Box::new(one)) } else { one })
    }

    /// The parameter of a name, for each type that is searched: once where all types share it.
    pub(super) fn known(self, code: &str) -> Result<Vec<(&'a str, &'a Parameter)>, Refused> {
        let all = self.parameters.types();
        let of = |kind: &'a str| self.parameters.find(kind, code).map(|parameter| (kind, parameter));
        let common = all.first().and_then(|kind| of(kind)).filter(|(_, parameter)| parameter.owner == ANY);
        if let Some(common) = common {
            return Ok(vec![common]);
        }
        let found: Vec<_> = self.types.iter().filter_map(|kind| of(kind)).collect();
        if found.is_empty() || found.len() < self.types.len() {
            return Err(self.unknown(code));
        }
        Ok(found)
    }

    fn unknown(self, code: &str) -> Refused {
        let mut codes: Vec<&str> = Vec::new();
        for kind in self.types {
            codes.extend(self.parameters.of_type(kind).iter().map(|known| known.code.as_str()));
        }
        codes.extend(["_id", "_lastUpdated", "_tag", "_profile", "_security", "_source", "_sort", "_count"]);
        let whose = match self.types {
            [] => "each type".to_owned(),
            [kind] => format!("`{kind}`"),
            _ => "all of the types".to_owned(),
        };
        let message = format!("`{}` is no search parameter of {whose}", shown(code));
        let issue = Issue::error(codes::SEARCH_PARAMETER, Span::default(), message).at(shown(code));
        Refusal::Unknown(Box::new(match nearest(code, codes) {
            Some(near) => issue.with_help(format!("did you mean `{near}`?")),
            None => issue,
        }))
    }

    /// Resources that refer by a parameter to some that pass.
    pub(super) fn linked(
        self,
        code: &str,
        kind: Option<&str>,
        inner: &dyn Fn(Scope<'_>) -> Result<Condition, Refused>,
    ) -> Result<Condition, Refused> {
        let mut parts = Vec::new();
        let mut last = None;
        for (_, parameter) in self.known(code)? {
            if parameter.kind != ParameterKind::Reference {
                let message = "a chain goes on from a reference alone".to_owned();
                return Err(refuse(codes::SEARCH_CHAIN, code, message));
            }
            let is_target = |name: &&str| {
                let targets = &parameter.targets;
                let is_any = targets.is_empty() || targets.iter().any(|target| target == ANY);
                (is_any || targets.iter().any(|target| target == name))
                    && kind.is_none_or(|kind| kind == *name)
            };
            let mut groups: Vec<(Vec<String>, Condition)> = Vec::new();
            for target in self.parameters.types().into_iter().filter(is_target) {
                let Some(left) = self.steps.get().checked_sub(1) else {
                    let message = format!("chains lead through more than {CHAIN_STEPS_MAX} types");
                    return Err(refuse(codes::SEARCH_LIMIT, code, message));
                };
                self.steps.set(left);
                let types = [target.to_owned()];
                match inner(Scope { types: &types, ..self }) {
                    Ok(condition) => match groups.iter_mut().find(|(_, known)| *known == condition) {
                        Some((types, _)) => types.push(target.to_owned()),
                        None => groups.push((types.to_vec(), condition)),
                    },
                    // A limit is one of the whole request; anything else may be what this one type lacks.
                    Err(Refusal::Issue(issue)) if issue.code == codes::SEARCH_LIMIT => {
                        return Err(Refusal::Issue(issue));
                    }
                    Err(refused) => last = Some(refused),
                }
            }
            for (types, condition) in groups {
                let to = self.select(condition, types)?;
                parts.push(Condition::Refers { slot: parameter.slot, to });
            }
        }
        match (parts.is_empty(), last) {
            (false, _) => Ok(Condition::Any(parts)),
            // What one type lacks another may have: only what none has is told, and it is no unknown parameter of
            // the type that is searched.
            (true, Some(Refusal::Issue(issue) | Refusal::Unknown(issue))) => Err(Refusal::Issue(issue)),
            (true, None) => {
                let message = "the reference does not lead to a resource of this type".to_owned();
                Err(refuse(codes::SEARCH_CHAIN, code, message))
            }
        }
    }

    /// `Type:reference:rest`: resources that some of a type refer to which pass the rest.
    fn reverse(self, text: &str, value: &str, links: usize) -> Result<Condition, Refused> {
        let form = || {
            let message = "`_has` is written as `_has:Type:reference:parameter`".to_owned();
            refuse(codes::SEARCH_CHAIN, "_has", message)
        };
        let (kind, rest) = text.split_once(':').ok_or_else(form)?;
        let (code, rest) = rest.split_once(':').ok_or_else(form)?;
        let parameter = self.parameters.find(kind, code);
        let Some(parameter) = parameter.filter(|it| it.kind == ParameterKind::Reference) else {
            let message = "the type has no such reference parameter".to_owned();
            return Err(refuse(codes::SEARCH_CHAIN, "_has", message));
        };
        let types = [kind.to_owned()];
        let inner =
            Scope { types: &types, ..self }.chained(rest, value, links).map_err(|refused| match refused {
                Refusal::Issue(issue) | Refusal::Unknown(issue) => Refusal::Issue(issue),
            })?;
        let by = self.select(inner, types.to_vec())?;
        Ok(Condition::ReferredBy { slot: parameter.slot, by })
    }

    fn select(self, condition: Condition, types: Vec<String>) -> Result<Selection, Refused> {
        told(&condition)?;
        Ok(condition.select(types, self.parameters).0)
    }

    fn updated(self, modifier: Modifier<'_>, values: &[&str]) -> Result<Condition, Refused> {
        if modifier != Modifier::None {
            let message = "a parameter of the type `date` does not take this modifier".to_owned();
            return Err(refuse(codes::SEARCH_MODIFIER, UPDATED, message));
        }
        let test = |text: &&str| {
            let (prefix, date) = Prefix::read(text);
            self.updated_by(prefix, date)
        };
        values.iter().map(test).collect::<Result<_, _>>().map(Condition::Any)
    }

    /// Resources by the time of their last update.
    pub(super) fn updated_by(self, prefix: Prefix, date: &str) -> Result<Condition, Refused> {
        let span = dates(&date.replace(' ', "+"));
        let wrong = || refuse(codes::SEARCH_VALUE, UPDATED, "the value is not of the type `date`".to_owned());
        Ok(Condition::Updated(date_test(prefix, span.ok_or_else(wrong)?, self.now)))
    }

    /// Members of a List resource.
    fn list(self, modifier: Modifier<'_>, values: &[&str]) -> Result<Condition, Refused> {
        let item = self.parameters.find("List", "item").filter(|_| modifier == Modifier::None);
        // A list that the server works out itself, as `$current-allergies`, is none that is stored.
        let plain = values.iter().all(|id| !id.starts_with('$') && !id.is_empty());
        let Some(item) = item.filter(|_| plain) else {
            let message = "lists are asked for by the id of a List".to_owned();
            return Err(refuse(codes::SEARCH_UNSUPPORTED, "_list", message));
        };
        let ids = values.iter().map(|id| unescape(id).into_owned()).collect();
        let by = self.select(Condition::Ids(ids), vec!["List".to_owned()])?;
        Ok(Condition::ReferredBy { slot: item.slot, by })
    }

    /// A test of a parameter of each type that is searched.
    pub(super) fn each(
        self,
        code: &str,
        tests: &dyn Fn(Asker<'_>) -> Result<Vec<Test>, Refused>,
    ) -> Result<Condition, Refused> {
        let mut parts = Vec::new();
        for (kind, parameter) in self.known(code)? {
            let asker = Asker { parameters: self.parameters, now: self.now, kind, parameter };
            let tests = tests(asker)?;
            parts.extend(tests.into_iter().map(|test| Condition::Test { slot: parameter.slot, test }));
        }
        Ok(Condition::Any(parts))
    }
}

/// A condition that keys and documents together decide. Where one alternative asks other resources and another one
/// what no key tells, neither can.
pub(super) fn told(condition: &Condition) -> Result<(), Refused> {
    if condition.is_told() {
        return Ok(());
    }
    let message = "a chain cannot stand beside a text search as its alternative".to_owned();
    Err(refuse(codes::SEARCH_UNSUPPORTED, "_filter", message))
}

fn ids(modifier: Modifier<'_>, values: &[&str]) -> Result<Condition, Refused> {
    let ids: Vec<String> = values.iter().map(|id| unescape(id).into_owned()).collect();
    if ids.iter().any(String::is_empty) {
        return Err(refuse(codes::SEARCH_VALUE, "_id", "an id is empty".to_owned()));
    }
    match modifier {
        Modifier::None => Ok(Condition::Ids(ids)),
        Modifier::Not => Ok(Condition::Not(Box::new(Condition::Ids(ids)))),
        _ => {
            let message = "`_id` takes the modifier `:not` alone".to_owned();
            Err(refuse(codes::SEARCH_MODIFIER, "_id", message))
        }
    }
}
