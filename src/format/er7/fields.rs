//! Which fields of a segment have components, and which components have subcomponents: facts of HL7 v2.3 to v2.9.
//!
//! A message does not say it: `PID|||77` may be a text or the first component of an identifier. Where versions differ
//! the richer type counts, since a value of an older version is the first component of the newer one (section 2.8).

/// How the text of a field is parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// It is one text, whatever signs stand in it.
    Text,
    /// It has components; of those with these numbers each has subcomponents.
    Parts(&'static [usize]),
    /// Nothing is known of it: it has the parts that the signs in it show.
    Unknown,
}

const T: Shape = Shape::Text;
/// Coded values (CWE, CNE, CE), EI, HD, and all others whose components are texts.
const C: Shape = Shape::Parts(&[]);
const CX: Shape = Shape::Parts(&[4, 6, 9, 10]);
const XPN: Shape = Shape::Parts(&[1, 9, 10]);
const XCN: Shape = Shape::Parts(&[2, 8, 9, 14, 16, 17, 22, 23]);
const XAD: Shape = Shape::Parts(&[1, 9, 10, 12, 18, 23]);
const XTN: Shape = Shape::Parts(&[15, 16, 17]);
const XON: Shape = Shape::Parts(&[2, 6, 8]);
const PL: Shape = Shape::Parts(&[1, 2, 3, 4, 7, 8, 10, 11]);
const TQ: Shape = Shape::Parts(&[1, 2, 10, 11]);
const EIP: Shape = Shape::Parts(&[1, 2]);
const VID: Shape = Shape::Parts(&[2, 3]);
const CQ: Shape = Shape::Parts(&[2]);
const JCC: Shape = Shape::Parts(&[1, 2]);
const NDL: Shape = Shape::Parts(&[1, 2, 3, 4, 7, 8]);
const SPS: Shape = Shape::Parts(&[1, 4, 6]);

/// The shape of a field by the name of its segment and its number.
pub(super) fn shape(segment: &[u8], number: usize) -> Shape {
    let fields = of_segment(segment);
    number.checked_sub(1).and_then(|at| fields.get(at)).copied().unwrap_or(Shape::Unknown)
}

/// The fields of a segment in order; those beyond are unknown.
pub(super) fn of_segment(segment: &[u8]) -> &'static [Shape] {
    match segment {
        b"MSH" => &[T, T, C, C, C, C, T, T, C, T, C, VID, T, T, T, T, T, T, C, T, C, XON, XON, C, C],
        b"EVN" => &[T, T, T, C, XCN, T, C],
        b"PID" => &[
            T, CX, CX, CX, XPN, XPN, T, C, XPN, C, XAD, T, XTN, XTN, C, C, C, CX, T, C, CX, C, T, T, T, C, C,
            C, T, T, T, C, T, C, C, C, T, C, C, XTN,
        ],
        b"PD1" => &[C, C, XON, XCN, C, C, C, C, T, CX, C, T, T, XON, C, C, T, T, C, C, C],
        b"NK1" => &[
            T, XPN, C, XAD, XTN, XTN, C, T, T, T, JCC, CX, XON, C, C, T, C, C, C, C, C, T, C, T, C, XPN, C,
            C, C, XPN, XTN, XAD, CX, C, C, C, T, T, C, XTN, XTN,
        ],
        b"PV1" => &[
            T, C, PL, C, CX, PL, XCN, XCN, XCN, C, PL, C, C, C, C, C, XCN, C, CX, C, C, C, C, C, T, T, T, C,
            C, T, C, T, T, C, T, C, C, C, C, T, C, PL, PL, T, T, T, T, T, T, CX, C, XCN,
        ],
        b"GOL" => &[T, T, C, C, C, T, T, T, C, C, C, T, T, T, TQ, C, T, C, T, C, XPN, C],
        b"PRB" => &[T, T, C, C, C, T, T, T, T, C, C, C, C, C, T, T, T, C, C, T, C, C, C, T, C, C, C, C],
        b"PTH" => &[T, C, C, T, C, T, C],
        b"VAR" => &[C, T, T, XCN, C, T],
        b"ROL" => &[C, T, C, XCN, T, T, C, C, C, C, XAD, XTN, PL, XON],
        b"PRT" => &[C, T, C, C, XCN, C, C, XON, PL, C, T, T, C, XAD, XTN, C, T, T, T, T, C, C, C, C],
        b"ORC" => &[
            T, C, C, C, T, T, TQ, EIP, T, XCN, XCN, XCN, PL, XTN, T, C, C, C, XCN, C, XON, XAD, XTN, XAD, C,
            C, T, C, C, C, C, C, XCN, XCN,
        ],
        b"OBR" => &[
            T, C, C, C, T, T, T, T, CQ, XCN, T, C, C, T, SPS, XCN, XTN, T, T, T, T, T, JCC, T, T, CQ, TQ,
            XCN, EIP, T, C, NDL, NDL, NDL, NDL, T,
        ],
        b"OBX" => &[T, T, C, T, C, C, T, C, T, T, T, T, T, T, C, XCN, C, C, T, C, C, T, XON, XAD, XCN],
        b"NTE" => &[T, T, T, C, XCN, T, T, C, C],
        b"PRD" => &[C, XPN, XAD, PL, XTN, C, C, T, T, XON, XAD, PL, XTN, C],
        b"CTD" => &[C, XPN, XAD, PL, XTN, C, C],
        b"RF1" => &[C, C, C, C, C, C, T, T, T, C, C],
        b"SFT" => &[XON, T, T, T, T, T],
        b"MSA" => &[T, T, T, T, T, C],
        _ => &[],
    }
}
