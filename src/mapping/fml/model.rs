//! What a map says, whether it was written as FML text or as a `StructureMap` resource.
//!
//! Every part knows its [`Origin`]. Two parts that say the same are equal wherever they stand: an origin never
//! tells two of them apart.

use super::function::Function;
use crate::diag::Span;

/// Where a part of a map stands.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Bytes of the text, or of the JSON or XML of the resource.
    pub span: Span,
    /// Path in the resource, `StructureMap.group[0].rule[2]`; empty for a part of a text.
    pub path: Box<str>,
}

impl Origin {
    /// A place in a text.
    pub fn text(span: Span) -> Self {
        Self { span, path: Box::default() }
    }

    /// The place of a part of a text that starts where this one does. In a resource the text has escapes, so that
    /// only all of it has a place.
    pub(super) fn within(&self, part: Span) -> Self {
        if !self.path.is_empty() {
            return self.clone();
        }
        let at = |offset: u32| self.span.start.saturating_add(offset).min(self.span.end);
        Self::text(Span::new(at(part.start), at(part.end)))
    }
}

/// Where something stands is no part of what it says.
impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origin {}

/// A name, a url, or another piece of text with its place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// The text, unquoted.
    pub text: String,
    /// Its place.
    pub origin: Origin,
}

impl Text {
    /// A piece of text at a place.
    pub fn new(text: impl Into<String>, origin: Origin) -> Self {
        Self { text: text.into(), origin }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// A map.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Map {
    /// Canonical url.
    pub url: Option<Text>,
    /// Name for machines.
    pub name: Option<Text>,
    /// Everything else that is said about the map as a whole, in order.
    pub metadata: Vec<Metadata>,
    /// Embedded concept maps, referred to as `#id`.
    pub concept_maps: Vec<ConceptMap>,
    /// Definitions that the map reads and writes.
    pub structures: Vec<Structure>,
    /// Canonical urls of other maps, with `*` as wildcard.
    pub imports: Vec<Text>,
    /// Named expressions of the whole map.
    pub constants: Vec<Constant>,
    /// Groups; the first is where a run starts.
    pub groups: Vec<Group>,
}

/// One statement about the map as a whole: `/// title = 'A map'`.
///
/// An element with children is a statement without a value, followed by those of its children; so
/// `jurisdiction`, `jurisdiction.coding`, `jurisdiction.coding.code = 'FI'` is one jurisdiction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Names of elements below `StructureMap`.
    pub path: Vec<String>,
    /// The value of a primitive element.
    pub value: Option<Literal>,
    /// Its place.
    pub origin: Origin,
}

/// A constant value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// A string, unescaped.
    String(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number as written.
    Integer(String),
    /// A decimal as written.
    Decimal(String),
    /// A date without its `@`.
    Date(String),
    /// A date and time without its `@`.
    DateTime(String),
    /// A time of day without its `@T`.
    Time(String),
}

/// An embedded concept map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConceptMap {
    /// Its id, without the `#` that a reference to it has.
    pub id: Text,
    /// Its rows, in order.
    pub mappings: Vec<Mapping>,
    /// Systems whose codes stay as they are where no row has them.
    pub unmapped: Vec<Unmapped>,
    /// What a resource says about it beside that; FML text has no place for it.
    pub metadata: Vec<Metadata>,
    /// Its place.
    pub origin: Origin,
}

/// A code system whose codes stay as they are where no row has them: `unmapped for s = provided`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmapped {
    /// Url of the code system.
    pub system: String,
    /// Its place.
    pub origin: Origin,
}

/// A row of a concept map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The code that is translated.
    pub source: CodeRef,
    /// How the target's meaning lies to the source's.
    pub relation: Relation,
    /// The code it becomes; none where the source has no equivalent.
    pub target: Option<CodeRef>,
    /// Its place.
    pub origin: Origin,
}

/// A code in its system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRef {
    /// Url of the code system.
    pub system: String,
    /// The code.
    pub code: Text,
    /// What the code is called, where the resource says so; FML text has no place for it.
    pub display: Option<String>,
}

/// How the meaning of a target code lies to that of its source (R4 `concept-map-equivalence`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// Related in some way.
    RelatedTo,
    /// Equal in definition.
    Equal,
    /// Equivalent in meaning.
    Equivalent,
    /// Nothing in common.
    Disjoint,
    /// No target is known.
    Unmatched,
    /// The target is wider.
    Wider,
    /// The target subsumes the source.
    Subsumes,
    /// The target is narrower.
    Narrower,
    /// The target specializes the source.
    Specializes,
    /// They overlap.
    Inexact,
}

/// A definition that the map uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// Canonical url of the `StructureDefinition`.
    pub url: Text,
    /// Its name in this map.
    pub alias: Option<Text>,
    /// What it is used for.
    pub mode: StructureMode,
    /// What its author says of it.
    pub documentation: Option<String>,
    /// Its place.
    pub origin: Origin,
}

/// What a definition is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StructureMode {
    /// Instances are given to the map to read.
    Source,
    /// The map may ask for instances.
    Queried,
    /// Instances are given to the map to fill.
    Target,
    /// The map may make instances.
    Produced,
}

/// A named expression of the whole map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constant {
    /// Its name.
    pub name: Text,
    /// Its value.
    pub value: Expression,
    /// Its place.
    pub origin: Origin,
}

/// A `FHIRPath` expression as written; the engine parses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// Its text, without the parentheses that FML puts around it.
    pub text: String,
    /// Its place: spans inside the expression are relative to the start of this one.
    pub origin: Origin,
}

/// A group of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: Text,
    /// What it is given, in order.
    pub inputs: Vec<Input>,
    /// The group whose rules it has too.
    pub extends: Option<Text>,
    /// For what it is the default group.
    pub type_mode: Option<TypeMode>,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// What its author says of it.
    pub documentation: Option<String>,
    /// Its place.
    pub origin: Origin,
}

/// For what a group is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TypeMode {
    /// `<<types>>`: for its source type with its target type.
    Types,
    /// `<<type+>>`: that, and for its source type alone.
    TypeAndTypes,
}

/// An input of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Read or filled.
    pub mode: InputMode,
    /// The variable it becomes.
    pub name: Text,
    /// Its type: an alias, the name of a type, or the path of an element.
    pub type_name: Option<Text>,
    /// What its author says of it.
    pub documentation: Option<String>,
    /// Its place.
    pub origin: Origin,
}

/// Whether an input is read or filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputMode {
    /// Read.
    Source,
    /// Filled.
    Target,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name, where its author gave one.
    pub name: Option<Text>,
    /// What it does.
    pub body: RuleBody,
    /// What its author says of it.
    pub documentation: Option<String>,
    /// Its place.
    pub origin: Origin,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleBody {
    /// `src.a -> tgt.b;`: each value of the one is made in the other by the default group of their types.
    Identity {
        /// What is read.
        source: Path,
        /// What is filled.
        target: Path,
    },
    /// `src -> tgt : a, b;`: an identity for each element, of one name on both sides.
    Batch {
        /// The variable that is read.
        source: Text,
        /// The variable that is filled.
        target: Text,
        /// The elements.
        elements: Vec<Text>,
    },
    /// A rule in full.
    Full(Transformation),
}

/// A rule in full: for every combination of the values of its sources, its targets are made in order, then its
/// calls and its rules are run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transformation {
    /// What is read; at least one.
    pub sources: Vec<Source>,
    /// What is made.
    pub targets: Vec<Target>,
    /// Groups that go on with the variables.
    pub calls: Vec<Call>,
    /// Rules within this one.
    pub rules: Vec<Rule>,
}

/// A variable and elements below it: `src.name.given`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The variable.
    pub context: Text,
    /// The elements, from the variable down; may be none.
    pub elements: Vec<Text>,
}

/// What a rule reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where the values are.
    pub path: Path,
    /// Only values of this type.
    pub type_name: Option<Text>,
    /// How many values there must be.
    pub cardinality: Option<Cardinality>,
    /// What to take where there is no value.
    pub default: Option<Default>,
    /// Which of the values to take, after the condition.
    pub list_mode: Option<SourceListMode>,
    /// The variable that holds each value in turn.
    pub variable: Option<Text>,
    /// `where`: only values for which it is true.
    pub condition: Option<Expression>,
    /// `check`: a value for which it is not true is an error.
    pub check: Option<Expression>,
    /// `log`: what to log for each value.
    pub log: Option<Expression>,
    /// Its place.
    pub origin: Origin,
}

/// How many values a source must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cardinality {
    /// Least number.
    pub min: u32,
    /// Greatest number; `None` is `*`.
    pub max: Option<u32>,
    /// Its place.
    pub origin: Origin,
}

/// What to take where a source has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Default {
    /// The value.
    pub expression: Expression,
    /// The type that `defaultValue[x]` of an R4 resource names, where the expression alone does not say it.
    pub type_name: Option<String>,
}

/// Which values of a source are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceListMode {
    /// The first.
    First,
    /// All but the first.
    NotFirst,
    /// The last.
    Last,
    /// All but the last.
    NotLast,
    /// The only one; several are an error.
    OnlyOne,
}

/// What a rule makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where the value goes; none where it only becomes a variable.
    pub path: Option<Path>,
    /// How the value is made; none where the element alone says it.
    pub transform: Option<Transform>,
    /// The variable that holds what was made.
    pub variable: Option<Text>,
    /// How a list takes the value.
    pub list_modes: Vec<TargetListMode>,
    /// Its place.
    pub origin: Origin,
}

/// How a list takes a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetListMode {
    /// As its first item.
    First,
    /// As the item that all targets with this id share.
    Share(Text),
    /// As its last item.
    Last,
    /// As its single item (R4 `collate`).
    Single,
}

/// How a value is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transform {
    /// `= v` or `= 'x'`.
    Copy(Argument),
    /// `= (expression)`.
    Evaluate(Expression),
    /// `= translate(v, '#map', 'code')`.
    Function {
        /// What is called.
        function: Function,
        /// Where its name stands.
        name: Origin,
        /// With what.
        arguments: Vec<Argument>,
    },
    /// `= G(a, b)`: a group, or a function that nobody knows.
    Group(Call),
}

/// A call of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which.
    pub name: Text,
    /// With what.
    pub arguments: Vec<Argument>,
    /// Its place.
    pub origin: Origin,
}

/// What is given to a function or a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A constant value.
    Literal(Literal, Origin),
    /// A variable, or an element below it.
    Variable(Path),
    /// An expression, the second argument of `evaluate`.
    Expression(Expression),
}

impl Argument {
    /// Its place.
    pub const fn origin(&self) -> &Origin {
        match self {
            Self::Literal(_, origin) => origin,
            Self::Variable(path) => &path.context.origin,
            Self::Expression(expression) => &expression.origin,
        }
    }
}

impl Map {
    /// The group of a name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name.text == name)
    }
}

impl Group {
    /// All rules, those within rules after the one they stand in.
    pub fn all_rules(&self) -> impl Iterator<Item = &Rule> {
        let mut open: Vec<&Rule> = self.rules.iter().rev().collect();
        std::iter::from_fn(move || {
            let rule = open.pop()?;
            if let RuleBody::Full(transformation) = &rule.body {
                open.extend(transformation.rules.iter().rev());
            }
            Some(rule)
        })
    }
}

macro_rules! words {
    ($type:ty: $doc:literal $($variant:ident $word:literal,)*) => {
        impl $type {
            /// Every one, with the word that maps use for it.
            pub const ALL: &[(Self, &str)] = &[$((Self::$variant, $word)),*];

            #[doc = $doc]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The one of a word.
            pub fn of_word(word: &str) -> Option<Self> {
                Self::ALL.iter().find(|(_, known)| *known == word).map(|(one, _)| *one)
            }
        }
    };
}
pub(super) use words;

words! { StructureMode: "The word that text and resource use."
    Source "source",
    Queried "queried",
    Target "target",
    Produced "produced",
}

words! { InputMode: "The word that text and resource use."
    Source "source",
    Target "target",
}

words! { SourceListMode: "The word that text and resource use."
    First "first",
    NotFirst "not_first",
    Last "last",
    NotLast "not_last",
    OnlyOne "only_one",
}

words! { Relation: "The sign that the text uses, as the HL7 reference parser reads them."
    RelatedTo "-",
    Equal "=",
    Equivalent "==",
    Disjoint "!=",
    Unmatched "--",
    Wider "<=",
    Subsumes "<-",
    Narrower ">=",
    Specializes ">-",
    Inexact "~",
}
