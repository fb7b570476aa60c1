//! What a script remembers while it runs: fixtures, exchanges, and the variables that read them.

use super::evaluate::Evaluator;
use super::exchange::{Request, Response, header};
use super::locate;
use super::model::{Script, Variable, VariableValue};
use crate::tree::json::escape_into;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Bytes of a text after its variables are filled in.
const FILLED_BYTES_MAX: usize = 16 << 20;
/// Variables whose values name variables are followed this far.
const DEPTH_MAX: usize = 8;

/// A request with its answer.
#[derive(Debug, Clone)]
pub(super) struct Exchanged {
    pub(super) request: Request,
    pub(super) response: Response,
}

/// What an id stands for.
#[derive(Debug, Clone)]
pub(super) enum Held {
    /// A fixture.
    Resource(Rc<str>),
    /// What was sent, by `requestId`.
    Request(Rc<Exchanged>),
    /// What came, by `responseId`.
    Response(Rc<Exchanged>),
    /// A fixture that cannot be had, and why.
    Lacking(Rc<str>),
}

impl Held {
    /// The resource that it is.
    pub(super) fn body(&self) -> &str {
        match self {
            Self::Resource(text) => text,
            Self::Lacking(_) => "",
            Self::Request(exchanged) => exchanged.request.body.as_deref().unwrap_or(""),
            Self::Response(exchanged) => &exchanged.response.body,
        }
    }

    fn header(&self, name: &str) -> Option<String> {
        let headers = match self {
            Self::Resource(_) | Self::Lacking(_) => return None,
            Self::Request(exchanged) => &exchanged.request.headers,
            Self::Response(exchanged) => &exchanged.response.headers,
        };
        header(headers, name).map(std::borrow::Cow::into_owned)
    }
}

/// The memory of one script.
#[derive(Debug)]
pub(super) struct Memory<'a> {
    pub(super) evaluator: Evaluator<'a>,
    variables: &'a [Variable],
    /// Values that the caller or a repetition gives.
    given: BTreeMap<String, String>,
    held: BTreeMap<String, Held>,
    pub(super) last: Option<Rc<Exchanged>>,
}

impl<'a> Memory<'a> {
    pub(super) fn new(
        script: &'a Script,
        evaluator: Evaluator<'a>,
        given: &BTreeMap<String, String>,
    ) -> Self {
        Self {
            evaluator,
            variables: &script.variables,
            given: given.clone(),
            held: BTreeMap::new(),
            last: None,
        }
    }

    /// Gives a variable a value, and gives back the one it had.
    pub(super) fn give(&mut self, name: &str, value: Option<String>) -> Option<String> {
        match value {
            Some(value) => self.given.insert(name.to_owned(), value),
            None => self.given.remove(name),
        }
    }

    pub(super) fn hold(&mut self, id: &str, held: Held) {
        self.held.insert(id.to_owned(), held);
    }

    pub(super) fn held(&self, id: &str) -> Option<&Held> {
        self.held.get(id)
    }

    /// The last answer.
    pub(super) fn last_held(&self) -> Option<Held> {
        self.last.clone().map(Held::Response)
    }

    /// The body of a fixture or of an answer, its variables filled in where it is a fixture.
    ///
    /// # Errors
    /// The id stands for nothing, or a variable has no value.
    pub(super) fn body(&self, id: &str) -> Result<String, String> {
        match self.held.get(id) {
            None => Err(format!("nothing has the id `{id}`")),
            Some(Held::Resource(text)) => self.fill_body(text),
            Some(Held::Lacking(why)) => Err(format!("the fixture `{id}`: {why}")),
            Some(held) => Ok(held.body().to_owned()),
        }
    }

    /// A text with its variables filled in.
    ///
    /// # Errors
    /// A variable is not declared or has no value.
    pub(super) fn fill(&self, text: &str) -> Result<String, String> {
        self.filled(text, DEPTH_MAX, &|name| format!("the variable `{name}` is not declared"), &str::to_owned)
    }

    /// A resource with its variables filled in. What is no declared variable stays: a resource may say `${` itself.
    fn fill_body(&self, text: &str) -> Result<String, String> {
        let is_xml = text.trim_start().starts_with('<');
        let escape = |value: &str| {
            let mut out = String::new();
            if is_xml {
                out.push_str(&value.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;"));
            } else {
                escape_into(value, &mut out);
            }
            out
        };
        self.filled(text, DEPTH_MAX, &|_| String::new(), &escape)
    }

    /// `undeclared` says what is wrong with a name that no variable has; where it says nothing, the text stays.
    fn filled(
        &self,
        text: &str,
        depth: usize,
        undeclared: &dyn Fn(&str) -> String,
        escape: &dyn Fn(&str) -> String,
    ) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                out.push_str("${");
                rest = after;
                continue;
            };
            if self.is_declared(name) {
                out.push_str(&escape(&self.value(name, depth)?));
            } else {
                let why = undeclared(name);
                if !why.is_empty() {
                    return Err(why);
                }
                out.push_str(&format!("${{{name}}}"));
            }
            if out.len() > FILLED_BYTES_MAX {
                return Err(format!("a text has over {FILLED_BYTES_MAX} bytes with its variables"));
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn is_declared(&self, name: &str) -> bool {
        self.given.contains_key(name) || self.variables.iter().any(|variable| variable.name == name)
    }

    /// The value of a variable: what was given, what its source says, its default.
    fn value(&self, name: &str, depth: usize) -> Result<String, String> {
        if let Some(value) = self.given.get(name) {
            return Ok(value.clone());
        }
        let depth = depth.checked_sub(1).ok_or("variables name each other without end")?;
        let variable = self.variables.iter().find(|variable| variable.name == name);
        let Some(variable) = variable else { return Err(format!("the variable `{name}` is not declared")) };
        match (self.read_source(variable, depth), &variable.default) {
            (Ok(Some(value)), _) => Ok(value),
            (Ok(None) | Err(_), Some(default)) => Ok(default.clone()),
            (Ok(None), None) => Err(format!("the variable `{name}` has no value")),
            (Err(why), None) => Err(format!("the variable `{name}` has no value: {why}")),
        }
    }

    fn read_source(&self, variable: &Variable, depth: usize) -> Result<Option<String>, String> {
        let source = match &variable.source {
            Some(id) => self.held.get(id).cloned(),
            None => self.last_held(),
        };
        let Some(source) = source else { return Ok(None) };
        let fill = |text: &str| {
            self.filled(text, depth, &|name| format!("the variable `{name}` is not declared"), &str::to_owned)
        };
        match &variable.value {
            VariableValue::Default => Ok(None),
            VariableValue::Header(name) => Ok(source.header(&fill(name)?)),
            VariableValue::Expression(expression) => {
                let tree = self.evaluator.read(source.body())?;
                self.evaluator.texts(&fill(expression)?, &tree).map(first)
            }
            VariableValue::Path(path) => {
                let tree = self.evaluator.read(source.body())?;
                locate::texts(&fill(path)?, &tree).map(first)
            }
        }
    }

    /// Texts of a body by an expression or a path.
    ///
    /// # Errors
    /// The body is no resource, or the expression is wrong.
    pub(super) fn read_value(&self, value: &VariableValue, held: &Held) -> Result<Vec<String>, String> {
        match value {
            VariableValue::Default => Ok(vec![held.body().to_owned()]),
            VariableValue::Header(name) => Ok(held.header(name).into_iter().collect()),
            VariableValue::Expression(expression) => {
                let tree = self.evaluator.read(held.body())?;
                self.evaluator.texts(&self.fill(expression)?, &tree)
            }
            VariableValue::Path(path) => {
                let tree = self.evaluator.read(held.body())?;
                locate::texts(&self.fill(path)?, &tree)
            }
        }
    }
}

fn first(texts: Vec<String>) -> Option<String> {
    texts.into_iter().next()
}
