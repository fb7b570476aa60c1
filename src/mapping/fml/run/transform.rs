//! The transforms: what each makes of its arguments.

use super::target::Product;
use super::{Outcome, Run, Var, date, escape};
use crate::diag::{Severity, Span, codes};
use crate::fhirpath::{Context, Decimal, Item, Options, Temporal, Value, parse};
use crate::mapping::fml::compile::{Argument, Call, Spot, Transform};
use crate::mapping::fml::function::Function;
use crate::mapping::fml::run::make::Structure;
use crate::schema::UNKNOWN;
use crate::tree::fhir::TypeId;
use crate::tree::{Flags, Kind, Name, NodeId};
use std::borrow::Cow;

/// Units that `dateOp` adds.
const UNITS: &[&str] = &["year", "month", "week", "day", "hour", "minute", "second", "millisecond"];

impl<'p, 'a> Run<'p, 'a> {
    /// What a transform makes, to be put where one of `spots` is.
    pub(super) fn products(
        &mut self,
        transform: &'p Transform,
        spots: &[Spot],
        span: Span,
    ) -> Outcome<Vec<Product<'a>>> {
        let values = match transform {
            Transform::None | Transform::Instance | Transform::Create(_) => Vec::new(),
            Transform::Copy(argument) => self.argument(argument)?,
            Transform::Evaluate(context, expr) => {
                let focus = match context {
                    Argument::Nothing => None,
                    other => self.argument(other)?.into_iter().next(),
                };
                let values = self.evaluate(expr, focus.as_ref())?;
                if values.len() > 1 && self.is_reference() {
                    self.error(
                        codes::FML_REFERENCE,
                        span,
                        "HL7's engine takes no expression with several values",
                    );
                    return Ok(Vec::new());
                }
                if values.len() > 1 && !spots.is_empty() && !spots.iter().any(|spot| spot.is_list) {
                    let message =
                        format!("the expression gives {} values, and only one can stand here", values.len());
                    self.error(codes::FML_COUNT, span, message);
                    return Ok(Vec::new());
                }
                values
            }
            Transform::Cast(argument, ty) => self.cast_value(argument, *ty, span)?,
            Transform::Translate { value, table, output } => {
                return self.translate(value, *table, *output, spots, span);
            }
            Transform::OidToUri(value) => return self.uris_of(value),
            Transform::Function(function, arguments) => {
                return self
                    .function(*function, arguments, span)
                    .map(|product| product.into_iter().collect());
            }
            Transform::Group(call) => {
                return self.made_by_group(call, spots, span);
            }
        };
        Ok(values.into_iter().map(Product::Value).collect())
    }

    /// What a group fills as its last input: what it is given there, otherwise a new instance of the type of the input
    /// or of the element.
    fn made_by_group(&mut self, call: &'p Call, spots: &[Spot], span: Span) -> Outcome<Vec<Product<'a>>> {
        let Some(group) = self.program.groups.get(call.group) else { return Ok(Vec::new()) };
        if call.arguments.len() == group.inputs.len() {
            self.call(call)?;
            let Some(last) = call.arguments.last() else { return Ok(Vec::new()) };
            return Ok(self.argument(last)?.into_iter().map(Product::Value).collect());
        }
        let only = match spots {
            [only] => Some(only.ty),
            _ => None,
        };
        let Some(ty) = group.inputs.last().and_then(|input| input.ty).or(only) else {
            self.error(codes::FML_MADE, span, "a group makes no value where the type is not known");
            return Ok(Vec::new());
        };
        let made = self.new_root(ty);
        self.call_making(call, Some(Var::Made(made, ty)))?;
        Ok(vec![Product::Value(Var::Made(made, ty))])
    }

    /// The values of an argument.
    pub(super) fn argument(&mut self, argument: &'p Argument) -> Outcome<Vec<Var<'a>>> {
        match argument {
            Argument::Nothing => Ok(Vec::new()),
            Argument::Literal(value) => Ok(vec![Var::Value(value.clone(), UNKNOWN)]),
            Argument::Expr(expr) => self.evaluate(expr, None),
            Argument::Place(place) => {
                let start = self.pool.len();
                self.found(place);
                Ok(self.pool.drain(start..).collect())
            }
        }
    }

    fn cast_value(
        &mut self,
        argument: &'p Argument,
        ty: Option<TypeId>,
        span: Span,
    ) -> Outcome<Vec<Var<'a>>> {
        let values = self.argument(argument)?;
        let Some(ty) = ty else { return Ok(values) };
        let mut cast = Vec::new();
        for value in values {
            self.note(&value);
            let text = self.text(&value);
            match text.and_then(|text| self.cast_text(text, ty)) {
                Some(text) => cast.push(Var::Value(Value::String(text), ty)),
                None => {
                    let name = self.program.schema.type_info(ty).name;
                    let shown = self.text(&value).map(Cow::into_owned);
                    let message = format!("this value is no `{name}`");
                    self.report_value(Severity::Error, codes::FML_VALUE, span, message, shown.as_deref());
                }
            }
        }
        Ok(cast)
    }

    /// Notes for the ledger that a value was read.
    pub(super) fn note(&mut self, value: &Var<'a>) {
        if let Var::Node(node) = value {
            let node = *node;
            self.carried(&node);
        }
    }

    /// The text of an argument; none where there is no value.
    fn text_at(&mut self, arguments: &'p [Argument], at: usize) -> Outcome<Option<Cow<'a, str>>> {
        let Some(argument) = arguments.get(at) else { return Ok(None) };
        let Some(value) = self.argument(argument)?.into_iter().next() else { return Ok(None) };
        self.note(&value);
        Ok(self.text(&value))
    }

    /// The texts of all arguments; a missing one is empty.
    fn texts(&mut self, arguments: &'p [Argument]) -> Outcome<Vec<String>> {
        let mut texts = Vec::new();
        for at in 0..arguments.len() {
            texts.push(self.text_at(arguments, at)?.unwrap_or_default().into_owned());
        }
        Ok(texts)
    }

    fn function(
        &mut self,
        function: Function,
        arguments: &'p [Argument],
        span: Span,
    ) -> Outcome<Option<Product<'a>>> {
        if self.is_reference() && !is_of_reference(function) {
            self.error(codes::FML_REFERENCE, span, "HL7's engine does not have this function");
            return Ok(None);
        }
        match function {
            Function::Reference | Function::Pointer => return self.reference(function, arguments, span),
            Function::Uuid => return Ok(Some(string(self.uuid()))),
            Function::DateOp => return self.date_op(arguments, span),
            _ => {}
        }
        let texts = self.texts(arguments)?;
        let text = |at: usize| texts.get(at).map_or("", String::as_str);
        // Nothing is made of nothing.
        let needed = match function {
            Function::Append => texts.iter().any(|text| !text.is_empty()),
            Function::Cc | Function::C | Function::Id | Function::Cp => {
                !text(texts.len().min(2).saturating_sub(1)).is_empty()
            }
            _ => !text(0).is_empty(),
        };
        if !needed {
            return Ok(None);
        }
        match made_of(function, &texts, self.time_type(function)) {
            Ok(product) => Ok(product),
            Err(message) => Ok(self.bad_argument(span, message)),
        }
    }

    fn time_type(&self, function: Function) -> TypeId {
        match date::Wanted::of(function) {
            date::Wanted::Date => self.known.date,
            date::Wanted::DateTime => self.known.date_time,
            date::Wanted::Time => self.known.time,
        }
    }

    fn bad_argument(&mut self, span: Span, message: &str) -> Option<Product<'a>> {
        self.error(codes::FML_VALUE, span, message);
        None
    }

    /// `Type/id` or `urn:uuid:id` of a resource, `#id` of one that is contained. One that is made here and has no id yet is given one.
    fn reference(
        &mut self,
        function: Function,
        arguments: &'p [Argument],
        span: Span,
    ) -> Outcome<Option<Product<'a>>> {
        let Some(argument) = arguments.first() else { return Ok(None) };
        let Some(value) = self.argument(argument)?.into_iter().next() else { return Ok(None) };
        let named = match &value {
            Var::Node(node) => {
                let id = node.tree.child(node.id, Name::ID);
                if let Some(id) = id {
                    self.carried(&crate::fhirpath::Node { tree: node.tree, id, ty: UNKNOWN });
                }
                let id = id.map(|id| node.tree.text(id).into_owned());
                let is_contained = node.tree.name(node.id) == Name::CONTAINED;
                node.tree.resource_type(node.id).map(|kind| (kind.into_owned(), id, is_contained))
            }
            Var::Made(made, ty) => match self.target.resource_type(*made).map(Cow::into_owned) {
                Some(kind) => {
                    let is_contained = self.target.name(*made) == Name::CONTAINED;
                    Some((kind, Some(self.id_of(*made, *ty)?), is_contained))
                }
                None => None,
            },
            Var::None | Var::Value(..) => None,
        };
        match named {
            // What is contained is known inside its resource alone (FHIR R4, "Contained Resources").
            Some((_, Some(id), true)) => Ok(Some(string(format!("#{id}")))),
            Some((_, Some(id), _)) if function == Function::Pointer => {
                Ok(Some(string(format!("urn:uuid:{id}"))))
            }
            Some((kind, Some(id), _)) => Ok(Some(string(format!("{kind}/{id}")))),
            Some((_, None, _)) => {
                Ok(self.bad_argument(span, "the resource has no id, so nothing can refer to it"))
            }
            None => Ok(self.bad_argument(span, "this is no resource, so nothing can refer to it")),
        }
    }

    fn id_of(&mut self, made: NodeId, ty: TypeId) -> Outcome<String> {
        if let Some(id) = self.target.child(made, Name::ID) {
            return Ok(self.target.text(id).into_owned());
        }
        let id = self.uuid();
        let order = self.program.schema.element_by_name(ty, Name::ID).map_or(1, |found| found.element.order);
        let node = self.target.insert(made, Name::ID, Kind::Null, Flags::default(), order);
        self.came_from(node, None);
        self.write_text(node, Kind::Str, &id)?;
        Ok(id)
    }

    /// A UUID of version 4 that follows from the seed and from how many were made before.
    fn uuid(&mut self) -> String {
        self.uuids += 1;
        let high = mixed(self.settings.seed ^ mixed(self.uuids));
        let low = mixed(high ^ self.uuids.rotate_left(32));
        let high = (high & !0xf000) | 0x4000;
        let low = (low & (u64::MAX >> 2)) | (1 << 63);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }

    /// `dateOp(date, amount, unit)`: the date so much later, or earlier where the amount is negative.
    fn date_op(&mut self, arguments: &'p [Argument], span: Span) -> Outcome<Option<Product<'a>>> {
        let Some(date) = self.text_at(arguments, 0)? else { return Ok(None) };
        let amount = self.text_at(arguments, 1)?.and_then(|text| text.parse::<i32>().ok());
        let unit = self.text_at(arguments, 2)?.unwrap_or_default();
        let unit = UNITS.iter().find(|known| **known == unit.strip_suffix('s').unwrap_or(&unit));
        let (Some(amount), Some(unit)) = (amount, unit) else {
            return Ok(self.bad_argument(span, "it is called as dateOp(date, whole number, unit)"));
        };
        let parsed =
            Temporal::date(&date).or_else(|| Temporal::date_time(&date)).or_else(|| Temporal::time(&date));
        let Some(parsed) = parsed else { return Ok(self.bad_argument(span, "this is no date or time")) };
        match later(parsed, amount, unit, self.program.schema) {
            Some(value) => {
                let ty = self.type_of_value(&value);
                Ok(Some(Product::Value(Var::Value(value, ty))))
            }
            None => Ok(self.bad_argument(span, "this unit cannot be added to this date or time")),
        }
    }
}

/// What a function makes of the texts of its arguments, or why it makes nothing.
fn made_of<'a>(
    function: Function,
    texts: &[String],
    time: TypeId,
) -> Result<Option<Product<'a>>, &'static str> {
    let text = |at: usize| texts.get(at).map_or("", String::as_str);
    let wanted = date::Wanted::of(function);
    let product = match function {
        Function::Append => string(texts.concat()),
        Function::Truncate => {
            let length = text(1).parse::<usize>().map_err(|_| "the length must be a whole number")?;
            string(text(0).chars().take(length).collect())
        }
        Function::Escape => {
            let escaped = escape::escape(text(0), text(1), text(2));
            string(escaped.ok_or("this way of escaping is not known")?)
        }
        Function::Cc if texts.len() == 1 => {
            Product::Structure(Structure::new("CodeableConcept", &[(&["text"], text(0))]))
        }
        Function::Cc => Product::Structure(Structure::concept(text(0), text(1), text(2))),
        Function::C => Product::Structure(Structure::coding(text(0), text(1), text(2))),
        Function::Id => Product::Structure(Structure::new(
            "Identifier",
            &[(&["type", "coding", "code"], text(2)), (&["system"], text(0)), (&["value"], text(1))],
        )),
        Function::Cp if texts.len() == 1 => Product::Structure(contact("", text(0))),
        Function::Cp => Product::Structure(contact(text(0), text(1))),
        Function::Qty => Product::Structure(quantity(texts).ok_or("this is no quantity")?),
        Function::ToDate | Function::ToDateTime | Function::ToTime => {
            let made = date::parse(text(0), text(1), wanted);
            typed(made.ok_or("the text does not have this form of a date or time")?, time)
        }
        Function::UnixToDate | Function::UnixToDateTime | Function::UnixToTime => {
            let made = date::of_unix(text(0), text(1), wanted);
            typed(made.ok_or("this is no number of seconds, or no time zone")?, time)
        }
        // The others are transforms of their own.
        Function::Create
        | Function::Copy
        | Function::Cast
        | Function::Translate
        | Function::Evaluate
        | Function::Reference
        | Function::Pointer
        | Function::Uuid
        | Function::DateOp => return Ok(None),
    };
    Ok(Some(product))
}

/// True for a function that HL7's engine has.
const fn is_of_reference(function: Function) -> bool {
    match function {
        Function::Create
        | Function::Copy
        | Function::Truncate
        | Function::Cast
        | Function::Append
        | Function::Translate
        | Function::Reference
        | Function::Uuid
        | Function::Pointer
        | Function::Evaluate
        | Function::Cc
        | Function::C => true,
        Function::Escape
        | Function::DateOp
        | Function::Qty
        | Function::Id
        | Function::Cp
        | Function::ToDateTime
        | Function::ToDate
        | Function::ToTime
        | Function::UnixToDateTime
        | Function::UnixToDate
        | Function::UnixToTime => false,
    }
}

fn later(date: Temporal, amount: i32, unit: &str, schema: &crate::schema::Schema) -> Option<Value<'static>> {
    let sign = if amount < 0 { '-' } else { '+' };
    let text = format!("$this {sign} {} {unit}s", amount.unsigned_abs());
    let expression = parse(&text).ok()?.compile(schema, &Options::new()).ok()?;
    let (context, focus) = (Context::new(schema), Item::Value(Value::Temporal(date)));
    let found = expression.evaluate(&context, &focus).ok()?;
    match found.items() {
        [Item::Value(value)] => Some(value.clone().into_owned()),
        _ => None,
    }
}

fn string<'a>(text: String) -> Product<'a> {
    Product::Value(Var::Value(Value::String(Cow::Owned(text)), UNKNOWN))
}

fn typed<'a>(text: String, ty: TypeId) -> Product<'a> {
    Product::Value(Var::Value(Value::String(Cow::Owned(text)), ty))
}

fn contact(system: &str, value: &str) -> Structure {
    // Without a system the value itself may tell (IG, "cp").
    let guessed = match value.split_once(':') {
        Some(("tel", _)) => "phone",
        Some(("mailto", _)) => "email",
        Some(("http" | "https", _)) => "url",
        _ if value.contains('@') => "email",
        _ => "",
    };
    let system = if system.is_empty() { guessed } else { system };
    Structure::new("ContactPoint", &[(&["system"], system), (&["value"], value)])
}

/// `qty('5.4 mg')` or `qty(value, unit, system, code)`.
fn quantity(texts: &[String]) -> Option<Structure> {
    let text = |at: usize| texts.get(at).map_or("", String::as_str);
    let number = text(0).trim_start_matches(['<', '>', '=', ' ']);
    let comparator = text(0).strip_suffix(number).unwrap_or("").trim();
    let (number, unit) = match texts.len() {
        1 => number.split_once(' ').unwrap_or((number, "")),
        _ => (number, text(1)),
    };
    Decimal::parse(number)?;
    Some(Structure::new(
        "Quantity",
        &[
            (&["value"], number),
            (&["comparator"], comparator),
            (&["unit"], unit.trim()),
            (&["system"], text(2)),
            (&["code"], text(3)),
        ],
    ))
}

/// One step of the generator `SplitMix64`, which spreads a counter over all bits.
const fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
