//! Single values: a rule for each way in which a text may become a value, or a value a text.

use super::condition::SAYS;
use super::draft::{
    Draft, FIRST, create, expression, function, path, source, string, target, text, variable,
};
use super::place::{Chain, Make};
use super::read::Take;
use super::same::Every;
use super::value::{self, Reading, Value};
use super::{Direction, Exporter, Side, Var};
use crate::mapping::Format;
use crate::mapping::SOURCE_TEXT;
use crate::mapping::fml::Function;
use crate::mapping::fml::model::{Target, Transform};
use crate::mapping::program::{Leaf, Path, Primitive};
use crate::tree::Name;

/// One value, or a value of each item: the paths, and how their ends are taken and made.
pub(super) struct Single<'a> {
    pub(super) leaf: &'a Leaf,
    pub(super) read: &'a Path,
    pub(super) write: &'a Path,
    pub(super) take: Take,
    pub(super) make: Make,
}

/// The ways to read a value.
struct Told {
    /// What each of them starts from.
    first: Vec<Target>,
    /// The condition of each.
    fits: Vec<Option<String>>,
    readings: Vec<Reading>,
    /// The variable that holds the value.
    held: Var,
}

impl<'a> Exporter<'a> {
    pub(super) fn leaf(&mut self, leaf: &'a Leaf) -> Vec<Draft> {
        if self.every == Every::Only {
            return self.every_leaf(leaf);
        }
        let (read, write) = self.sides(&leaf.source, &leaf.target);
        self.single(&Single { leaf, read, write, take: Take::First, make: Make::Shared })
    }

    pub(super) fn single(&mut self, single: &Single<'_>) -> Vec<Draft> {
        let valued = self.scoped(|this| this.valued(single));
        let silent =
            if self.has_beside(single.leaf) { self.scoped(|this| this.without_value(single)) } else { None };
        valued.into_iter().chain(silent).collect()
    }

    /// The rule for values: one, or below it one for each way in which they are read.
    fn valued(&mut self, single: &Single<'_>) -> Option<Draft> {
        let mut reading = self.read(single.read, single.take, None, "v")?;
        if self.direction == Direction::Forward && self.is_end_text(reading.var.ty) {
            let run = self.var("text", reading.var.ty);
            let mut level = Draft::of(source(&reading.var.name, Some("xmlText")), true);
            level.source.variable = Some(text(&run.name));
            level.source.list_mode = FIRST;
            reading.levels.push(level);
            reading.var = run;
        }
        let var = reading.var.clone();
        let told = self.told(single, &var);
        if told.readings.is_empty() {
            self.cannot("no expression of FHIRPath says what so many conversions do");
        }
        let mut ways = Vec::new();
        for (fits, way) in told.fits.into_iter().zip(&told.readings) {
            let mut draft = Draft::guarded(&var.name, fits.as_deref());
            let made = self.scoped(|this| this.write_value(&mut draft, single, way, (&var, &told.held)));
            ways.extend(made.map(|()| draft));
        }
        let blank = self.not_blank(single);
        let is_plain = ways.len() == 1 && told.first.is_empty();
        let own = if is_plain { ways.first_mut().and_then(|way| way.source.condition.take()) } else { None };
        let asked: Vec<String> = blank.into_iter().chain(own.map(|own| own.text)).collect();
        let is_chosen = reading.levels.last().is_none_or(|level| level.source.list_mode.is_some());
        if is_chosen && (!asked.is_empty() || reading.levels.is_empty()) {
            // A condition would choose among several; it is asked of the one that is chosen.
            reading.levels.push(Draft::on(&var.name));
        }
        (!ways.is_empty()).then(|| {
            reading.end(|draft| {
                let own = draft.source.condition.take().map(|own| own.text);
                let all: Vec<String> = own.into_iter().chain(asked).collect();
                draft.source.condition = (!all.is_empty()).then(|| expression(&all.join(" and ")));
                draft.targets = told.first;
                if is_plain {
                    for way in ways {
                        draft.targets.extend(way.targets);
                        draft.rules.extend(way.rules);
                    }
                } else {
                    draft.rules = ways;
                }
            })
        })
    }

    /// The ways to read the value of a variable.
    fn told(&mut self, single: &Single<'_>, var: &Var) -> Told {
        let leaf = single.leaf;
        let here = format!("%{}", var.name);
        let fits = |readings: Vec<Reading>| readings.into_iter().map(|reading| reading.fits).collect();
        match self.direction {
            Direction::Forward => {
                let readings = value::forward(leaf, &self.unit_text(&here));
                if readings.len() < 2 || self.program.format != Format::Xml {
                    let fits = fits(value::forward(leaf, &self.unit_text("$this")));
                    return Told { first: Vec::new(), fits, readings, held: var.clone() };
                }
                // Each way would have to say how the text is laid out.
                let held = self.var("tidy", var.ty);
                let readings = value::forward(leaf, &format!("%{}", held.name));
                let tidy = bound(&self.unit_text(&here), &held);
                Told { first: vec![tidy], fits: fits(readings.clone()), readings, held }
            }
            // Where nothing is converted and every text has a place, the unit's own never stands beside it.
            Direction::Backward
                if leaf.convert.is_empty() && leaf.primitive == Primitive::Text && leaf.own.is_none() =>
            {
                let fits = fits(value::backward(leaf, "$this", None));
                Told {
                    first: Vec::new(),
                    fits,
                    readings: value::backward(leaf, &here, None),
                    held: var.clone(),
                }
            }
            Direction::Backward => {
                let (held, words) = (self.var("value", var.ty), self.var("words", var.ty));
                let expressions = [format!("%{}", held.name), format!("%{}", words.name)];
                let mut readings = value::backward(leaf, &expressions[0], Some(&expressions[1]));
                if self.is_restating {
                    // The text of another unit beside the value stays in the resource.
                    let alone = value::backward(leaf, &expressions[0], None);
                    readings = in_turn(readings, alone);
                }
                let first = vec![
                    bound(&format!("{here}.where(hasValue())"), &held),
                    bound(&format!("{here}.extension('{SOURCE_TEXT}').value"), &words),
                ];
                Told { first, fits: fits(readings.clone()), readings, held }
            }
        }
    }

    /// The unit's text as an expression. In XML white space around it and line breaks in it are layout.
    fn unit_text(&self, here: &str) -> String {
        match self.program.format {
            Format::Csv | Format::Er7 => here.to_owned(),
            Format::Xml => format!(
                "iif({here}.matches('^.*\\\\S.*[\\n\\t].*\\\\S.*$'), {here}.replaceMatches('\\\\s+', ' '), {here}).replaceMatches('^\\\\s+|\\\\s+$', '')"
            ),
            Format::Json | Format::Fhir => format!("{here}.toString()"),
        }
    }

    /// A text of nothing but white space says nothing.
    fn not_blank(&self, single: &Single<'_>) -> Option<String> {
        if self.direction == Direction::Backward {
            return None;
        }
        let text = match self.program.format {
            Format::Xml | Format::Csv | Format::Er7 => "$this",
            Format::Fhir if single.leaf.convert.is_empty() => return None,
            Format::Json | Format::Fhir => "$this.toString()",
        };
        Some(format!("{text}.{SAYS}"))
    }

    fn write_value(
        &mut self,
        draft: &mut Draft,
        single: &Single<'_>,
        reading: &Reading,
        (var, held): (&Var, &Var),
    ) -> Option<()> {
        let mut chain = Chain::default();
        let Some(last) = single.write.steps.last() else {
            let around = self.known(Side::Write, single.write.slot)?;
            let value = self.transform(&mut chain, single, reading, held)?;
            chain.targets.push(target(Some(path(&around.name, Some("value"))), Some(value), None));
            draft.targets = chain.targets;
            return Some(());
        };
        let silent = matches!(reading.value, Value::Nothing);
        if silent && (reading.beside.is_none() || matches!(last.name, Name::ID | Name::URL)) {
            return None;
        }
        if self.direction == Direction::Backward && self.is_end_text(self.element(last).ty) {
            let made = self.reach(&mut chain, single.write, single.make, None, "")?;
            self.state(&mut chain);
            let value = self.transform(&mut chain, single, reading, held)?;
            chain.targets.push(target(Some(path(&made.name, Some("xmlText"))), Some(value), None));
            chain.fill(draft, &var.name);
            return Some(());
        }
        let around = self.reach_above(&mut chain, single.write, 1, single.make, (None, ""))?;
        self.state(&mut chain);
        let has_beside = self.has_beside(single.leaf);
        let made = if silent {
            Some(self.silent(&mut chain, &around, last))
        } else {
            let value = self.transform(&mut chain, single, reading, held)?;
            self.assign(&mut chain, &around, last, value, reading.beside.is_some() || has_beside)
        };
        if let Some(made) = made {
            if let Some(beside) = &reading.beside {
                self.write_beside(&mut chain, &made, beside, held);
            }
            if has_beside {
                draft.rules.extend(self.copy_beside(var, &made));
            }
        }
        chain.fill(draft, &var.name);
        Some(())
    }

    /// True for a primitive of FHIR on both sides that is converted: what stands beside it goes with it.
    fn has_beside(&self, leaf: &Leaf) -> bool {
        self.program.format == Format::Fhir && !leaf.convert.is_empty()
    }

    /// Copies the id and the extensions of a primitive, but for the unit's own text.
    fn copy_beside(&mut self, var: &Var, made: &Var) -> Vec<Draft> {
        ["id", "extension"]
            .map(|element| {
                self.scoped(|this| {
                    let beside = this.var(element, crate::schema::UNKNOWN);
                    let mut copies = Draft::of(source(&var.name, Some(element)), false);
                    copies.source.variable = Some(text(&beside.name));
                    if this.direction == Direction::Backward && element == "extension" {
                        copies.source.condition = Some(expression(&format!("url != '{SOURCE_TEXT}'")));
                    }
                    let place = path(&made.name, Some(element));
                    let copy = Transform::Copy(variable(&beside.name));
                    copies.targets.push(target(Some(place), Some(copy), None));
                    copies
                })
            })
            .into()
    }

    /// How a value is made of the variable.
    fn transform(
        &mut self,
        chain: &mut Chain,
        single: &Single<'_>,
        reading: &Reading,
        var: &Var,
    ) -> Option<Transform> {
        match &reading.value {
            Value::Nothing => None,
            Value::Expression(value) => Some(self.given(value, var)),
            Value::Translate { text, rows } => {
                let name = single.write.steps.last().map_or_else(String::new, |step| self.element(step).name);
                let id = self.codes.id(&name, rows);
                let code = if is_raw(text, &var.name) {
                    var.name.clone()
                } else {
                    let code = self.var("code", var.ty);
                    let value = Some(Transform::Evaluate(expression(text)));
                    chain.targets.push(target(None, value, Some(&code.name)));
                    code.name
                };
                let map = format!("#{id}");
                let arguments = vec![variable(&code), string(&map), string("code")];
                Some(function(Function::Translate, arguments))
            }
        }
    }

    /// An expression on a variable, or the variable where it says no more.
    fn given(&self, text: &str, var: &Var) -> Transform {
        if !is_raw(text, &var.name) {
            return Transform::Evaluate(expression(text));
        }
        if self.direction == Direction::Backward && self.program.format != Format::Fhir {
            // The extensions of a primitive have no place in a document that is not FHIR.
            return Transform::Evaluate(expression(&format!("%{}.toString()", var.name)));
        }
        Transform::Copy(variable(&var.name))
    }

    /// The unit's own text, which the value does not tell exactly.
    fn write_beside(&mut self, chain: &mut Chain, made: &Var, beside: &str, var: &Var) {
        let (extension, held) = (
            self.var("extension", self.type_named("Extension")),
            self.var("held", self.type_named("string")),
        );
        let place = |name: &Var, element: &str| Some(path(&name.name, Some(element)));
        chain.targets.push(target(place(made, "extension"), None, Some(&extension.name)));
        let url = Some(Transform::Copy(string(SOURCE_TEXT)));
        chain.targets.push(target(place(&extension, "url"), url, None));
        chain.targets.push(target(place(&extension, "value"), Some(create("string")), Some(&held.name)));
        let text = self.given(beside, var);
        chain.targets.push(target(place(&held, "value"), Some(text), None));
    }

    /// A primitive of FHIR that has extensions and no value.
    fn without_value(&mut self, single: &Single<'_>) -> Option<Draft> {
        let reading = self.read(single.read, single.take, None, "v")?;
        let last = single.write.steps.last()?;
        let mut chain = Chain::default();
        let around = self.reach_above(&mut chain, single.write, 1, single.make, (None, ""))?;
        self.state(&mut chain);
        let made = self.silent(&mut chain, &around, last);
        let copies = self.copy_beside(&reading.var, &made);
        Some(reading.end(|draft| {
            draft.source.condition = Some(expression("hasValue().not()"));
            draft.targets = chain.targets;
            draft.rules.extend(copies);
        }))
    }
}

/// Readings of which the second ones are taken where none of the first fits.
pub(super) fn in_turn(first: Vec<Reading>, second: Vec<Reading>) -> Vec<Reading> {
    let fits: Option<Vec<String>> = first.iter().map(|reading| reading.fits.clone()).collect();
    let Some(fits) = fits else { return first };
    let none = format!("iif({}, false, true)", fits.join(" or "));
    let second = second.into_iter().map(|reading| Reading {
        fits: Some(reading.fits.map_or_else(|| none.clone(), |fits| format!("{none} and {fits}"))),
        ..reading
    });
    first.into_iter().chain(second).collect()
}

/// The variable of an expression.
pub(super) fn bound(value: &str, variable: &Var) -> Target {
    target(None, Some(Transform::Evaluate(expression(value))), Some(&variable.name))
}

/// True for an expression that gives the text of a variable as it stands.
fn is_raw(text: &str, variable: &str) -> bool {
    let rest = text.strip_prefix('%').and_then(|text| text.strip_prefix(variable));
    rest.is_some_and(|rest| matches!(rest, "" | ".toString()"))
}
