//! Single values: a rule for each way in which a text may become a value, or a value a text.

use super::condition::SAYS;
use super::draft::{Draft, FIRST, create, expression, function, path, source, string, target, text, variable};
use super::place::{Chain, Make};
use super::read::Take;
use super::value::{self, Reading, Value};
use super::{Direction, Exporter, Side, Var};
use crate::mapping::Format;
use crate::mapping::SOURCE_TEXT;
use crate::mapping::fml::Function;
use crate::mapping::fml::model::Transform;
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

impl<'a> Exporter<'a> {
    pub(super) fn leaf(&mut self, leaf: &'a Leaf) -> Vec<Draft> {
        let (read, write) = self.sides(&leaf.source, &leaf.target);
        self.single(&Single { leaf, read, write, take: Take::First, make: Make::Shared })
    }

    pub(super) fn single(&mut self, single: &Single<'_>) -> Vec<Draft> {
        let valued = self.scoped(|this| this.valued(single));
        let is_beside = self.program.format == Format::Fhir && !single.leaf.convert.is_empty();
        let silent = if is_beside { self.scoped(|this| this.without_value(single)) } else { None };
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
        } else if reading.levels.last().is_none_or(|level| level.source.list_mode.is_some()) {
            // A condition would choose among several; it is asked of the one that is chosen.
            reading.levels.push(Draft::on(&reading.var.name));
        }
        let var = reading.var.clone();
        let here = format!("%{}", var.name);
        // Of a text that is laid out in XML several ways would each have to say how it is read.
        let is_tidied = self.direction == Direction::Forward
            && self.program.format == Format::Xml
            && value::forward(single.leaf, &here).len() > 1;
        let tidied = is_tidied.then(|| self.var("tidy", var.ty));
        let (told, asked) = match &tidied {
            Some(tidied) => {
                let told = value::forward(single.leaf, &format!("%{}", tidied.name));
                (told.clone(), told)
            }
            None => (self.told(single, &here), self.told(single, "$this")),
        };
        let held = tidied.clone().unwrap_or_else(|| var.clone());
        let mut ways = Vec::new();
        for (asked, told) in asked.into_iter().zip(&told) {
            let mut chain = Chain::default();
            let made = self.scoped(|this| this.write_value(&mut chain, single, told, &held));
            ways.extend(made.map(|()| (asked.fits, chain.targets)));
        }
        if ways.is_empty() {
            return None;
        }
        let blank = self.not_blank(single);
        let tidy = tidied.map(|tidied| {
            let text = Transform::Evaluate(expression(&self.unit_text(&here)));
            target(None, Some(text), Some(&tidied.name))
        });
        Some(reading.end(|draft| {
            let own = draft.source.condition.take().map(|own| own.text);
            let mut all: Vec<String> = own.into_iter().chain(blank).collect();
            let several = ways.len() > 1 || tidy.is_some();
            draft.targets.extend(tidy);
            for (fits, targets) in ways {
                if several {
                    let mut way = Draft::guarded(&var.name, fits.as_deref());
                    way.targets = targets;
                    draft.rules.push(way);
                } else {
                    all.extend(fits);
                    draft.targets = targets;
                }
            }
            draft.source.condition = (!all.is_empty()).then(|| expression(&all.join(" and ")));
        }))
    }

    /// The ways to read the value at hand, or that of a variable.
    fn told(&self, single: &Single<'_>, here: &str) -> Vec<Reading> {
        let leaf = single.leaf;
        match self.direction {
            Direction::Forward => value::forward(leaf, &self.unit_text(here)),
            Direction::Backward => {
                // Where nothing is converted and every text has a place, the unit's own never stands beside it.
                let has_text = !(leaf.convert.is_empty() && leaf.primitive == Primitive::Text);
                let held = format!("{here}.extension('{SOURCE_TEXT}').value");
                value::backward(leaf, here, has_text.then_some(held.as_str()))
            }
        }
    }

    /// The unit's text as an expression. In XML white space around it and line breaks in it are layout.
    fn unit_text(&self, here: &str) -> String {
        match self.program.format {
            Format::Csv => here.to_owned(),
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
            Format::Json => "$this.toString()",
            Format::Xml | Format::Csv => "$this",
            Format::Fhir if single.leaf.convert.is_empty() => return None,
            Format::Fhir => "$this.toString()",
        };
        Some(format!("{text}.{SAYS}"))
    }

    fn write_value(
        &mut self,
        chain: &mut Chain,
        single: &Single<'_>,
        reading: &Reading,
        var: &Var,
    ) -> Option<()> {
        let Some(last) = single.write.steps.last() else {
            let around = self.known(Side::Write, single.write.slot)?;
            let value = self.transform(chain, single, reading, var)?;
            chain.targets.push(target(Some(path(&around.name, Some("value"))), Some(value), None));
            return Some(());
        };
        let silent = matches!(reading.value, Value::Nothing);
        if silent && (reading.beside.is_none() || matches!(last.name, Name::ID | Name::URL)) {
            return None;
        }
        let around = self.reach_above(chain, single.write, 1, single.make, (None, ""))?;
        self.state(chain);
        let made = if silent {
            Some(self.silent(chain, &around, last))
        } else {
            let value = self.transform(chain, single, reading, var)?;
            self.assign(chain, &around, last, value, reading.beside.is_some())
        };
        if let (Some(made), Some(beside)) = (made, &reading.beside) {
            self.write_beside(chain, &made, beside, var);
        }
        Some(())
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
        if is_raw(text, &var.name) {
            return Transform::Copy(variable(&var.name));
        }
        Transform::Evaluate(expression(text))
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
        let extension = self.var("extension", self.type_named("Extension"));
        let mut copies = Draft::of(source(&reading.var.name, Some("extension")), false);
        copies.source.variable = Some(text(&extension.name));
        let place = path(&made.name, Some("extension"));
        copies.targets.push(target(Some(place), Some(Transform::Copy(variable(&extension.name))), None));
        Some(reading.end(|draft| {
            draft.source.condition = Some(expression("hasValue().not()"));
            draft.targets = chain.targets;
            draft.rules.push(copies);
        }))
    }
}

/// True for an expression that gives the text of a variable as it stands.
fn is_raw(text: &str, variable: &str) -> bool {
    text.strip_prefix('%')
        .and_then(|text| text.strip_prefix(variable))
        .is_some_and(|rest| matches!(rest, "" | ".toString()"))
}
