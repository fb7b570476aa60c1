//! Which segments of a message stand together: the message structures of patient care (chapter 12), patient
//! administration (chapter 3) and referrals (chapter 11), as far as segments of one name would otherwise be taken for
//! each other.
//!
//! A group begins with a segment that is its own, and holds the segments and groups that the structure has inside it.
//! What no open group has stands at the root, in its place; a segment that a site invented (`Z..`) stands with what it
//! follows.

/// Segments that stand together.
#[derive(Debug)]
pub(super) struct Group {
    /// What the tree calls it.
    pub(super) name: &'static str,
    /// The segments that begin one.
    starts: &'static [&'static [u8]],
    /// Further segments in it.
    members: &'static [&'static [u8]],
    /// Groups in it.
    groups: &'static [Group],
}

/// Groups within groups.
pub(super) const GROUPS_DEEP: usize = 5;

const fn group(
    name: &'static str,
    starts: &'static [&'static [u8]],
    members: &'static [&'static [u8]],
    groups: &'static [Group],
) -> Group {
    Group { name, starts, members, groups }
}

const ROLE: Group = group("role", &[b"ROL"], &[b"VAR"], &[]);
/// What took the place of roles in 2.7.
const PARTICIPATION: Group = group("participation", &[b"PRT"], &[b"VAR"], &[]);
const OBSERVATION: Group = group("observation", &[b"OBX"], &[b"NTE", b"PRT", b"VAR"], &[]);
const ORDER: Group = group(
    "order",
    &[b"ORC"],
    &[b"OBR", b"RQD", b"RQ1", b"RXO", b"RXR", b"RXC", b"ODS", b"ODT", b"TQ1", b"TQ2", b"NTE", b"VAR", b"PRT"],
    &[OBSERVATION],
);
/// Results that a referral shows.
const RESULT: Group = group("result", &[b"OBR"], &[b"NTE", b"PRT"], &[OBSERVATION]);

const ABOUT: &[&[u8]] = &[b"NTE", b"VAR"];
/// A pathway that only names what a goal or a problem is part of.
const PATHWAY_NAMED: Group = group("pathway", &[b"PTH"], &[b"VAR"], &[]);
const PROBLEM_OF_GOAL: Group = group("problem", &[b"PRB"], ABOUT, &[ROLE, PARTICIPATION, OBSERVATION]);
const GOAL_OF_PROBLEM: Group = group("goal", &[b"GOL"], ABOUT, &[ROLE, PARTICIPATION, OBSERVATION]);

const GOAL: Group = group(
    "goal",
    &[b"GOL"],
    ABOUT,
    &[ROLE, PARTICIPATION, PATHWAY_NAMED, OBSERVATION, PROBLEM_OF_GOAL, ORDER],
);
const PROBLEM: Group = group(
    "problem",
    &[b"PRB"],
    ABOUT,
    &[ROLE, PARTICIPATION, PATHWAY_NAMED, OBSERVATION, GOAL_OF_PROBLEM, ORDER],
);
/// A pathway of problems with their goals (PPP), or of goals with their problems (PPG).
const PATHWAY: Group = group(
    "pathway",
    &[b"PTH"],
    ABOUT,
    &[
        ROLE,
        PARTICIPATION,
        group("problem", &[b"PRB"], ABOUT, &[ROLE, PARTICIPATION, OBSERVATION, GOAL_OF_PROBLEM, ORDER]),
        group("goal", &[b"GOL"], ABOUT, &[ROLE, PARTICIPATION, OBSERVATION, PROBLEM_OF_GOAL, ORDER]),
    ],
);

/// Roles of a procedure or an insurance are not the client's team.
const PROCEDURE: Group = group("procedure", &[b"PR1"], &[], &[ROLE, PARTICIPATION]);
const INSURANCE: Group =
    group("insurance", &[b"IN1"], &[b"IN2", b"IN3", b"AUT", b"RF1"], &[ROLE, PARTICIPATION]);
const PROVIDER: Group = group("provider", &[b"PRD"], &[b"CTD"], &[]);
const AUTHORIZATION: Group = group("authorization", &[b"AUT"], &[b"CTD"], &[]);

/// The groups of all messages that have any. Which of them a message may have is its own matter: a goal holds the
/// problems after it, a problem the goals after it, whichever the message is about.
const GROUPS: &[Group] = &[
    AUTHORIZATION,
    PROVIDER,
    ROLE,
    PARTICIPATION,
    PROCEDURE,
    INSURANCE,
    PATHWAY,
    GOAL,
    PROBLEM,
    ORDER,
    RESULT,
    OBSERVATION,
];

/// The groups of messages with this code in MSH-9.1; a message that is not known has none.
fn groups(code: &str) -> &'static [Group] {
    match code {
        "PGL" | "PPR" | "PPP" | "PPG" | "ADT" | "REF" | "RRI" => GROUPS,
        _ => &[],
    }
}

/// The groups that are open, the outermost first.
#[derive(Debug)]
pub(super) struct Open {
    root: &'static [Group],
    groups: Vec<&'static Group>,
}

/// Where a segment belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// How many of the open groups stay open.
    pub(super) depth: usize,
    /// The group that it begins inside them.
    pub(super) begins: Option<&'static Group>,
}

impl Open {
    pub(super) fn new(code: &str) -> Self {
        Self { root: groups(code), groups: Vec::new() }
    }

    /// Finds the place of a segment, and leaves open what stays open there.
    pub(super) fn place(&mut self, segment: &[u8]) -> Place {
        let place = self.find(segment);
        self.groups.truncate(place.depth);
        self.groups.extend(place.begins);
        place
    }

    fn find(&self, segment: &[u8]) -> Place {
        if segment.starts_with(b"Z") {
            return Place { depth: self.groups.len(), begins: None };
        }
        for depth in (0..=self.groups.len()).rev() {
            let here = depth.checked_sub(1).and_then(|at| self.groups.get(at));
            let inner = here.map_or(self.root, |group| group.groups);
            if let Some(group) = inner.iter().find(|group| group.starts.contains(&segment)) {
                return Place { depth, begins: Some(group) };
            }
            if here.is_some_and(|group| group.members.contains(&segment)) {
                return Place { depth, begins: None };
            }
        }
        Place { depth: 0, begins: None }
    }
}
