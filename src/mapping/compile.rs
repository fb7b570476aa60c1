//! From a parsed lens to a checked program: names, types, cardinalities, code tables, what no rule reads or sets.

use super::ast::{self, Given, Lens, Literal, Rule, Word};
use super::convert::CodeMap;
use super::cover::{At, Cover};
use super::parse::parse;
use super::program::{
    Block, CodeLists, Condition, Content, Fate, Format, Known, Mark, Path, Primitive, Program, Rest, Root,
    RuleInfo, Settled,
};
use crate::diag::{Issue, Span, codes, nearest};
use crate::schema::{CodeTable, ElementDef, Schema};
use crate::tree::fhir::{Form, TypeId};
use crate::tree::{Kind, Name};
use std::collections::HashMap;
use std::sync::Arc;

mod conversion;
mod lists;
mod path;
mod relate;
mod restate;

/// Rules of a lens once its groups are filled in.
pub(super) const RULES_MAX: usize = 20_000;
/// Rules within rules once the groups of a lens are filled in.
pub(super) const BLOCKS_OPEN_MAX: usize = 200;

/// Compiles a lens. `file` gives the text of a file that stands beside it.
///
/// # Errors
/// All faults, each with its place and a suggestion.
pub fn compile(
    text: &str,
    schema: &Schema,
    file: &dyn Fn(&str) -> Option<String>,
) -> Result<Program, Vec<Issue>> {
    compile_lens(text, schema, &parse(text)?, file)
}

/// Compiles a lens that was parsed, and perhaps altered since.
///
/// # Errors
/// As for [`compile`].
pub(super) fn compile_lens(
    text: &str,
    schema: &Schema,
    lens: &Lens,
    file: &dyn Fn(&str) -> Option<String>,
) -> Result<Program, Vec<Issue>> {
    let mut compiler = Compiler::new(text, schema, lens);
    compiler.tables(file);
    compiler.code_lists(file);
    let roots = compiler.roots();
    compiler.finish(roots, true)
}

/// Compiles a lens without regard to what its rules leave open, for the conditions of its roots alone.
///
/// # Errors
/// As for [`compile`].
pub(super) fn compile_header(text: &str, schema: &Schema, lens: &Lens) -> Result<Program, Vec<Issue>> {
    let mut compiler = Compiler::new(text, schema, lens);
    let roots = compiler.roots();
    compiler.finish(roots, false)
}

/// A side of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Source,
    Target,
}

/// A variable in scope.
#[derive(Debug, Clone)]
struct Variable {
    name: String,
    side: Side,
    slot: usize,
    at: At,
    is_resource: bool,
}

/// A path with what is known of its end.
struct Walked {
    path: Path,
    at: At,
    end: End,
}

/// What stands at the end of a path.
#[derive(Debug, Clone, Copy)]
struct End {
    ty: TypeId,
    form: Form,
    list: bool,
    /// The value set that its codes come from, as an index into the element is not kept.
    is_text_element: bool,
}

struct Compiler<'a> {
    text: &'a str,
    schema: &'a Schema,
    lens: &'a Lens,
    format: Format,
    codes: HashMap<String, (Arc<CodeMap>, bool)>,
    scope: Vec<Variable>,
    parameters: Vec<(String, Word)>,
    groups_open: Vec<String>,
    blocks_open: usize,
    sources: Cover,
    targets: Cover,
    /// The names of the variables of each side, by slot.
    source_names: Vec<Box<str>>,
    target_names: Vec<Box<str>>,
    rules: Vec<RuleInfo>,
    rests: Vec<(At, At)>,
    /// True where a rule says again what another carries.
    restates: bool,
    likely: Vec<Vec<Condition>>,
    same_lists: Vec<Name>,
    lists: CodeLists,
    issues: Vec<Issue>,
    source_type: TypeId,
}

/// `None` means that the fault was reported.
type Checked<T> = Option<T>;

impl<'a> Compiler<'a> {
    fn new(text: &'a str, schema: &'a Schema, lens: &'a Lens) -> Self {
        Self {
            text,
            schema,
            lens,
            format: Format::Json,
            codes: HashMap::new(),
            scope: Vec::new(),
            parameters: Vec::new(),
            groups_open: Vec::new(),
            blocks_open: 0,
            sources: Cover::default(),
            targets: Cover::default(),
            source_names: Vec::new(),
            target_names: Vec::new(),
            rules: Vec::new(),
            rests: Vec::new(),
            restates: false,
            likely: Vec::new(),
            same_lists: Vec::new(),
            lists: CodeLists::new(),
            issues: Vec::new(),
            source_type: TypeId(0),
        }
    }

    fn tables(&mut self, file: &dyn Fn(&str) -> Option<String>) {
        for declared in &self.lens.codes {
            let Some(text) = file(&declared.file.text) else {
                let message = format!("the file `{}` is not there", declared.file.text);
                self.fault(codes::LENS_FILE, declared.file.span, message, "");
                continue;
            };
            let table = match CodeTable::parse(&text) {
                Ok(table) => table,
                Err(issue) => {
                    // The message names the line; the file is another than the one that this place is in.
                    let message = format!("`{}`, {}", declared.file.text, issue.message);
                    let help = "correct that line of the table: a source code, a tab, a target code";
                    self.fault(codes::LENS_FILE, declared.file.span, message, help);
                    continue;
                }
            };
            let map = CodeMap::new(table.rows().iter().map(|row| (&*row.source, &*row.target)));
            if !map.is_one_to_one() && !declared.many_to_one {
                let message = format!("the table `{}` sends several codes to one", declared.name.text);
                let help = "make it one to one, or add `many-to-one`: then the unit's own code is carried beside FHIR's";
                self.fault(codes::LENS_CODES, declared.name.span, message, help);
            }
            self.codes.insert(declared.name.text.clone(), (Arc::new(map), declared.many_to_one));
        }
    }

    fn fault(&mut self, code: &'static codes::Code, span: Span, message: String, help: &str) {
        let issue = Issue::error(code, span, message).with_help(help);
        if !self.issues.contains(&issue) {
            self.issues.push(issue);
        }
    }

    fn definition(&mut self, side: &ast::Side) -> Checked<TypeId> {
        let url = &side.definition;
        let found = self.schema.type_by_url(&url.text).or_else(|| self.schema.type_named(&url.text));
        if found.is_none() {
            let message = format!("no definition has the URL `{}`", url.text);
            self.fault(codes::LENS_NAME, url.span, message, "");
        }
        found
    }

    fn roots(&mut self) -> Vec<Root> {
        let lens = self.lens;
        for path in &lens.likely {
            if let Some(conditions) = self.likely(path) {
                self.likely.push(conditions);
            }
        }
        lens.maps.iter().filter_map(|map| self.map(map)).collect()
    }

    /// Conditions that only look at a root.
    fn likely(&mut self, path: &ast::Path) -> Checked<Vec<Condition>> {
        let declared = self.definition(&self.lens.source.clone())?;
        let ty = self.named_resource(&path.conditions).unwrap_or(declared);
        let mut looked = Cover::default();
        let at = looked.root(ty, &path.variable.text, path.span);
        std::mem::swap(&mut self.sources, &mut looked);
        let conditions = self.conditions(Side::Source, at, &path.conditions);
        std::mem::swap(&mut self.sources, &mut looked);
        conditions.map(|(conditions, _)| conditions)
    }

    fn map(&mut self, map: &ast::Map) -> Checked<Root> {
        self.format = match self.lens.source.format.text.as_str() {
            "json" => Format::Json,
            "xml" => Format::Xml,
            "csv" => Format::Csv,
            "er7" => Format::Er7,
            "fhir" => Format::Fhir,
            other => {
                let help = nearest(other, ["json", "xml", "csv", "er7", "fhir"])
                    .map_or_else(String::new, |near| format!("did you mean `{near}`?"));
                let message = format!("`{other}` is not a format");
                self.fault(codes::LENS_NAME, self.lens.source.format.span, message, &help);
                return None;
            }
        };
        let mut source_type = self.definition(&self.lens.source.clone())?;
        let mut target_type = self.definition(&self.lens.target.clone())?;
        self.source_type = source_type;
        source_type = self.named_resource(&map.source.conditions).unwrap_or(source_type);
        target_type = self.named_resource(&map.target.conditions).unwrap_or(target_type);
        self.scope.clear();
        let source_at = self.sources.root(source_type, &map.source.variable.text, map.source.span);
        let target_at = self.targets.root(target_type, &map.target.variable.text, map.target.span);
        let source_slot = self.bind(&map.source.variable, Side::Source, source_at, true)?;
        let target_slot = self.bind(&map.target.variable, Side::Target, target_at, true)?;
        let narratives = self.narratives(&map.source.variable)?;
        self.rules.push(self.info(map.source.span, ""));
        let (source_conditions, _) = self.conditions(Side::Source, source_at, &map.source.conditions)?;
        let (target_conditions, _) = self.conditions(Side::Target, target_at, &map.target.conditions)?;
        let block = self.block(&map.rules);
        let source_name = match self.format {
            Format::Xml => self.lens.source.root.as_ref().map(|root| root.text.as_str().into()),
            Format::Json | Format::Csv | Format::Er7 | Format::Fhir => None,
        };
        Some(Root {
            source_name,
            source_conditions,
            target_conditions,
            source_slot,
            target_slot,
            narratives,
            block,
        })
    }

    /// The paths of narratives that begin at the root of a map. They only look.
    fn narratives(&mut self, root: &Word) -> Checked<Vec<Path>> {
        let mut paths = Vec::new();
        let lens = self.lens;
        for path in lens.narratives.iter().filter(|path| path.variable.text == root.text) {
            let mark = self.sources.mark();
            let walked = self.walk(Side::Source, path);
            self.sources.forget(mark);
            let walked = walked?;
            self.not_same(&walked.path, path.span)?;
            paths.push(walked.path);
        }
        Some(paths)
    }

    /// The type that a root condition `[resourceType = "X"]` names.
    fn named_resource(&self, conditions: &[ast::Condition]) -> Option<TypeId> {
        conditions.iter().find_map(|condition| match condition {
            ast::Condition::Equals(steps, Literal::Text(word))
                if steps.len() == 1 && steps[0].name.text == "resourceType" =>
            {
                self.schema.type_named(&word.text)
            }
            _ => None,
        })
    }

    fn info(&self, span: Span, reason: &str) -> RuleInfo {
        let text = self.text.get(span.start as usize..span.end as usize).unwrap_or("");
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        RuleInfo { span, text: line, reason: reason.to_owned() }
    }

    fn bind(&mut self, word: &Word, side: Side, at: At, is_resource: bool) -> Checked<usize> {
        if self.scope.iter().any(|variable| variable.name == word.text) {
            let message = format!("`{}` is already the name of a variable here", word.text);
            self.fault(codes::LENS_NAME, word.span, message, "choose another name");
            return None;
        }
        let slot = self.new_slot(side, &word.text);
        self.scope.push(Variable { name: word.text.clone(), side, slot, at, is_resource });
        Some(slot)
    }

    fn variable(&mut self, word: &Word, side: Side) -> Checked<Variable> {
        let found =
            self.scope.iter().find(|variable| variable.name == word.text && variable.side == side).cloned();
        if found.is_none() {
            let known = self
                .scope
                .iter()
                .filter(|variable| variable.side == side)
                .map(|variable| variable.name.as_str());
            let help =
                nearest(&word.text, known).map_or_else(String::new, |near| format!("did you mean `{near}`?"));
            let side = if side == Side::Source { "source" } else { "target" };
            let message = format!("`{}` is no variable of the {side} that is known here", word.text);
            self.fault(codes::LENS_NAME, word.span, message, &help);
        }
        found
    }

    fn block(&mut self, rules: &[Rule]) -> Block {
        let mut block = Block::default();
        if let (BLOCKS_OPEN_MAX.., Some(first)) = (self.blocks_open, rules.first()) {
            let message = format!("rules are nested over {BLOCKS_OPEN_MAX} deep once groups are filled in");
            self.fault(codes::LIMIT, first.span(), message, "");
            return block;
        }
        self.blocks_open += 1;
        let scope = self.scope.len();
        for rule in rules {
            if self.rules.len() >= RULES_MAX {
                let message = format!("the lens has over {RULES_MAX} rules once its groups are filled in");
                self.fault(codes::LIMIT, rule.span(), message, "");
                break;
            }
            self.rule(rule, &mut block);
        }
        self.scope.truncate(scope);
        self.blocks_open -= 1;
        block
    }

    fn rule(&mut self, rule: &Rule, block: &mut Block) -> Checked<()> {
        let reason = if let Rule::Ignore(_, _, reason, _) = rule { reason.text.as_str() } else { "" };
        self.rules.push(self.info(rule.span(), reason));
        let number = self.rules.len() - 1;
        match rule {
            Rule::Relate(relate) => self.relate(relate, number, block)?,
            Rule::Target(path, given, span) => {
                let settled = self.target_rule(path, given, *span)?;
                block.settled.push((number, settled));
            }
            Rule::Source(path, literal, span) => {
                let text = self.literal(literal)?;
                let walked = self.walk(Side::Source, path)?;
                self.not_same(&walked.path, *span)?;
                self.written(Side::Source, walked.at, *span);
                block
                    .settled
                    .push((number, Settled::SourceConstant { path: walked.path, text: text.into() }));
            }
            Rule::Rest(source, target, _) => {
                let (source, target) =
                    (self.variable(source, Side::Source)?, self.variable(target, Side::Target)?);
                self.sources.set_rest(source.at);
                self.targets.set_rest(target.at);
                self.rests.push((source.at, target.at));
                let rest = Rest {
                    source_slot: source.slot,
                    target_slot: target.slot,
                    number: self.rests.len() - 1,
                    source_named: Vec::new(),
                    target_named: Vec::new(),
                };
                block.content.push((number, Content::Rest(rest)));
            }
            Rule::Keep(path, below, _) => self.mark(path, *below, Fate::Kept, number, block)?,
            Rule::Ignore(path, below, _, _) => self.mark(path, *below, Fate::Ignored, number, block)?,
        }
        Some(())
    }

    fn mark(
        &mut self,
        path: &ast::Path,
        below: bool,
        fate: Fate,
        number: usize,
        block: &mut Block,
    ) -> Checked<()> {
        let walked = self.walk(Side::Source, path)?;
        self.not_same(&walked.path, path.span)?;
        if below {
            self.sources.set_below(walked.at);
        } else {
            self.sources.set_whole(walked.at);
        }
        block.marks.push((number, Mark { path: walked.path, fate, below }));
        Some(())
    }

    fn target_rule(&mut self, path: &ast::Path, given: &Given, span: Span) -> Checked<Settled> {
        let walked = self.walk(Side::Target, path)?;
        let appends =
            matches!(given, Given::Reference(_)) && walked.path.steps.last().is_some_and(|step| step.list);
        if !appends {
            self.written(Side::Target, walked.at, span);
        }
        match given {
            Given::Literal(literal) | Given::Optional(literal) => {
                let text = self.literal(literal)?;
                let fits = !matches!(walked.end.form, Form::Object | Form::Resource)
                    && self.primitive(walked.end.ty).accepts(&text);
                if !fits {
                    let name = self.schema.type_info(walked.end.ty).name;
                    let message = format!("the constant is no value of the type `{name}`");
                    self.fault(codes::LENS_TYPE, literal.word().span, message, "");
                    return None;
                }
                let is_optional = matches!(given, Given::Optional(_));
                Some(Settled::Constant { path: walked.path, text: text.into(), is_optional })
            }
            Given::Same(from) => {
                // Looking at an element is not setting it.
                let mark = self.targets.mark();
                let from = self.walk(Side::Target, from);
                self.targets.forget(mark);
                let from = from?;
                let leaf = |end: &End| !matches!(end.form, Form::Object | Form::Resource);
                let texts =
                    leaf(&from.end) && leaf(&walked.end) && self.class(from.end).fits(self.class(walked.end));
                if from.end.ty != walked.end.ty && !texts {
                    let message = "the two elements have different types".to_owned();
                    self.fault(codes::LENS_TYPE, span, message, "");
                    return None;
                }
                Some(Settled::Same { path: walked.path, from: from.path })
            }
            Given::Reference(word) => {
                let variable = self.variable(word, Side::Target)?;
                let is_reference = self.schema.type_info(walked.end.ty).name == "Reference";
                if !variable.is_resource || !is_reference {
                    let message = "`ref` takes a resource, and stands for a Reference".to_owned();
                    self.fault(codes::LENS_TYPE, span, message, "");
                    return None;
                }
                Some(Settled::Reference { path: walked.path, slot: variable.slot })
            }
        }
    }

    fn literal(&mut self, literal: &Literal) -> Checked<String> {
        match literal {
            Literal::Text(word) => Some(word.text.clone()),
            Literal::Parameter(word) => {
                let found = self
                    .parameters
                    .iter()
                    .find(|(name, _)| *name == word.text)
                    .map(|(_, value)| value.text.clone());
                if found.is_none() {
                    let names = self.parameters.iter().map(|(name, _)| name.as_str());
                    let help = nearest(&word.text, names)
                        .map_or_else(String::new, |near| format!("did you mean `${near}`?"));
                    let message = format!("`${}` is no parameter here", word.text);
                    self.fault(codes::LENS_NAME, word.span, message, &help);
                }
                found
            }
        }
    }

    fn primitive(&self, ty: TypeId) -> Primitive {
        Primitive::of(self.schema.type_info(ty).name)
    }

    fn finish(mut self, mut roots: Vec<Root>, whole: bool) -> Result<Program, Vec<Issue>> {
        if whole && self.issues.is_empty() {
            let mut found = Vec::new();
            self.sources.unread(self.schema, &mut found);
            self.targets.unset(self.schema, &mut found);
            for issue in found {
                if !self.issues.contains(&issue) {
                    self.issues.push(issue);
                }
            }
        }
        if !self.issues.is_empty() {
            self.issues.sort_by_key(|issue| issue.span);
            return Err(self.issues);
        }
        for root in &mut roots {
            self.fill_rests(&mut root.block);
            root.block.index();
        }
        let ranks = self.ranks();
        let lens = self.lens;
        let mut program = Program {
            url: lens.url.text.clone(),
            version: lens.version.text.clone(),
            title: lens.title.as_ref().map(|title| title.text.clone()).unwrap_or_default(),
            format: self.format,
            namespace: lens.source.namespace.as_ref().map(|namespace| namespace.text.as_str().into()),
            names: Arc::clone(self.schema.names()),
            roots,
            likely: self.likely,
            looked_at: Vec::new(),
            same_lists: self.same_lists,
            lists: self.lists,
            rules: self.rules,
            source_slots: self.source_names.len(),
            target_slots: self.target_names.len(),
            source_names: self.source_names,
            target_names: self.target_names,
            ranks,
            known: known(self.schema),
            source_type: self.source_type.0,
            columns: columns(self.schema, self.source_type, |_| true),
            needed_columns: columns(self.schema, self.source_type, ElementDef::is_required),
        };
        program.looked_at = program.names_looked_at();
        Ok(program)
    }

    fn fill_rests(&self, block: &mut Block) {
        for (_, content) in &mut block.content {
            match content {
                Content::Rest(rest) => {
                    if let Some((source, target)) = self.rests.get(rest.number) {
                        rest.source_named = self.sources.named(*source);
                        rest.target_named = self.targets.named(*target);
                    }
                }
                Content::Relate(relation) => self.fill_rests(&mut relation.block),
                Content::Restate(restatement) => {
                    self.fill_rests(&mut restatement.relation.block);
                    self.fill_rests(&mut restatement.otherwise);
                }
                Content::Leaf(_) | Content::Copy(_) => {}
            }
        }
    }

    fn ranks(&self) -> HashMap<(u32, Name), u16> {
        let mut ranks = HashMap::new();
        let restated = self.restates.then(|| self.targets.types()).into_iter().flatten();
        for ty in self.sources.types().chain(restated) {
            for element in self.schema.elements(ty) {
                for found in self.schema.names_in_data(ty, element) {
                    ranks.insert((ty.0, found.name), element.order);
                }
            }
        }
        ranks
    }
}

fn kind_of(form: Form) -> Kind {
    match form {
        Form::Object | Form::Resource => Kind::Object,
        Form::Str => Kind::Str,
        Form::Number => Kind::Number,
        Form::Bool => Kind::Bool,
        Form::Xhtml => Kind::Xhtml,
    }
}

/// Names of what stands in the rows of a CSV document.
fn columns(schema: &Schema, root: TypeId, which: impl Fn(&ElementDef) -> bool) -> Vec<String> {
    let Some(row) = schema.element_by_name(root, Name::ROW) else { return Vec::new() };
    let chosen = schema.elements(row.ty).iter().filter(|element| which(element));
    chosen.map(|element| schema.name_text(element.name).to_owned()).collect()
}

fn known(schema: &Schema) -> Known {
    let rank = |ty: &str, path: &str| {
        let found = schema.type_named(ty).and_then(|ty| schema.find_path(ty, path));
        found.map_or(0, |found| found.element.order)
    };
    Known {
        entry: rank("Bundle", "entry"),
        full_url: rank("Bundle", "entry.fullUrl"),
        resource: rank("Bundle", "entry.resource"),
        resource_id: rank("Patient", "id"),
        reference: rank("Reference", "reference"),
        extension: rank("Element", "extension"),
        url: rank("Extension", "url"),
        value: rank("Extension", "valueString"),
    }
}
