//! What an evaluation is given beside the item it works on.

use super::temporal::Temporal;
use super::value::{Collection, Item, Node};
use crate::schema::Schema;

/// Steps of one evaluation, where the caller does not say otherwise.
pub const STEPS_MAX: u64 = 20_000_000;
/// Items of one collection that is held.
pub const ITEMS_MAX: usize = 1_000_000;
/// Bytes of all texts that one evaluation makes.
pub const STRING_BYTES_MAX: usize = 64 << 20;

/// What the environment of an expression does for it. The answers of the trait itself know nothing beyond the data
/// and the definitions at hand.
pub trait Host: Sync {
    /// The resource that a reference out of the document leads to.
    fn resolve(&self, reference: &str) -> Option<Node<'_>> {
        let _ = reference;
        None
    }

    /// True where a code is in a value set; `None` where that is not known here.
    fn member_of(&self, code: Coded<'_>, value_set: &str, schema: &Schema) -> Option<bool> {
        let codes = schema.codes(value_set)?;
        Some(
            codes.iter().any(|known| {
                known.code == code.code && code.system.is_none_or(|system| system == known.system)
            }),
        )
    }

    /// True where `general` is `special` or stands above it in its code system; `None` where that is not known here.
    fn subsumes(&self, system: &str, general: &str, special: &str, schema: &Schema) -> Option<bool> {
        schema.code_system(system)?.subsumes(general, special)
    }

    /// True where a node fits a profile; `None` where that is not known here.
    fn conforms_to(&self, node: Node<'_>, profile: &str) -> Option<bool> {
        let _ = (node, profile);
        None
    }

    /// What `trace` shows.
    fn trace(&self, name: &str, items: &[Item<'_>]) {
        let _ = (name, items);
    }
}

/// A code as data hold it.
#[derive(Debug, Clone, Copy)]
pub struct Coded<'a> {
    /// Code system; `None` where the element holds a bare code.
    pub system: Option<&'a str>,
    /// Code.
    pub code: &'a str,
}

/// A host that knows nothing beyond the data and the definitions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Local;

impl Host for Local {}

/// What an evaluation is given beside the item it works on.
#[derive(Clone)]
pub struct Context<'a> {
    pub(super) schema: &'a Schema,
    pub(super) resource: Option<Item<'a>>,
    pub(super) root_resource: Option<Item<'a>>,
    pub(super) origin: Option<Item<'a>>,
    pub(super) variables: &'a [Collection<'a>],
    pub(super) now: Option<Temporal>,
    pub(super) host: &'a dyn Host,
    pub(super) steps_max: u64,
}

impl<'a> Context<'a> {
    /// A context with the definitions alone.
    pub fn new(schema: &'a Schema) -> Self {
        Self {
            schema,
            resource: None,
            root_resource: None,
            origin: None,
            variables: &[],
            now: None,
            host: &Local,
            steps_max: STEPS_MAX,
        }
    }

    /// With `%resource`, the resource that holds the focus, and `%rootResource`, the one that contains it.
    #[must_use]
    pub fn with_resource(mut self, resource: Item<'a>, root: Item<'a>) -> Self {
        (self.resource, self.root_resource) = (Some(resource), Some(root));
        self
    }

    /// With `%context`, where it is another than the focus.
    #[must_use]
    pub fn with_context(mut self, origin: Item<'a>) -> Self {
        self.origin = Some(origin);
        self
    }

    /// With values of the variables, in the order in which the options of the expression name them.
    #[must_use]
    pub const fn with_variables(mut self, variables: &'a [Collection<'a>]) -> Self {
        self.variables = variables;
        self
    }

    /// With a clock: a date-time with its zone.
    #[must_use]
    pub const fn with_now(mut self, now: Temporal) -> Self {
        self.now = Some(now);
        self
    }

    /// With a host.
    #[must_use]
    pub fn with_host(mut self, host: &'a dyn Host) -> Self {
        self.host = host;
        self
    }

    /// With another limit of steps.
    #[must_use]
    pub const fn with_steps_max(mut self, steps_max: u64) -> Self {
        self.steps_max = steps_max;
        self
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("steps_max", &self.steps_max).finish_non_exhaustive()
    }
}
