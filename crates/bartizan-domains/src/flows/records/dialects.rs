//! The columns of each kind of table of connections.

use super::super::features::F;
use super::super::names::Column;
use super::connections::{Bare, Dialect, Field, Of};
use std::borrow::Cow;

/// Every one. A header is of the first whose columns it has.
pub(super) const ALL: [&Dialect; 3] = [&NFDUMP, &UNSW, &ARGUS];

/// Milliseconds, of features in microseconds.
const MILLIS: f64 = 1e3;

/// The dialect of a name.
pub(super) fn named(name: &str) -> Option<&'static Dialect> {
    ALL.into_iter().find(|dialect| dialect.name == name)
}

/// `nfdump -o csv`: up to 1.6 with columns of both directions, of which the second is 0 unless flows were paired; later with those of
/// one. The labelled tables of CIDDS have the names of its text form.
static NFDUMP: Dialect = Dialect {
    name: "nfdump",
    marks: &[
        &["ts", "sa", "da", "ipkt", "ibyt"],
        &["firstSeen", "srcAddr", "dstAddr", "packets", "bytes"],
        &["Date first seen", "Src IP Addr", "Dst IP Addr", "Packets", "Bytes"],
    ],
    columns: &[
        ("ts", Field::Text(Column::Time)),
        ("te", Field::End),
        ("td", Field::Seconds),
        ("sa", Field::Text(Column::SourceIp)),
        ("da", Field::Text(Column::DestinationIp)),
        ("dp", Field::Port),
        ("pr", Field::Text(Column::Protocol)),
        ("flg", Field::Flags),
        ("ipkt", Field::Packets(Of::Fwd)),
        ("ibyt", Field::Bytes(Of::Fwd)),
        ("opkt", Field::Packets(Of::Bwd)),
        ("obyt", Field::Bytes(Of::Bwd)),
        ("firstSeen", Field::Text(Column::Time)),
        ("lastSeen", Field::End),
        ("duration", Field::Seconds),
        ("proto", Field::Text(Column::Protocol)),
        ("srcAddr", Field::Text(Column::SourceIp)),
        ("dstAddr", Field::Text(Column::DestinationIp)),
        ("dstPort", Field::Port),
        ("flags", Field::Flags),
        ("packets", Field::Packets(Of::Only)),
        ("bytes", Field::Bytes(Of::Only)),
        ("inPackets", Field::Packets(Of::Fwd)),
        ("inBytes", Field::Bytes(Of::Fwd)),
        ("outPackets", Field::Packets(Of::Bwd)),
        ("outBytes", Field::Bytes(Of::Bwd)),
        ("Date first seen", Field::Text(Column::Time)),
        ("Src IP Addr", Field::Text(Column::SourceIp)),
        ("Dst IP Addr", Field::Text(Column::DestinationIp)),
        ("Dst Pt", Field::Port),
        ("label", Field::Text(Column::Label)),
        ("class", Field::Text(Column::Label)),
    ],
    bare: None,
    trailer: Some("Summary"),
};

/// `ra -c ,` of Argus, with its usual columns and those that can be asked for; CTU-13 and BoT-IoT are made with it.
static ARGUS: Dialect = Dialect {
    name: "argus",
    marks: &[
        &["SrcAddr", "DstAddr", "TotPkts"],
        &["SrcAddr", "DstAddr", "SrcPkts"],
        &["SrcAddr", "DstAddr", "TotBytes"],
        &["saddr", "daddr", "pkts"],
        &["saddr", "daddr", "spkts"],
    ],
    columns: &[
        ("StartTime", Field::Text(Column::Time)),
        ("stime", Field::Text(Column::Time)),
        ("LastTime", Field::End),
        ("ltime", Field::End),
        ("Dur", Field::Seconds),
        ("Proto", Field::Text(Column::Protocol)),
        ("SrcAddr", Field::Text(Column::SourceIp)),
        ("saddr", Field::Text(Column::SourceIp)),
        ("DstAddr", Field::Text(Column::DestinationIp)),
        ("daddr", Field::Text(Column::DestinationIp)),
        ("Dport", Field::Port),
        ("State", Field::State),
        ("TotPkts", Field::Packets(Of::Both)),
        ("pkts", Field::Packets(Of::Both)),
        ("SrcPkts", Field::Packets(Of::Fwd)),
        ("spkts", Field::Packets(Of::Fwd)),
        ("DstPkts", Field::Packets(Of::Bwd)),
        ("dpkts", Field::Packets(Of::Bwd)),
        ("TotBytes", Field::Bytes(Of::Both)),
        ("bytes", Field::Bytes(Of::Both)),
        ("SrcBytes", Field::Bytes(Of::Fwd)),
        ("sbytes", Field::Bytes(Of::Fwd)),
        ("DstBytes", Field::Bytes(Of::Bwd)),
        ("dbytes", Field::Bytes(Of::Bwd)),
        ("SIntPkt", Field::Feature(F::FwdIatMean, MILLIS)),
        ("DIntPkt", Field::Feature(F::BwdIatMean, MILLIS)),
        ("Label", Field::Text(Column::Label)),
        ("attack", Field::Text(Column::Label)),
        ("category", Field::Text(Column::Label)),
    ],
    bare: None,
    trailer: None,
};

/// UNSW-NB15: its four files of 49 columns, which have no header, and the sets for training and testing, which have.
static UNSW: Dialect = Dialect {
    name: "unsw-nb15",
    marks: &[&["dur", "proto", "spkts", "dpkts", "sbytes", "dbytes", "sttl"], &["dur", "proto", "spkts", "dpkts", "attack_cat"]],
    columns: &[
        ("srcip", Field::Text(Column::SourceIp)),
        ("dstip", Field::Text(Column::DestinationIp)),
        ("dsport", Field::Port),
        ("proto", Field::Text(Column::Protocol)),
        ("dur", Field::Seconds),
        ("sbytes", Field::Bytes(Of::Fwd)),
        ("dbytes", Field::Bytes(Of::Bwd)),
        ("spkts", Field::Packets(Of::Fwd)),
        ("dpkts", Field::Packets(Of::Bwd)),
        ("Stime", Field::Text(Column::Time)),
        ("Ltime", Field::End),
        ("Sintpkt", Field::Feature(F::FwdIatMean, MILLIS)),
        ("Dintpkt", Field::Feature(F::BwdIatMean, MILLIS)),
        ("sinpkt", Field::Feature(F::FwdIatMean, MILLIS)),
        ("dinpkt", Field::Feature(F::BwdIatMean, MILLIS)),
        ("attack_cat", Field::Text(Column::Label)),
        ("Label", Field::Text(Column::Label)),
    ],
    bare: Some(Bare { columns: &UNSW_COLUMNS, is_row: is_unsw_row }),
    trailer: None,
};

/// The columns of the files without a header, as the list beside them names them.
const UNSW_COLUMNS: [&str; 49] = [
    "srcip",
    "sport",
    "dstip",
    "dsport",
    "proto",
    "state",
    "dur",
    "sbytes",
    "dbytes",
    "sttl",
    "dttl",
    "sloss",
    "dloss",
    "service",
    "Sload",
    "Dload",
    "Spkts",
    "Dpkts",
    "swin",
    "dwin",
    "stcpb",
    "dtcpb",
    "smeansz",
    "dmeansz",
    "trans_depth",
    "res_bdy_len",
    "Sjit",
    "Djit",
    "Stime",
    "Ltime",
    "Sintpkt",
    "Dintpkt",
    "tcprtt",
    "synack",
    "ackdat",
    "is_sm_ips_ports",
    "ct_state_ttl",
    "ct_flw_http_mthd",
    "is_ftp_login",
    "ct_ftp_cmd",
    "ct_srv_src",
    "ct_srv_dst",
    "ct_dst_ltm",
    "ct_src_ltm",
    "ct_src_dport_ltm",
    "ct_dst_sport_ltm",
    "ct_dst_src_ltm",
    "attack_cat",
    "Label",
];

/// Two addresses, a protocol, and 0 or 1 at the end.
fn is_unsw_row(cells: &[Cow<'_, [u8]>]) -> bool {
    let address = |at: usize| {
        let text = cells.get(at).and_then(|cell| std::str::from_utf8(cell.trim_ascii()).ok());
        text.is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok())
    };
    let label = cells.last().is_some_and(|cell| matches!(cell.trim_ascii(), b"0" | b"1"));
    let protocol = cells.get(4).is_some_and(|cell| cell.trim_ascii().first().is_some_and(u8::is_ascii_alphabetic));
    label && protocol && address(0) && address(2)
}
