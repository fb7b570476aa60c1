//! The syntax tree of an expression.

use super::quantity::Quantity;
use super::temporal::Temporal;
use super::{decimal::Decimal, lexer::Symbol};
use crate::diag::Span;

/// A node of the syntax tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ast {
    pub(super) node: Node,
    pub(super) span: Span,
    /// Its number in the expression, for what a check notes of it.
    pub(super) id: u32,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Literal(Literal),
    /// `%name`.
    Variable(Box<str>),
    Special(Special),
    /// `input.name`, or `name` at the head of a path.
    Member {
        input: Option<Box<Ast>>,
        name: Name,
    },
    /// `input.name(arguments)`.
    Call {
        input: Option<Box<Ast>>,
        name: Name,
        arguments: Vec<Ast>,
    },
    /// `input[index]`.
    Index {
        input: Box<Ast>,
        index: Box<Ast>,
    },
    /// `-operand`, `+operand`.
    Sign {
        is_minus: bool,
        operand: Box<Ast>,
    },
    /// `operand asc`, `operand desc`: a key of `sort`.
    Directed {
        operand: Box<Ast>,
        direction: Direction,
    },
    Binary {
        operator: Operator,
        left: Box<Ast>,
        right: Box<Ast>,
    },
    /// `operand is Type`, `operand as Type`.
    Type {
        operator: TypeOperator,
        operand: Box<Ast>,
        name: TypeName,
    },
}

/// A value that stands in the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Empty,
    Boolean(bool),
    String(Box<str>),
    Integer(i32),
    Long(i64),
    Decimal(Decimal),
    Temporal(Temporal),
    Quantity(Quantity),
}

/// `$this` and its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    This,
    Index,
    Total,
}

/// An identifier with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Name {
    pub(super) text: Box<str>,
    pub(super) span: Span,
}

/// `FHIR.Patient`: a type, perhaps with its namespace.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TypeName {
    pub(super) namespace: Option<Box<str>>,
    pub(super) name: Box<str>,
    pub(super) span: Span,
}

/// The order of a key of `sort`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Nothing comes first.
    Ascending,
    /// Nothing comes last.
    Descending,
    /// By the key with the other sign: greatest first, but nothing comes first still.
    Negated,
}

/// `is` or `as`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TypeOperator {
    Is,
    As,
}

/// An operator between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Multiply,
    Divide,
    Div,
    Mod,
    Add,
    Subtract,
    Concatenate,
    Union,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    Equivalent,
    NotEquivalent,
    In,
    Contains,
    And,
    Or,
    Xor,
    Implies,
}

/// Precedence of `is` and `as`, on the scale of [`Operator::precedence`].
pub(super) const TYPE_PRECEDENCE: u8 = 8;

impl Operator {
    /// The greater, the tighter it binds (FHIRPath 2.0.0, "Operator precedence").
    pub(super) const fn precedence(self) -> u8 {
        match self {
            Self::Multiply | Self::Divide | Self::Div | Self::Mod => 10,
            Self::Add | Self::Subtract | Self::Concatenate => 9,
            Self::Union => 7,
            Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual => 6,
            Self::Equal | Self::NotEqual | Self::Equivalent | Self::NotEquivalent => 5,
            Self::In | Self::Contains => 4,
            Self::And => 3,
            Self::Or | Self::Xor => 2,
            Self::Implies => 1,
        }
    }

    /// The operator as it is written.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Div => "div",
            Self::Mod => "mod",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Concatenate => "&",
            Self::Union => "|",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Equivalent => "~",
            Self::NotEquivalent => "!~",
            Self::In => "in",
            Self::Contains => "contains",
            Self::And => "and",
            Self::Or => "or",
            Self::Xor => "xor",
            Self::Implies => "implies",
        }
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "div" => Self::Div,
            "mod" => Self::Mod,
            "in" => Self::In,
            "contains" => Self::Contains,
            "and" => Self::And,
            "or" => Self::Or,
            "xor" => Self::Xor,
            "implies" => Self::Implies,
            _ => return None,
        })
    }

    pub(super) const fn of_symbol(symbol: Symbol) -> Option<Self> {
        Some(match symbol {
            Symbol::Star => Self::Multiply,
            Symbol::Slash => Self::Divide,
            Symbol::Plus => Self::Add,
            Symbol::Minus => Self::Subtract,
            Symbol::Ampersand => Self::Concatenate,
            Symbol::Pipe => Self::Union,
            Symbol::Less => Self::Less,
            Symbol::LessEqual => Self::LessEqual,
            Symbol::Greater => Self::Greater,
            Symbol::GreaterEqual => Self::GreaterEqual,
            Symbol::Equal => Self::Equal,
            Symbol::NotEqual => Self::NotEqual,
            Symbol::Tilde => Self::Equivalent,
            Symbol::NotTilde => Self::NotEquivalent,
            Symbol::Dot
            | Symbol::Comma
            | Symbol::ParenOpen
            | Symbol::ParenClose
            | Symbol::BracketOpen
            | Symbol::BracketClose
            | Symbol::BraceOpen
            | Symbol::BraceClose
            | Symbol::Percent => return None,
        })
    }
}

impl Ast {
    /// The parts of a node, in the order of the text.
    pub(super) fn parts(&self) -> Vec<&Ast> {
        match &self.node {
            Node::Literal(_) | Node::Variable(_) | Node::Special(_) => Vec::new(),
            Node::Member { input, .. } => input.iter().map(|input| &**input).collect(),
            Node::Call { input, arguments, .. } => {
                input.iter().map(|input| &**input).chain(arguments).collect()
            }
            Node::Index { input, index } => vec![input, index],
            Node::Sign { operand, .. } | Node::Type { operand, .. } | Node::Directed { operand, .. } => {
                vec![operand]
            }
            Node::Binary { left, right, .. } => vec![left, right],
        }
    }

    /// What a node is, in a word or two, for people.
    pub(super) fn label(&self) -> String {
        match &self.node {
            Node::Literal(literal) => format!("literal {literal}"),
            Node::Variable(name) => format!("variable %{name}"),
            Node::Special(Special::This) => "$this".to_owned(),
            Node::Special(Special::Index) => "$index".to_owned(),
            Node::Special(Special::Total) => "$total".to_owned(),
            Node::Member { name, .. } => format!("path {}", name.text),
            Node::Call { name, .. } => format!("function {}()", name.text),
            Node::Index { .. } => "index []".to_owned(),
            Node::Sign { is_minus, .. } => format!("sign {}", if *is_minus { "-" } else { "+" }),
            Node::Directed { direction: Direction::Ascending, .. } => "order asc".to_owned(),
            Node::Directed { .. } => "order desc".to_owned(),
            Node::Binary { operator, .. } => format!("operator {}", operator.text()),
            Node::Type { operator: TypeOperator::Is, name, .. } => format!("is {}", name.name),
            Node::Type { operator: TypeOperator::As, name, .. } => format!("as {}", name.name),
        }
    }
}

impl std::fmt::Display for Literal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("{}"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::String(text) => write!(f, "'{text}'"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Long(value) => write!(f, "{value}L"),
            Self::Decimal(value) => write!(f, "{value}"),
            Self::Temporal(value) => write!(f, "@{value}"),
            Self::Quantity(value) => write!(f, "{value}"),
        }
    }
}
