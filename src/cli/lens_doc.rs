//! A lens as a page for people: the mapping as tables, in Markdown.

use super::console::Add;
use crate::mapping::Program;
use crate::mapping::ast::{
    Body, Condition, Given, Group, Lens, Literal, Map, Path, Relate, Rule, Step, Via, Way,
};
use crate::schema::CodeTable;
use std::collections::HashMap;

/// Rows of one code table that are printed.
const ROWS_MAX: usize = 500;

/// What has been gathered for one map or group.
#[derive(Default)]
struct Section {
    rows: Vec<[String; 4]>,
    constants: Vec<[String; 2]>,
    kept: Vec<String>,
    ignored: Vec<[String; 2]>,
    /// What each variable stands for.
    names: HashMap<String, String>,
}

/// The page of a lens. `file` gives the text of a file beside it.
pub(super) fn page(lens: &Lens, program: &Program, file: &dyn Fn(&str) -> Option<String>) -> String {
    let title = lens.title.as_ref().map_or(lens.url.text.as_str(), |title| title.text.as_str());
    let mut out = format!("# {title}\n\n");
    let mut fact = |label: &str, text: &str| out.add(format_args!("- **{label}:** {text}\n"));
    fact("Lens", &format!("`{}`, version {}", lens.url.text, lens.version.text));
    fact("Source", &format!("{}, `{}`", lens.source.format.text, lens.source.definition.text));
    fact("Target", &format!("{}, `{}`", lens.target.format.text, lens.target.definition.text));
    fact("Label", &program.label().to_string());
    fact("Rules", &format!("{} with groups filled in", program.rules().len()));
    out.push_str("\n`<->` is carried both ways; `->` follows from the source; `each` stands for every item of a list.\n");
    for map in &lens.maps {
        out.add(format_args!("\n## Map `{}`\n", root(map)));
        let mut section = Section::default();
        section.name(&map.source.variable.text, String::new());
        section.name(&map.target.variable.text, "Bundle".to_owned());
        section.rules(&map.rules);
        section.write(&mut out);
    }
    for group in &lens.groups {
        out.add(format_args!("\n## Group {}\n", head(group)));
        let mut section = Section::default();
        section.name(&group.source.text, "…".to_owned());
        section.name(&group.target.text, "…".to_owned());
        section.rules(&group.rules);
        section.write(&mut out);
    }
    for table in &lens.codes {
        let lossy = if table.many_to_one {
            ", several codes to one: the unit's own code is carried beside FHIR's"
        } else {
            ""
        };
        out.add(format_args!("\n## Code table {} (`{}`){lossy}\n\n", table.name.text, table.file.text));
        out.push_str(&rows(file(&table.file.text).as_deref()));
    }
    out
}

fn root(map: &Map) -> String {
    format!("{}{}", map.source.variable.text, conditions(&map.source.conditions))
}

fn head(group: &Group) -> String {
    let words: Vec<&str> = group.parameters.iter().map(|word| word.text.as_str()).collect();
    let parameters = if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) };
    format!("{}{parameters}", group.name.text)
}

fn rows(text: Option<&str>) -> String {
    let table = text.and_then(|text| CodeTable::parse(text).ok());
    let Some(table) = table else { return "The file is not there.\n".to_owned() };
    let mut out = "| source | target |\n|---|---|\n".to_owned();
    for row in table.rows().iter().take(ROWS_MAX) {
        out.add(format_args!("| {} | {} |\n", cell(&row.source), cell(&row.target)));
    }
    if table.rows().len() > ROWS_MAX {
        out.add(format_args!("\nand {} more\n", table.rows().len() - ROWS_MAX));
    }
    out
}

impl Section {
    fn name(&mut self, variable: &str, stands_for: String) {
        self.names.insert(variable.to_owned(), stands_for);
    }

    fn rules(&mut self, rules: &[Rule]) {
        for rule in rules {
            match rule {
                Rule::Relate(relate) => self.relate(relate),
                Rule::Target(path, given, _) => {
                    let given = match given {
                        Given::Literal(literal) | Given::Optional(literal) => format!("`{}`", word(literal)),
                        Given::Same(from) => format!("the same as `{}`", self.path(from)),
                        Given::Reference(name) => format!("a reference to {}", self.stands_for(&name.text)),
                    };
                    self.constants.push([self.path(path), given]);
                }
                Rule::Source(path, literal, _) => {
                    let given = format!("`{}`, written where a document is made", word(literal));
                    self.constants.push([self.path(path), given]);
                }
                Rule::Rest(source, target, _) => {
                    let (source, target) = (self.stands_for(&source.text), self.stands_for(&target.text));
                    let every =
                        |path: String| if path.is_empty() { "*".to_owned() } else { format!("{path}.*") };
                    self.rows.push([
                        every(source),
                        "<->".to_owned(),
                        every(target),
                        "every other element".to_owned(),
                    ]);
                }
                Rule::Keep(path, below, _) => self.kept.push(self.marked(path, *below)),
                Rule::Ignore(path, below, reason, _) => {
                    self.ignored.push([self.marked(path, *below), reason.text.clone()]);
                }
            }
        }
    }

    fn relate(&mut self, relate: &Relate) {
        let (source, mut target) = (self.path(&relate.source), self.path(&relate.target));
        if let Some(binding) = &relate.target_as {
            let kind = binding.resource.as_ref().map(|kind| kind.text.clone());
            if let Some(kind) = &kind {
                target = format!("{target} → {kind}{}", conditions(&binding.conditions));
            }
            let stands_for = kind.unwrap_or_else(|| self.path(&relate.target));
            self.name(&binding.variable.text, stands_for);
        }
        if let Some(binding) = &relate.source_as {
            let stands_for = if relate.each { format!("{source}[]") } else { source.clone() };
            self.name(&binding.variable.text, stands_for);
        }
        let arrow = match relate.way {
            Way::Both => "<->",
            Way::Forward => "->",
        };
        let each = if relate.each { "each " } else { "" };
        let how = self.how(relate);
        self.rows.push([source, format!("{each}{arrow}"), target, how]);
        if let Some(Body::Rules(rules)) = &relate.body {
            self.rules(rules);
        }
    }

    fn how(&self, relate: &Relate) -> String {
        let mut how: Vec<String> = relate.via.iter().map(conversion).collect();
        if let Some(default) = &relate.default {
            how.push(format!("default `{}`", word(default)));
        }
        if !relate.key.is_empty() {
            let keys: Vec<String> = relate.key.iter().map(|path| self.path(path)).collect();
            how.push(format!("aligned by {}", keys.join(", ")));
        }
        if let Some(Body::Call(group, arguments)) = &relate.body {
            let arguments: Vec<&str> = arguments.iter().map(word).collect();
            let arguments =
                if arguments.is_empty() { String::new() } else { format!(" ({})", arguments.join(", ")) };
            how.push(format!("group {}{arguments}", group.text));
        }
        how.join("; ")
    }

    fn stands_for(&self, variable: &str) -> String {
        self.names.get(variable).cloned().unwrap_or_else(|| variable.to_owned())
    }

    fn path(&self, path: &Path) -> String {
        let start = format!("{}{}", self.stands_for(&path.variable.text), conditions(&path.conditions));
        let steps = steps(&path.steps);
        if start.is_empty() || steps.is_empty() {
            format!("{start}{steps}")
        } else {
            format!("{start}.{steps}")
        }
    }

    fn marked(&self, path: &Path, below: bool) -> String {
        let path = self.path(path);
        match (below, path.is_empty()) {
            (false, _) => path,
            (true, true) => "*".to_owned(),
            (true, false) => format!("{path}.*"),
        }
    }

    fn write(&self, out: &mut String) {
        out.push_str(&table(&["source", "", "target", "how"], &self.rows));
        if !self.constants.is_empty() {
            out.add(format_args!(
                "\nConstants and references:\n{}",
                table(&["element", "is"], &self.constants)
            ));
        }
        if !self.kept.is_empty() {
            out.push_str("\nKept in the unit's own document:\n\n");
            out.extend(self.kept.iter().map(|path| format!("- `{path}`\n")));
        }
        if !self.ignored.is_empty() {
            out.add(format_args!("\nIgnored:\n{}", table(&["element", "because"], &self.ignored)));
        }
    }
}

fn table<const N: usize>(head: &[&str; N], rows: &[[String; N]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut out = format!("\n| {} |\n|{}\n", head.join(" | "), "---|".repeat(N));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
        out.add(format_args!("| {} |\n", cells.join(" | ")));
    }
    out
}

/// Text that cannot end a cell of a table.
fn cell(text: &str) -> String {
    super::console::clean(text).replace('|', "\\|").replace('\n', " ")
}

fn conversion(via: &Via) -> String {
    let arguments: Vec<&str> = via.arguments.iter().map(word).collect();
    match (via.name.text.as_str(), arguments.as_slice()) {
        (name, []) => name.to_owned(),
        ("codes", [table]) => format!("codes {table}"),
        ("codes", [table, other, ..]) => format!("codes {table}, otherwise `{other}`"),
        (name, arguments) => format!("{name}({})", arguments.join(", ")),
    }
}

fn steps(steps: &[Step]) -> String {
    let steps: Vec<String> =
        steps.iter().map(|step| format!("{}{}", step.name.text, conditions(&step.conditions))).collect();
    steps.join(".")
}

/// Conditions as the lens writes them. A url of an extension of our own is shown by its last word.
fn conditions(conditions: &[Condition]) -> String {
    if conditions.is_empty() {
        return String::new();
    }
    let words: Vec<String> = conditions.iter().map(condition).collect();
    format!("[{}]", words.join(", "))
}

fn condition(condition: &Condition) -> String {
    match condition {
        Condition::Equals(path, literal) => {
            let value = word(literal);
            let short = value
                .strip_prefix("https://w3id.org/sauma/fhir/")
                .and_then(|rest| rest.split('/').next_back());
            format!("{} = {}", steps(path), short.unwrap_or(value))
        }
        Condition::Differs(path, literal) => format!("no {} = {}", steps(path), word(literal)),
        Condition::Has(path) => format!("has {}", steps(path)),
        Condition::Lacks(path) => format!("no {}", steps(path)),
        Condition::First => "first".to_owned(),
        Condition::Rest => "rest".to_owned(),
        Condition::Same => "same".to_owned(),
    }
}

fn word(literal: &Literal) -> &str {
    literal.word().text.as_str()
}
