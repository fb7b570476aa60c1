//! Single values: a rule for each way in which a text may become a value, or a value a text.

use super::draft::{Draft, create, expression, function, path, push, source, string, target, text, variable};
use super::place::{Chain, Make};
use super::read::Take;
use super::value::{self, Reading, Value};
use super::{Direction, Exporter, Side, Var};
use crate::mapping::Format;
use crate::mapping::SOURCE_TEXT;
use crate::mapping::fml::Function;
use crate::mapping::fml::model::Transform;
use crate::mapping::program::{Leaf, Path, Primitive};
use crate::tree::{Kind, Name};

/// One value, or a value of each item: the paths, and how their ends are taken and made.
pub(super) struct Single<'a> {
    pub(super) leaf: &'a Leaf,
    pub(super) read: &'a Path,
    pub(super) write: &'a Path,
    pub(super) take: Take,
    pub(super) make: Make,
}

/// The expressions of a text and what is read of it.
struct Told {
    readings: Vec<Reading>,
    /// The variable holds the text as it is.
    plain: bool,
}

impl<'a> Exporter<'a> {
    pub(super) fn leaf(&mut self, leaf: &'a Leaf) -> Vec<Draft> {
        let (read, write) = self.sides(&leaf.source, &leaf.target);
        self.single(&Single { leaf, read, write, take: Take::First, make: Make::Shared })
    }

    pub(super) fn single(&mut self, single: &Single<'_>) -> Vec<Draft> {
        let mut drafts = Vec::new();
        let count = self.scoped(|this| this.told(single, "$this", "v").map_or(0, |told| told.readings.len()));
        for at in 0..count {
            if let Some(draft) = self.scoped(|this| this.way(single, at)) {
                push(&mut drafts, draft);
            }
        }
        if self.program.format == Format::Fhir && !single.leaf.convert.is_empty() {
            drafts.extend(self.scoped(|this| this.without_value(single)));
        }
        drafts
    }

    /// What is read of a text. `here` stands for the value at hand, or its variable.
    fn told(&self, single: &Single<'_>, here: &str, name: &str) -> Option<Told> {
        let leaf = single.leaf;
        match self.direction {
            Direction::Forward => {
                let text = self.unit_text(single, here);
                let plain = text == here || text == format!("{here}.toString()");
                Some(Told { readings: value::forward(leaf, &text), plain })
            }
            Direction::Backward => {
                // Where nothing is converted and every text has a place, the unit's own never stands beside it.
                let has_text = !(leaf.convert.is_empty() && leaf.primitive == Primitive::Text);
                let held = format!("{here}.extension('{SOURCE_TEXT}').value");
                let readings = value::backward(leaf, here, has_text.then_some(held.as_str()));
                Some(Told { readings, plain: !name.is_empty() })
            }
        }
    }

    /// The unit's text as an expression: without the white space that is layout in XML.
    fn unit_text(&self, single: &Single<'_>, here: &str) -> String {
        let end = single.leaf.source.steps.last().or_else(|| single.read.steps.last());
        match self.program.format {
            Format::Csv => here.to_owned(),
            Format::Xml if end.is_some_and(|end| end.kind == Kind::Attr) => format!("{here}.trim()"),
            Format::Xml => {
                format!(
                    "iif({here}.trim().matches('(?s).*[\\\\n\\\\t].*'), {here}.replaceMatches('\\\\s+', ' '), {here}).trim()"
                )
            }
            Format::Json | Format::Fhir => match single.leaf.source_kind {
                Kind::Str if self.is_temporal(single.read) => format!("({here}.toString() & '')"),
                _ => format!("{here}.toString()"),
            },
        }
    }

    /// True for a date or time, of which an expression sees nothing where it is none.
    fn is_temporal(&self, path: &Path) -> bool {
        let ty = path.steps.last().map(|step| self.element(step).ty);
        let name = ty.map_or("", |ty| self.schema.type_info(ty).name);
        matches!(name, "date" | "dateTime" | "instant" | "time")
    }

    /// The rule for one of the readings.
    fn way(&mut self, single: &Single<'_>, at: usize) -> Option<Draft> {
        let mut reading = self.read(single.read, single.take, None, "v")?;
        let is_text = self.direction == Direction::Forward && self.is_end_text(reading.var.ty);
        if is_text {
            let text_var = self.var("text", reading.var.ty);
            let mut level = Draft::of(source(&reading.var.name, Some("xmlText")), true);
            level.source.variable = Some(text(&text_var.name));
            reading.levels.push(level);
            reading.var = text_var;
        } else if reading.levels.last().is_none_or(|level| level.source.list_mode.is_some()) {
            // A condition would choose among several; it is asked of the one that is chosen.
            reading.levels.push(Draft::on(&reading.var.name));
        }
        let var = reading.var.clone();
        let asked = self.told(single, "$this", &var.name)?;
        let told = self.told(single, &format!("%{}", var.name), &var.name)?;
        let fits = asked.readings.get(at)?.fits.clone();
        let told_here = told.readings.get(at)?;
        let mut chain = Chain::default();
        self.write_value(&mut chain, single, told_here, &var, told.plain)?;
        let blank = self.not_blank(single);
        Some(reading.end(|draft| {
            let own = draft.source.condition.take().map(|own| own.text);
            let all: Vec<String> = own.into_iter().chain(blank).chain(fits).collect();
            draft.source.condition = (!all.is_empty()).then(|| expression(&all.join(" and ")));
            draft.targets = chain.targets;
        }))
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
        Some(format!("{text}.trim() != ''"))
    }

    fn write_value(
        &mut self,
        chain: &mut Chain,
        single: &Single<'_>,
        reading: &Reading,
        var: &Var,
        is_plain: bool,
    ) -> Option<()> {
        let Some(last) = single.write.steps.last() else {
            let around = self.known(Side::Write, single.write.slot)?;
            let value = self.transform(chain, single, reading, var, is_plain)?;
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
            let value = self.transform(chain, single, reading, var, is_plain)?;
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
        is_plain: bool,
    ) -> Option<Transform> {
        let here = format!("%{}", var.name);
        match &reading.value {
            Value::Nothing => None,
            Value::Expression(value) => {
                let same = *value == here || *value == self.unit_text(single, &here);
                let copied = is_plain && same;
                Some(if copied {
                    Transform::Copy(variable(&var.name))
                } else {
                    Transform::Evaluate(expression(value))
                })
            }
            Value::Translate { text, rows } => {
                let name = single.write.steps.last().map_or_else(String::new, |step| self.element(step).name);
                let id = self.codes.id(&name, rows);
                let code = if *text == here || *text == format!("{here}.toString()") {
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
        let here = format!("%{}", var.name);
        let is_raw = beside == format!("{here}.toString()") || beside == format!("({here}.toString() & '')");
        let text = if beside == here || is_raw {
            Transform::Copy(variable(&var.name))
        } else {
            Transform::Evaluate(expression(beside))
        };
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
