//! One session with a client: from `initialize` to `exit` (LSP 3.17, "Server lifecycle").

use super::fate::{self, Asked};
use super::text::Encoding;
use super::wire::{self, Fault, Id, Message};
use super::workspace::{Document, Workspace};
use super::{complete, findings, hover, navigate, rename};
use crate::cli::lsp::analysis::Analysis;
use crate::diag::Span;
use crate::mapping::fml;
use crate::mapping::outline::Meaning;
use lsp_types::{
    CodeActionParams, CodeLensParams, CompletionParams, DidChangeTextDocumentParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DocumentFormattingParams, DocumentSymbolParams,
    ExecuteCommandParams, Position, PositionEncodingKind, ReferenceParams, RenameParams,
    TextDocumentPositionParams,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::rc::Rc;

/// The command that tells where a field went.
pub(super) const WHERE_COMMAND: &str = fate::COMMAND;
/// The same as a request.
const WHERE_REQUEST: &str = "sauma/whereDidThisFieldGo";

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was agreed yet.
    New,
    /// Requests are answered.
    Ready,
    /// The client said that it will go.
    Down,
}

/// A session.
#[derive(Debug)]
pub(super) struct Session<W> {
    out: W,
    stage: Stage,
    workspace: Workspace,
    /// Documents whose findings are to be told anew.
    changed: BTreeSet<String>,
}

/// Where the client asks for a field, by its place or its path.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Where {
    text_document: lsp_types::TextDocumentIdentifier,
    position: Option<Position>,
    path: Option<String>,
}

impl<W: Write> Session<W> {
    /// A session that answers on a stream.
    pub(super) fn new(out: W) -> Self {
        Self { out, stage: Stage::New, workspace: Workspace::new(Encoding::Utf16), changed: BTreeSet::new() }
    }

    /// True where the client said that it will go.
    pub(super) fn is_down(&self) -> bool {
        self.stage == Stage::Down
    }

    /// Tells the findings of one document that changed; false where none did.
    ///
    /// # Errors
    /// The stream fails.
    pub(super) fn tell_findings(&mut self) -> io::Result<bool> {
        let Some(uri) = self.changed.pop_first() else { return Ok(false) };
        let (version, found) = match self.workspace.document(&uri) {
            Some(document) => {
                let analysis = self.workspace.analysis(document);
                (Some(document.version), findings::findings(&analysis, document))
            }
            None => (None, Vec::new()),
        };
        let mut params = json!({ "uri": uri, "diagnostics": found });
        if let (Some(version), Value::Object(params)) = (version, &mut params) {
            params.insert("version".to_owned(), json!(version));
        }
        wire::notify(&mut self.out, "textDocument/publishDiagnostics", &params)?;
        Ok(true)
    }

    /// Says that a request was taken back.
    ///
    /// # Errors
    /// The stream fails.
    pub(super) fn cancelled(&mut self, id: &Id) -> io::Result<()> {
        let fault = Fault::new(Fault::CANCELLED, "the request was taken back");
        wire::answer(&mut self.out, Some(id), Err(fault))
    }

    /// Handles a message; false where the session is over.
    ///
    /// # Errors
    /// The stream fails.
    pub(super) fn handle(&mut self, message: Message) -> io::Result<bool> {
        match message {
            Message::Wrong(fault) => wire::answer(&mut self.out, None, Err(fault))?,
            Message::Request { id, method, params } => {
                let outcome = self.request(&method, params);
                wire::answer(&mut self.out, Some(&id), outcome)?;
            }
            Message::Notice { method, .. } if method == "exit" => return Ok(false),
            Message::Notice { method, params } => {
                // What nobody asked an answer to cannot be refused; what is not understood changes nothing.
                if self.stage == Stage::Ready {
                    drop(self.notice(&method, params));
                }
            }
        }
        Ok(true)
    }

    fn request(&mut self, method: &str, params: Value) -> Result<Value, Fault> {
        match (self.stage, method) {
            (Stage::New, "initialize") => Ok(self.initialize(&params)),
            (Stage::New, _) => Err(Fault::new(Fault::NOT_INITIALIZED, "`initialize` comes first")),
            (Stage::Ready, "shutdown") => {
                self.stage = Stage::Down;
                Ok(Value::Null)
            }
            (Stage::Ready, "initialize") => Err(Fault::new(Fault::INVALID, "`initialize` comes once")),
            (Stage::Ready, _) => self.answer(method, params),
            (Stage::Down, _) => Err(Fault::new(Fault::INVALID, "the session was shut down")),
        }
    }

    fn initialize(&mut self, params: &Value) -> Value {
        // Of all that a client tells only this matters, so nothing else of it can be a reason to refuse.
        let offered = params.pointer("/capabilities/general/positionEncodings").cloned();
        let offered: Vec<PositionEncodingKind> =
            offered.map(parameters).transpose().unwrap_or_default().unwrap_or_default();
        let encoding = Encoding::agreed(&offered);
        self.workspace = Workspace::new(encoding);
        self.stage = Stage::Ready;
        json!({
            "capabilities": {
                "positionEncoding": encoding.kind(),
                "textDocumentSync": { "openClose": true, "change": 2, "save": { "includeText": false } },
                "hoverProvider": true,
                "completionProvider": { "triggerCharacters": [".", "[", "\"", "'", "$", "%", ":", "#"] },
                "definitionProvider": true,
                "referencesProvider": true,
                "documentHighlightProvider": true,
                "renameProvider": { "prepareProvider": true },
                "documentSymbolProvider": true,
                "documentFormattingProvider": true,
                "codeActionProvider": { "codeActionKinds": ["quickfix"] },
                "codeLensProvider": { "resolveProvider": false },
                "executeCommandProvider": { "commands": [WHERE_COMMAND] },
            },
            "serverInfo": { "name": "sauma", "version": env!("CARGO_PKG_VERSION") },
        })
    }

    fn notice(&mut self, method: &str, params: Value) -> Result<(), Fault> {
        match method {
            "textDocument/didOpen" => {
                let params: DidOpenTextDocumentParams = parameters(params)?;
                let uri = params.text_document.uri.as_str().to_owned();
                if self.workspace.open(params.text_document) {
                    self.changed.extend(self.workspace.concerned(&uri));
                }
            }
            "textDocument/didChange" => {
                let params: DidChangeTextDocumentParams = parameters(params)?;
                let document = params.text_document;
                let uri = document.uri.as_str();
                if self.workspace.change(uri, document.version, params.content_changes) {
                    self.changed.extend(self.workspace.concerned(uri));
                }
            }
            "textDocument/didClose" => {
                let params: DidCloseTextDocumentParams = parameters(params)?;
                let uri = params.text_document.uri.as_str();
                let concerned = self.workspace.concerned(uri);
                if self.workspace.close(uri) {
                    self.changed.extend(concerned);
                }
            }
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => {
                self.workspace.files_changed();
                self.changed.extend(self.workspace.all());
            }
            _ => {}
        }
        Ok(())
    }

    fn answer(&self, method: &str, params: Value) -> Result<Value, Fault> {
        match method {
            "textDocument/hover" => {
                self.at(params, |known| to_value(hover::hover(&known.analysis, known.document, known.offset)))
            }
            "textDocument/definition" => {
                self.at(params, |known| navigate::definition(&known.analysis, known.document, known.offset))
            }
            "textDocument/documentHighlight" => {
                self.at(params, |known| navigate::highlights(&known.analysis, known.document, known.offset))
            }
            "textDocument/prepareRename" => {
                self.at(params, |known| rename::prepare(&known.analysis, known.document, known.offset))
            }
            "textDocument/references" => {
                let params: ReferenceParams = parameters(params)?;
                let known = self.known(&params.text_document_position)?;
                let with = params.context.include_declaration;
                Ok(navigate::references(&known.analysis, known.document, known.offset, with))
            }
            "textDocument/rename" => {
                let params: RenameParams = parameters(params)?;
                let known = self.known(&params.text_document_position)?;
                rename::rename(&self.workspace, known.document, known.offset, &params.new_name)
            }
            "textDocument/completion" => {
                let params: CompletionParams = parameters(params)?;
                let document = self.document(params.text_document_position.text_document.uri.as_str())?;
                let offset = document.text.offset(params.text_document_position.position);
                Ok(to_value(complete::complete(&self.workspace, document, offset)))
            }
            _ => self.answer_of_document(method, params),
        }
    }

    fn answer_of_document(&self, method: &str, params: Value) -> Result<Value, Fault> {
        match method {
            "textDocument/documentSymbol" => {
                let params: DocumentSymbolParams = parameters(params)?;
                let document = self.document(params.text_document.uri.as_str())?;
                Ok(to_value(navigate::symbols(&self.workspace.analysis(document), document)))
            }
            "textDocument/formatting" => {
                let params: DocumentFormattingParams = parameters(params)?;
                Ok(formatted(self.document(params.text_document.uri.as_str())?))
            }
            "textDocument/codeAction" => {
                let params: CodeActionParams = parameters(params)?;
                let document = self.document(params.text_document.uri.as_str())?;
                let (start, end) = (params.range.start, params.range.end);
                let span = Span::new(document.text.offset(start), document.text.offset(end));
                Ok(to_value(findings::repairs(&self.workspace.analysis(document), document, span)))
            }
            "textDocument/codeLens" => {
                let params: CodeLensParams = parameters(params)?;
                let document = self.document(params.text_document.uri.as_str())?;
                Ok(to_value(fate::lenses(&self.workspace.analysis(document), document)))
            }
            WHERE_REQUEST => self.where_did_it_go(params),
            "workspace/executeCommand" => {
                let mut params: ExecuteCommandParams = parameters(params)?;
                if params.command != WHERE_COMMAND {
                    return Err(Fault::new(Fault::PARAMS, "this command is not known"));
                }
                // The line above a map or group is shown with this command and asks for nothing.
                if params.arguments.is_empty() {
                    return Ok(Value::Null);
                }
                self.where_did_it_go(params.arguments.swap_remove(0))
            }
            _ => Err(Fault::new(Fault::METHOD, "this method is not known")),
        }
    }

    fn where_did_it_go(&self, params: Value) -> Result<Value, Fault> {
        let asked: Where = parameters(params)?;
        let document = self.document(asked.text_document.uri.as_str())?;
        let analysis = self.workspace.analysis(document);
        let outline = &analysis.outline;
        let places: Vec<(String, bool)> = match (asked.path, asked.position) {
            (Some(path), _) => fate::asked_path(&analysis, &path),
            (None, Some(position)) => {
                let mark = outline.at(document.text.offset(position));
                mark.and_then(|mark| element_of(&analysis, &mark.meaning)).into_iter().collect()
            }
            (None, None) => {
                return Err(Fault::new(Fault::PARAMS, "a field is asked for by `position` or by `path`"));
            }
        };
        let answers: Vec<Value> = places
            .iter()
            .map(|(place, is_source)| {
                fate::answer(&analysis, document, Asked { place, is_source: *is_source })
            })
            .collect();
        Ok(Value::Array(answers))
    }

    fn document(&self, uri: &str) -> Result<&Document, Fault> {
        let missing = || Fault::new(Fault::PARAMS, "this document is not open");
        self.workspace.document(uri).ok_or_else(missing)
    }

    fn known(&self, params: &TextDocumentPositionParams) -> Result<Known<'_>, Fault> {
        let document = self.document(params.text_document.uri.as_str())?;
        let offset = document.text.offset(params.position);
        Ok(Known { analysis: self.workspace.analysis(document), document, offset })
    }

    fn at(&self, params: Value, answer: impl Fn(&Known<'_>) -> Value) -> Result<Value, Fault> {
        let params: TextDocumentPositionParams = parameters(params)?;
        Ok(answer(&self.known(&params)?))
    }
}

/// A place of a document with what is known of it.
struct Known<'a> {
    analysis: Rc<Analysis>,
    document: &'a Document,
    offset: u32,
}

/// The element that a name stands for.
fn element_of(analysis: &Analysis, meaning: &Meaning) -> Option<(String, bool)> {
    match meaning {
        Meaning::Element(element) | Meaning::Value(element, _) => {
            Some((element.place.clone(), element.is_source))
        }
        Meaning::Declared(at) => {
            use crate::mapping::outline::Kind;
            let it = analysis.outline.declared.get(*at)?;
            let is_variable = matches!(it.kind, Kind::Source | Kind::Target | Kind::Resource);
            is_variable.then(|| (it.place.clone(), it.kind == Kind::Source))
        }
        _ => None,
    }
}

/// The text in the canonical layout: nothing where it has errors or its language has none.
fn formatted(document: &Document) -> Value {
    if document.language != super::workspace::Language::Map || document.is_over {
        return Value::Null;
    }
    match fml::format(document.text.as_str()) {
        Ok(text) if text == document.text.as_str() => json!([]),
        Ok(text) => json!([{ "range": document.text.whole_range(), "newText": text }]),
        Err(_) => Value::Null,
    }
}

fn parameters<P: DeserializeOwned>(params: Value) -> Result<P, Fault> {
    serde_json::from_value(params)
        .map_err(|_| Fault::new(Fault::PARAMS, "the parameters are not those of the method"))
}

/// Answers are structs of texts and numbers, for which the serialiser has no error.
fn to_value(answer: impl Serialize) -> Value {
    serde_json::to_value(answer).unwrap_or(Value::Null)
}
