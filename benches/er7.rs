//! An HL7 v2 goal message of 1.1 KB: read, mapped, written, each step beside the whole.

use super::{Row, Table, row};
use sauma::exchange::document::Document;
use sauma::format::er7;
use sauma::mapping::Program;
use sauma::mapping::units::{Unit, schema};
use sauma::tree::json::{Layout, to_string};
use std::hint::black_box;

const MESSAGE: &str = "MSH|^~\\&|KUNTO^1.2.246.10.1^ISO|KOTIKUNTOUTUS|SAUMA|ALUE|20260301101500+0200||PGL^PC6^PGL_PC6|M1001|P|2.5.1|||AL|NE||UNICODE UTF-8\r\
PID|1||140379-9128^^^&1.2.246.21&ISO^NI~77^^^KUNTO||Testikoivu^Aino^^^^^L||19790314|F|||Testitie 1^^Tampere^^33100^FI^H||+358401234567^PRN^CP\r\
PV1|1|O\r\
GOL|AD|20260301|d450^Walks 200 m alone^SCT|G1^KUNTO^1.2.246.10.99^ISO||1|20260301|20260601|PT^Moving^L|||||||IP^Improving^L|indoors without help|active|20260301\r\
NTE|1||Agreed with the client\r\
ROL|R1^KUNTO|AD|PT^Physiotherapist^L|H123^Testiniemi^Eero|20260301|20260901||||||+358501112233^WPN^PH||Kotikuntoutus^^^^^^^^^ORG7\r\
ROL|R2^KUNTO|AD|RP^Contact^L|H124^Testinen^Oili|20260301\r\
OBX|1|NM|41950-7^Steps^LN||1200|/d||||F|||20260301\r\
PRB|AD|20260301|R26.8^Difficulty in walking^I10|P1^KUNTO|||20260215||||||confirmed|Active|||\r\
NTE|1||after an operation of the hip\r\
ORC|NW|O1^KUNTO|F1^LAB||IP||||20260301\r\
OBR|1|O1^KUNTO|F1^LAB|91251-8^Physiotherapy at home^LN\r";

pub(super) fn table() -> Table {
    let unit = Unit::find("hl7-v2-care").unwrap();
    let program: &'static Program = unit.program().unwrap();
    let count = super::validate::resources(
        &program.get(&Document::read(MESSAGE.as_bytes(), None).unwrap().tree).unwrap().target,
    );
    let size = MESSAGE.len();
    let step = |name: &str, run: Box<dyn Fn()>| Row { resources: count, ..row(name, size, run) };
    let (tree, _) = er7::read(MESSAGE, schema().names()).unwrap();
    let target = program.get(&tree).unwrap().target;
    let rows = vec![
        step(
            "goal message -> Bundle: read, map, write",
            Box::new(move || {
                let (tree, _) = er7::read(MESSAGE, schema().names()).unwrap();
                black_box(to_string(&program.get(&tree).unwrap().target, Layout::Compact));
            }),
        ),
        step(
            "  read alone",
            Box::new(|| {
                black_box(er7::read(MESSAGE, schema().names()).unwrap());
            }),
        ),
        step(
            "  map alone",
            Box::new(move || {
                black_box(program.get(&tree).unwrap());
            }),
        ),
        step(
            "  write alone",
            Box::new(move || {
                black_box(to_string(&target, Layout::Compact));
            }),
        ),
        step(
            "  the header alone",
            Box::new(|| {
                black_box(er7::header(MESSAGE.as_bytes()).unwrap());
            }),
        ),
    ];
    Table { title: "HL7 v2 goal message (1.1 KB)", unit: "messages", rows }
}
