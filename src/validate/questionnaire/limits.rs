//! What extensions of an item demand of its answers (FHIR R4, extensions of `Questionnaire.item`, and those of
//! "Structured Data Capture").

use super::answer::{Coding, Typed, Value};
use crate::fhirpath::{Decimal, compile_pattern};
use crate::tree::{Name, NodeId, Tree};
use regex::Regex;

const CORE: &str = "http://hl7.org/fhir/StructureDefinition/";
const SDC: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/";

/// The limits of the answers of one item.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// Least values, those of quantities among them.
    pub(super) min: Vec<Value>,
    /// Greatest values.
    pub(super) max: Vec<Value>,
    pub(super) decimals_max: Option<usize>,
    pub(super) length_min: Option<usize>,
    pub(super) pattern: Option<Pattern>,
    pub(super) occurs_min: Option<usize>,
    pub(super) occurs_max: Option<usize>,
    pub(super) units: Vec<Coding>,
    pub(super) unit_set: Option<Box<str>>,
    /// Types of resources that an answer may refer to.
    pub(super) targets: Vec<Box<str>>,
    /// Profiles of which a resource that an answer refers to must fit one.
    pub(super) target_profiles: Vec<Box<str>>,
    pub(super) media_types: Vec<Box<str>>,
    /// Bytes of an attachment.
    pub(super) bytes_max: Option<Decimal>,
}

/// A form that the whole of a text must have.
#[derive(Debug)]
pub(super) enum Pattern {
    Known(Regex),
    /// A regular expression that cannot be matched in linear time, or is none.
    Unknown,
}

impl Pattern {
    fn read(text: &str) -> Self {
        compile_pattern(&format!("^(?:{text})$")).map_or(Self::Unknown, Self::Known)
    }
}

impl Limits {
    /// Reads the extensions of an item.
    pub(super) fn read(tree: &Tree, item: NodeId) -> Self {
        let mut limits = Self::default();
        for extension in tree.children_named(item, Name::EXTENSION) {
            let Some(url) = tree.child(extension, Name::URL) else { continue };
            let url = tree.text(url);
            let known = url.strip_prefix(CORE).or_else(|| url.strip_prefix(SDC));
            let value = tree.children(extension).find(|child| tree.name_text(*child).starts_with("value"));
            if let (Some(name), Some(value)) = (known, value) {
                limits.add(name, tree, extension, value);
            }
        }
        limits
    }

    fn add(&mut self, name: &str, tree: &Tree, extension: NodeId, value: NodeId) {
        let text = tree.text(value);
        let number = || text.parse::<usize>().ok();
        let bound = || Typed::read(tree, extension, "value").map(|typed| typed.value);
        match name {
            "minValue" | "sdc-questionnaire-minQuantity" => self.min.extend(bound()),
            "maxValue" | "sdc-questionnaire-maxQuantity" => self.max.extend(bound()),
            "maxDecimalPlaces" => self.decimals_max = number(),
            "minLength" => self.length_min = number(),
            "regex" => self.pattern = Some(Pattern::read(&text)),
            "questionnaire-minOccurs" => self.occurs_min = number(),
            "questionnaire-maxOccurs" => self.occurs_max = number(),
            "questionnaire-unitOption" => self.units.push(Coding::read(tree, value)),
            "questionnaire-unitValueSet" => self.unit_set = Some(text.into()),
            "questionnaire-referenceResource" => self.targets.push(text.into()),
            "questionnaire-referenceProfile" => self.target_profiles.push(text.into()),
            "mimeType" => self.media_types.push(text.into()),
            "maxSize" => self.bytes_max = Decimal::parse(&text),
            _ => {}
        }
    }
}
