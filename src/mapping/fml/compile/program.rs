//! The compiled form of a map: variables are slots, groups and rules are numbers, expressions are ready to run.

use crate::diag::Span;
use crate::fhirpath::Compiled;
use crate::mapping::fml::function::Function;
use crate::mapping::fml::model::{InputMode, SourceListMode};
use crate::schema::Schema;
use crate::tree::fhir::{Form, TypeId};
use crate::tree::{Kind, Name};
use std::collections::HashMap;

/// Which engine a run is to agree with where the specification leaves room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compat {
    /// The semantics that the language page settles.
    #[default]
    Page,
    /// What HL7's own engine does.
    Reference,
}

/// A map with all that it imports, ready to run on any thread and as often as needed.
#[derive(Debug)]
pub struct Program<'s> {
    pub(crate) schema: &'s Schema,
    pub(crate) compat: Compat,
    pub(crate) known: Known,
    pub(crate) groups: Vec<Group>,
    pub(crate) constants: Vec<Expr>,
    pub(crate) tables: Vec<Table>,
    pub(crate) defaults: Defaults,
    pub(crate) infos: Vec<RuleInfo>,
    /// XML namespaces of logical models.
    pub(crate) namespaces: HashMap<TypeId, Box<str>>,
    /// What the root elements of logical models are called in XML.
    pub(crate) roots: HashMap<TypeId, Box<str>>,
}

/// What is known of one rule, for findings and traces.
#[derive(Debug, Clone)]
pub struct RuleInfo {
    /// Which of the maps of the library it stands in.
    pub map: usize,
    /// The group.
    pub group: String,
    /// Its name, where its author gave one.
    pub name: String,
    /// Its place in the text of the map.
    pub span: Span,
    /// Its path, where the map is a resource.
    pub path: String,
}

/// Types and names that a run knows by themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) resource: TypeId,
    pub(crate) domain_resource: TypeId,
    pub(crate) element: TypeId,
    pub(crate) date: TypeId,
    pub(crate) date_time: TypeId,
    pub(crate) instant: TypeId,
    pub(crate) time: TypeId,
    pub(crate) integer: TypeId,
    pub(crate) decimal: TypeId,
    pub(crate) boolean: TypeId,
    pub(crate) string: TypeId,
    pub(crate) quantity: TypeId,
}

/// The default groups of types.
#[derive(Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) pairs: HashMap<(TypeId, TypeId), usize>,
    pub(crate) sources: HashMap<TypeId, usize>,
}

#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// How many variables it has.
    pub(crate) slots: usize,
    /// Its inputs are its first variables.
    pub(crate) inputs: Vec<Input>,
    /// The group whose rules are run before its own, with the same inputs.
    pub(crate) base: Option<usize>,
    pub(crate) rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
pub(crate) struct Input {
    pub(crate) mode: InputMode,
    pub(crate) name: String,
    pub(crate) ty: Option<TypeId>,
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) number: usize,
    pub(crate) sources: Vec<Source>,
    pub(crate) then: Then,
}

/// What a rule does for each combination of the values of its sources.
#[derive(Debug)]
pub(crate) enum Then {
    /// The value is made in each of these elements by the default group of the types.
    Identity(Place),
    Full {
        targets: Vec<Target>,
        calls: Vec<Call>,
        rules: Vec<Rule>,
    },
}

/// A variable and steps below it.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) slot: Slot,
    pub(crate) steps: Vec<Step>,
    pub(crate) span: Span,
}

/// Where a variable is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Local(usize),
    Constant(usize),
}

/// A step to an element, with what the definitions say of it where the type is the expected one.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) text: Box<str>,
    pub(crate) expected: TypeId,
    /// Names in data and their types.
    pub(crate) names: Box<[(Name, TypeId)]>,
    /// Where a value is put: one spot, or of a choice one for each type.
    pub(crate) spots: Box<[Spot]>,
    /// It is called `value`, which of a primitive is the primitive itself.
    pub(crate) is_value: bool,
    /// It is called as HL7's models of XML call the text of an element.
    pub(crate) is_text: bool,
}

/// An element as it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) name: Name,
    pub(crate) ty: TypeId,
    pub(crate) form: Form,
    pub(crate) kind: Kind,
    pub(crate) is_list: bool,
    pub(crate) order: u16,
    /// A name of several that one element may have.
    pub(crate) is_choice: bool,
    /// The type must be said beside the element, as `xsi:type`, where it is another.
    pub(crate) is_logical: bool,
}

#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) from: Place,
    pub(crate) ty: Option<TypeId>,
    pub(crate) count: Option<(u32, Option<u32>, Span)>,
    pub(crate) default: Option<Expr>,
    pub(crate) mode: Option<SourceListMode>,
    /// The variable of the value at hand.
    pub(crate) slot: usize,
    pub(crate) condition: Option<Expr>,
    pub(crate) check: Option<Expr>,
    pub(crate) log: Option<Expr>,
    pub(crate) span: Span,
}

/// An expression with the variables that it may use.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) code: Compiled,
    pub(crate) variables: Vec<Slot>,
    /// Paths from variables that it reads, for the ledger.
    pub(crate) reads: Vec<(Slot, Vec<Box<str>>)>,
    /// It says only that an element of the focus is this text.
    pub(crate) equal: Option<(Step, Box<str>)>,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) struct Target {
    /// Where the value goes; none where it only becomes a variable.
    pub(crate) to: Option<Place>,
    pub(crate) transform: Transform,
    pub(crate) slot: Option<usize>,
    pub(crate) mode: TargetMode,
    /// It sets a constant whatever the document says, as a value that later rules may override.
    pub(crate) is_default: bool,
    pub(crate) span: Span,
}

/// How a list takes a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TargetMode {
    Append,
    First,
    Single,
    Share(Box<str>),
}

#[derive(Debug)]
pub(crate) enum Transform {
    /// An instance of what the element takes, or the variable itself.
    None,
    /// The same, that stays where it is empty, if FHIR allows that.
    Instance,
    Create(TypeId),
    Copy(Argument),
    Evaluate(Argument, Box<Expr>),
    Cast(Argument, Option<TypeId>),
    Translate {
        value: Argument,
        table: usize,
        output: Output,
    },
    /// The urls of OIDs.
    OidToUri(Argument),
    Function(Function, Vec<Argument>),
    Group(Call),
}

/// What `translate` gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    Code,
    System,
    Display,
    Coding,
    CodeableConcept,
    /// What the element takes.
    Inferred,
}

#[derive(Debug)]
pub(crate) enum Argument {
    Literal(crate::fhirpath::Value<'static>),
    Place(Place),
    Expr(Box<Expr>),
    /// The item at hand: nothing was said.
    Nothing,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) group: usize,
    pub(crate) arguments: Vec<Argument>,
}

/// A concept map as hash table.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) rows: HashMap<Box<str>, Vec<Row>>,
    /// Systems whose codes stay as they are where no row has them.
    pub(crate) unmapped: Vec<Box<str>>,
}

/// What a code becomes.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) source_system: Box<str>,
    pub(crate) system: Box<str>,
    pub(crate) code: Box<str>,
    pub(crate) display: Box<str>,
}

impl Program<'_> {
    /// What is known of a rule by its number.
    pub fn rule(&self, number: usize) -> Option<&RuleInfo> {
        self.infos.get(number)
    }

    /// The program with the XML namespace of a logical model, which the roots that are made of it declare.
    #[must_use]
    pub fn in_namespace(mut self, model: TypeId, uri: &str) -> Self {
        self.namespaces.insert(model, uri.into());
        self
    }

    /// The program with the name of the root element of a logical model; without one it is called like its type.
    #[must_use]
    pub fn with_root(mut self, model: TypeId, name: &str) -> Self {
        self.roots.insert(model, name.into());
        self
    }

    /// The name of the group where a run starts.
    pub fn entry(&self) -> &str {
        self.groups.first().map_or("", |group| &group.name)
    }

    /// The names of what the first group is given, with the types where they are known.
    pub fn inputs(&self) -> impl Iterator<Item = (InputMode, &str, Option<TypeId>)> {
        let inputs = self.groups.first().into_iter().flat_map(|group| &group.inputs);
        inputs.map(|input| (input.mode, input.name.as_str(), input.ty))
    }
}
