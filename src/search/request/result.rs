//! Parameters of the result: order, pages, what comes with the matches (FHIR R4, "Search", "Managing Returned
//! Resources").

use super::parameter::Scope;
use super::{Refused, State, refuse};
use crate::diag::codes;
use crate::search::clause::{Cursor, Direction, Include, Sort, SortBy, Summary, Total};
use crate::search::table::{ANY, Parameter, ParameterKind};

/// What `_include` and `_revinclude` of one search may come to, with `*` written out.
pub const INCLUDES_MAX: usize = 2_000;
/// Keys of one order.
const SORTS_MAX: usize = 8;
/// Bytes of the name of a page.
const CURSOR_BYTES_MAX: usize = 1_024;

impl State {
    /// True for a parameter of the result, which is then read.
    pub(super) fn result(&mut self, scope: Scope<'_>, name: &str, value: &str) -> Result<bool, Refused> {
        let wrong = || refuse(codes::SEARCH_RESULT, name, "the value is none that it takes".to_owned());
        let (plain, modifier) = name.split_once(':').map_or((name, None), |(name, word)| (name, Some(word)));
        match plain {
            // Read with the types before, and of the answer's form.
            "_type" | "_format" | "_pretty" => {}
            "_sort" => self.sort = sorts(scope, value)?,
            "_count" => self.count = Some(value.parse().map_err(|_| wrong())?),
            "_page" => {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
                if value.is_empty() || value.len() > CURSOR_BYTES_MAX || !value.bytes().all(is_plain) {
                    return Err(wrong());
                }
                self.page = Some(Cursor(value.to_owned()));
            }
            "_total" => {
                self.total = match value {
                    "none" => Total::None,
                    "estimate" => Total::Estimate,
                    "accurate" => Total::Accurate,
                    _ => return Err(wrong()),
                }
            }
            "_summary" => {
                self.summary = match value {
                    "true" => Summary::True,
                    "false" => Summary::False,
                    "text" => Summary::Text,
                    "data" => Summary::Data,
                    "count" => Summary::Count,
                    _ => return Err(wrong()),
                }
            }
            "_elements" => self.elements.extend(elements(scope, value).ok_or_else(wrong)?),
            // What is contained is part of what contains it, as the default has it.
            "_contained" if value == "false" => {}
            "_include" => {
                let includes = includes(scope, modifier, value, name)?;
                add(&mut self.include, includes, name)?;
            }
            "_revinclude" => {
                let includes = reverse_includes(scope, modifier, value, name)?;
                add(&mut self.reverse_include, includes, name)?;
            }
            _ => return Ok(false),
        }
        if modifier.is_some() && !matches!(plain, "_include" | "_revinclude") {
            return Err(refuse(codes::SEARCH_MODIFIER, name, "this parameter takes no modifier".to_owned()));
        }
        Ok(true)
    }
}

fn add(all: &mut Vec<Include>, more: Vec<Include>, name: &str) -> Result<(), Refused> {
    for include in more {
        if !all.contains(&include) {
            all.push(include);
        }
    }
    if all.len() > INCLUDES_MAX {
        return Err(refuse(
            codes::SEARCH_LIMIT,
            name,
            format!("more than {INCLUDES_MAX} references are followed"),
        ));
    }
    Ok(())
}

fn sorts(scope: Scope<'_>, value: &str) -> Result<Vec<Sort>, Refused> {
    let sort = |text: &str| {
        let (code, direction) = match text.strip_prefix('-') {
            Some(code) => (code, Direction::Descending),
            None => (text, Direction::Ascending),
        };
        Ok(Sort { by: sort_by(scope, code)?, direction })
    };
    if value.split(',').count() > SORTS_MAX {
        return Err(refuse(codes::SEARCH_LIMIT, "_sort", format!("an order has more than {SORTS_MAX} keys")));
    }
    value.split(',').map(sort).collect()
}

fn sort_by(scope: Scope<'_>, code: &str) -> Result<SortBy, Refused> {
    match code {
        "_id" => return Ok(SortBy::Id),
        "_lastUpdated" => return Ok(SortBy::Updated),
        _ => {}
    }
    let known = scope.known(code).map_err(|_| {
        refuse(codes::SEARCH_RESULT, "_sort", "there is no such search parameter to sort by".to_owned())
    })?;
    let slots = known.iter().map(|(_, parameter)| parameter.slot).collect();
    let all = |test: fn(ParameterKind) -> bool| known.iter().all(|(_, parameter)| test(parameter.kind));
    if all(|kind| matches!(kind, ParameterKind::Date | ParameterKind::Number | ParameterKind::Quantity)) {
        Ok(SortBy::Range(slots))
    } else if all(|kind| matches!(kind, ParameterKind::String | ParameterKind::Uri)) {
        Ok(SortBy::Text(slots))
    } else {
        let message = "results are sorted by dates, numbers, quantities, strings and uris".to_owned();
        Err(refuse(codes::SEARCH_UNSUPPORTED, "_sort", message))
    }
}

/// Names of elements, perhaps with the type before them. An element of another type than those that are searched is
/// one of what is included.
fn elements(scope: Scope<'_>, value: &str) -> Option<Vec<String>> {
    let schema = scope.parameters.schema();
    let is_name = |name: &str| {
        let first = name.split('.').next().unwrap_or(name);
        let base = schema.names().get(first).is_some() || schema.names().get(name).is_some();
        let choice = || {
            scope
                .types
                .iter()
                .filter_map(|kind| schema.type_named(kind))
                .any(|ty| schema.choice(ty, name).is_some())
        };
        base || choice()
    };
    let names: Vec<String> = value.split(',').map(str::trim).map(str::to_owned).collect();
    names
        .iter()
        .all(|name| {
            let (kind, rest) = name.split_once('.').unwrap_or(("", name));
            if scope.parameters.has_type(kind) { is_name(rest) } else { is_name(name) }
        })
        .then_some(names)
}

fn is_iterated(modifier: Option<&str>, name: &str) -> Result<bool, Refused> {
    match modifier {
        None => Ok(false),
        // `recurse` is what STU3 called it.
        Some("iterate" | "recurse") => Ok(true),
        Some(_) => {
            Err(refuse(codes::SEARCH_MODIFIER, name, "this parameter takes `:iterate` alone".to_owned()))
        }
    }
}

/// `*`, `Type:*`, `Type:parameter` or `Type:parameter:Target`.
fn includes(
    scope: Scope<'_>,
    modifier: Option<&str>,
    value: &str,
    name: &str,
) -> Result<Vec<Include>, Refused> {
    let is_iterated = is_iterated(modifier, name)?;
    if value == "*" {
        let sources: Vec<&str> = match scope.types {
            [] => scope.parameters.types(),
            types => types.iter().map(String::as_str).collect(),
        };
        return Ok(sources.into_iter().flat_map(|source| all_of(scope, source, None, is_iterated)).collect());
    }
    named(scope, value, is_iterated, name)
}

fn reverse_includes(
    scope: Scope<'_>,
    modifier: Option<&str>,
    value: &str,
    name: &str,
) -> Result<Vec<Include>, Refused> {
    let is_iterated = is_iterated(modifier, name)?;
    if value != "*" {
        return named(scope, value, is_iterated, name);
    }
    let sources = scope.parameters.types();
    let leads = |parameter: &Parameter| {
        scope.types.is_empty() || scope.types.iter().any(|kind| may_lead_to(parameter, kind))
    };
    let mut found = Vec::new();
    for source in sources {
        let references = scope.parameters.of_type(source).iter().filter(|it| is_reference(it) && leads(it));
        found.extend(references.map(|parameter| Include {
            source: source.to_owned(),
            slot: parameter.slot,
            target: None,
            is_iterated,
        }));
    }
    Ok(found)
}

fn is_reference(parameter: &Parameter) -> bool {
    parameter.kind == ParameterKind::Reference
}

fn may_lead_to(parameter: &Parameter, kind: &str) -> bool {
    let targets = &parameter.targets;
    targets.is_empty() || targets.iter().any(|target| target == kind || target == ANY)
}

fn all_of(scope: Scope<'_>, source: &str, target: Option<&str>, is_iterated: bool) -> Vec<Include> {
    let all = scope.parameters.of_type(source).iter();
    let all = all.filter(|it| is_reference(it) && target.is_none_or(|kind| may_lead_to(it, kind)));
    all.map(|parameter| Include {
        source: source.to_owned(),
        slot: parameter.slot,
        target: target.map(str::to_owned),
        is_iterated,
    })
    .collect()
}

fn named(scope: Scope<'_>, value: &str, is_iterated: bool, name: &str) -> Result<Vec<Include>, Refused> {
    let wrong = |message: &str| refuse(codes::SEARCH_RESULT, name, message.to_owned());
    let mut parts = value.split(':');
    let (source, code, target) = (parts.next().unwrap_or(""), parts.next(), parts.next());
    let (Some(code), None) = (code, parts.next()) else {
        return Err(wrong("it is written as `Type:parameter` or `Type:parameter:Target`"));
    };
    let target = target.filter(|target| !target.is_empty());
    if !scope.parameters.has_type(source) || target.is_some_and(|target| !scope.parameters.has_type(target)) {
        return Err(wrong("it names a resource type that is none"));
    }
    if code == "*" {
        return Ok(all_of(scope, source, target, is_iterated));
    }
    let parameter = scope.parameters.find(source, code).filter(|it| is_reference(it));
    let parameter = parameter.ok_or_else(|| wrong("the type has no such reference parameter"))?;
    if target.is_some_and(|target| !may_lead_to(parameter, target)) {
        return Err(wrong("the reference does not lead to resources of this type"));
    }
    Ok(vec![Include {
        source: source.to_owned(),
        slot: parameter.slot,
        target: target.map(str::to_owned),
        is_iterated,
    }])
}
