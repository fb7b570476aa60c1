//! The words of the languages, in a line each.

use crate::mapping::fml::Function;

/// Conversions of a lens.
pub(super) const CONVERSIONS: &[(&str, &str)] = &[
    (
        "date",
        "`date(\"dd.MM.yyyy\", …)`: a written date of one of these patterns ⇄ FHIR date of that precision",
    ),
    ("ts", "`ts`: HL7 time stamp `20130820`, `201308201120-0800` ⇄ FHIR date or dateTime"),
    (
        "codes",
        "`codes Table`: by the rows of a table; `else \"x\"` writes `x` and keeps the unit's code beside it",
    ),
    ("prefix", "`prefix(\"p\")`: `get` adds a prefix, `put` takes it away"),
    ("urn", "`urn`: an OID or a UUID and its uri, `urn:oid:…`, `urn:uuid:…`"),
    ("strip", "`strip(\"p\")`: `get` takes a prefix away, `put` adds it"),
    ("bool", "`bool(\"1\", \"0\")`: two words ⇄ true and false"),
    ("decimal", "`decimal` or `decimal(\",\")`: a text that is a number ⇄ decimal"),
];

/// What a lens may declare.
pub(super) const LENS_DECLARATIONS: &[(&str, &str)] = &[
    ("lens", "`lens \"url\" version \"v\"`: canonical URL, and the version of the unit's format"),
    ("title", "`title \"…\"`: a line for people"),
    ("source", "`source json \"url\"`: the format of the documents and the definition of their root"),
    ("target", "`target fhir \"url\"`: the definition of what `get` makes, usually Bundle"),
    ("codes", "`codes Name \"file\"`: a code table beside the lens"),
    ("list", "`list \"file\" of \"system\"`: the codes of a code system"),
    ("likely", "`likely s[…]`: conditions that make this lens the likely one"),
    ("narrative", "`narrative s.path`: the element tells in words what stands beside it"),
    ("map", "`map s[…] <-> t[…] { … }`: a root"),
    ("group", "`group Name(s <-> t, parameter, …) { … }`: rules with a name"),
];

/// What begins a rule of a lens.
pub(super) const LENS_RULES: &[(&str, &str)] = &[
    ("each", "`each s.path as a <-> t.path as b key b.x { … }`: one target item for each source item"),
    ("rest", "`rest a <-> b`: every child that no other rule of the two names is the same on both sides"),
    ("keep", "`keep s.path` or `keep s.path.*`: stays in the unit's document"),
    ("ignore", "`ignore s.path because \"…\"`: not carried, and why that is right"),
];

/// Conditions of a lens that are words.
pub(super) const LENS_CONDITIONS: &[(&str, &str)] = &[
    ("first", "`[first]`: the first of everything that the whole path leads to"),
    ("rest", "`[rest]`: all but the first"),
    ("same", "`[same]`: all items of the list; each says the same, or nothing"),
    ("has", "`[has a.b]`: there is such an element"),
    ("no", "`[no a.b]`: there is none; `[no a.b = \"x\"]`: none equals `x`"),
];

/// What may follow the paths of a relation.
pub(super) const LENS_CLAUSES: &[(&str, &str)] = &[
    ("as", "`as x`: a variable; `as Type x`: a resource"),
    ("via", "`via f(…)`: a conversion"),
    ("default", "`default \"x\"`: what `get` writes where the source has nothing"),
    ("key", "`key b.x, b.y`: what tells the items apart"),
    ("restating", "`restating a.path`: says again what stands in a resource of its own"),
    ("by", "`by Group(…)`: the rules of a group"),
];

/// What a map may declare.
pub(super) const MAP_DECLARATIONS: &[(&str, &str)] = &[
    ("map", "`map \"url\" = \"Name\"`: the header of R4"),
    ("uses", "`uses \"url\" alias Name as source`: a definition that the map reads or writes"),
    ("imports", "`imports \"url\"`: another map, with `*` as wildcard"),
    ("let", "`let name = expression;`: a constant"),
    ("conceptmap", "`conceptmap \"id\" { … }`: codes, `'#id'` in `translate`"),
    ("group", "`group Name(source a : A, target b : B) { … }`"),
];

/// Clauses of a rule of a map.
pub(super) const MAP_CLAUSES: &[(&str, &str)] = &[
    ("as", "`as v`: the variable of each value"),
    ("where", "`where (…)`: only values for which it is true"),
    ("check", "`check (…)`: a value for which it is not true is an error"),
    ("log", "`log (…)`: what to log for each value"),
    ("default", "`default (…)`: what to take where there is no value"),
    ("then", "`then Group(a, b)` or `then { … }`: what goes on with the variables"),
    ("first", "the first of the values"),
    ("not_first", "all of the values but the first"),
    ("last", "the last of the values"),
    ("not_last", "all of the values but the last"),
    ("only_one", "the only value; several are an error"),
    ("share", "`share id`: as the item that all targets with this id share"),
];

/// The line of a word.
pub(super) fn line(words: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    words.iter().find(|(known, _)| *known == word).map(|(_, line)| *line)
}

/// What a transform of a map does.
pub(super) const fn transform(function: Function) -> &'static str {
    match function {
        Function::Create => "a new instance of a type; without one, of the only type that the element has",
        Function::Copy => "the value itself",
        Function::Truncate => "the first characters of a string",
        Function::Escape => "a string with other escapes",
        Function::Cast => "the value as another type",
        Function::Append => "strings one after the other",
        Function::Translate => {
            "a code through a concept map; gives `code`, `system`, `display`, `Coding` or `CodeableConcept`"
        }
        Function::Reference => "a string that refers to a resource",
        Function::DateOp => "a date or time so much later",
        Function::Uuid => "a random UUID",
        Function::Pointer => "what a Reference to a resource in the same Bundle says",
        Function::Evaluate => "the result of a FHIRPath expression",
        Function::Cc => "a CodeableConcept",
        Function::C => "a Coding",
        Function::Qty => "a Quantity",
        Function::Id => "an Identifier",
        Function::Cp => "a ContactPoint",
        Function::ToDateTime => "a string as dateTime",
        Function::ToDate => "a string as date",
        Function::ToTime => "a string as time",
        Function::UnixToDateTime => "seconds since 1970 as dateTime",
        Function::UnixToDate => "seconds since 1970 as date",
        Function::UnixToTime => "seconds since 1970 as time",
    }
}
