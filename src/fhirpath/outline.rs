//! What the names of an expression stand for, for tools that help to write one.

use super::Options;
use super::ast::{Ast, Node};
use super::check;
use super::types::{AnyType, StaticType};
use super::{Expression, Function};
use crate::diag::Span;
use crate::schema::Schema;
use crate::tree::fhir::TypeId;

/// Functions whose arguments look at the items of their input.
const PER_ITEM: &[&str] =
    &["all", "exists", "where", "select", "repeat", "repeatAll", "aggregate", "sort", "iif", "trace"];
/// Functions whose argument names a type.
const OF_TYPE: &[&str] = &["ofType", "is", "as"];

/// A name in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its place in the text.
    pub span: Span,
    /// The name, without backticks or signs.
    pub name: String,
    /// What it stands for.
    pub what: What,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// An element of one of these types; none where nothing is known.
    Element(Vec<TypeId>),
    /// A type of FHIR.
    Type(TypeId),
    /// A function, on an input of this type.
    Function(StaticType),
    /// A variable, with or without its `%`.
    Variable,
}

impl StaticType {
    /// The FHIR types its items may have; none where nothing is known.
    pub fn fhir_types(&self) -> Vec<TypeId> {
        let fhir = |ty: &AnyType| match ty {
            AnyType::Fhir(ty) => Some(*ty),
            AnyType::System(_) | AnyType::Label => None,
        };
        self.of.iter().flatten().filter_map(fhir).collect()
    }
}

impl Expression {
    /// Every name of the expression, in the order of the syntax tree.
    pub fn outline(&self, schema: &Schema, options: &Options) -> Vec<Named> {
        let types = check::check(&self.ast, schema, options).types;
        let mut outliner = Outliner { schema, options, types, named: Vec::new() };
        outliner.visit(&self.ast, &options.focus);
        outliner.named
    }
}

struct Outliner<'a> {
    schema: &'a Schema,
    options: &'a Options,
    types: Vec<StaticType>,
    named: Vec<Named>,
}

impl Outliner<'_> {
    fn type_of(&self, ast: &Ast) -> StaticType {
        self.types.get(ast.id as usize).cloned().unwrap_or(StaticType::UNKNOWN)
    }

    fn add(&mut self, span: Span, name: &str, what: What) {
        self.named.push(Named { span, name: name.to_owned(), what });
    }

    /// Deep only as the parser allows.
    fn visit(&mut self, ast: &Ast, focus: &StaticType) {
        match &ast.node {
            Node::Literal(_) | Node::Special(_) => {}
            Node::Variable(name) => self.add(ast.span, name, What::Variable),
            Node::Member { input: Some(input), name } => {
                self.visit(input, focus);
                let owners = self.type_of(input).fhir_types();
                self.add(name.span, &name.text, What::Element(owners));
            }
            Node::Member { input: None, name } => {
                let what = self.head(&name.text, focus);
                self.add(name.span, &name.text, what);
            }
            Node::Call { input, name, arguments } => {
                let given = match input {
                    Some(input) => {
                        self.visit(input, focus);
                        self.type_of(input)
                    }
                    None => focus.clone(),
                };
                self.add(name.span, &name.text, What::Function(given.clone()));
                let inside = if PER_ITEM.contains(&&*name.text) { given.single() } else { focus.clone() };
                for argument in arguments {
                    if OF_TYPE.contains(&&*name.text) {
                        self.type_name(argument);
                    } else {
                        self.visit(argument, &inside);
                    }
                }
            }
            Node::Type { operand, name, .. } => {
                self.visit(operand, focus);
                if let Some(ty) = self.schema.type_named(&name.name) {
                    self.add(name.span, &name.name, What::Type(ty));
                }
            }
            Node::Index { .. } | Node::Sign { .. } | Node::Directed { .. } | Node::Binary { .. } => {
                for part in ast.parts() {
                    self.visit(part, focus);
                }
            }
        }
    }

    fn head(&self, name: &str, focus: &StaticType) -> What {
        if self.options.variables.iter().any(|(known, _)| &**known == name) {
            return What::Variable;
        }
        let is_type_name = name.starts_with(|c: char| c.is_ascii_uppercase());
        match self.schema.type_named(name).filter(|_| is_type_name) {
            Some(ty) => What::Type(ty),
            None => What::Element(focus.fhir_types()),
        }
    }

    /// `Patient` or `FHIR.Patient` as an argument.
    fn type_name(&mut self, argument: &Ast) {
        let Node::Member { name, .. } = &argument.node else { return };
        if let Some(ty) = self.schema.type_named(&name.text) {
            self.add(name.span, &name.text, What::Type(ty));
        }
    }
}

/// How a function is called, and what it gives, in a line; none where there is no such function.
pub fn usage(name: &str) -> Option<&'static str> {
    Function::named(name)?;
    USAGES.iter().find(|(known, _)| *known == name).map(|(_, usage)| *usage)
}

/// Every function of [`super::function_names`], as people read it.
const USAGES: &[(&str, &str)] = &[
    ("empty", "`empty()`: true where there is no item"),
    ("exists", "`exists(criteria?)`: true where there is an item, or one that meets the criteria"),
    ("all", "`all(criteria)`: true where every item meets the criteria"),
    ("allTrue", "`allTrue()`: true where every item is true"),
    ("anyTrue", "`anyTrue()`: true where an item is true"),
    ("allFalse", "`allFalse()`: true where every item is false"),
    ("anyFalse", "`anyFalse()`: true where an item is false"),
    ("subsetOf", "`subsetOf(other)`: true where every item is in the other collection"),
    ("supersetOf", "`supersetOf(other)`: true where every item of the other collection is in this one"),
    ("count", "`count()`: how many items there are"),
    ("distinct", "`distinct()`: each item once"),
    ("isDistinct", "`isDistinct()`: true where no item is there twice"),
    ("where", "`where(criteria)`: the items that meet the criteria"),
    ("select", "`select(projection)`: what the projection gives for each item"),
    ("repeat", "`repeat(projection)`: the projection of the items and again of what it gives, each once"),
    ("repeatAll", "`repeatAll(projection)`: as `repeat`, with items that are there twice"),
    ("ofType", "`ofType(type)`: the items of a type"),
    ("is", "`is(type)`: true where the item is of a type"),
    ("as", "`as(type)`: the item where it is of a type"),
    ("single", "`single()`: the only item; several are a fault"),
    ("first", "`first()`: the first item"),
    ("last", "`last()`: the last item"),
    ("tail", "`tail()`: all items but the first"),
    ("skip", "`skip(number)`: all items but the first so many"),
    ("take", "`take(number)`: the first so many items"),
    ("intersect", "`intersect(other)`: the items that both collections have"),
    ("exclude", "`exclude(other)`: the items that the other collection does not have"),
    ("union", "`union(other)`: the items of both, each once"),
    ("combine", "`combine(other, preserveOrder?)`: the items of both"),
    ("coalesce", "`coalesce(value, …)`: the first of the values that is not empty"),
    ("iif", "`iif(criterion, then, otherwise?)`: one of two values"),
    ("not", "`not()`: true for false, false for true"),
    ("aggregate", "`aggregate(aggregator, init?)`: one value of all items; `$total` is the value so far"),
    ("sort", "`sort(key, …)`: the items in order; `desc` after a key turns it"),
    ("children", "`children()`: the elements just below the items"),
    ("descendants", "`descendants()`: all elements below the items"),
    ("trace", "`trace(name, projection?)`: the items, which are also logged"),
    ("now", "`now()`: date and time"),
    ("today", "`today()`: the date"),
    ("timeOfDay", "`timeOfDay()`: the time of day"),
    ("defineVariable", "`defineVariable(name, value?)`: gives the items or a value a name, `%name`"),
    ("type", "`type()`: namespace and name of the type"),
    ("join", "`join(separator?)`: all texts as one"),
    ("extension", "`extension(url)`: the extensions of this url"),
    ("hasValue", "`hasValue()`: true for one primitive that has a value, not only extensions"),
    ("resolve", "`resolve()`: the resources that references point at"),
    ("toBoolean", "`toBoolean()`: the value as a boolean; empty where it is none"),
    ("toInteger", "`toInteger()`: the value as an integer; empty where it is none"),
    ("toLong", "`toLong()`: the value as a long integer; empty where it is none"),
    ("toDecimal", "`toDecimal()`: the value as a decimal; empty where it is none"),
    ("toString", "`toString()`: the value as a text"),
    ("toDate", "`toDate()`: the value as a date; empty where it is none"),
    ("toDateTime", "`toDateTime()`: the value as a date and time; empty where it is none"),
    ("toTime", "`toTime()`: the value as a time; empty where it is none"),
    ("toQuantity", "`toQuantity(unit?)`: the value as a quantity; empty where it is none"),
    ("convertsToBoolean", "`convertsToBoolean()`: true where `toBoolean` gives a value"),
    ("convertsToInteger", "`convertsToInteger()`: true where `toInteger` gives a value"),
    ("convertsToLong", "`convertsToLong()`: true where `toLong` gives a value"),
    ("convertsToDecimal", "`convertsToDecimal()`: true where `toDecimal` gives a value"),
    ("convertsToString", "`convertsToString()`: true where `toString` gives a value"),
    ("convertsToDate", "`convertsToDate()`: true where `toDate` gives a value"),
    ("convertsToDateTime", "`convertsToDateTime()`: true where `toDateTime` gives a value"),
    ("convertsToTime", "`convertsToTime()`: true where `toTime` gives a value"),
    ("convertsToQuantity", "`convertsToQuantity(unit?)`: true where `toQuantity` gives a value"),
    ("getValue", "`getValue()`: the value of one primitive"),
    ("htmlChecks", "`htmlChecks()`: true where a narrative keeps to the rules of FHIR"),
    ("memberOf", "`memberOf(valueSet)`: true where the code is in the value set"),
    ("conformsTo", "`conformsTo(profile)`: true where the item fits the profile"),
    ("subsumes", "`subsumes(code)`: true where the code is the same as the other or wider"),
    ("subsumedBy", "`subsumedBy(code)`: true where the code is the same as the other or narrower"),
    ("abs", "`abs()`: the number without its sign"),
    ("ceiling", "`ceiling()`: the least integer that is not less"),
    ("floor", "`floor()`: the greatest integer that is not greater"),
    ("truncate", "`truncate()`: the integer part"),
    ("round", "`round(precision?)`: the number rounded to so many decimals"),
    ("exp", "`exp()`: e to the power of the number"),
    ("ln", "`ln()`: the natural logarithm"),
    ("log", "`log(base)`: the logarithm to a base"),
    ("sqrt", "`sqrt()`: the square root"),
    ("power", "`power(exponent)`: the number to a power"),
    ("indexOf", "`indexOf(text)`: where the text begins, from 0; -1 where it is not there"),
    ("lastIndexOf", "`lastIndexOf(text)`: where the text begins last, from 0; -1 where it is not there"),
    ("substring", "`substring(start, length?)`: a part of the text, from 0"),
    ("startsWith", "`startsWith(text)`: true where the text begins so"),
    ("endsWith", "`endsWith(text)`: true where the text ends so"),
    ("contains", "`contains(text)`: true where the text is in it"),
    ("upper", "`upper()`: in capitals"),
    ("lower", "`lower()`: in small letters"),
    ("replace", "`replace(text, by)`: with another text in place of each"),
    ("matches", "`matches(regex)`: true where a part of the text fits the regular expression"),
    ("matchesFull", "`matchesFull(regex)`: true where the whole text fits the regular expression"),
    ("replaceMatches", "`replaceMatches(regex, by)`: with another text in place of what fits"),
    ("length", "`length()`: how many characters there are"),
    ("toChars", "`toChars()`: each character as an item"),
    ("trim", "`trim()`: without white space at its ends"),
    ("split", "`split(separator)`: the parts between separators"),
    ("encode", "`encode(format)`: in `hex`, `base64` or `urlbase64`"),
    ("decode", "`decode(format)`: from `hex`, `base64` or `urlbase64`"),
    ("escape", "`escape(target)`: with the escapes of `html` or `json`"),
    ("unescape", "`unescape(target)`: without the escapes of `html` or `json`"),
    ("lowBoundary", "`lowBoundary(precision?)`: the least value that it may stand for"),
    ("highBoundary", "`highBoundary(precision?)`: the greatest value that it may stand for"),
    ("precision", "`precision()`: how many digits it has"),
    ("comparable", "`comparable(quantity)`: true where the units measure the same"),
    ("yearOf", "`yearOf()`: the year"),
    ("monthOf", "`monthOf()`: the month"),
    ("dayOf", "`dayOf()`: the day"),
    ("hourOf", "`hourOf()`: the hour"),
    ("minuteOf", "`minuteOf()`: the minute"),
    ("secondOf", "`secondOf()`: the second"),
    ("millisecondOf", "`millisecondOf()`: the millisecond"),
    ("timezoneOffsetOf", "`timezoneOffsetOf()`: the offset of the time zone in hours"),
    ("dateOf", "`dateOf()`: the date of a date and time"),
    ("timeOf", "`timeOf()`: the time of a date and time"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhirpath::{function_names, parse};

    #[test]
    fn every_function_has_its_line() {
        let silent: Vec<&str> = function_names().filter(|name| usage(name).is_none()).collect();
        assert!(silent.is_empty(), "{silent:?}");
        assert!(USAGES.iter().all(|(name, _)| Function::named(name).is_some()));
    }

    fn check(text: &str, expected: &str) {
        let schema = Schema::r4();
        let options = Options::new().on_type(StaticType::any_of(schema.type_named("CarePlan")));
        let expression = parse(text).expect("an expression");
        let said = |named: &Named| {
            let types = |types: &[TypeId]| {
                types.iter().map(|ty| schema.type_info(*ty).name).collect::<Vec<_>>().join("|")
            };
            match &named.what {
                What::Element(owners) => format!("{}.{}", types(owners), named.name),
                What::Type(ty) => format!("type {}", types(&[*ty])),
                What::Function(input) => format!("{}() on {}", named.name, types(&input.fhir_types())),
                What::Variable => format!("%{}", named.name),
            }
        };
        let found: Vec<String> = expression.outline(schema, &options).iter().map(said).collect();
        assert_eq!(found.join(", "), expected);
    }

    #[test]
    fn names_are_known_by_what_they_stand_on() {
        check("CarePlan.status", "type CarePlan, CarePlan.status");
        check(
            "activity.where(detail.exists()).detail",
            "CarePlan.activity, where() on CarePlan.activity, CarePlan.activity.detail, \
             exists() on CarePlan.activity.detail, CarePlan.activity.detail",
        );
        check("%resource.id is string", "%resource, CarePlan.id, type string");
    }
}
