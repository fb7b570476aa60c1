//! Runs a script: what applies, setup, tests, teardown.

use super::asserts::{Judge, Trouble};
use super::evaluate::Evaluator;
use super::exchange::{Exchange, Header, Method, Request, Response, SendFault};
use super::model::{Action, Assert, Content, FIRST, Fixture, Operation, Script, Test, What};
use super::operate;
use super::result::{ActionResult, Kind, Outcome, Phase, ScriptResult, TestResult, total};
use super::synthetic::synthetic;
use super::variables::{Exchanged, Held, Memory};
use crate::diag::{Code, Place, codes};
use crate::fhirpath::Temporal;
use crate::tree::{NodeId, Tree};
use crate::validate::Validator;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

/// The version of FHIR that scripts are run for.
const FHIR_VERSION: &str = "4.0";

/// What the response code `okay` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Okay {
    /// Any status of success in scripts with ignixa's extensions, whose suite means that; 200 in all others.
    #[default]
    Auto,
    /// 200, as R4 says.
    Exact,
    /// 200 to 299.
    Success,
}

/// How scripts are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The base url of the server, without a slash at its end.
    pub base: String,
    /// Base urls of further servers by their number in scripts, from 2.
    pub destinations: BTreeMap<u32, String>,
    /// What is given beside the server, for tests that need it.
    pub given: BTreeSet<String>,
    /// Values of variables, which win over what scripts say.
    pub variables: BTreeMap<String, String>,
    /// What `okay` stands for.
    pub okay: Okay,
    /// Only tests whose name, or whose script's name, holds this text.
    pub only: Option<String>,
    /// The time, for expressions that ask for it.
    pub now: Temporal,
}

/// Runs scripts against one server.
#[derive(Debug)]
pub struct Runner<'a, 's> {
    validator: &'a Validator<'s>,
    options: Options,
    /// True where the server was not there when it was asked for that.
    is_unreachable: bool,
    /// The server's `CapabilityStatement`, or why there is none; asked for once.
    capability: Option<Result<Tree, String>>,
}

impl<'a, 's> Runner<'a, 's> {
    /// A runner with these definitions.
    pub const fn new(validator: &'a Validator<'s>, options: Options) -> Self {
        Self { validator, options, is_unreachable: false, capability: None }
    }

    /// Runs one script. `file` gives the text of a file that a fixture names, relative to the script.
    pub fn run(
        &mut self,
        script: &Script,
        exchange: &mut dyn Exchange,
        file: &dyn Fn(&str) -> Result<String, String>,
    ) -> ScriptResult {
        let evaluator = Evaluator { schema: self.validator.schema(), now: self.options.now };
        let mut result = ScriptResult {
            file: script.file.clone(),
            name: script.name.clone(),
            url: script.url.clone(),
            setup: Vec::new(),
            tests: Vec::new(),
            teardown: Vec::new(),
            is_unreachable: false,
        };
        let chosen: Vec<&Test> = script.tests.iter().filter(|test| self.is_chosen(script, test)).collect();
        let plan: Vec<(&Test, Option<Outcome>)> =
            chosen.into_iter().map(|test| (test, self.hindrance(script, test, exchange))).collect();
        let mut course = Course {
            memory: Memory::new(script, evaluator, &self.options.variables),
            script,
            validator: self.validator,
            base: &self.options.base,
            destinations: &self.options.destinations,
            is_okay_any: match self.options.okay {
                Okay::Auto => script.is_ignixa,
                Okay::Exact => false,
                Okay::Success => true,
            },
            exchange,
            created: BTreeMap::new(),
            is_unreachable: false,
        };
        let mut stop = None;
        let is_any_run = plan.iter().any(|(_, hindrance)| hindrance.is_none());
        if is_any_run {
            result.setup = course.set_up(file);
            let outcome = total(&result.setup);
            stop = matches!(outcome, Outcome::Fail | Outcome::Error(_))
                .then(|| Outcome::Error(format!("the setup failed: {}", first_fault(&result.setup))));
        }
        for (test, hindrance) in plan {
            result.tests.extend(course.test(test, hindrance.or_else(|| stop.clone())));
        }
        if is_any_run {
            result.teardown = course.tear_down();
        }
        result.is_unreachable = course.is_unreachable || self.is_unreachable;
        result
    }

    fn is_chosen(&self, script: &Script, test: &Test) -> bool {
        self.options.only.as_deref().is_none_or(|only| test.name.contains(only) || script.name.contains(only))
    }

    /// Why a test is not run.
    fn hindrance(&mut self, script: &Script, test: &Test, exchange: &mut dyn Exchange) -> Option<Outcome> {
        let is_version = |version: &String| version == FHIR_VERSION || version == "4.0.1";
        if !test.versions.is_empty() && !test.versions.iter().any(is_version) {
            return Some(Outcome::Skip(format!("it is for FHIR {}", test.versions.join(", "))));
        }
        if let Some(needed) =
            script.needs.iter().chain(&test.needs).find(|needed| !self.options.given.contains(*needed))
        {
            return Some(Outcome::Skip(format!("it needs {needed}, which was not given")));
        }
        let statements = script.capabilities.iter().filter(|capability| capability.is_checked);
        for statement in statements.map(|capability| &capability.statement) {
            match self.claims(statement, exchange) {
                Ok(true) => {}
                Ok(false) => return Some(Outcome::Skip(format!("the server does not claim {statement}"))),
                Err(why) => return Some(Outcome::Error(why)),
            }
        }
        for expression in script.requires.iter().chain(&test.requires) {
            match self.capability_holds(expression, exchange) {
                Ok(true) => {}
                Ok(false) => return Some(Outcome::Skip(format!("the server does not claim: {expression}"))),
                Err(why) => return Some(Outcome::Error(why)),
            }
        }
        None
    }

    fn capability(&mut self, exchange: &mut dyn Exchange) -> Result<&Tree, String> {
        let evaluator = Evaluator { schema: self.validator.schema(), now: self.options.now };
        let url = format!("{}/metadata", self.options.base);
        let is_unreachable = &mut self.is_unreachable;
        let asked = self.capability.get_or_insert_with(|| {
            let accept = Header { name: "Accept".to_owned(), value: "application/fhir+json".to_owned() };
            let request =
                Request { destination: FIRST, method: Method::Get, url, headers: vec![accept], body: None };
            let answer = exchange.send(&request).map_err(|fault| {
                *is_unreachable |= fault.is_unreachable();
                format!("the CapabilityStatement: {fault}")
            })?;
            if answer.status != 200 {
                return Err(format!("the CapabilityStatement cannot be read: status {}", answer.status));
            }
            evaluator.read(&answer.body).map_err(|why| format!("the CapabilityStatement: {why}"))
        });
        asked.as_ref().map_err(Clone::clone)
    }

    fn capability_holds(&mut self, expression: &str, exchange: &mut dyn Exchange) -> Result<bool, String> {
        let evaluator = Evaluator { schema: self.validator.schema(), now: self.options.now };
        evaluator.holds(expression, self.capability(exchange)?)
    }

    /// Whether the server says that it is, or instantiates or imports, a `CapabilityStatement`.
    fn claims(&mut self, canonical: &str, exchange: &mut dyn Exchange) -> Result<bool, String> {
        let tree = self.capability(exchange)?;
        let named = ["url", "instantiates", "imports"].iter().filter_map(|name| tree.names().get(name));
        let mut claims = named.flat_map(|name| tree.children_named(NodeId::ROOT, name));
        Ok(claims.any(|id| tree.text_is(id, canonical)))
    }
}

fn first_fault(actions: &[ActionResult]) -> String {
    let fault = actions.iter().find(|action| matches!(action.outcome, Outcome::Fail | Outcome::Error(_)));
    fault.map_or_else(String::new, |action| match &action.outcome {
        Outcome::Error(why) => why.clone(),
        Outcome::Pass | Outcome::Warn | Outcome::Fail | Outcome::Skip(_) => action.message.clone(),
    })
}

/// One run of one script.
struct Course<'a, 'e, 's> {
    memory: Memory<'a>,
    script: &'a Script,
    validator: &'a Validator<'s>,
    base: &'a str,
    destinations: &'a BTreeMap<u32, String>,
    is_okay_any: bool,
    exchange: &'e mut dyn Exchange,
    /// Where `autocreate` made fixtures.
    created: BTreeMap<String, String>,
    is_unreachable: bool,
}

impl<'a> Course<'a, '_, '_> {
    /// Fixtures, then the actions of `setup`.
    fn set_up(&mut self, file: &dyn Fn(&str) -> Result<String, String>) -> Vec<ActionResult> {
        let mut results = Vec::new();
        for fixture in &self.script.fixtures {
            if let Err(why) = self.load(fixture, file) {
                // What uses it cannot be run; the rest of the script can.
                self.memory.hold(&fixture.id, Held::Lacking(why.as_str().into()));
                if fixture.autocreate {
                    let failed = Outcome::Error(format!("the fixture `{}`: {why}", fixture.id));
                    results.push(bare(fixture.place, Kind::Operation, failed, codes::SCRIPT_UNSUPPORTED));
                }
            } else if fixture.autocreate {
                results.push(self.create(fixture));
            }
        }
        if matches!(total(&results), Outcome::Error(_) | Outcome::Fail) {
            return results;
        }
        results.extend(self.actions(&self.script.setup, Phase::Setup));
        results
    }

    fn load(
        &mut self,
        fixture: &Fixture,
        file: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<(), String> {
        let text = match &fixture.content {
            Content::Text(text) => text.clone(),
            Content::File(path) => file(path)?,
            Content::Synthetic(kind) => match synthetic(kind, self.validator) {
                Ok(made) => made,
                // Tests of types that R4 does not have do not apply; where one is run, its operation says why not.
                Err(_) => return Ok(()),
            },
            Content::Unusable(why) => return Err(why.clone()),
        };
        self.memory.hold(&fixture.id, Held::Resource(text.into()));
        Ok(())
    }

    /// Makes a fixture on the server: under its own id where it has one.
    fn create(&mut self, fixture: &Fixture) -> ActionResult {
        let body = self.memory.body(&fixture.id);
        let has_id = body.as_deref().ok().and_then(|body| self.memory.evaluator.read(body).ok());
        let has_id = has_id.is_some_and(|tree| tree.child_str(NodeId::ROOT, "id").is_some());
        let operation = Operation {
            code: if has_id { "update" } else { "create" }.to_owned(),
            source_id: Some(fixture.id.clone()),
            ..Operation::default()
        };
        let result = self.operation(&operation, fixture.place, "autocreate");
        match self.memory.last.clone().filter(|_| result.outcome == Outcome::Pass) {
            Some(made) if (200..300).contains(&made.response.status) => {
                if let Some(path) = path_of(&made, self.base, self.memory.evaluator) {
                    self.created.insert(fixture.id.clone(), path);
                }
                // What the server made of it is what `targetId` of the fixture stands for.
                if self.memory.evaluator.read(&made.response.body).is_ok() {
                    self.memory.hold(&fixture.id, Held::Response(made));
                }
                result
            }
            Some(refused) => ActionResult {
                outcome: Outcome::Fail,
                code: Some(codes::ASSERT_STATUS),
                message: format!(
                    "the fixture `{}` was not made: status {}",
                    fixture.id, refused.response.status
                ),
                ..result
            },
            None => result,
        }
    }

    fn tear_down(&mut self) -> Vec<ActionResult> {
        let mut results = self.actions(&self.script.teardown, Phase::Teardown);
        for fixture in self.script.fixtures.iter().filter(|fixture| fixture.autodelete).rev() {
            let Some(url) = self.created.remove(&fixture.id).or_else(|| self.own_path(&fixture.id)) else {
                continue;
            };
            let operation = Operation { code: "delete".to_owned(), url: Some(url), ..Operation::default() };
            results.push(self.operation(&operation, fixture.place, "autodelete"));
        }
        results
    }

    /// Where a fixture stands that the script itself has put on the server.
    fn own_path(&self, fixture: &str) -> Option<String> {
        let tree = self.memory.evaluator.read(&self.memory.body(fixture).ok()?).ok()?;
        let id = tree.child_text(NodeId::ROOT, "id")?;
        Some(format!("{}/{id}", tree.resource_type(NodeId::ROOT)?))
    }

    /// A test, once for each of its values.
    fn test(&mut self, test: &'a Test, hindrance: Option<Outcome>) -> Vec<TestResult> {
        let done = |name: String, outcome: Outcome, actions: Vec<ActionResult>, took: Duration| TestResult {
            name,
            place: test.place,
            outcome,
            actions,
            took,
        };
        if let Some(hindrance) = hindrance {
            return vec![done(test.name.clone(), hindrance, Vec::new(), Duration::ZERO)];
        }
        let Some(repeat) = &test.repeat else {
            let (actions, took) = self.timed(&test.actions);
            return vec![done(test.name.clone(), total(&actions), actions, took)];
        };
        let mut results = Vec::new();
        for value in &repeat.values {
            let before = self.memory.give(&repeat.variable, Some(value.clone()));
            let (actions, took) = self.timed(&test.actions);
            self.memory.give(&repeat.variable, before);
            let name = format!("{} [{}={value}]", test.name, repeat.variable);
            results.push(done(name, total(&actions), actions, took));
        }
        results
    }

    fn timed(&mut self, actions: &'a [Action]) -> (Vec<ActionResult>, Duration) {
        let before = self.exchange.spent();
        let results = self.actions(actions, Phase::Test);
        (results, self.exchange.spent().saturating_sub(before))
    }

    fn actions(&mut self, actions: &'a [Action], phase: Phase) -> Vec<ActionResult> {
        let mut results: Vec<ActionResult> = Vec::new();
        let mut groups = Groups::of(actions);
        let mut stopped = self.is_unreachable;
        for (number, action) in actions.iter().enumerate() {
            if stopped {
                let skipped = Outcome::Skip("what goes before it failed".to_owned());
                results.push(of_action(action, skipped, Some(codes::SCRIPT_NOT_RUN)));
                continue;
            }
            let mut result = self.action(action);
            let mut stops = true;
            if let What::Assert(assert) = &action.what {
                stops = assert.stops;
                if let Some(group) = &assert.group {
                    result = groups.take(group, number, result);
                }
            }
            stopped = stops
                && phase != Phase::Teardown
                && matches!(result.outcome, Outcome::Fail | Outcome::Error(_));
            stopped |= self.is_unreachable;
            results.push(result);
        }
        results
    }

    fn action(&mut self, action: &Action) -> ActionResult {
        match &action.what {
            What::Operation(operation) => self.operation(operation, action.place, words_of(action)),
            What::Assert(assert) => self.assert(assert, action),
            What::Unusable(why) => {
                of_action(action, Outcome::Error(why.clone()), Some(codes::SCRIPT_UNSUPPORTED))
            }
        }
    }

    fn operation(&mut self, operation: &Operation, place: Place, description: &str) -> ActionResult {
        let failed = |outcome: Outcome, code: &'static Code| ActionResult {
            description: description.to_owned(),
            ..bare(place, Kind::Operation, outcome, code)
        };
        let Some(base) = self.base_of(operation.destination) else {
            let why =
                format!("the script names a server number {}, which was not given", operation.destination);
            return failed(Outcome::Error(why), codes::SCRIPT_UNSUPPORTED);
        };
        let request = match operate::request(operation, base, &self.memory) {
            Ok(request) => request,
            Err(why) => return failed(Outcome::Error(why), codes::SCRIPT_EVALUATION),
        };
        let response = match self.sent(&request, operation) {
            Ok(response) => response,
            Err(fault) => {
                self.is_unreachable |= fault.is_unreachable();
                return failed(Outcome::Error(fault.to_string()), codes::EXCHANGE_FAILED);
            }
        };
        let (number, status) = (response.number, response.status);
        let exchanged = Rc::new(Exchanged { request, response });
        if let Some(id) = &operation.request_id {
            self.memory.hold(id, Held::Request(exchanged.clone()));
        }
        if let Some(id) = &operation.response_id {
            self.memory.hold(id, Held::Response(exchanged.clone()));
        }
        self.memory.last = Some(exchanged);
        ActionResult {
            kind: Kind::Operation,
            place,
            description: description.to_owned(),
            outcome: Outcome::Pass,
            code: None,
            message: format!("status {status}"),
            came: None,
            exchange: Some(number),
        }
    }

    fn base_of(&self, destination: u32) -> Option<&'a str> {
        if destination == FIRST {
            Some(self.base)
        } else {
            self.destinations.get(&destination).map(String::as_str)
        }
    }

    /// The answer; asked again while it has the status that means "not yet".
    fn sent(&mut self, request: &Request, operation: &Operation) -> Result<Response, SendFault> {
        let mut response = self.exchange.send(request)?;
        if let Some(poll) = operation.poll {
            for _ in 1..poll.times {
                if response.status != poll.while_status {
                    break;
                }
                self.exchange.wait(Duration::from_millis(u64::from(poll.interval_ms)));
                response = self.exchange.send(request)?;
            }
        }
        Ok(response)
    }

    fn assert(&mut self, assert: &Assert, action: &Action) -> ActionResult {
        let judge = Judge {
            memory: &self.memory,
            validator: self.validator,
            profiles: &self.script.profiles,
            base: self.base,
            is_okay_any: self.is_okay_any,
        };
        match judge.applies(assert) {
            Ok(true) => {}
            Ok(false) => {
                let why = "the response it depends on had another status".to_owned();
                return of_action(action, Outcome::Skip(why), Some(codes::SCRIPT_NOT_APPLICABLE));
            }
            Err(trouble) => return troubled(action, trouble),
        }
        match judge.judge(assert, self.exchange) {
            Err(trouble) => troubled(action, trouble),
            Ok(judged) => ActionResult {
                outcome: match (judged.holds, assert.warning_only) {
                    (true, _) => Outcome::Pass,
                    (false, true) => Outcome::Warn,
                    (false, false) => Outcome::Fail,
                },
                code: (!judged.holds).then_some(judged.code),
                message: judged.message,
                came: judged.came,
                exchange: judged.exchange,
                ..of_action(action, Outcome::Pass, None)
            },
        }
    }
}

/// The groups of asserts of which one must hold: what each member came to.
struct Groups {
    /// The number of the action that is the last of each group.
    last: BTreeMap<String, usize>,
    met: BTreeMap<String, Vec<ActionResult>>,
}

impl Groups {
    fn of(actions: &[Action]) -> Self {
        let mut last = BTreeMap::new();
        for (number, action) in actions.iter().enumerate() {
            if let What::Assert(assert) = &action.what
                && let Some(group) = &assert.group
            {
                last.insert(group.clone(), number);
            }
        }
        Self { last, met: BTreeMap::new() }
    }

    /// Takes a member in; the last one answers for the group.
    fn take(&mut self, group: &str, number: usize, result: ActionResult) -> ActionResult {
        let members = self.met.entry(group.to_owned()).or_default();
        members.push(result.clone());
        let is_last = self.last.get(group) == Some(&number);
        let alternative = |result: ActionResult| match result.outcome {
            Outcome::Warn | Outcome::Fail => ActionResult {
                outcome: Outcome::Skip("another alternative may hold".to_owned()),
                code: Some(codes::SCRIPT_NOT_APPLICABLE),
                ..result
            },
            Outcome::Pass | Outcome::Error(_) | Outcome::Skip(_) => result,
        };
        let holds = members.iter().any(|member| member.outcome == Outcome::Pass);
        let is_error = members.iter().any(|member| matches!(member.outcome, Outcome::Error(_)));
        if !is_last || holds || is_error {
            return alternative(result);
        }
        let said: Vec<&str> = members.iter().map(|member| member.message.as_str()).collect();
        let said: Vec<&str> = said.into_iter().filter(|message| !message.is_empty()).collect();
        ActionResult {
            outcome: Outcome::Fail,
            code: Some(codes::ASSERT_ALTERNATIVES),
            message: if said.is_empty() { "no alternative applies".to_owned() } else { said.join("; or ") },
            ..result
        }
    }
}

fn words_of(action: &Action) -> &str {
    if action.description.is_empty() { &action.label } else { &action.description }
}

fn bare(place: Place, kind: Kind, outcome: Outcome, code: &'static Code) -> ActionResult {
    ActionResult {
        kind,
        place,
        description: String::new(),
        outcome,
        code: Some(code),
        message: String::new(),
        came: None,
        exchange: None,
    }
}

fn of_action(action: &Action, outcome: Outcome, code: Option<&'static Code>) -> ActionResult {
    ActionResult {
        kind: match action.what {
            What::Operation(_) => Kind::Operation,
            What::Assert(_) | What::Unusable(_) => Kind::Assert,
        },
        place: action.place,
        description: words_of(action).to_owned(),
        outcome,
        code,
        message: String::new(),
        came: None,
        exchange: None,
    }
}

fn troubled(action: &Action, trouble: Trouble) -> ActionResult {
    of_action(action, Outcome::Error(trouble.message), Some(trouble.code))
}

/// Where the server put what it was given: by `Location`, by the body, or where it was put.
fn path_of(made: &Exchanged, base: &str, evaluator: Evaluator<'_>) -> Option<String> {
    if made.request.method == Method::Put {
        return made.request.url.strip_prefix(base).map(str::to_owned);
    }
    let location = super::exchange::header(&made.response.headers, "Location");
    if let Some(location) = location {
        let below = location.strip_prefix(base).unwrap_or(&location);
        return Some(below.split("/_history").next().unwrap_or(below).to_owned());
    }
    let tree = evaluator.read(&made.response.body).ok()?;
    let kind = tree.resource_type(NodeId::ROOT)?;
    tree.child_text(NodeId::ROOT, "id").map(|id| format!("{kind}/{id}"))
}
