#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use super::*;
use crate::diag::codes;

const MOMENT: i64 = 784_111_777_123_000;

fn fault() -> Fault {
    Fault {
        code: codes::ER7_SEGMENT,
        condition: Condition::SegmentSequence,
        place: Some(Place { segment: "GOL".to_owned(), occurrence: 2, field: 3 }),
    }
}

fn message(version: &str, accept: &str, application: &str) -> Header {
    let text =
        format!("MSH|^~\\&|A|B|C|D|2026||PGL^PC6|N-7|P|{version}|||{accept}|{application}||8859/1\rPID");
    header(text.as_bytes()).unwrap()
}

fn check(header: &Header, stage: Stage, judgement: &Judgement, expected: &[&str]) {
    let written = write(header, stage, judgement, "S1", MOMENT);
    let lines: Vec<String> =
        String::from_utf8_lossy(&written).split_terminator('\r').map(str::to_owned).collect();
    assert_eq!(lines, expected);
}

#[test]
fn an_answer_has_the_form_of_its_version() {
    let (accepted, faulty) = (Judgement::Accepted, Judgement::Faulty(fault()));
    let text = "F132 a line is no HL7 v2 segment";
    check(
        &message("2.3", "", ""),
        Stage::Application,
        &faulty,
        &[
            "MSH|^~\\&|C|D|A|B|19941106084937+0000||ACK^PC6|S1|P|2.3||||||8859/1",
            &format!("MSA|AE|N-7|{text}|||100^Segment sequence error^HL70357"),
            "ERR|GOL^2^3^100&Segment sequence error&HL70357",
        ],
    );
    check(
        &message("2.5.1", "", ""),
        Stage::Application,
        &faulty,
        &[
            "MSH|^~\\&|C|D|A|B|19941106084937+0000||ACK^PC6^ACK|S1|P|2.5.1||||||8859/1",
            "MSA|AE|N-7",
            "ERR||GOL^2^3|100^Segment sequence error^HL70357|E|F132^a line is no HL7 v2 segment^L||\
             begin each segment with its three letters, and write a line break inside a text as \\E\\.br\\E\\",
        ],
    );
    check(
        &message("2.4", "AL", "NE"),
        Stage::Accept,
        &accepted,
        &["MSH|^~\\&|C|D|A|B|19941106084937+0000||ACK^PC6^ACK|S1|P|2.4|||NE|NE||8859/1", "MSA|CA|N-7"],
    );
}

#[test]
fn an_answer_has_the_signs_of_the_sender_and_ends_no_frame() {
    let header = header(b"MSH$%~\\&$A$B$C$D$$$PGL%PC6$x\xe4\x0b\x07$P$2.5").unwrap();
    let written = write(&header, Stage::Application, &Judgement::Accepted, "S1", MOMENT);
    assert_eq!(written, b"MSH$%~\\&$C$D$A$B$19941106084937+0000$$ACK%PC6%ACK$S1$P$2.5\rMSA$AA$x\xe4\r");
}

#[test]
fn the_word_is_that_of_the_mode() {
    let judgements = [
        Judgement::Accepted,
        Judgement::Faulty(fault()),
        Judgement::NotTaken(fault()),
        Judgement::NotNow(fault()),
    ];
    let words = |stage| judgements.each_ref().map(|judgement| word(stage, judgement));
    assert_eq!(words(Stage::Application), ["AA", "AE", "AR", "AR"]);
    assert_eq!(words(Stage::Accept), ["CA", "CE", "CR", "CE"]);
}

#[test]
fn the_sender_says_when_it_wants_an_answer() {
    let check = |accept: &str, application: &str, expected: [Option<Stage>; 2], applied: [bool; 2]| {
        let header = message("2.5", accept, application);
        let stages =
            [Judgement::Accepted, Judgement::Faulty(fault())].map(|it| stage_of_accept(&header, &it));
        assert_eq!(stages, expected, "{accept}/{application}");
        assert_eq!([true, false].map(|accepted| wants_application(&header, accepted)), applied);
    };
    let (kept, applied) = (Some(Stage::Accept), Some(Stage::Application));
    check("", "", [applied, applied], [false, false]);
    check("AL", "NE", [kept, kept], [false, false]);
    check("ER", "AL", [None, kept], [true, true]);
    check("SU", "ER", [kept, None], [false, true]);
    check("NE", "SU", [None, None], [true, false]);
    check("", "AL", [None, None], [true, true]);
}

#[test]
fn what_is_written_is_read() {
    let read_back = |version: &str, stage, judgement: &Judgement| {
        let written = write(&message(version, "", ""), stage, judgement, "S1", MOMENT);
        let read = read(&written).unwrap().unwrap();
        assert_eq!((read.control_id.as_str(), read.stage), ("N-7", stage));
        read.answer
    };
    let internal = Fault { condition: Condition::Internal, place: None, ..fault() };
    for version in ["2.3", "2.3.1", "2.4", "2.5", "2.8", "2.9"] {
        for stage in [Stage::Accept, Stage::Application] {
            let check =
                |judgement: Judgement, expected| assert_eq!(read_back(version, stage, &judgement), expected);
            check(Judgement::Accepted, Answer::Accepted);
            check(Judgement::Faulty(fault()), Answer::Never(Some(100)));
            check(Judgement::NotTaken(fault()), Answer::Never(Some(100)));
            check(Judgement::NotNow(internal.clone()), Answer::Later(Some(207)));
        }
    }
}

#[test]
fn answers_of_others_are_understood() {
    let check = |rest: &str, expected: Option<Answer>| {
        let text = format!("MSH|^~\\&|A|B|C|D|2026||ACK|9|P|2.3\r{rest}\r");
        assert_eq!(read(text.as_bytes()).unwrap().map(|read| read.answer), expected, "{rest}");
    };
    check("MSA|AA|1", Some(Answer::Accepted));
    check("MSA|AE|1|some text", Some(Answer::Later(None)));
    check("MSA|AR|1|some text", Some(Answer::Never(None)));
    check("MSA|AR|1\rERR|^^^207&busy", Some(Answer::Later(Some(207))));
    check("MSA|AE|1||||102", Some(Answer::Never(Some(102))));
    check("MSA|XX|1", None);
    check("PID|1", None);
    assert!(read(b"hello").is_err());
}
