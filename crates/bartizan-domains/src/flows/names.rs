//! The spellings of column names: every dialect of CICFlowMeter.
//!
//! The features' own names are those of the CICIDS2017 tables. The aliases are the short names of later Java versions
//! (CSE-CIC-IDS2018), the renamed long ones of the newest, and the snake_case names of the Python version. The Java versions write
//! times in microseconds, the Python version in seconds.

use super::features::{TABLE, WIDTH};
use std::sync::OnceLock;

/// Microseconds in a second: what a time of the Python version is multiplied by.
pub(super) const SECONDS: f64 = 1e6;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Column {
    /// A feature, by its position, and what its numbers are multiplied by.
    Feature(usize, f64),
    /// The sender's name for the flow.
    FlowId,
    /// Address of the opener.
    SourceIp,
    /// Port of the opener: not one of the features.
    SourcePort,
    /// Address of the other side.
    DestinationIp,
    /// Protocol.
    Protocol,
    /// When the flow began.
    Time,
    /// What the flow is.
    Label,
}

impl Column {
    /// A number for each column that is no feature.
    pub(crate) fn ordinal(self) -> u8 {
        match self {
            Self::Feature(..) => 0,
            Self::FlowId => 1,
            Self::SourceIp => 2,
            Self::SourcePort => 3,
            Self::DestinationIp => 4,
            Self::Protocol => 5,
            Self::Time => 6,
            Self::Label => 7,
        }
    }
}

/// Other spellings of each feature's name, snake_case first.
const ALIASES: [&[&str]; WIDTH] = [
    &["dst_port", "Dst Port"],
    &["flow_duration", "Flow Dur"],
    &["tot_fwd_pkts", "Tot Fwd Pkts", "Total Fwd Packet"],
    &["tot_bwd_pkts", "Tot Bwd Pkts", "Total Bwd packets"],
    &["totlen_fwd_pkts", "TotLen Fwd Pkts", "Total Length of Fwd Packet"],
    &["totlen_bwd_pkts", "TotLen Bwd Pkts", "Total Length of Bwd Packet"],
    &["fwd_pkt_len_max", "Fwd Pkt Len Max"],
    &["fwd_pkt_len_min", "Fwd Pkt Len Min"],
    &["fwd_pkt_len_mean", "Fwd Pkt Len Mean"],
    &["fwd_pkt_len_std", "Fwd Pkt Len Std"],
    &["bwd_pkt_len_max", "Bwd Pkt Len Max"],
    &["bwd_pkt_len_min", "Bwd Pkt Len Min"],
    &["bwd_pkt_len_mean", "Bwd Pkt Len Mean"],
    &["bwd_pkt_len_std", "Bwd Pkt Len Std"],
    &["flow_byts_s", "Flow Byts/s"],
    &["flow_pkts_s", "Flow Pkts/s"],
    &["flow_iat_mean"],
    &["flow_iat_std"],
    &["flow_iat_max"],
    &["flow_iat_min"],
    &["fwd_iat_tot", "Fwd IAT Tot"],
    &["fwd_iat_mean"],
    &["fwd_iat_std"],
    &["fwd_iat_max"],
    &["fwd_iat_min"],
    &["bwd_iat_tot", "Bwd IAT Tot"],
    &["bwd_iat_mean"],
    &["bwd_iat_std"],
    &["bwd_iat_max"],
    &["bwd_iat_min"],
    &["fwd_psh_flags"],
    &["bwd_psh_flags"],
    &["fwd_urg_flags"],
    &["bwd_urg_flags"],
    &["fwd_header_len", "Fwd Header Len"],
    &["bwd_header_len", "Bwd Header Len"],
    &["fwd_pkts_s", "Fwd Pkts/s"],
    &["bwd_pkts_s", "Bwd Pkts/s"],
    &["pkt_len_min", "Pkt Len Min", "Packet Length Min"],
    &["pkt_len_max", "Pkt Len Max", "Packet Length Max"],
    &["pkt_len_mean", "Pkt Len Mean"],
    &["pkt_len_std", "Pkt Len Std"],
    &["pkt_len_var", "Pkt Len Var"],
    &["fin_flag_cnt", "FIN Flag Cnt"],
    &["syn_flag_cnt", "SYN Flag Cnt"],
    &["rst_flag_cnt", "RST Flag Cnt"],
    &["psh_flag_cnt", "PSH Flag Cnt"],
    &["ack_flag_cnt", "ACK Flag Cnt"],
    &["urg_flag_cnt", "URG Flag Cnt"],
    &["cwr_flag_count", "CWE Flag Cnt", "CWR Flag Count", "CWR Flag Cnt", "cwe_flag_count", "cwr_flag_cnt"],
    &["ece_flag_cnt", "ECE Flag Cnt"],
    &["down_up_ratio"],
    &["pkt_size_avg", "Pkt Size Avg"],
    &["fwd_seg_size_avg", "Fwd Seg Size Avg", "Fwd Segment Size Avg"],
    &["bwd_seg_size_avg", "Bwd Seg Size Avg", "Bwd Segment Size Avg"],
    &["fwd_header_len.1", "Fwd Header Len.1"],
    &["fwd_byts_b_avg", "Fwd Byts/b Avg", "Fwd Bytes/Bulk Avg"],
    &["fwd_pkts_b_avg", "Fwd Pkts/b Avg", "Fwd Packet/Bulk Avg"],
    &["fwd_blk_rate_avg", "Fwd Blk Rate Avg", "Fwd Bulk Rate Avg"],
    &["bwd_byts_b_avg", "Bwd Byts/b Avg", "Bwd Bytes/Bulk Avg"],
    &["bwd_pkts_b_avg", "Bwd Pkts/b Avg", "Bwd Packet/Bulk Avg"],
    &["bwd_blk_rate_avg", "Bwd Blk Rate Avg", "Bwd Bulk Rate Avg"],
    &["subflow_fwd_pkts", "Subflow Fwd Pkts"],
    &["subflow_fwd_byts", "Subflow Fwd Byts"],
    &["subflow_bwd_pkts", "Subflow Bwd Pkts"],
    &["subflow_bwd_byts", "Subflow Bwd Byts"],
    &["init_fwd_win_byts", "Init Fwd Win Byts", "FWD Init Win Bytes"],
    &["init_bwd_win_byts", "Init Bwd Win Byts", "Bwd Init Win Bytes"],
    &["fwd_act_data_pkts", "Fwd Act Data Pkts"],
    &["fwd_seg_size_min", "Fwd Seg Size Min"],
    &["active_mean"],
    &["active_std"],
    &["active_max"],
    &["active_min"],
    &["idle_mean"],
    &["idle_std"],
    &["idle_max"],
    &["idle_min"],
];

/// Columns that are no features.
const OTHERS: &[(Column, &[&str])] = &[
    (Column::FlowId, &["Flow ID", "flow_id", "id"]),
    (Column::SourceIp, &["Source IP", "Src IP", "src_ip"]),
    (Column::SourcePort, &["Source Port", "Src Port", "src_port"]),
    (Column::DestinationIp, &["Destination IP", "Dst IP", "dst_ip"]),
    (Column::Protocol, &["Protocol"]),
    (Column::Time, &["Timestamp"]),
    (Column::Label, &["Label", "Attack Type", "attack_type", "Class"]),
];

/// The columns of the 82-field form in order; the 80-field form is without the two addresses.
pub(crate) const FIELDS: [&str; 82] = [
    "src_ip",
    "dst_ip",
    "src_port",
    "dst_port",
    "protocol",
    "timestamp",
    "flow_duration",
    "flow_byts_s",
    "flow_pkts_s",
    "fwd_pkts_s",
    "bwd_pkts_s",
    "tot_fwd_pkts",
    "tot_bwd_pkts",
    "totlen_fwd_pkts",
    "totlen_bwd_pkts",
    "fwd_pkt_len_max",
    "fwd_pkt_len_min",
    "fwd_pkt_len_mean",
    "fwd_pkt_len_std",
    "bwd_pkt_len_max",
    "bwd_pkt_len_min",
    "bwd_pkt_len_mean",
    "bwd_pkt_len_std",
    "pkt_len_max",
    "pkt_len_min",
    "pkt_len_mean",
    "pkt_len_std",
    "pkt_len_var",
    "fwd_header_len",
    "bwd_header_len",
    "fwd_seg_size_min",
    "fwd_act_data_pkts",
    "flow_iat_mean",
    "flow_iat_max",
    "flow_iat_min",
    "flow_iat_std",
    "fwd_iat_tot",
    "fwd_iat_max",
    "fwd_iat_min",
    "fwd_iat_mean",
    "fwd_iat_std",
    "bwd_iat_tot",
    "bwd_iat_max",
    "bwd_iat_min",
    "bwd_iat_mean",
    "bwd_iat_std",
    "fwd_psh_flags",
    "bwd_psh_flags",
    "fwd_urg_flags",
    "bwd_urg_flags",
    "fin_flag_cnt",
    "syn_flag_cnt",
    "rst_flag_cnt",
    "psh_flag_cnt",
    "ack_flag_cnt",
    "urg_flag_cnt",
    "ece_flag_cnt",
    "down_up_ratio",
    "pkt_size_avg",
    "init_fwd_win_byts",
    "init_bwd_win_byts",
    "active_max",
    "active_min",
    "active_mean",
    "active_std",
    "idle_max",
    "idle_min",
    "idle_mean",
    "idle_std",
    "fwd_byts_b_avg",
    "fwd_pkts_b_avg",
    "bwd_byts_b_avg",
    "bwd_pkts_b_avg",
    "fwd_blk_rate_avg",
    "bwd_blk_rate_avg",
    "fwd_seg_size_avg",
    "bwd_seg_size_avg",
    "cwr_flag_count",
    "subflow_fwd_pkts",
    "subflow_bwd_pkts",
    "subflow_fwd_byts",
    "subflow_bwd_byts",
];

/// Slots of the table; a power of two, and more than three times the names.
const SLOTS: usize = 1024;

/// Open addressing: the names and what they mean.
struct Table {
    slots: Vec<Option<(&'static str, Column)>>,
}

impl Table {
    fn new() -> Self {
        let mut table = Self { slots: vec![None; SLOTS] };
        for (index, (feature, aliases)) in TABLE.iter().zip(ALIASES).enumerate() {
            table.insert(super::features::name(index), Column::Feature(index, 1.0));
            let time = feature.unit == "µs";
            for name in aliases {
                let seconds = time && name.contains('_');
                table.insert(name, Column::Feature(index, if seconds { SECONDS } else { 1.0 }));
            }
        }
        OTHERS.iter().flat_map(|(column, names)| names.iter().map(|name| (*name, *column))).for_each(|(n, c)| table.insert(n, c));
        table
    }

    /// The first meaning of a name stays.
    fn insert(&mut self, name: &'static str, column: Column) {
        let slot = self.slot(name.as_bytes());
        self.slots[slot].get_or_insert((name, column));
    }

    /// Where a name is, or would be. There are always free slots.
    fn slot(&self, name: &[u8]) -> usize {
        let mut slot = hash(name) as usize % SLOTS;
        while let Some((other, _)) = self.slots[slot]
            && !other.as_bytes().eq_ignore_ascii_case(name)
        {
            slot = (slot + 1) % SLOTS;
        }
        slot
    }
}

/// The same for names that differ only in case.
pub(crate) fn hash(name: &[u8]) -> u64 {
    let mix = |hash: u64, part: u64| (hash ^ (part | 0x2020_2020_2020_2020)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    let (whole, rest) = name.as_chunks::<8>();
    let hash = whole.iter().fold(0, |hash, part| mix(hash, u64::from_le_bytes(*part)));
    let last = rest.iter().fold(0_u64, |part, byte| part << 8 | u64::from(*byte));
    let hash = mix(hash, last).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ hash >> 32
}

/// What a column of this name holds; blanks around it and its case do not matter.
pub(crate) fn column(name: &[u8]) -> Option<Column> {
    static NAMES: OnceLock<Table> = OnceLock::new();
    let table = NAMES.get_or_init(Table::new);
    table.slots[table.slot(name.trim_ascii())].map(|(_, column)| column)
}

#[cfg(test)]
mod tests {
    use super::{ALIASES, Column, FIELDS, OTHERS, SECONDS, TABLE, column};

    fn of(name: &str) -> Option<Column> {
        column(name.as_bytes())
    }

    #[test]
    fn every_dialect_names_every_feature() {
        for (index, (feature, aliases)) in TABLE.iter().zip(ALIASES).enumerate() {
            assert_eq!(of(&format!(" {} ", feature.name)), Some(Column::Feature(index, 1.0)), "{}", feature.name);
            for name in aliases {
                assert!(matches!(of(name), Some(Column::Feature(found, _)) if found == index), "{name}");
            }
        }
        for (column, names) in OTHERS {
            assert!(names.iter().all(|name| of(name) == Some(*column)), "{names:?}");
        }
    }

    #[test]
    fn times_of_the_python_version_are_seconds() {
        for (name, index, factor) in [
            ("Flow Duration", 1, 1.0),
            ("Flow Dur", 1, 1.0),
            ("flow_duration", 1, SECONDS),
            ("fwd_iat_tot", 20, SECONDS),
            ("bwd_iat_min", 29, SECONDS),
            ("active_mean", 70, SECONDS),
            ("Active Mean", 70, 1.0),
            ("idle_min", 77, SECONDS),
            ("flow_byts_s", 14, 1.0),
            ("Init_Win_bytes_forward", 66, 1.0),
            ("CWR Flag Count", 49, 1.0),
            ("FLOW DURATION", 1, 1.0),
        ] {
            assert_eq!(of(name), Some(Column::Feature(index, factor)), "{name}");
        }
        for name in ["", "Flow", "Unnamed: 0", "flow duration ms"] {
            assert_eq!(of(name), None, "{name}");
        }
    }

    #[test]
    fn the_fields_of_the_long_form_are_known_and_cover_the_features() {
        let mut seen = [false; super::WIDTH];
        for name in FIELDS {
            if let Column::Feature(index, _) = of(name).expect(name) {
                assert!(!std::mem::replace(&mut seen[index], true), "{name} is there once");
            }
        }
        let left: Vec<usize> = (0..seen.len()).filter(|i| !seen[*i]).collect();
        assert_eq!(left, [55], "the repeated header length is filled from the first");
    }
}
