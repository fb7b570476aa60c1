//! The closed words that requests, facts and policies are made of. A policy file names them by their codes.

use crate::plan::Sector;

/// A closed list of words.
pub trait Word: Copy + Eq + 'static {
    /// Every word, in order.
    const ALL: &'static [Self];

    /// The code, as a policy file has it.
    fn code(self) -> &'static str;

    /// The word of a code.
    fn find(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|word| word.code() == code)
    }
}

macro_rules! words {
    ($($(#[$meta:meta])* $name:ident { $($variant:ident = $code:literal $doc:literal,)* })*) => {
        $($(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $(#[doc = $doc] $variant,)* }

        impl Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),*];

            fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        })*
    };
}

words! {
    /// What a requester is to the register that holds a source. A register is a custodian and a sector: within a
    /// wellbeing services county each sector is a register of its own.
    Relation {
        SameRegister = "same-register" "Works in the register of the source, or produces services for it. A register that is not known is another one.",
        SameSector = "same-sector" "Works in the same sector for another custodian.",
        OtherSector = "other-sector" "Works in health or social care; the source belongs to another sector.",
        Partner = "partner" "Works outside health and social care.",
        Client = "client" "Is the client.",
        Guardian = "guardian" "Is a guardian of the client.",
        Service = "service" "Is a program that acts for nobody.",
    }

    /// What the data are asked for.
    Purpose {
        Care = "care" "Health care of the client.",
        SocialService = "social-service" "Social services for the client.",
        EmploymentService = "employment-service" "Employment services for the client.",
        OwnAccess = "own-access" "The client's own access, or the guardian's.",
        Administration = "administration" "Administration: payments, statistics, planning.",
    }

    /// What the requester wants to do.
    Action {
        Read = "read" "Read.",
        Write = "write" "Change the source's own document.",
    }

    /// What the source of permissions says of the permission that this disclosure needs.
    Permission {
        Given = "given" "One is active, in its time, and covers the disclosure.",
        Lapsed = "lapsed" "There was one; it was withdrawn, or its time is not now.",
        Missing = "missing" "There is none, or none is needed.",
        Unanswered = "unanswered" "The source of permissions does not answer.",
    }

    /// What the client denies.
    Denial {
        None = "none" "Nothing that covers the source.",
        Document = "document" "The document.",
        ServiceTask = "service-task" "The service task that the document belongs to.",
        Register = "register" "The whole register.",
    }

    /// What the client says of a plan that several registers make together.
    JointPlan {
        NotAsked = "not-asked" "Nothing is planned together: it is the requester's own register, the client's own access, or an emergency.",
        Consented = "consented" "The client consents to it.",
        Refused = "refused" "The client refuses it, or has withdrawn the consent, or its time is not now.",
        Missing = "missing" "Nothing is recorded.",
    }

    /// Whether an emergency breaks the glass.
    Emergency {
        Off = "off" "No, or not in force.",
        On = "on" "Yes: with a reason, for this client, within its time, to read.",
    }

    /// What is recorded on disclosure to guardians of a minor; THL, 1.2.246.537.5.40202.201901.
    Restriction {
        NotStated = "not-stated" "Nothing is recorded.",
        NotCapable = "1" "The minor cannot decide; guardians get the data.",
        Allows = "2" "The minor can decide and allows it.",
        Denies = "3" "The minor can decide and denies it.",
        NotKnown = "4" "It is not known whether the minor can decide; guardians do not get the data.",
    }

    /// Whether a right by statute is claimed that the policy knows.
    Statute {
        None = "none" "No.",
        Claimed = "claimed" "Yes.",
    }

    /// The direction of a disclosure between health and social care, by the national registry's codes.
    Direction {
        None = "none" "Neither.",
        HealthToSocial = "health-to-social" "1: patient data to social care.",
        SocialToHealth = "social-to-health" "2: client data of social care to health care.",
    }

    /// What of a client's opens data of a register.
    Opening {
        Permission = "permission" "A permission to disclose.",
        WrittenConsent = "written-consent" "A written consent to disclose to those outside health and social care.",
        JointPlan = "joint-plan" "The consent to a plan that several registers make together.",
    }

    /// Who recorded it, seen from a disclosure.
    Keeper {
        PermissionSource = "permission-source" "A source of permissions: the national registry, or who the settings name as one.",
        SourceRegister = "source-register" "A unit of the register that holds what would be disclosed.",
        Receiver = "receiver" "A unit of the register that would get it.",
        OtherRegister = "other-register" "A unit of another register, or of one that is not known.",
    }

    /// Why something is seen or withheld.
    Reason {
        SameRegister = "same-register" "It is in the requester's own register.",
        Permitted = "permitted" "The client permits it.",
        Consented = "consented" "The client has consented in writing.",
        ByStatute = "by-statute" "A statute gives the right.",
        OwnData = "own-data" "The data are the client's own.",
        OfMinor = "of-minor" "The guardian of the minor may have it.",
        Emergency = "emergency" "An emergency breaks the glass.",
        NoPermission = "no-permission" "No permission or consent covers it.",
        PermissionLapsed = "permission-lapsed" "The permission was withdrawn, or its time is not now.",
        NoAnswer = "no-answer" "The source of permissions does not answer.",
        DocumentDenied = "document-denied" "The client denies disclosure of the document.",
        ServiceTaskDenied = "service-task-denied" "The client denies disclosure of the service task.",
        RegisterDenied = "register-denied" "The client denies disclosure of the register.",
        NoJointPlan = "no-joint-plan" "The client has not consented to planning together.",
        WrongPurpose = "wrong-purpose" "The purpose gives no right to it.",
        OwnerWrites = "owner-writes" "Only the owner of a document changes it; others propose.",
        MinorDenies = "minor-denies" "It is not disclosed to guardians.",
        NobodyAsks = "nobody-asks" "A program that acts for nobody gets nothing.",
        NotCovered = "not-covered" "No rule of the policy covers it.",
        NotForRole = "not-for-role" "The policy shows it to other roles only.",
        NotOwnActivity = "not-own-activity" "Somebody else carries it out.",
        Sensitive = "sensitive" "It is labelled as sensitive.",
        OtherPerson = "other-person" "It is about another person.",
        NotReleased = "not-released" "It is released to the client later.",
        OnlyOfWithheld = "only-of-withheld" "Only what is withheld leads to it.",
    }

    /// Whom a view is for.
    Audience {
        OwnRegister = "own-register" "Those whose own register the source stands in.",
        Health = "health" "Professionals of health care.",
        Social = "social" "Professionals of social care.",
        Employment = "employment" "Professionals of employment services.",
        ThirdSector = "third-sector" "Associations, parishes and others that are no authority.",
        Education = "education" "Professionals of education, and of what is none of the others.",
        Client = "client" "The client.",
        Guardian = "guardian" "A guardian of the client.",
        Service = "service" "A program that acts for nobody.",
    }

    /// How much is said of what is withheld.
    Tell {
        Nothing = "nothing" "Nothing, not even that there is anything.",
        Reason = "reason" "The reasons and how many.",
        Kind = "kind" "Also the sector and the kind.",
        Source = "source" "Also the unit.",
    }

    /// Why the glass is broken; codes of ours, since no national list is at hand.
    EmergencyReason {
        Life = "life" "Life or health is in danger and the client cannot be asked.",
        Child = "child" "A child is in danger.",
        Violence = "violence" "Somebody is in danger of violence.",
    }
}

impl Word for Sector {
    const ALL: &'static [Self] =
        &[Self::Health, Self::Social, Self::Employment, Self::ThirdSector, Self::Education, Self::Other];

    fn code(self) -> &'static str {
        self.as_str()
    }
}

/// A set of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Set<W> {
    bits: u32,
    word: std::marker::PhantomData<W>,
}

impl<W: Word> Set<W> {
    /// Every word.
    pub fn all() -> Self {
        W::ALL.iter().copied().collect()
    }

    /// True where a word is in it.
    pub fn has(self, word: W) -> bool {
        self.bits & bit(word) != 0
    }

    /// True where it holds every word: a condition that asks for nothing.
    pub fn is_all(self) -> bool {
        self.bits == Self::all().bits
    }

    /// The words in it.
    pub fn words(self) -> impl Iterator<Item = W> {
        W::ALL.iter().copied().filter(move |word| self.has(*word))
    }
}

impl<W: Word> FromIterator<W> for Set<W> {
    fn from_iter<I: IntoIterator<Item = W>>(words: I) -> Self {
        let bits = words.into_iter().fold(0, |bits, word| bits | bit(word));
        Self { bits, word: std::marker::PhantomData }
    }
}

fn bit<W: Word>(word: W) -> u32 {
    W::ALL.iter().position(|known| *known == word).map_or(0, |at| 1 << at)
}
