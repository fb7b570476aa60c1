//! The only registry of issue codes. A number, once given, keeps its meaning and is never used again. A new code has
//! its English text here and a row in each table of `texts/`.
//!
//! `F1xx` format, `M2xx` mapping, `V3xx` definitions and validation, `P4xx` plan, `X6xx` exchange,
//! `C1xx` TestScripts, `C7xx` other conformance, `S1xx` search, `S2xx` store, `H1xx` the server's HTTP.

use super::{Language, texts};

/// One permanent code.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The code as printed, `M203`.
    pub id: &'static str,
    /// What it means, in a few words.
    pub title: &'static str,
    /// What to do about it.
    pub help: &'static str,
}

impl Code {
    /// What it means, in a language.
    pub fn title_in(&self, language: Language) -> &'static str {
        texts::of(self, language).0
    }

    /// What to do about it, in a language.
    pub fn help_in(&self, language: Language) -> &'static str {
        texts::of(self, language).1
    }
}

macro_rules! codes {
    ($($name:ident = $id:literal, $title:literal, $help:literal;)*) => {
        $(#[doc = concat!("`", $id, "`: ", $title, ".")]
          pub const $name: &Code = &Code { id: $id, title: $title, help: $help };)*
        /// Every code there is, in order of number.
        pub const ALL: &[&Code] = &[$($name),*];
    };
}

codes! {
    NOT_UTF8 = "F101", "bytes are not valid in their encoding", "export the document again as UTF-8; only CSV may be Windows-1252";
    JSON_SYNTAX = "F102", "JSON is not well formed", "correct the document at the place shown";
    JSON_DUPLICATE_KEY = "F103", "one JSON object has the same key twice", "keep one of the two; which of them was meant cannot be known";
    JSON_SURROGATE = "F104", "a lone surrogate escape is no character", "write the character itself or both halves of the pair";
    XML_SYNTAX = "F105", "XML is not well formed", "correct the document at the place shown";
    XML_DOCTYPE = "F106", "a DOCTYPE is refused", "remove the document type declaration; entities are never expanded";
    LIMIT = "F107", "a limit was passed", "split the document; the limits are named constants of the tree";
    FHIR_SHAPE = "F108", "FHIR JSON or XML has a form that FHIR does not allow", "see the FHIR R4 pages on JSON and XML representation";
    FORMAT_UNKNOWN = "F109", "the format of the document was not recognised", "name it with --from; `sauma lens list` shows the known unit systems";
    CSV_SHAPE = "F110", "a CSV row does not fit its header", "give every row as many fields as the header, quoting fields that hold the separator";
    TRUNCATED = "F111", "the document ends too early", "fetch or export the document again";
    XML_NAMESPACE = "F112", "a namespace prefix is not declared", "declare the prefix with xmlns on this element or above it";
    ENTITY = "F113", "an entity is not one of the five of XML", "write the character itself or a character reference";
    NOT_IN_FHIR = "F114", "FHIR has no such element, attribute or resource", "it is kept as it stands; correct its name, or carry it in an extension";
    ER7_NO_HEADER = "F130", "the text has no HL7 v2 message header", "send a message that begins with MSH";
    ER7_SEPARATORS = "F131", "the separators of an HL7 v2 message cannot be told apart", "begin the message with MSH|^~\\& or another set of different signs";
    ER7_SEGMENT = "F132", "a line is no HL7 v2 segment", "begin each segment with its three letters, and write a line break inside a text as \\.br\\";
    ER7_CHARSET = "F133", "the character set of an HL7 v2 message is not known or does not fit", "name it in MSH-18: UNICODE UTF-8, 8859/1, 8859/15 or ASCII";
    ER7_SEVERAL = "F134", "there are several HL7 v2 messages where one is meant", "send the messages of a batch or file one by one";
    ER7_DELETED = "F135", "the sender asks to delete a value", "it is kept as the document has it; take the value out where it is held";
    ER7_NO_SIGN = "F136", "the separators of the message leave no way to write this text", "let the sender name all separators in MSH-2";
    ER7_VERSION = "F137", "the version of the HL7 v2 message is not one of 2.3 to 2.9", "it is read as 2.9; name the version in MSH-12";
    XLSX_SHAPE = "F150", "a workbook has a form that cannot be read as a table", "save it again as .xlsx without a password, with one header row and no merged cells";
    XLSX_UNREAD = "F151", "something of a workbook is not read as it is shown", "keep the table on the first sheet, with plain texts, numbers and dates";

    LENS_SYNTAX = "M201", "the lens text does not follow the grammar", "see the lens language page";
    LENS_ELEMENT = "M202", "no such element", "use an element that the definition has";
    LENS_TYPE = "M203", "the types of the two sides do not fit", "add `via` with a conversion, or choose another element";
    LENS_REQUIRED = "M204", "a required target element is never set", "add a rule or a constant that sets it";
    LENS_UNREAD = "M205", "a source element is neither carried, kept nor ignored", "add a rule for it, `keep` it, or `ignore` it with a reason";
    LENS_CODES = "M206", "a code table is not complete or not one to one", "add the missing rows or declare what happens with `else`";
    LENS_CONFLICT = "M207", "two rules write one place", "remove one of them, or tell them apart with a condition";
    LENS_NAME = "M208", "a name is not declared or declared twice", "declare the name once, before it is used";
    LENS_CARDINALITY = "M209", "many values cannot go into one place", "use `each`, or choose one with [first]";
    LENS_FILE = "M210", "a file that the lens needs is missing or wrong", "put the file where the lens names it";

    UNKNOWN_ELEMENT = "M220", "the document has an element that no rule covers", "it is kept in the unit's own document; add a rule or `keep` it to say so";
    UNKNOWN_CODE = "M221", "a code is not in the table", "it is carried as the unit wrote it; add it to the code table";
    NOT_CONVERTIBLE = "M222", "a value does not have the form the rule expects", "it is carried as the unit's own text; correct it in the unit's system";
    CONSTANT_DIFFERS = "M223", "a value differs from the constant of the rule", "use the lens that is made for this kind of document";
    PUT_REFUSED = "M224", "the change cannot be carried into the unit's document", "change only what the lens carries; nothing was written";
    LENS_MISMATCH = "M225", "the document is not of the kind this lens reads", "name the right unit system with --from";
    MANY_VALUES = "M226", "a place that takes one value has several", "the first is carried, the others stay in the unit's own document";
    LAW_BROKEN = "M227", "a law of the lens does not hold", "this is a fault of the lens or of Sauma; please report it";
    RESTATED_DIFFERS = "M228", "two elements restate one resource and differ", "the first that differs from the resource counts; make them equal in the unit's system";
    SAME_DIFFERS = "M229", "items that should say the same differ", "one document is of one plan and one client: split it, or correct the item in the unit's system";
    NARRATIVE_LEFT = "M230", "a text tells in words what was changed beside it", "write the text anew in the unit's system; it was kept as it was";

    FML_TEXT = "M240", "the map has a character, string or comment that is no part of the language", "correct the text at the place shown";
    FML_SYNTAX = "M241", "the map does not follow the grammar", "see the page on the mapping language";
    FML_METADATA = "M242", "what the map says about itself is incomplete or wrong", "state `url` and `name`, and use elements of StructureMap";
    FML_DUPLICATE = "M243", "a name is given twice", "give each its own name";
    FML_VARIABLE = "M244", "no such variable", "use an input of the group, a constant, or a variable that stands before this place";
    FML_GROUP = "M245", "no such group", "define the group, or import the map that does";
    FML_FUNCTION = "M246", "no such function or group", "use a transform of the specification or a group";
    FML_ARGUMENTS = "M247", "the arguments do not fit", "give as many arguments as are asked for, of the right kind";
    FML_TYPE = "M248", "no such type, or one that does not fit here", "use an alias of `uses` or a type that the element may have";
    FML_ELEMENT = "M249", "no such element", "use an element that the definition has";
    FML_CARDINALITY = "M250", "a number of values makes no sense", "give the least number first, and no more than the definition allows";
    FML_MODE = "M251", "a source is filled or a target is read", "fill what is declared as target and read what is declared as source";
    FML_SHARE = "M252", "what is shared is used only once", "give the same id to the other targets that share the item";
    FML_IMPORT = "M253", "an imported map was not given", "give it together with this map, so that its groups are known";
    FML_CODES = "M254", "a concept map is incomplete or not known", "declare the prefix or the concept map that is named";
    FML_SHAPE = "M255", "a StructureMap resource does not have the form it should", "correct the resource at the place shown";
    FML_LOST = "M256", "the other form has no place for something", "see that it may be lost, or keep the map in its present form";

    FHIRPATH_SYNTAX = "M261", "the expression does not follow the grammar of FHIRPath", "correct it at the place shown";
    FHIRPATH_ELEMENT = "M262", "no such element or type", "use an element or type that the definitions have";
    FHIRPATH_TYPE = "M263", "the types in the expression do not fit", "convert the value, or take another element or function";
    FHIRPATH_FUNCTION = "M264", "no such function, or not with these arguments", "see the functions of FHIRPath";
    FHIRPATH_NAME = "M265", "a variable is not known here, or its name is taken", "define the variable before it is used, and only once";
    FHIRPATH_RUN = "M266", "the expression cannot be evaluated on these data", "say what is meant with `first()`, `ofType()` or `iif()`";
    FHIRPATH_LIMIT = "M267", "the expression needs too much", "make it shorter, or ask for less at a time";
    FHIRPATH_UNAVAILABLE = "M268", "the expression needs definitions that are not at hand", "add the package that holds them";

    FML_INPUT = "M270", "a document is not what the map reads", "give the documents that the first group of the map names, in its order";
    FML_VALUE = "M271", "a value does not have the form of its new type", "convert it with `cast`, a date function or a concept map, or correct the document";
    FML_UNTRANSLATED = "M272", "a code is not in the concept map", "add a row for it, or a rule for what has no equivalent";
    FML_CHECK = "M273", "a `check` of the map is not true", "correct the document, or the check";
    FML_COUNT = "M274", "there are more or fewer values than the map allows", "correct the document, or say which values are meant";
    FML_MADE = "M275", "what a rule makes cannot stand where it is put", "choose an element or type that fits, for example with `create('…')`";
    FML_DEFAULT = "M276", "no default group makes one of these types of the other", "write a group with `<<types>>`, or a rule with `then`";
    FML_LIMIT = "M277", "the map needs too much", "see that no group calls itself without end; the limits are named constants";
    FML_UNREAD = "M278", "no rule reads this for a value", "add a rule for it, or see that it may be left behind";
    FML_REFERENCE = "M279", "HL7's reference engine does not do this", "leave out `--compat reference`, or write the rule in another way";

    NOT_HELD = "M280", "the format has no place for a part of the resources", "the part stays where it came from; `sauma join` shows all of it";
    ALTERED = "M281", "the format can say a part only otherwise", "check it in the new document; --strict refuses instead";
    STATED = "M282", "the format says a part by itself", "check that it is so";
    NEEDED = "M283", "the format demands an element that nothing gives", "fill it in in the unit's system";
    FML_REPLACED = "M284", "a value takes the place of another", "write one of them, say which with a list mode or a condition, or choose an element that repeats";
    UNIT_UNUSABLE = "M290", "a folder of a unit system cannot be used", "`sauma lens check FOLDER` shows each fault of its lens at its place";

    PACKAGE = "V301", "a package cannot be read", "give the .tgz as the FHIR registry publishes it";
    DEFINITION_UNKNOWN = "V302", "a definition is not known", "add the package that holds it";
    DEFINITION_SHAPE = "V303", "a definition is not well formed", "correct the StructureDefinition";
    PACKAGE_MISSING = "V304", "a package that another depends on is not at hand", "put it into the folder of packages with `sauma package add`";
    PACKAGE_CHANGED = "V305", "a package is not the one that the lock file names", "get the package again, or lock it anew with `sauma package add`";

    DEFINITION_VERSION = "V306", "a definition is at hand in another version than the one that is named", "add the package with that version, or name the version that is meant";
    INVARIANT_UNREAD = "V308", "the expression of an invariant cannot be read", "correct the profile that is named; until then the invariant is not checked";

    ELEMENT_UNKNOWN = "V310", "the definition has no such element", "correct its name, or carry it in an extension";
    LIST_SHAPE = "V311", "an element is a list where it may not be, or the other way round", "JSON writes an array for every element that may repeat, and only for those";
    VALUE_KIND = "V312", "a value has another JSON type than its element", "see the JSON page of FHIR R4: numbers and booleans stand without quotes";
    VALUE_FORMAT = "V313", "a value does not have the form of its data type", "see the data types page of FHIR R4";
    EMPTY = "V314", "an element holds nothing", "leave it out: an element has a value or children";
    TOO_FEW = "V315", "a required element is missing", "add it; where the value is not known, a data absent reason may say why";
    TOO_MANY = "V316", "an element stands more often than it may", "keep as many as the definition allows";
    CHOICE_TWICE = "V317", "an element of several types stands with two of them", "keep one";
    OUT_OF_ORDER = "V318", "an XML element stands out of order", "FHIR XML has the elements in the order of the definition";
    RESOURCE_TYPE = "V319", "no such type of resource may stand here", "see the definition for the types that may";
    INVARIANT = "V320", "an invariant does not hold", "see the rule that is named";
    FIXED = "V321", "a value is not the fixed one", "write the value that the profile fixes";
    PATTERN = "V322", "a value does not have what the pattern demands", "write what the profile demands; more may stand beside it";
    VALUE_RANGE = "V323", "a value is out of its range", "see the least and greatest value in the profile";
    TEXT_LENGTH = "V324", "a text is longer than it may be", "shorten it";
    BINDING = "V325", "a code is not in the value set that its element takes codes from", "choose a code of the value set";
    CODE_UNKNOWN = "V326", "a code is not in its code system", "correct the code or the system";
    DISPLAY = "V327", "a display is not what the code system gives for the code", "write the display of the code system, or leave it out";
    TYPE_REFUSED = "V328", "a value has a type that the profile does not allow", "choose one of the types that are named";
    ID_TWICE = "V329", "two elements of one resource have the same id", "give each its own id, or leave the id out";

    REFERENCE_TYPE = "V330", "a reference leads to a type that it may not", "refer to one of the types that are named";
    REFERENCE_TARGET = "V331", "a reference leads to nothing", "add the resource, or correct the reference";
    REFERENCE_PROFILE = "V332", "a reference leads to a resource that does not fit the profile", "see what the profile demands of the resource";

    REFERENCE_FORM = "V333", "a reference has no form that a reference may have", "write `Type/id`, an absolute url, or `#id` of a contained resource";
    REFERENCE_AGGREGATION = "V334", "the target of a reference is not where the profile wants it", "see whether the profile wants it contained, in the Bundle, or elsewhere";

    EXTENSION_UNKNOWN = "V335", "the definition of an extension is not known", "add the package that defines it";
    EXTENSION_CONTEXT = "V336", "an extension stands where it may not", "see the context of use in its definition";
    EXTENSION_KIND = "V337", "an extension changes the meaning of an element, or does not, against its definition", "write it as its definition says: extension or modifierExtension";

    URL_RELATIVE = "V338", "a url that says who defined something is relative", "write the absolute url or urn of the code system, identifier system or extension";

    FULL_URL = "V340", "the full url of an entry is missing or wrong", "see the page on Bundle: the full url says who the resource is";
    UNREACHABLE = "V341", "an entry of a document or message is not reached from its first", "refer to it, or leave it out";

    NARRATIVE = "V345", "a narrative has markup that it may not have", "see the Narrative page of FHIR R4 for what it may hold";
    NARRATIVE_LINK = "V346", "a link within a narrative leads to nothing", "correct the link or the id";
    ATTACHMENT = "V347", "what an attachment says of its data is not so", "correct size or hash, or the data";
    MARKUP = "V348", "a text holds what looks like HTML", "write plain text; what shows it may run it";

    SLICE_TOO_FEW = "V350", "a required slice is missing", "add an element that the slice describes";
    SLICE_TOO_MANY = "V351", "a slice stands more often than it may", "keep as many as the profile allows";
    SLICE_NONE = "V352", "an element fits no slice, and the slicing is closed", "write one that the profile describes";
    SLICE_ORDER = "V353", "slices stand out of order", "keep the order of the profile";
    PROFILE_UNKNOWN = "V354", "a profile is not known", "add the package that holds it; until then it is not checked";
    PROFILE_MISFIT = "V355", "a profile is not for this type", "name a profile of the type of the resource";
    PROFILE_NONE = "V356", "a value fits none of the profiles that it may have", "see what they demand";
    NOT_CHECKED = "V359", "something could not be checked", "add the package that holds what is missing";

    QUESTIONNAIRE_UNKNOWN = "V360", "the questionnaire of a response is not known", "add the file or the package that holds it; until then the answers are not held against it";
    ITEM_UNKNOWN = "V361", "the questionnaire has no such item", "correct the link id, or name the questionnaire that was filled in";
    ITEM_PLACE = "V362", "an item stands at another place than in its questionnaire", "keep the order and the nesting of the questionnaire";
    ITEM_MISSING = "V363", "a required item has no answer", "answer it, or leave the status at `in-progress`";
    ITEM_TOO_MANY = "V364", "an item stands or is answered more often than it may", "keep as many as the questionnaire allows";
    ITEM_TOO_FEW = "V365", "an item stands or is answered less often than it must", "give as many answers as the questionnaire asks for";
    ITEM_DISABLED = "V366", "an item is answered whose condition does not hold", "leave its answers out, or correct those that its condition asks for";
    ITEM_TEXT = "V367", "an item has another text than in its questionnaire", "write the text of the questionnaire, or leave it out";
    ANSWER_TYPE = "V368", "an answer has another type than its item asks for", "see the type of the item in the questionnaire";
    ANSWER_OPTION = "V369", "an answer is none of the options", "choose one that the questionnaire offers";
    ANSWER_RANGE = "V370", "an answer is out of its range", "see the least and greatest value of the item; a quantity needs the system and code of its unit";
    ANSWER_FORM = "V371", "an answer does not have the length or form that its item asks for", "see length, decimal places and pattern of the item";
    ANSWER_UNIT = "V372", "an answer has a unit that its item does not offer", "choose one of the units of the item";
    ANSWER_REFERENCE = "V373", "an answer refers to what its item does not ask for", "refer to a resource of the types and profiles of the item";
    ANSWER_ATTACHMENT = "V374", "an attachment is of a type or size that its item does not take", "see the types and the size that the item takes";
    ANSWER_EXCLUSIVE = "V375", "an option that excludes all others is chosen beside another", "keep that option alone, or the others";
    ANSWER_PLACE = "V376", "answers or items stand where their item has none", "groups hold items, questions answers, and answers the items below a question";
    RESPONSE_TIME = "V377", "a response was not given while its questionnaire was meant to be used", "use the questionnaire that was in use at that time";

    CONDITION = "V380", "the condition of an item asks for what cannot be answered before it", "ask for an item that stands before, by its link id, and for a value that it can have";
    INITIAL = "V381", "an item starts with a value that may not be its answer", "start with one of its options, or with none";

    MEASURE_UNKNOWN = "V385", "the measure of a report is not known", "add the file or the package that holds it; until then the report is not held against it";
    MEASURE_PART = "V386", "a group, population or stratifier of a report is not one of its measure", "give it the code that the measure gives it, once";
    MEASURE_MISSING = "V387", "a report lacks a part of its measure", "add the group, population or stratifier that is named";
    MEASURE_SCORE = "V388", "a score does not fit the scoring of its measure", "see the scoring of the measure: a proportion is from 0 to 1 without unit, a cohort has no score";
    MEASURE_SUBJECTS = "V389", "the subjects of a population do not fit the report", "list as many as are counted, in a report of the type `subject-list` alone";
    MEASURE_LIBRARY = "V390", "criteria in CQL stand in no library", "name the library that holds the expression";

    WIDENED = "V395", "a definition states what its base does not allow", "a constraint keeps or narrows what its base states";

    HETU_FORMAT = "P401", "a personal identity code does not have the right form", "correct the code in the unit's system; until then it identifies nobody and tells no day of birth";
    HETU_CHECK = "P402", "the check character of a personal identity code is wrong", "compare the code with the population register; until then it identifies nobody and tells no day of birth";
    SEVERAL_CLIENTS = "P403", "the documents concern several clients", "join what concerns one client at a time; a file about several clients has to be parted";
    IDENTITY_CONFLICT = "P404", "one personal identity code, but the persons disagree", "find out which document is wrong before joining";
    NO_IDENTITY = "P405", "the client has no identifier that may be matched", "a person must decide who the client is";
    CONFLICT = "P406", "the contributions contradict each other", "settle it with the units; both values are kept until then";
    LIKELY_DUPLICATE = "P407", "two entries may be the same", "a person decides; they are not merged by themselves";
    MISSING_CONTACT = "P408", "nobody is named whom the client can contact", "agree on a coordinator";
    POSSIBLE_CLIENT = "P410", "two plans may be about one client", "a person decides, with `sauma decide --same-client` or `--not-same-client`; they are not joined by themselves";
    DECISION_GROUND = "P411", "what a decision was made about has changed or gone", "look at it again and decide anew; the decision is not followed";
    DECISION_TORN = "P412", "two decisions of one time contradict each other", "revoke one of them; neither is followed";
    DECISION_OLDER = "P413", "a newer decision says otherwise", "nothing to do where the newer one is right; otherwise revoke it";
    DECISION_FORM = "P414", "a decision is not well formed", "write it with `sauma decide`, which adds what is missing";
    NOT_CLIENT = "P415", "a person has decided that a document is about somebody else, so it is not joined", "join it with the plans of the person whom it is about";
    SEVERAL_HEALTH_PLANS = "P420", "the client has several valid plans in health care", "one is valid at a time: end the others or say which one the new plan replaces";
    RETRACTED = "P421", "the source says that its plan was recorded in error", "nothing of it is joined; ask the unit where that is a surprise";
    NO_DAY = "P422", "a plan does not say when it was made", "it counts on every day; give the plan a time in the unit's system";
    TWO_CONTENTS = "P423", "one version of a plan came with different contents", "ask the unit which one counts; until then the one with the first name does, and nothing of the other is joined";
    POLICY_SYNTAX = "P430", "a policy is not well formed", "see the page of the default policy: each rule has an id, an effect, a reason, words in fi, sv and en, a reference and a basis";
    POLICY_WORD = "P431", "a policy has a key or a word that is not known", "see the words that are known; `sauma policy check` names the nearest";
    POLICY_DEAD = "P432", "a rule of a policy can never fire", "rules are asked in their order: move it up, or take it out";
    POLICY_GAP = "P433", "a policy leaves a case open", "add a rule; what no rule covers is denied";
    POLICY_PATH = "P434", "a policy names elements in a way that cannot be followed", "name a resource and its elements as FHIR R4 has them, once";
    GRANT_UNREAD = "P435", "a Consent permits nothing that can be judged", "see its category, and that its provisions are limited by time, recipient, service task or document alone";
    VIEW_REFUSED = "P436", "there is no joined plan to view", "settle first whom the contributions are about; join them to see why";
    BREAK_GLASS = "P437", "an emergency does not break the glass", "it needs a coded reason, words that say why, one client, and lasts 60 minutes";
    COMPUTED_EDIT = "P445", "an edit is of something that the join makes", "record a decision with `sauma decide`, or change what the units say";
    HIDDEN_EDIT = "P446", "an edit is of something that is hidden or contested", "change it in the unit's own system, or settle it with a decision";
    EDIT_CONFLICT = "P447", "the unit has changed the same since the plan was given out", "compare both values with the unit; nothing was written over";
    STALE_VIEW = "P448", "the plan was given out from other versions of the documents", "give those versions with --base";
    NOT_REFERABLE = "P449", "a reference leads to what the unit's document does not hold", "add what it leads to, or name it in words";
    NO_PLACE = "P450", "no document takes the new content", "name one plan of the editor's own, or give a folder with --keep";
    PATCH_FAILED = "P451", "the JSON Patch cannot be applied", "make the patch against the plan as it was given out";
    PROOF_FAILED = "P452", "more of a document would change than the edit says", "this is a fault of Sauma; nothing was written, please report it";
    PART_OF_VIEW = "P453", "the edited plan is a view from which something was withheld", "write it back with the policy and the role that it was made for";
    EDITS_DISAGREE = "P454", "one thing was edited in two ways", "say it once, or alike in both places";
    PART_SEEN = "P455", "an edit is of something that the view need not show in full", "change it in the unit's own system";
    NOT_TAKEN = "P456", "the document does not take an edit of the view", "change it in the unit's own system";
    LIST_ORDER = "P457", "the order of a list is not written back", "nothing is lost: the list is kept in the unit's order";
    KEPT_APART = "P458", "the document cannot hold what is new", "it is kept in a plan of its own, in the folder of --keep";
    ANONYMOUS = "P470", "a document without a plan does not say whom it is about, so it is in nobody's plan", "nothing to do; if it is about the client after all, a person says so with `sauma decide --same-client`";

    FILE = "X601", "a file cannot be read or written", "see that it is there and that its permissions allow it";
    EXCHANGE_SETTINGS = "X610", "the exchange cannot use its settings", "see `sauma exchange check`";
    SOURCE_DOWN = "X611", "a unit's system does not answer", "nothing is lost: it is asked again; see that it runs and can be reached";
    SOURCE_SLOW = "X612", "a unit's system takes too long to answer", "nothing is lost: it is asked again; see why it is slow, or allow it more time";
    SOURCE_STATUS = "X613", "a unit's system answers that it cannot", "nothing is lost: it is asked again; its own log says why";
    SOURCE_BROKEN = "X614", "an answer of a unit's system breaks off", "nothing is lost: it is asked again; see what stands between";
    SOURCE_REDIRECTS = "X615", "a unit's system sends elsewhere", "name the address that it sends to, if it is the unit's; nothing is followed by itself";
    SOURCE_MEDIA = "X616", "a unit's system answers in another form than it should", "see that the address is that of the documents";
    SOURCE_OTHER_CLIENT = "X617", "a unit's system answers about somebody else", "the document was not taken; the unit's vendor must find out why";
    MESSAGE_LONG = "X618", "a message is too long", "a message has 64 MiB at most";
    TARGET_REFUSED = "X619", "a unit's system refuses a document", "correct what it refuses, then `sauma queue retry`, or `sauma queue drop`";
    TARGET_CONFLICT = "X620", "a unit's system has another version by now", "it is tried again; the unit's own change comes here first";
    UNIT_SILENT = "X621", "a unit has given nothing for longer than it should", "ask the unit; the plan shows what it gave last";
    UNIT_NOT_ANSWERED = "X622", "a unit has not answered, so that its newest changes are missing", "ask the unit itself where it matters; the plan shows what it gave last";
    NO_MESSAGE = "X623", "there is no such message, or it is in no state for that", "`sauma queue list` shows what is there";
    MAP_REFUSED = "X624", "a changed map is not taken, and the one before goes on", "correct what its findings name; `sauma exchange reload` tells them";
    MAP_NO_EARLIER = "X625", "there is no earlier version of that map to go back to", "put the former files back into its folder";
    MLLP_TOO_LONG = "X640", "a message over MLLP is longer than its limit", "raise `frame_bytes_max` of the connection, or send documents in another way";
    MLLP_NO_FRAME = "X641", "what comes over the connection is not MLLP", "let the sender put each message between 0x0B and 0x1C 0x0D";
    MLLP_SLOW = "X642", "a message did not come in whole in its time", "see the network and the sender; it was not accepted, so it comes again";
    MLLP_STRAY = "X643", "there are bytes between the messages of a connection", "see what the sender writes outside of its frames; no message was taken from it";
    MLLP_BROKEN = "X644", "a message was broken off by the beginning of another", "nothing to do where the sender sends it again; it was not acknowledged";
    MLLP_TYPE = "X645", "the connection does not take messages of this type", "let the sender send what was agreed, or name the type in `messages` of the connection";
    MLLP_PROCESSING = "X646", "the message is not meant for production", "send it to a test system, or name its MSH-11 in `processing_ids` of the connection";
    MLLP_NOT_KEPT = "X647", "a message could not be kept now", "nothing was lost: it was not accepted, and the sender sends it again; see the queue and the disk";
    MLLP_PLACES = "X648", "there is no place for another connection", "see who holds the connections, or raise the limits of the connection";
    MLLP_STRANGER = "X649", "somebody else called than who may", "see the addresses and the certificate that the connection names";
    MLLP_UNREACHED = "X650", "the receiver of a connection cannot be reached", "see its address, the network and the certificates; what waits is sent when it answers";
    MLLP_UNANSWERED = "X651", "the receiver did not acknowledge in its time", "nothing to do where it answers later: the message is sent again under its own number";
    MLLP_STRAY_ANSWER = "X652", "an acknowledgement answers no message that waits for one", "it came late or twice and was not used; see MSA-2 of the receiver where it happens often";
    REGISTRY_UNREACHABLE = "X655", "a registry does not answer", "see that its address is right and that it runs; what waits for it is kept";
    REGISTRY_BUSY = "X656", "a registry asks for patience", "it is asked again by itself; ask its keeper where it stays so";
    REGISTRY_FAILED = "X657", "a registry failed", "it is asked again by itself; ask its keeper where it stays so";
    REGISTRY_REFUSED = "X658", "a registry refuses what it was sent", "correct it by the rules that the registry names; it will not be taken as it is";
    REGISTRY_ACCESS = "X659", "a registry does not let this client in", "see that certificate, key and token are valid and registered there";
    REGISTRY_GARBLED = "X660", "the answer of a registry cannot be believed", "nothing of it is used; ask its keeper";
    REGISTRY_UNCERTAIN = "X661", "it is not known whether a registry has what it was told", "tell it again under the same identifier; that doubles nothing";
    REGISTRY_CONFLICT = "X662", "a registry has another version", "read it again, compare both and repeat the change";
    REGISTRY_SETTINGS = "X663", "settings of a registry cannot be used", "see the page of the registry and the examples of `sauma registry --help`";
    REGISTRY_UNSPECIFIED = "X664", "this cannot be sent, for its specification is not at hand", "see KANTA.md for what is established";
    REGISTRY_UNFIT = "X665", "what was to be sent breaks a rule that is known here", "correct it; it was not sent";
    REGISTRY_DIFFERS = "X666", "two servers have different values", "decide which of the two holds; neither was overwritten";
    REGISTRY_RULE = "X670", "a client broke a rule of the registry", "correct the client by the text of the rule; the number of the request tells where";
    CODES_FORM = "X675", "a code list cannot be read", "give CSV, TSV, XML or JSON of the code service with a column for the code and one for its name";
    CODES_UNMAPPED = "X676", "a code has no row in the code lists", "import the version of the list that has it, or correct the code";
    CODES_RETIRED = "X677", "a code was not in force on the day of the document", "use the code that took its place";

    SCRIPT_FORM = "C100", "a TestScript cannot be read", "see the page of TestScript in FHIR R4; the place is where reading stopped";
    SCRIPT_UNSUPPORTED = "C101", "a test asks for what this runner cannot do", "this says nothing about the server; test it in another way";
    SCRIPT_NOT_APPLICABLE = "C102", "a test does not apply to this server", "nothing to do, unless the server should claim what the test asks for";
    SCRIPT_NOT_RUN = "C103", "a test was not run because what goes before it failed", "see first why that failed";
    EXCHANGE_FAILED = "C104", "no answer to a request could be had", "see that the server runs, and that it answers in time and in whole";
    SCRIPT_EVALUATION = "C105", "an expression, path or variable of a test has no answer", "see the script; an answer before this one may lack what it reads";
    ASSERT_STATUS = "C110", "an answer has another status than a test expects", "compare the exchange with the rule that the test states";
    ASSERT_CONTENT = "C111", "the content of an answer is not what a test expects", "compare the exchange with the rule that the test states; --show-values shows the value that came";
    ASSERT_HEADER = "C112", "a header field of an answer is not what a test expects", "compare the exchange with the rule that the test states";
    ASSERT_RESOURCE = "C113", "an answer holds another kind of resource than a test expects", "see whether the answer is an OperationOutcome that tells why";
    ASSERT_PROFILE = "C114", "a resource does not fit the profile that a test names", "correct what the findings of the profile tell";
    ASSERT_REQUEST = "C115", "a request was not what a test expects", "this is about the script or its variables, not about the server";
    ASSERT_LINKS = "C116", "the links of a bundle are not what a test expects", "a bundle has a link to itself, and each of its links can be followed";
    ASSERT_ALTERNATIVES = "C117", "none of the answers that a test allows came", "one of the alternatives must hold";
    CHECK_HEADERS = "C120", "the header fields of an answer do not agree with its body or with what was asked", "send the media type, ETag, Last-Modified and Location that belong to the body";
    CHECK_OUTCOME = "C121", "a refusal does not tell why", "answer with an OperationOutcome that has an issue of severity error or fatal";
    CHECK_SERVER_FAULT = "C122", "the server itself failed at a request", "a wrong request is refused with a status of 400 to 499; see the log of the server";
    CHECK_BODY = "C123", "the body of an answer is not the FHIR resource that it should be", "see the place in the saved exchange";
    CHECK_KEPT = "C124", "what was given does not come back as it was given", "keep every value in its own text, order and precision, also extensions and what the endpoint does not use itself";
    CHECK_INVENTED = "C125", "something comes back that nobody gave", "give out what was given; only id, meta and a narrative may be added";
    CHECK_CURRENT = "C126", "an answer is not of the version that counts now", "give out the newest version, and nothing of what was deleted";
    CHECK_BUNDLE = "C127", "a bundle does not agree with itself", "compare entries, total and links with the rules of R4 on searching and paging";
    CHECK_FOUND = "C128", "a search finds too little or too much", "see which resources of the saved exchange match what was asked for";
    CHECK_HISTORY = "C129", "a history does not tell what happened", "tell each version once, the newest first, deletions too";
    CHECK_IDENTITY = "C130", "an answer is about something else than was asked for", "give out the resource whose type, id and version the address names";
    CHECK_BEHIND = "C131", "something that a check made is left behind", "delete what the finding names by hand; an endpoint under test must let its tests delete what they made";
    CHECK_TOKEN = "C132", "no access token could be had", "see the address of the token endpoint, the client id, the key and its kid";

    CONTRACT = "C701", "a document does not fit the JSON Schema", "see the keyword of the schema that is named";
    CONTRACT_SCHEMA = "C702", "a JSON Schema cannot be used", "give one file that refers to nothing outside itself";
    BASELINE_SHAPE = "C710", "a list of known findings is not well formed", "write it with `sauma baseline write`; each entry needs a reason and an expiry date";
    BASELINE_STALE = "C711", "a known finding no longer occurs", "take the entry out, or write the list anew";
    BASELINE_EXPIRED = "C712", "the time of a known finding is over", "mend what it tells of, or agree on a new date";

    SEARCH_PARAMETER = "S101", "a search parameter is not known", "see the search parameters of the type; `Prefer: handling=lenient` passes over what is not known";
    SEARCH_MODIFIER = "S102", "a search parameter does not take the modifier", "see the modifiers of FHIR R4 for the type of the parameter";
    SEARCH_VALUE = "S103", "the value of a search parameter does not have the form of its type", "see the page on search of FHIR R4; a comma, a pipe, a dollar sign or a backslash of the value itself stands behind a backslash";
    SEARCH_CHAIN = "S104", "a chain of search parameters cannot be followed", "a chain goes from one reference parameter to the next, and ends with a parameter of the last type";
    SEARCH_UNSUPPORTED = "S105", "a kind of search is not offered here", "ask in another way; nothing was searched";
    SEARCH_RESULT = "S106", "a parameter of the result is not right", "see the parameters that start with `_`: _sort, _count, _include and the like";
    SEARCH_FILTER = "S107", "a `_filter` does not follow its grammar", "see the page on the filter parameter of FHIR R4";
    SEARCH_LIMIT = "S108", "a search asks for too much at once", "ask for less in one search; the limits are named constants of the search";
    SEARCH_VALUE_SET = "S109", "the codes of a value set are not known", "add the package that defines it and its code systems";
    SEARCH_TYPE = "S110", "a search names a type that is none", "name a resource type of FHIR R4, with its capital letters";
    SEARCH_INDEX = "S111", "a resource cannot be made searchable", "see the search parameter that is named; a resource that would not be found is not stored";
    STORE_BUSY = "S201", "the store has too much to do", "try again soon; nothing was written";
    STORE_FULL = "S202", "the disk of the store is full", "make room; nothing was written, and reads go on";
    STORE_READ_ONLY = "S203", "the store takes no more writes since one failed", "look at the disk, then start the server again; what was answered as written is written";
    STORE_CONFLICT = "S204", "somebody else wrote first", "read the newest version and make the change again";
    STORE_DAMAGED = "S205", "a stored document is damaged", "restore it from a backup; it is never given out";
    STORE_CURSOR = "S206", "the link to a page is not one of this store", "start again with the first page";
    STORE_LIMIT = "S207", "more was asked of the store than it does at once", "ask for less; the limits are named constants of the store";
    STORE_TOO_NEW = "S208", "the store was made by a newer version", "use that version or a newer one";
    STORE_OPEN = "S209", "the store cannot be opened", "see that its path or address is right and that nobody else has it open";
    STORE_FAILED = "S210", "the database failed", "see the log of the database";
    DUMP_SHAPE = "S211", "a line of a dump is not well formed", "write the dump again; nothing after the line was restored";
    LOG_MISSING = "S212", "an entry of a log is missing", "keep the store as it is and find out who had access to it; a backup and the checkpoints show what was there";
    LOG_ALTERED = "S213", "an entry of a log is not what was written", "keep the store as it is and find out who had access to it; a backup and the checkpoints show what was there";
    LOG_PERSONAL = "S214", "the personal values of an entry of a log are not what was written", "keep the store as it is and find out who had access to it; a backup shows what was there";
    LOG_STRAY = "S215", "a row of a log belongs to no chain", "keep the store as it is and find out who had access to it; the server writes no such row";
    LOG_CHECKPOINT = "S216", "a log is not the one that a checkpoint was made of", "the end of the log was cut off, or all of it was made anew; a backup shows what was there";
    LOG_SIGNATURE = "S217", "a checkpoint is not signed with the key", "give the public key of the server that made the checkpoints";
    LOG_KEY = "S218", "the key of the checkpoints cannot be used", "it is an Ed25519 key in PEM, as the server makes it at its first start";
    LOG_DUMP = "S219", "the log of a dump does not follow its chain", "the dump was changed or is not whole; what was restored of it is not to be trusted";
    LOG_UNLISTED = "S220", "an entry of a log is not found under its client", "keep the store as it is and find out who had access to it; all of the log still has the entry";

    HTTP_FORM = "H100", "a request is not well-formed HTTP", "send lines that end with CRLF, one path and HTTP/1.1; see RFC 9112";
    HTTP_FRAMING = "H101", "the length of a request can be read in two ways", "give one Content-Length or `Transfer-Encoding: chunked`, never both";
    HTTP_HOST = "H102", "a request does not name one host", "send exactly one Host header";
    HTTP_VERSION = "H103", "this version of HTTP is not spoken here", "use HTTP/1.1";
    TARGET_LONG = "H104", "the path and query are too long", "search with POST to `_search`";
    HEAD_LONG = "H105", "the header fields are too long or too many", "send fewer and shorter header fields";
    BODY_LONG = "H106", "the body is too large", "split it, or raise the limit in the configuration";
    BODY_SLOW = "H107", "the body did not come in time", "send it again without pauses";
    OVERLOAD = "H108", "the server has too much to do", "try again after the time in Retry-After";
    NO_ROUTE = "H110", "there is nothing at this address", "see the CapabilityStatement at `metadata`";
    METHOD = "H111", "this address does not take this method", "use one of the methods in Allow";
    NOT_ACCEPTABLE = "H112", "no asked-for form can be given", "accept application/fhir+json or application/fhir+xml";
    MEDIA_TYPE = "H113", "the body is of a form that is not read here", "send application/fhir+json or application/fhir+xml; a JSON Patch is application/json-patch+json";
    CONTENT_CODING = "H114", "the body is packed in a way that is not read here", "send it plain or with `Content-Encoding: gzip`";
    QUERY_FORM = "H115", "a query or form is not well formed", "write names and values with percent-encoding in UTF-8";
    IDENTITY_IN_URL = "H116", "a personal identity code may not stand in an address", "send it in the body of a POST to `_search`; addresses end up in logs";
    HEADER_VALUE = "H117", "a header field has a value that is not understood", "see the page of FHIR R4 on the RESTful API";
    BODY_FORM = "H118", "the body is not what this interaction takes", "send one resource of the type in the address";
    RESOURCE_UNKNOWN = "H120", "FHIR R4 has no resource type of this name", "see the CapabilityStatement at `metadata`; names are case-sensitive";
    NOT_FOUND = "H121", "there is no such resource", "search for it; ids are case-sensitive";
    GONE = "H122", "the resource was deleted", "its history tells when";
    VERSION_CONFLICT = "H123", "the resource has another version than the request says", "read it again and repeat the change";
    SEVERAL_MATCHES = "H124", "several resources match where one is meant", "give criteria that one resource meets";
    NO_CRITERIA = "H125", "a conditional request gives no criteria", "give at least one search parameter";
    IDENTITY_MISMATCH = "H126", "the type or id in the body is another than in the address", "give the id of the address, and no other type";
    CONTENTION = "H127", "others kept changing the same resources", "try again";
    READ_ONLY = "H128", "the store takes no writes at present", "reading works; ask who runs the server";
    SERVER_FAILED = "H129", "the server failed", "this is no fault of the request; ask who runs the server";
    INVALID = "H130", "the resource breaks the rules of its definitions", "correct what the issues tell";
    SEARCH_FORM = "H131", "the search is not understood", "see the search parameters in the CapabilityStatement";
    BUNDLE_FORM = "H140", "the bundle is no batch or transaction that can be done", "give each entry a request with method and url, and a resource where the method takes one";
    BUNDLE_REFERENCE = "H141", "a conditional reference does not lead to one resource", "give criteria that exactly one resource meets";
    BUNDLE_TWICE = "H142", "a transaction names one resource twice", "change each resource once in a transaction";
    PATCH_FORM = "H145", "the body is no patch", "send an array of JSON Patch operations, or Parameters with parts named operation";
    PATCH_UNFIT = "H146", "the patch does not fit the resource", "read the resource and make the patch against it";
    SERVER_SETTINGS = "H150", "the server cannot start with these settings", "see `sauma serve --help`";
    OPERATION_PARAMETER = "H151", "a parameter of the operation is missing, unknown or wrong", "see the OperationDefinition that the CapabilityStatement names";
    NOT_AT_HAND = "H152", "what the operation needs is not at hand", "store the definition here, or ask a server that has it";
    OPERATION_LIMIT = "H153", "the operation would pass a limit", "ask for less at once";
    UNTRANSFORMED = "H154", "the map or the lens makes nothing of this document", "correct what the issues tell, or use another map";
    NO_JOB = "H155", "there is no such job, or it has no such file", "start it again: it was ended, is over a day old, or the server was started anew";
    SETTINGS_OWN_SOURCE = "H156", "a unit that reads plans is its own source of permissions", "give permission_source to a unit that only records permissions, as the national registry's";
    SUBSCRIPTION = "H157", "this subscription cannot be served", "ask for a rest-hook with https, with criteria of one resource or the topic that the statement names";
    SETTINGS_PRIVATE_HOOKS = "H158", "notifications may be sent to addresses of the own network", "leave private_addresses of [subscriptions] at false, or let a proxy judge what is sent there";
    SETTINGS_PLAIN_HOOKS = "H159", "notifications may be sent without TLS", "leave plain_http of [subscriptions] at false";
    NOT_CONTRIBUTED = "H160", "the document is none that can be contributed", "send a document of a known unit system, or FHIR resources; name its system with `unit`";
    NAMES_NOBODY = "H161", "the document names no client", "guidance without a name is in nobody's plan; contribute what names its client";
    NO_PLAN = "H162", "no plan of this client is known here", "contribute a document about the client first";
    NOT_JOINED = "H163", "the plans of this client are not joined", "settle what the issues tell, with `$decide` or in the units' systems";
    SAME_VERSION = "H164", "a document has the version of the one before and other content", "count versions in the unit's system, so that an older one is known as such";
    NOT_BESIDE = "H165", "a resource stands in the unit's document alone", "correct the document in the unit's system";
    UNDECIDED = "H166", "nothing can be decided so", "name what the joined plan shows: a finding, two entries, a member, a client";
    NOT_EXPLAINED = "H167", "there is nothing of this name to explain", "give the code of a finding, or an element of the joined plan";
    EDIT_REFUSED = "H168", "the edit is not carried back", "make it on the plan as it is given out now";
    KEPT_AS_HISTORY = "H169", "a newer version of the document is stored", "this one is kept for what was on earlier days";
    NOT_KNOWN = "H170", "the caller did not show who it is", "fetch an access token with a signed assertion, or call with the registered certificate";
    SCOPE_MISSING = "H171", "the scopes of the caller do not allow this", "ask for a token with the scope, or have it registered for the client";
    TOO_MANY_REQUESTS = "H172", "the caller asks too often", "wait as many seconds as Retry-After says; see client_requests_per_second and address_requests_per_second";
    NOT_OWNER = "H173", "only the unit that wrote a resource changes it", "propose the change to that unit, as with $write-back";
    CHOSEN_ID = "H174", "an id that a client chooses begins with the key of its unit", "begin the id with the unit's key and a hyphen, or let the server choose one with POST";
    CALLER_FIELD = "H175", "a header field about the caller cannot be used", "see the header fields X-Sauma-* in the README";
    EMERGENCY_REFUSED = "H176", "no emergency can be declared, or its hour is over", "declare it anew, with what is the matter now";
    SETTINGS_PLAIN_ORIGIN = "H179", "scripts of an origin without TLS may call", "name origins with https:// in [cors]";
    SETTINGS_NO_TLS = "H180", "requests would come without TLS", "name a certificate and a key in [tls], or the proxy that ends TLS in trusted_proxies";
    SETTINGS_NO_CLIENTS = "H181", "no client is registered, so everybody could do everything", "register each program in a [[client]] with its [[unit]]";
    SETTINGS_NO_CLIENT_CA = "H182", "a client is known by its certificate, but the server asks for none", "name the roots of clients in client_ca of [tls]";
    SETTINGS_NO_AUDIT = "H183", "nothing of what is done would be recorded", "turn the audit on in [audit]";
    SETTINGS_NO_CRLS = "H184", "revoked certificates of clients are not noticed", "name the lists of revoked certificates in client_crls of [tls]";
    SETTINGS_PLAIN_BASE = "H185", "the base address has no https", "give the address that clients use, with https://";
    SETTINGS_NO_VALIDATION = "H186", "resources are stored without being checked", "leave validate at true";
    SETTINGS_IDENTITY_IN_URLS = "H187", "personal identity codes may stand in addresses, which proxies log", "leave identity_in_urls at false; clients search with POST to _search";
    SETTINGS_NO_TOKEN_KEY = "H188", "nodes on one database do not know each other's access tokens", "give all nodes one file of random bytes in token_key";
    SETTINGS_NO_RATE = "H189", "a caller may ask without limit", "set client_requests_per_second and address_requests_per_second in [limits]";
    AUDIT_WRITTEN = "H190", "an AuditEvent is written by the server alone", "what a client does is recorded by itself";
    AUDIT_SEARCH = "H191", "the audit log is not searched in this way", "give _id, patient, date, agent, action, outcome, _count and _sort=-date";
    SETTINGS_AUDIT_GAPS = "H192", "reads are answered though their entry in the log cannot be written", "leave when_full of [audit] at refuse";
    SETTINGS_PLAIN_DATABASE = "H193", "what is stored passes the network to the database without TLS", "say sslmode=verify-full and the file of its roots, sslrootcert, in the address of the database";
}

/// The code with the id `id`, in any case of letters.
pub fn find(id: &str) -> Option<&'static Code> {
    ALL.iter().copied().find(|code| code.id.eq_ignore_ascii_case(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_ascending_and_explained() {
        for pair in ALL.windows(2) {
            let order =
                |code: &Code| "FMVPTXCSH".find(&code.id[..1]).map(|family| (family, code.id[1..].to_owned()));
            assert!(order(pair[0]) < order(pair[1]), "{} then {}", pair[0].id, pair[1].id);
        }
        assert!(ALL.iter().all(|code| !code.title.is_empty() && !code.help.is_empty()));
        assert_eq!(find("m221"), Some(UNKNOWN_CODE));
    }
}
