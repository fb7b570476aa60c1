//! Tokens to syntax tree, by the grammar of FHIRPath 2.0.0 with the additions of 3.0.0.

use super::ast::{
    Ast, Direction, Literal, Name, Node, Operator, Special, TYPE_PRECEDENCE, TypeName, TypeOperator,
};
use super::decimal::Decimal;
use super::lexer::{Lexer, Symbol, Token, span, syntax, unescape};
use super::quantity::{Calendar, Quantity, Unit};
use super::temporal::Temporal;
use crate::diag::{Issue, Span, codes, nearest};

/// Bytes of one expression.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// How deep the syntax tree of an expression may be; a path of as many steps is as deep.
pub const DEPTH_MAX: u32 = 160;

type Outcome<T> = Result<T, Box<Issue>>;

/// Keywords that are no identifiers unless they stand in back-ticks.
const RESERVED: &[&str] = &["and", "or", "xor", "implies", "div", "mod", "true", "false"];

/// Parses the expression that the lexer stands before, as far as it goes; gives its tree and the byte where it ends.
pub(super) fn parse_start(mut lexer: Lexer<'_>) -> Outcome<(Ast, usize)> {
    if lexer.text().len() > TEXT_BYTES_MAX {
        let message = format!("the expression is over {TEXT_BYTES_MAX} bytes");
        return Err(Box::new(Issue::error(codes::FHIRPATH_LIMIT, Span::default(), message)));
    }
    let (token, token_span) = lexer.next()?;
    let mut parser =
        Parser { lexer, token, span: token_span, last_end: token_span.start, depth: 0, next_id: 0 };
    let ast = parser.expression(0)?;
    Ok((ast.0, parser.last_end as usize))
}

/// Parses a text that is one expression and nothing else.
pub(super) fn parse_all(lexer: Lexer<'_>) -> Outcome<Ast> {
    let (ast, end) = parse_start(lexer)?;
    let (token, token_span) = lexer.from(end).next()?;
    match token {
        Token::End => Ok(ast),
        Token::Word(word) => Err(unexpected_word(word, token_span)),
        _ => Err(syntax(token_span, "the expression ends here, but more text follows")),
    }
}

fn unexpected_word(word: &str, at: Span) -> Box<Issue> {
    let issue = syntax(at, "an operator was expected here, or the end of the expression");
    let operators = ["and", "or", "xor", "implies", "div", "mod", "in", "contains", "is", "as"];
    match nearest(word, operators) {
        Some(meant) => Box::new(issue.with_help(format!("did you mean `{meant}`?"))),
        None => issue,
    }
}

/// A tree and how deep it is.
type Deep = (Ast, u32);

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token at hand.
    token: Token<'a>,
    span: Span,
    /// Where the token before it ended.
    last_end: u32,
    /// Expressions that are open.
    depth: u32,
    next_id: u32,
}

impl<'a> Parser<'a> {
    fn advance(&mut self) -> Outcome<Token<'a>> {
        let token = self.token;
        self.last_end = self.span.end;
        (self.token, self.span) = self.lexer.next()?;
        Ok(token)
    }

    fn is(&self, symbol: Symbol) -> bool {
        self.token == Token::Symbol(symbol)
    }

    fn eat(&mut self, symbol: Symbol) -> Outcome<bool> {
        let here = self.is(symbol);
        if here {
            self.advance()?;
        }
        Ok(here)
    }

    fn expect(&mut self, symbol: Symbol, text: &str) -> Outcome<()> {
        if self.eat(symbol)? { Ok(()) } else { Err(syntax(self.span, format!("`{text}` was expected here"))) }
    }

    /// A node that spans from `start` to the end of what was read, above parts of a depth.
    fn node(&mut self, node: Node, start: u32, below: u32) -> Outcome<Deep> {
        let at = Span::new(start, self.last_end);
        if below >= DEPTH_MAX {
            let message = format!("the expression is nested over {DEPTH_MAX} deep");
            return Err(Box::new(Issue::error(codes::FHIRPATH_LIMIT, at, message)));
        }
        self.next_id += 1;
        Ok((Ast { node, span: at, id: self.next_id - 1 }, below + 1))
    }

    /// An expression whose operators bind tighter than `floor`.
    fn expression(&mut self, floor: u8) -> Outcome<Deep> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let message = format!("the expression is nested over {DEPTH_MAX} deep");
            return Err(Box::new(Issue::error(codes::FHIRPATH_LIMIT, self.span, message)));
        }
        let mut left = self.signed()?;
        loop {
            if let Some(operator) = self.type_operator().filter(|_| TYPE_PRECEDENCE > floor) {
                left = self.typed(operator, left)?;
            } else if let Some(operator) = self.operator().filter(|it| it.precedence() > floor) {
                self.advance()?;
                let right = self.expression(operator.precedence())?;
                let (start, below) = (left.0.span.start, left.1.max(right.1));
                let node = Node::Binary { operator, left: Box::new(left.0), right: Box::new(right.0) };
                left = self.node(node, start, below)?;
            } else {
                self.depth -= 1;
                return Ok(left);
            }
        }
    }

    fn operator(&self) -> Option<Operator> {
        match self.token {
            Token::Word(word) => Operator::of_word(word),
            Token::Symbol(symbol) => Operator::of_symbol(symbol),
            _ => None,
        }
    }

    fn type_operator(&self) -> Option<TypeOperator> {
        match self.token {
            Token::Word("is") => Some(TypeOperator::Is),
            Token::Word("as") => Some(TypeOperator::As),
            _ => None,
        }
    }

    fn typed(&mut self, operator: TypeOperator, operand: Deep) -> Outcome<Deep> {
        self.advance()?;
        let start = self.span.start;
        let first = self.identifier("the name of a type")?;
        let mut name = TypeName { namespace: None, name: first.text, span: first.span };
        if self.eat(Symbol::Dot)? {
            let second = self.identifier("the name of a type")?;
            let at = Span::new(start, second.span.end);
            name = TypeName { namespace: Some(name.name), name: second.text, span: at };
        }
        let from = operand.0.span.start;
        self.node(Node::Type { operator, operand: Box::new(operand.0), name }, from, operand.1)
    }

    /// A sign before a path: it binds looser than `.` and tighter than `*`.
    fn signed(&mut self) -> Outcome<Deep> {
        let start = self.span.start;
        let is_minus = self.is(Symbol::Minus);
        if !is_minus && !self.is(Symbol::Plus) {
            return self.path();
        }
        self.advance()?;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(syntax(self.span, "too many signs"));
        }
        let operand = self.signed()?;
        self.depth -= 1;
        self.node(Node::Sign { is_minus, operand: Box::new(operand.0) }, start, operand.1)
    }

    /// A term with everything that follows it after `.` and in brackets.
    fn path(&mut self) -> Outcome<Deep> {
        let start = self.span.start;
        let mut left = self.term()?;
        loop {
            if self.eat(Symbol::Dot)? {
                left = match self.token {
                    // `a.$this` is `a`.
                    Token::Dollar("this") => {
                        self.advance()?;
                        left
                    }
                    _ => self.invocation(Some(left), start)?,
                };
            } else if self.eat(Symbol::BracketOpen)? {
                let index = self.expression(0)?;
                self.expect(Symbol::BracketClose, "]")?;
                let below = left.1.max(index.1);
                let node = Node::Index { input: Box::new(left.0), index: Box::new(index.0) };
                left = self.node(node, start, below)?;
            } else {
                return Ok(left);
            }
        }
    }

    /// A name, or a function with its arguments.
    fn invocation(&mut self, input: Option<Deep>, start: u32) -> Outcome<Deep> {
        let name = match self.token {
            // After a dot no operator can stand, so `text.div` is what it looks like.
            Token::Word(word) if input.is_some() => {
                let name = Name { text: word.into(), span: self.span };
                self.advance()?;
                name
            }
            _ => self.identifier("the name of an element or function")?,
        };
        let mut below = input.as_ref().map_or(0, |input| input.1);
        let input = input.map(|input| Box::new(input.0));
        if !self.eat(Symbol::ParenOpen)? {
            return self.node(Node::Member { input, name }, start, below);
        }
        let mut arguments = Vec::new();
        if !self.eat(Symbol::ParenClose)? {
            loop {
                let argument = self.expression(0)?;
                let argument = self.directed(argument)?;
                below = below.max(argument.1);
                arguments.push(argument.0);
                if !self.eat(Symbol::Comma)? {
                    break;
                }
            }
            self.expect(Symbol::ParenClose, ")")?;
        }
        self.node(Node::Call { input, name, arguments }, start, below)
    }

    /// An argument of `sort` with its direction.
    fn directed(&mut self, operand: Deep) -> Outcome<Deep> {
        let direction = match self.token {
            Token::Word("asc") => Direction::Ascending,
            Token::Word("desc") => Direction::Descending,
            _ => return Ok(operand),
        };
        self.advance()?;
        let start = operand.0.span.start;
        self.node(Node::Directed { operand: Box::new(operand.0), direction }, start, operand.1)
    }

    fn identifier(&mut self, wanted: &str) -> Outcome<Name> {
        let at = self.span;
        let text = match self.token {
            Token::Word(word) if !RESERVED.contains(&word) => word.into(),
            Token::Word(word) => {
                let message = format!("`{word}` is a word of the language, not {wanted}");
                let help = format!("write it in back-ticks: `{word}`");
                return Err(Box::new(syntax(at, message).with_help(help)));
            }
            Token::Quoted(text) => unescaped(text, at)?,
            _ => return Err(syntax(at, format!("{wanted} was expected here"))),
        };
        self.advance()?;
        Ok(Name { text, span: at })
    }

    fn term(&mut self) -> Outcome<Deep> {
        let start = self.span.start;
        match self.token {
            Token::Symbol(Symbol::ParenOpen) => {
                self.advance()?;
                let inner = self.expression(0)?;
                self.expect(Symbol::ParenClose, ")")?;
                Ok((Ast { span: Span::new(start, self.last_end), ..inner.0 }, inner.1))
            }
            Token::Symbol(Symbol::BraceOpen) => {
                self.advance()?;
                self.expect(Symbol::BraceClose, "}")?;
                self.node(Node::Literal(Literal::Empty), start, 0)
            }
            Token::Symbol(Symbol::Percent) => {
                self.advance()?;
                let name = match self.token {
                    Token::String(text) => {
                        let name = unescaped(text, self.span)?;
                        self.advance()?;
                        name
                    }
                    _ => self.identifier("the name of a variable")?.text,
                };
                self.node(Node::Variable(name), start, 0)
            }
            Token::Dollar(word) => {
                let special = match word {
                    "this" => Special::This,
                    "index" => Special::Index,
                    "total" => Special::Total,
                    _ => return Err(syntax(self.span, "there are only `$this`, `$index` and `$total`")),
                };
                self.advance()?;
                self.node(Node::Special(special), start, 0)
            }
            Token::Word("true" | "false")
            | Token::String(_)
            | Token::Number(_)
            | Token::Long(_)
            | Token::Date(_)
            | Token::DateTime(_)
            | Token::Time(_) => {
                let literal = self.literal()?;
                self.node(Node::Literal(literal), start, 0)
            }
            Token::Word(_) | Token::Quoted(_) => self.invocation(None, start),
            Token::End => Err(syntax(self.span, "the expression is not finished")),
            Token::Symbol(_) | Token::Other => Err(syntax(self.span, "an expression was expected here")),
        }
    }

    fn literal(&mut self) -> Outcome<Literal> {
        let at = self.span;
        let token = self.advance()?;
        let temporal = |value: Option<Temporal>| {
            value.map(Literal::Temporal).ok_or_else(|| syntax(at, "there is no such date or time"))
        };
        match token {
            Token::Word(word) => Ok(Literal::Boolean(word == "true")),
            Token::String(text) => unescaped(text, at).map(Literal::String),
            Token::Date(text) => temporal(Temporal::date(text)),
            Token::DateTime(text) => temporal(Temporal::date_time(text)),
            Token::Time(text) => temporal(Temporal::time(text)),
            Token::Long(text) => {
                text.parse().map(Literal::Long).map_err(|_| syntax(at, "this number is too great"))
            }
            Token::Number(text) => self.number(text, at),
            Token::Quoted(_) | Token::Dollar(_) | Token::Symbol(_) | Token::Other | Token::End => {
                Err(syntax(at, "a literal was expected here"))
            }
        }
    }

    /// A number, or a quantity where a unit follows.
    fn number(&mut self, text: &str, at: Span) -> Outcome<Literal> {
        let too_great = || syntax(at, "this number is too great");
        let unit = match self.token {
            Token::String(code) => Some(Unit::named(&unescaped(code, self.span)?)),
            Token::Word(word) => Calendar::named(word).map(Unit::Calendar),
            _ => None,
        };
        if let Some(unit) = unit {
            self.advance()?;
            let value = Decimal::parse(text).ok_or_else(too_great)?;
            return Ok(Literal::Quantity(Quantity::new(value, unit)));
        }
        if text.contains('.') {
            return Decimal::parse(text).map(Literal::Decimal).ok_or_else(too_great);
        }
        text.parse().map(Literal::Integer).map_err(|_| too_great())
    }
}

fn unescaped(text: &str, at: Span) -> Outcome<Box<str>> {
    let plain = if text.contains('\\') { unescape(text) } else { Some(text.to_owned()) };
    plain.map(Into::into).ok_or_else(|| {
        let place = text.find('\\').unwrap_or(0) + at.start as usize + 1;
        let issue = syntax(span(place, place + 2), "there is no such escape");
        Box::new(
            issue.with_help("a backslash itself is written twice; `\\'`, `\\n` and `\\u0041` are escapes"),
        )
    })
}
