//! What a lens file says, as parsed: names are not resolved and types not known yet.

use crate::diag::Span;

/// A word of the file with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The text, without quotes.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// A whole lens file.
#[derive(Debug, Clone)]
pub struct Lens {
    /// Canonical URL.
    pub url: Word,
    /// Version of the format that the lens reads.
    pub version: Word,
    /// A line for people.
    pub title: Option<Word>,
    /// The unit's side.
    pub source: Side,
    /// The FHIR side.
    pub target: Side,
    /// Code tables, by the name rules use.
    pub codes: Vec<Codes>,
    /// Lists of the codes of code systems.
    pub lists: Vec<List>,
    /// Conditions of a root that make this lens the likely one where several could read a document.
    pub likely: Vec<Path>,
    /// Elements that tell in words what stands beside them.
    pub narratives: Vec<Path>,
    /// The roots; the first whose conditions a document meets is used.
    pub maps: Vec<Map>,
    /// Named rules.
    pub groups: Vec<Group>,
}

/// One side of a lens.
#[derive(Debug, Clone)]
pub struct Side {
    /// `json`, `xml`, `csv` or `fhir`.
    pub format: Word,
    /// Canonical URL of the definition of its root.
    pub definition: Word,
    /// Of XML the name of the root element.
    pub root: Option<Word>,
    /// Of XML the namespace that the root element declares.
    pub namespace: Option<Word>,
}

/// `list "file" of "system"`.
#[derive(Debug, Clone)]
pub struct List {
    /// File beside the lens; its first column holds the codes.
    pub file: Word,
    /// The code system.
    pub system: Word,
}

/// `codes Name "file"`, with `many-to-one` where that is meant.
#[derive(Debug, Clone)]
pub struct Codes {
    /// Name used by `via codes`.
    pub name: Word,
    /// File beside the lens.
    pub file: Word,
    /// Declared to send several source codes to one target code.
    pub many_to_one: bool,
}

/// `map s[…] <-> t[…] { … }`.
#[derive(Debug, Clone)]
pub struct Map {
    /// The source root and the conditions that tell its kind.
    pub source: Path,
    /// The target root.
    pub target: Path,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// `group Name(s <-> t, parameter, …) { … }`.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name.
    pub name: Word,
    /// Variable of the source.
    pub source: Word,
    /// Variable of the target.
    pub target: Word,
    /// Parameters, used as `$name`.
    pub parameters: Vec<Word>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// A variable and the steps from it.
#[derive(Debug, Clone)]
pub struct Path {
    /// The variable.
    pub variable: Word,
    /// Conditions on the variable itself.
    pub conditions: Vec<Condition>,
    /// The steps.
    pub steps: Vec<Step>,
    /// The whole path.
    pub span: Span,
}

/// One step of a path.
#[derive(Debug, Clone)]
pub struct Step {
    /// Element name; `@x` for an attribute, `text()` for text.
    pub name: Word,
    /// Conditions in brackets.
    pub conditions: Vec<Condition>,
}

/// A condition in brackets.
#[derive(Debug, Clone)]
pub enum Condition {
    /// `[a.b = "x"]`.
    Equals(Vec<Step>, Literal),
    /// `[no a.b = "x"]`.
    Differs(Vec<Step>, Literal),
    /// `[has a.b]`.
    Has(Vec<Step>),
    /// `[no a.b]`.
    Lacks(Vec<Step>),
    /// `[first]`.
    First,
    /// `[rest]`.
    Rest,
    /// `[same]`.
    Same,
}

/// A constant, or the parameter that stands for one.
#[derive(Debug, Clone)]
pub enum Literal {
    /// A string, number, `true` or `false`, as written.
    Text(Word),
    /// `$name`.
    Parameter(Word),
}

impl Literal {
    /// Its word.
    pub const fn word(&self) -> &Word {
        match self {
            Self::Text(word) | Self::Parameter(word) => word,
        }
    }
}

/// `as Type name`.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The resource type, where one is named.
    pub resource: Option<Word>,
    /// Conditions that the resource meets.
    pub conditions: Vec<Condition>,
    /// The variable.
    pub variable: Word,
}

/// Which way a relation is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `<->`.
    Both,
    /// `->`: `get` writes, `put` checks.
    Forward,
}

/// One conversion.
#[derive(Debug, Clone)]
pub struct Via {
    /// `date`, `codes` and so on.
    pub name: Word,
    /// Its arguments; for `codes` the table and, after `else`, the fallback.
    pub arguments: Vec<Literal>,
}

/// What stands in the braces of a relation.
#[derive(Debug, Clone)]
pub enum Body {
    /// Rules.
    Rules(Vec<Rule>),
    /// `by Group(arguments)`.
    Call(Word, Vec<Literal>),
}

/// A relation of two paths.
#[derive(Debug, Clone)]
pub struct Relate {
    /// `each`.
    pub each: bool,
    /// Direction.
    pub way: Way,
    /// The unit's side.
    pub source: Path,
    /// Its variable.
    pub source_as: Option<Binding>,
    /// The FHIR side.
    pub target: Path,
    /// Its variable.
    pub target_as: Option<Binding>,
    /// Conversions, in the order of `get`.
    pub via: Vec<Via>,
    /// Declared default.
    pub default: Option<Literal>,
    /// Keys of the items, as target paths.
    pub key: Vec<Path>,
    /// The source element says again what another rule carries.
    pub restating: Option<Restating>,
    /// Rules inside.
    pub body: Option<Body>,
    /// The whole rule.
    pub span: Span,
}

/// `restating path { … } else { … }`.
#[derive(Debug, Clone)]
pub struct Restating {
    /// Where the source element holds the Reference to what it says again.
    pub reference: Path,
    /// The rules for where nothing is said again.
    pub otherwise: Vec<Rule>,
}

/// The right side of a constant rule.
#[derive(Debug, Clone)]
pub enum Given {
    /// A constant.
    Literal(Literal),
    /// `"…" or nothing`: a constant that resources need not have.
    Optional(Literal),
    /// Another target element.
    Same(Path),
    /// `ref name`.
    Reference(Word),
}

/// One rule.
#[derive(Debug, Clone)]
pub enum Rule {
    /// Two paths.
    Relate(Box<Relate>),
    /// `-> path = …`.
    Target(Path, Given, Span),
    /// `<- path = "…"`.
    Source(Path, Literal, Span),
    /// `rest a <-> b`.
    Rest(Word, Word, Span),
    /// `keep path` or `keep path.*`.
    Keep(Path, bool, Span),
    /// `ignore path because "…"`.
    Ignore(Path, bool, Word, Span),
}

impl Rule {
    /// Where the rule stands.
    pub fn span(&self) -> Span {
        match self {
            Self::Relate(relate) => relate.span,
            Self::Target(_, _, span)
            | Self::Source(_, _, span)
            | Self::Rest(_, _, span)
            | Self::Keep(_, _, span)
            | Self::Ignore(_, _, _, span) => *span,
        }
    }

    /// The rules that stand inside this one, block by block.
    pub fn blocks(&self) -> impl Iterator<Item = &Vec<Self>> {
        let relate = if let Self::Relate(relate) = self { Some(&**relate) } else { None };
        let inside = match relate.and_then(|relate| relate.body.as_ref()) {
            Some(Body::Rules(rules)) => Some(rules),
            Some(Body::Call(..)) | None => None,
        };
        let otherwise = relate.and_then(|relate| relate.restating.as_ref()).map(|it| &it.otherwise);
        inside.into_iter().chain(otherwise)
    }

    /// As [`Rule::blocks`], to change them.
    pub fn blocks_mut(&mut self) -> impl Iterator<Item = &mut Vec<Self>> {
        let (mut inside, mut otherwise) = (None, None);
        if let Self::Relate(relate) = self {
            let Relate { body, restating, .. } = &mut **relate;
            inside = if let Some(Body::Rules(rules)) = body { Some(rules) } else { None };
            otherwise = restating.as_mut().map(|it| &mut it.otherwise);
        }
        inside.into_iter().chain(otherwise)
    }
}
