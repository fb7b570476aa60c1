//! Written dates (`Convert::Date`).

use super::accept::{Known, NO_FOURTH, temporal};
use super::expr::{Expr, escaped};
use super::ways::Way;
use crate::mapping::convert::{DatePattern, Field};
use crate::mapping::program::Primitive;

/// A way for each pattern. Where two patterns read one text the first counts.
pub(super) fn forward(patterns: &[DatePattern], text: &Expr) -> Vec<Way> {
    let shapes: Vec<Shape<'_>> = patterns.iter().map(Shape::of).collect();
    let ways = shapes.iter().enumerate().map(|(at, shape)| {
        let before = &shapes[..at];
        let earlier = before.iter().filter(|earlier| earlier.may_read_what(shape));
        let not_earlier = earlier.filter_map(|earlier| Some(Expr::all(earlier.fits(text))?.not()));
        Way {
            fits: shape.fits(text).into_iter().chain(not_earlier).collect(),
            value: shape.read(text),
            known: Known::Day,
            // A date is written by the first pattern of its precision.
            is_exact: !before.iter().any(|earlier| earlier.precision() == shape.precision()),
        }
    });
    ways.collect()
}

/// A way for the first pattern of each precision.
pub(super) fn backward(patterns: &[DatePattern], value: &Expr, known: Known) -> Vec<Way> {
    let shapes: Vec<Shape<'_>> = patterns.iter().map(Shape::of).collect();
    let ways = shapes.iter().enumerate().filter_map(|(at, shape)| {
        let before = &shapes[..at];
        if before.iter().any(|earlier| earlier.precision() == shape.precision()) {
            return None;
        }
        let digits = ["^[0-9]{4}$", "^[0-9]{4}-[0-9]{2}$", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"];
        let length = value.matches(digits[shape.precision().index()]);
        Some(Way {
            fits: [length].into_iter().chain(temporal(Primitive::Date, value, known)).collect(),
            value: shape.write(value),
            known: Known::Text,
            is_exact: shape.reads_itself() && !before.iter().any(|earlier| earlier.may_read_what(shape)),
        })
    });
    ways.collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Year,
    Month,
    Day,
}

impl Precision {
    const fn index(self) -> usize {
        match self {
            Self::Year => 0,
            Self::Month => 1,
            Self::Day => 2,
        }
    }
}

/// A part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Sign(char),
    /// So many digits.
    Fixed(Field, usize),
    /// One or two digits without a leading zero.
    Short(Field),
    /// As written one or two digits; read, two, as the next digits are another field's.
    Crowded(Field),
}

/// A pattern as what it reads.
#[derive(Debug)]
struct Shape<'p> {
    fields: &'p [(Field, usize)],
    parts: Vec<Part>,
}

impl<'p> Shape<'p> {
    fn of(pattern: &'p DatePattern) -> Self {
        let fields = pattern.fields();
        let next = fields.iter().skip(1).map(Some).chain([None]);
        let parts = fields.iter().zip(next).map(|((field, width), next)| {
            let is_followed = next.is_some_and(|(next, _)| !matches!(next, Field::Sign(_)));
            match (field, width) {
                (Field::Sign(sign), _) => Part::Sign(*sign),
                (Field::Year | Field::Month | Field::Day, 1) if is_followed => Part::Crowded(*field),
                (Field::Year | Field::Month | Field::Day, 1) => Part::Short(*field),
                (Field::Year | Field::Month | Field::Day, width) => Part::Fixed(*field, *width),
            }
        });
        Self { fields, parts: parts.collect() }
    }

    fn has(&self, field: Field) -> bool {
        self.fields.iter().any(|(other, _)| *other == field)
    }

    fn precision(&self) -> Precision {
        match (self.has(Field::Month), self.has(Field::Day)) {
            (_, true) => Precision::Day,
            (true, false) => Precision::Month,
            (false, false) => Precision::Year,
        }
    }

    /// True where it writes dates as FHIR does.
    fn is_fhir(&self) -> bool {
        let dash = Part::Sign('-');
        let whole = [
            Part::Fixed(Field::Year, 4),
            dash,
            Part::Fixed(Field::Month, 2),
            dash,
            Part::Fixed(Field::Day, 2),
        ];
        whole.starts_with(&self.parts) && self.parts.last() != Some(&dash)
    }

    /// True where it reads what it writes.
    fn reads_itself(&self) -> bool {
        !self.parts.iter().any(|part| matches!(part, Part::Crowded(_)))
    }

    /// The form, with numbers that a month and a day may have, and no day that is in no calendar.
    fn fits(&self, text: &Expr) -> [Expr; 2] {
        let form = self.form(&|part| part.form());
        let with = |year: &str, months: &[u32], days: &[u32]| {
            self.form(&|part| match part.field() {
                Some(Field::Year) => year.to_owned(),
                Some(Field::Month) => part.one_of(months),
                Some(Field::Day) => part.one_of(days),
                Some(Field::Sign(_)) | None => part.form(),
            })
        };
        let mut unreal = vec![with("0000", &[], &[])];
        if self.precision() == Precision::Day {
            unreal.push(with("....", &[2], &[30]));
            unreal.push(with("....", &[2, 4, 6, 9, 11], &[31]));
            unreal.push(with(&format!("(..)?{NO_FOURTH}(00)?"), &[2], &[29]));
        }
        let unreal = match unreal.as_slice() {
            [year] => format!("^{year}$"),
            all => format!("^({})$", all.join("|")),
        };
        [text.matches(&format!("^{form}$")), text.matches(&unreal).not()]
    }

    fn form(&self, part: &dyn Fn(Part) -> String) -> String {
        self.parts.iter().map(|each| part(*each)).collect()
    }

    /// The FHIR date of a text that fits.
    fn read(&self, text: &Expr) -> Expr {
        if self.is_fhir() {
            return text.clone();
        }
        let is_short = self.parts.iter().any(|part| matches!(part, Part::Short(_)));
        let groups = self.form(&|part| part.group());
        let padding = |field| if self.parts.contains(&Part::Short(field)) { "-0$" } else { "-$" };
        let by: String =
            [(Field::Year, "$"), (Field::Month, padding(Field::Month)), (Field::Day, padding(Field::Day))]
                .into_iter()
                .filter_map(|(field, before)| Some(format!("{before}{}", self.group_of(field)?)))
                .collect();
        let date = text.replace_matches(&format!("^{groups}$"), &by);
        if is_short { date.replace_matches("-0([0-9][0-9])", "-$1") } else { date }
    }

    /// The text of a FHIR date of its precision.
    fn write(&self, date: &Expr) -> Expr {
        if self.is_fhir() {
            return date.clone();
        }
        let mut groups = String::from("^(....)");
        for field in [Field::Month, Field::Day] {
            if self.has(field) {
                let is_wide = self.parts.contains(&Part::Fixed(field, 2));
                groups.push_str(if is_wide { "-(..)" } else { "-0?([0-9]+)" });
            }
        }
        groups.push('$');
        let by: String = self
            .fields
            .iter()
            .map(|(field, _)| match field {
                Field::Year => "$1".to_owned(),
                Field::Month => "$2".to_owned(),
                Field::Day => "$3".to_owned(),
                Field::Sign(sign) => sign.to_string(),
            })
            .collect();
        date.replace_matches(&groups, &by)
    }

    /// The number of the group that holds a field.
    fn group_of(&self, field: Field) -> Option<usize> {
        let mut fields = self.fields.iter().filter(|(field, _)| !matches!(field, Field::Sign(_)));
        fields.position(|(other, _)| *other == field).map(|at| at + 1)
    }

    /// False where no text is read by both. Two patterns can only read one text where their signs are the same and
    /// the digits between them may be equally many.
    fn may_read_what(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.runs(), other.runs());
        ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|((sign, least, most), (other, other_least, other_most))| {
                sign == other && least <= other_most && other_least <= most
            })
    }

    /// For each sign, and the end, how many digits at least and at most stand before it.
    fn runs(&self) -> Vec<(Option<char>, usize, usize)> {
        let mut runs = Vec::new();
        let (mut least, mut most) = (0, 0);
        for part in &self.parts {
            match part {
                Part::Sign(sign) => {
                    runs.push((Some(*sign), least, most));
                    (least, most) = (0, 0);
                }
                Part::Fixed(_, width) => (least, most) = (least + width, most + width),
                Part::Short(_) | Part::Crowded(_) => (least, most) = (least + 1, most + 2),
            }
        }
        runs.push((None, least, most));
        runs
    }
}

impl Part {
    const fn field(self) -> Option<Field> {
        match self {
            Self::Sign(_) => None,
            Self::Fixed(field, _) | Self::Short(field) | Self::Crowded(field) => Some(field),
        }
    }

    /// These numbers as this part has them; none stand for any.
    fn one_of(self, numbers: &[u32]) -> String {
        let is_wide = matches!(self, Self::Fixed(..));
        let shown = |number: &u32| if is_wide { format!("{number:02}") } else { number.to_string() };
        match numbers {
            [] => {
                if is_wide {
                    "..".to_owned()
                } else {
                    "..?".to_owned()
                }
            }
            [number] => shown(number),
            several => format!("({})", several.iter().map(shown).collect::<Vec<_>>().join("|")),
        }
    }

    /// What stands there.
    fn form(self) -> String {
        match self {
            Self::Sign(sign) => escaped(sign),
            Self::Fixed(Field::Month, _) => "(0[1-9]|1[0-2])".to_owned(),
            Self::Fixed(Field::Day, _) => "(0[1-9]|[12][0-9]|3[01])".to_owned(),
            Self::Short(Field::Month) => "([1-9]|1[0-2])".to_owned(),
            Self::Short(_) => "([1-9]|[12][0-9]|3[01])".to_owned(),
            Self::Crowded(Field::Month) => "1[0-2]".to_owned(),
            Self::Crowded(_) => "([12][0-9]|3[01])".to_owned(),
            Self::Fixed(Field::Year | Field::Sign(_), width) => format!("[0-9]{{{width}}}"),
        }
    }

    /// The same, where the text is known to fit.
    fn group(self) -> String {
        match self {
            Self::Sign(sign) => escaped(sign),
            Self::Fixed(_, width) => format!("({})", ".".repeat(width)),
            Self::Short(_) => "([0-9]+)".to_owned(),
            Self::Crowded(_) => "(..)".to_owned(),
        }
    }
}
