//! One message at each step: as it came, as a tree, as FHIR, what of it is carried, and where it went.

use super::console::{Console, Stop, Verdict};
use super::mask::Mask;
use super::queue::row;
use crate::exchange::lane;
use crate::exchange::write_back::Original;
use crate::mapping::{Fate, Ledger, units};
use crate::store::Message;
use crate::tree::json::Layout;
use crate::tree::{NodeId, Tree, fhir};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Leaves that are shown of one tree.
const LEAVES_MAX: usize = 5_000;

/// Shows a message, with its values where the console shows values.
pub(super) fn show(message: &Message, console: &Console) -> Result<Verdict, Stop> {
    let steps = Steps::of(message, console.show_values);
    if console.is_json() {
        let mut value = row(message);
        value["raw"] = json!(steps.raw);
        value["tree"] = json!(steps.tree);
        value["fhir"] = json!(steps.fhir);
        value["ledger"] = steps.ledger;
        value["unreadable"] = json!(steps.unreadable);
        Console::print_json(&value)?;
        return Ok(Verdict::Clean);
    }
    let head = row(message);
    let members = head.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    for (name, value) in members {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Console::print(&format!("{name}: {text}\n"))?;
    }
    section("raw", &steps.raw)?;
    if let Some(code) = steps.unreadable {
        return section("unreadable", code).map(|()| Verdict::Clean);
    }
    section("tree", &steps.tree.join("\n"))?;
    section("fhir", &steps.fhir)?;
    section("ledger", &steps.ledger.to_string())?;
    Ok(Verdict::Clean)
}

fn section(name: &str, text: &str) -> Result<(), Stop> {
    Console::print(&format!("\n--- {name}\n{}\n", text.trim_end()))
}

struct Steps {
    raw: String,
    tree: Vec<String>,
    fhir: String,
    ledger: Value,
    /// The code of why it cannot be read.
    unreadable: Option<&'static str>,
}

impl Steps {
    fn of(message: &Message, shows_values: bool) -> Self {
        let body = message.body.as_deref().unwrap_or_default();
        let shown = |text: &str| {
            if shows_values { text.to_owned() } else { Mask::guess(text).apply(text) }
        };
        let mut steps = Self {
            raw: shown(&String::from_utf8_lossy(body)),
            tree: Vec::new(),
            fhir: String::new(),
            ledger: Value::Null,
            unreadable: None,
        };
        let unit = known(message.unit.as_deref());
        match lane::taken(unit, body) {
            Err(code) => steps.unreadable = Some(code.id),
            Ok(taken) => {
                if let Original::Unit(document, _) = &taken.original {
                    steps.tree = leaves(&document.tree, shows_values);
                }
                let mut text = String::new();
                let bundle = &taken.contribution.bundle;
                fhir::write_json(bundle, NodeId::ROOT, Some(units::schema()), Layout::Pretty, &mut text);
                steps.fhir = if shows_values { text } else { Mask::Json.apply(&text) };
                steps.ledger = taken.ledger.as_ref().map_or(Value::Null, counts);
            }
        }
        steps
    }
}

/// The name of a unit system as the table of them has it.
fn known(name: Option<&str>) -> Option<&'static str> {
    let name = name?;
    if name == crate::exchange::intake::FHIR {
        return Some(crate::exchange::intake::FHIR);
    }
    units::all().find(|unit| unit.name == name).map(|unit| unit.name)
}

/// The leaves of a tree, each with its path.
fn leaves(tree: &Tree, shows_values: bool) -> Vec<String> {
    let leaf = |node: NodeId| {
        let text: Cow<str> = tree.text(node);
        if tree.children(node).next().is_some() || text.is_empty() {
            return None;
        }
        let shown = if shows_values { text.into_owned() } else { Mask::Plain.apply(&text) };
        Some(format!("{} = {shown}", tree.known_path(node)))
    };
    tree.descend(NodeId::ROOT).filter_map(leaf).take(LEAVES_MAX).collect()
}

fn counts(ledger: &Ledger) -> Value {
    let counts = ledger.counts();
    let left = ledger.entries.iter().filter(|entry| entry.fate == Fate::Unexplained).count();
    json!({
        "carried": counts.carried,
        "kept": counts.kept,
        "ignored": counts.ignored,
        "unexplained": left,
    })
}
