//! What one entry of a differential changes in an element.

use super::super::element::Stated;
use super::super::pack::TypeRefRecord;
use super::super::types::{Facts, bit};
use super::Generator;
use super::overlay::EXTENSION;
use super::tree::{Children, Node};

/// The flags that a differential can change; the others say how data are written.
const CHANGEABLE: u16 = bit::MODIFIER | bit::SUMMARY | bit::MUST_SUPPORT | bit::ORDERED;

/// Changes an element to what is stated; what is not stated stays.
pub(super) fn state(generator: &mut Generator<'_>, node: &mut Node, stated: &Stated, is_profile: bool) {
    set_types(generator, node, stated);
    if let [said] = &stated.types[..]
        && let [profile] = &*said.profiles
        && is_profile
    {
        take_profile(generator, node, &said.code, profile);
    }
    node.element.min = stated.min.unwrap_or(node.element.min);
    node.element.max = stated.max.unwrap_or(node.element.max);
    let flags = stated.known_flags & CHANGEABLE;
    node.element.flags = node.element.flags & !flags | stated.flags & flags;
    if let Some(path) = &stated.reference {
        node.children = Children::Same(path.to_string());
    }
    add_constraints(generator, node, stated);
    if stated.facts != Facts::default() {
        set_facts(node.element.facts.get_or_insert_default(), &stated.facts);
    }
}

fn set_types(generator: &mut Generator<'_>, node: &mut Node, stated: &Stated) {
    if stated.types.is_empty() {
        return;
    }
    let only = node.element.types.first().map(|ty| ty.code);
    let mut types: Vec<TypeRefRecord> =
        stated.types.iter().map(|ty| generator.compiler.type_ref(ty)).collect();
    if let ([ty], [said], Some(code)) = (&mut types[..], &stated.types[..], only)
        && said.code.is_empty()
    {
        ty.code = code;
    }
    node.element.types = types;
    drop_binding(generator, node);
}

/// A choice that is narrowed to types without codes keeps no binding.
pub(super) fn drop_binding(generator: &Generator<'_>, node: &mut Node) {
    let types = &node.element.types;
    if !types.iter().any(|ty| is_bindable(generator.compiler.codes.text(ty.code)))
        && let Some(facts) = &mut node.element.facts
    {
        facts.binding = None;
    }
}

/// True for the types that a binding can apply to (FHIR R4, `ElementDefinition`, eld-11).
fn is_bindable(code: &str) -> bool {
    const OTHERS: &[&str] = &["CodeableConcept", "Coding", "Quantity", "code", "string", "uri"];
    const QUANTITIES: &[&str] = &["Age", "Count", "Distance", "Duration", "MoneyQuantity", "SimpleQuantity"];
    // What stands in an extension, or in a model that is not FHIR, is not for us to judge.
    OTHERS.contains(&code) || QUANTITIES.contains(&code) || code == "Extension" || code.contains('/')
}

/// What a profile says of the value as a whole holds for the element: its invariants, and of an extension how often it
/// may be there and whether it is a modifier.
fn take_profile(generator: &mut Generator<'_>, node: &mut Node, code: &str, profile: &str) {
    let Ok(tree) = generator.tree(profile) else { return };
    let root = &tree.root.element;
    node.element.constraints = generator.compiler.union(node.element.constraints, root.constraints);
    if code == EXTENSION {
        node.element.min = root.min;
        node.element.max = root.max;
        node.element.flags |= root.flags & bit::MODIFIER;
    }
}

/// Invariants are added; one with a known key takes its place.
fn add_constraints(generator: &mut Generator<'_>, node: &mut Node, stated: &Stated) {
    if stated.constraints.is_empty() {
        return;
    }
    let compiler = &mut *generator.compiler;
    let known = compiler.sets.get(node.element.constraints).cloned().unwrap_or_default();
    let is_new = |number: &u32| {
        let known = compiler.constraints.get(*number);
        known.is_some_and(|known| stated.constraints.iter().all(|it| it.key != known.key))
    };
    let mut all: Vec<u32> = known.into_iter().filter(is_new).collect();
    all.extend(stated.constraints.iter().map(|constraint| compiler.constraints.of(constraint)));
    all.sort_unstable();
    all.dedup();
    node.element.constraints = compiler.sets.of(&all);
}

fn set_facts(facts: &mut Facts, stated: &Facts) {
    if let Some(binding) = &stated.binding {
        let mut binding = binding.clone();
        if let Some(known) = facts.binding.take().filter(|_| binding.value_set.is_empty()) {
            binding.value_set = known.value_set;
        }
        facts.binding = Some(binding);
    }
    if let Some(slicing) = &stated.slicing {
        let mut slicing = slicing.clone();
        if let Some(known) = facts.slicing.take() {
            if slicing.discriminators.is_empty() {
                slicing.discriminators = known.discriminators;
            }
            if slicing.rules.is_empty() {
                slicing.rules = known.rules;
            }
        }
        facts.slicing = Some(slicing);
    }
    set(&mut facts.fixed, stated.fixed.as_ref());
    set(&mut facts.pattern, stated.pattern.as_ref());
    set(&mut facts.min_value, stated.min_value.as_ref());
    set(&mut facts.max_value, stated.max_value.as_ref());
    set(&mut facts.max_length, stated.max_length.as_ref());
    set(&mut facts.short, stated.short.as_ref());
    set(&mut facts.label, stated.label.as_ref());
}

fn set<T: Clone>(fact: &mut Option<T>, stated: Option<&T>) {
    if stated.is_some() {
        *fact = stated.cloned();
    }
}
