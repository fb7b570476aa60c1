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

/// Which steps are shown: all where none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
pub(super) struct Chosen {
    /// The bytes as they came
    #[arg(long)]
    raw: bool,
    /// The leaves of the document, each with its path
    #[arg(long)]
    tree: bool,
    /// The FHIR resources that the map makes of it
    #[arg(long)]
    fhir: bool,
    /// What became of it, and by which version of the map
    #[arg(long)]
    target: bool,
    /// How many leaves were carried, kept, ignored
    #[arg(long)]
    ledger: bool,
}

impl Chosen {
    /// Whether each step is shown, in their order.
    fn each(self) -> [bool; 5] {
        let each = [self.raw, self.tree, self.fhir, self.target, self.ledger];
        if each.contains(&true) { each } else { [true; 5] }
    }
}

/// Shows a message, with its values where the console shows values.
pub(super) fn show(message: &Message, chosen: Chosen, console: &Console) -> Result<Verdict, Stop> {
    let steps = Steps::of(message, console.show_values);
    let unreadable = steps.unreadable;
    let steps = steps.named().into_iter().zip(chosen.each());
    let steps = steps.filter_map(|(step, is_chosen)| is_chosen.then_some(step));
    if console.is_json() {
        let mut value = row(message);
        for (name, step) in steps {
            value[name] = step;
        }
        value["unreadable"] = json!(unreadable);
        Console::print_json(&value)?;
        return Ok(Verdict::Clean);
    }
    let head = row(message);
    let members = head.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    for (name, value) in members {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Console::print(&format!("{name}: {text}\n"))?;
    }
    for (name, step) in steps {
        let text = match step {
            Value::String(text) => text,
            Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
            Value::Null => continue,
            other => other.to_string(),
        };
        section(name, &text)?;
    }
    unreadable.map_or(Ok(()), |code| section("unreadable", code))?;
    Ok(Verdict::Clean)
}

fn section(name: &str, text: &str) -> Result<(), Stop> {
    Console::print(&format!("\n--- {name}\n{}\n", text.trim_end()))
}

struct Steps {
    raw: String,
    /// Nothing of plain resources, which are their own tree, and of what cannot be read.
    tree: Option<Vec<String>>,
    fhir: Option<String>,
    target: Value,
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
            tree: None,
            fhir: None,
            target: target(message),
            ledger: Value::Null,
            unreadable: None,
        };
        let unit = known(message.unit.as_deref());
        match lane::taken(unit, body) {
            Err(code) => steps.unreadable = Some(code.id),
            Ok(taken) => {
                if let Original::Unit(document, _) = &taken.original {
                    steps.tree = Some(leaves(&document.tree, shows_values));
                }
                let mut text = String::new();
                let bundle = &taken.contribution.bundle;
                fhir::write_json(bundle, NodeId::ROOT, Some(units::schema()), Layout::Pretty, &mut text);
                steps.fhir = Some(if shows_values { text } else { Mask::Json.apply(&text) });
                steps.ledger = taken.ledger.as_ref().map_or(Value::Null, counts);
            }
        }
        steps
    }

    /// The steps with their names, in their order.
    fn named(self) -> [(&'static str, Value); 5] {
        [
            ("raw", json!(self.raw)),
            ("tree", json!(self.tree)),
            ("fhir", json!(self.fhir)),
            ("target", self.target),
            ("ledger", self.ledger),
        ]
    }
}

/// Where a message went: what became of it, where that stands, and the version of the map by which it was read.
fn target(message: &Message) -> Value {
    let (effect, reference) =
        message.told.as_deref().map_or((None, None), |told| match told.split_once(' ') {
            Some((effect, reference)) => (Some(effect), Some(reference)),
            None => (Some(told), None),
        });
    json!({
        "state": message.state.as_str(),
        "effect": effect,
        "reference": reference,
        "connection": message.connection,
        "map": message.map,
    })
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
