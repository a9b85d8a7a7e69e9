//! Column names that are too short or too general to be understood wherever they come, and so only in tables that also have others of
//! the same tool.

use super::features::F;
use super::names::{Column, SECONDS};

/// A tool's own names.
pub(super) struct Dialect {
    /// Columns that are all there in its tables, and not together in others.
    marks: &'static [&'static str],
    names: &'static [(&'static str, F)],
    others: &'static [(&'static str, Column)],
}

/// The tools; times of all of them are in seconds.
const DIALECTS: &[Dialect] = &[NTLFLOWLYZER, CICIOT];

/// NTLFlowLyzer, which the tables of BCCC (BCCC-CIC-IDS-2017, BCCC-CSE-CIC-IDS2018, BCCC-cPacket-Cloud-DDoS-2024) are made with.
const NTLFLOWLYZER: Dialect = Dialect {
    marks: &["duration", "fwd_packets_count", "bwd_packets_count"],
    names: &[
        ("duration", F::FlowDuration),
        ("fwd_packets_count", F::FwdPackets),
        ("bwd_packets_count", F::BwdPackets),
        ("fwd_total_payload_bytes", F::FwdBytes),
        ("bwd_total_payload_bytes", F::BwdBytes),
        ("payload_bytes_max", F::LengthMax),
        ("payload_bytes_min", F::LengthMin),
        ("payload_bytes_mean", F::LengthMean),
        ("payload_bytes_std", F::LengthStd),
        ("payload_bytes_variance", F::LengthVariance),
        ("fwd_payload_bytes_max", F::FwdLengthMax),
        ("fwd_payload_bytes_min", F::FwdLengthMin),
        ("fwd_payload_bytes_mean", F::FwdLengthMean),
        ("fwd_payload_bytes_std", F::FwdLengthStd),
        ("bwd_payload_bytes_max", F::BwdLengthMax),
        ("bwd_payload_bytes_min", F::BwdLengthMin),
        ("bwd_payload_bytes_mean", F::BwdLengthMean),
        ("bwd_payload_bytes_std", F::BwdLengthStd),
        ("fwd_total_header_bytes", F::FwdHeader),
        ("bwd_total_header_bytes", F::BwdHeader),
        ("fwd_min_header_bytes", F::FwdSegmentMin),
        ("fwd_init_win_bytes", F::FwdWindow),
        ("bwd_init_win_bytes", F::BwdWindow),
        ("bytes_rate", F::FlowBytesRate),
        ("packets_rate", F::FlowPacketsRate),
        ("fwd_packets_rate", F::FwdRate),
        ("bwd_packets_rate", F::BwdRate),
        ("down_up_rate", F::DownUp),
        ("avg_fwd_bytes_per_bulk", F::FwdBulkBytes),
        ("avg_fwd_packets_per_bulk", F::FwdBulkPackets),
        ("avg_fwd_bulk_rate", F::FwdBulkRate),
        ("avg_bwd_bytes_per_bulk", F::BwdBulkBytes),
        // The tool's own name for the packets of a bulk transfer.
        ("avg_bwd_packets_bulk_rate", F::BwdBulkPackets),
        ("avg_bwd_bulk_rate", F::BwdBulkRate),
        ("fin_flag_counts", F::Fin),
        ("syn_flag_counts", F::Syn),
        ("rst_flag_counts", F::Rst),
        ("psh_flag_counts", F::Psh),
        ("ack_flag_counts", F::Ack),
        ("urg_flag_counts", F::Urg),
        ("cwr_flag_counts", F::Cwe),
        ("ece_flag_counts", F::Ece),
        ("fwd_psh_flag_counts", F::FwdPsh),
        ("bwd_psh_flag_counts", F::BwdPsh),
        ("fwd_urg_flag_counts", F::FwdUrg),
        ("bwd_urg_flag_counts", F::BwdUrg),
        ("packets_IAT_mean", F::FlowIatMean),
        ("packet_IAT_std", F::FlowIatStd),
        ("packet_IAT_max", F::FlowIatMax),
        ("packet_IAT_min", F::FlowIatMin),
        ("fwd_packets_IAT_total", F::FwdIatTotal),
        ("fwd_packets_IAT_mean", F::FwdIatMean),
        ("fwd_packets_IAT_std", F::FwdIatStd),
        ("fwd_packets_IAT_max", F::FwdIatMax),
        ("fwd_packets_IAT_min", F::FwdIatMin),
        ("bwd_packets_IAT_total", F::BwdIatTotal),
        ("bwd_packets_IAT_mean", F::BwdIatMean),
        ("bwd_packets_IAT_std", F::BwdIatStd),
        ("bwd_packets_IAT_max", F::BwdIatMax),
        ("bwd_packets_IAT_min", F::BwdIatMin),
        ("subflow_fwd_packets", F::SubflowFwdPackets),
        ("subflow_bwd_packets", F::SubflowBwdPackets),
        ("subflow_fwd_bytes", F::SubflowFwdBytes),
        ("subflow_bwd_bytes", F::SubflowBwdBytes),
    ],
    others: &[],
};

/// CICIoT2023, whose rows are windows of packets rather than flows.
const CICIOT: Dialect = Dialect {
    marks: &["Protocol Type", "Tot sum", "Rate"],
    names: &[
        ("Rate", F::FlowPacketsRate),
        ("fin_count", F::Fin),
        ("syn_count", F::Syn),
        ("rst_count", F::Rst),
        ("ack_count", F::Ack),
        ("urg_count", F::Urg),
        ("Min", F::LengthMin),
        ("Max", F::LengthMax),
        ("AVG", F::LengthMean),
        ("Std", F::LengthStd),
    ],
    others: &[("Protocol Type", Column::Protocol)],
};

/// The tool that a header's cells are of, if it has names of its own.
pub(super) fn of_header<'c>(cells: impl Iterator<Item = &'c [u8]> + Clone) -> Option<&'static Dialect> {
    let has = |mark: &str| cells.clone().any(|cell| same(cell, mark));
    DIALECTS.iter().find(|dialect| dialect.marks.iter().all(|mark| has(mark)))
}

impl Dialect {
    /// What a column of this name holds in the tool's tables.
    pub(super) fn column(&self, name: &[u8]) -> Option<Column> {
        let feature = self.names.iter().find(|(own, _)| same(name, own)).map(|(_, feature)| {
            let time = super::features::TABLE[*feature as usize].unit == "µs";
            Column::Feature(*feature as usize, if time { SECONDS } else { 1.0 })
        });
        feature.or_else(|| self.others.iter().find(|(own, _)| same(name, own)).map(|(_, column)| *column))
    }
}

fn same(cell: &[u8], name: &str) -> bool {
    cell.trim_ascii().eq_ignore_ascii_case(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{Column, DIALECTS, F, SECONDS, of_header};

    #[test]
    fn a_tools_own_names_are_understood_in_its_tables_alone() {
        let of = |header: &'static str| of_header(header.split(',').map(str::as_bytes));
        let ntl = of("flow_id,duration,packets_count,Fwd_Packets_Count, bwd_packets_count,label").unwrap();
        assert_eq!(ntl.column(b" duration"), Some(Column::Feature(F::FlowDuration as usize, SECONDS)));
        assert_eq!(ntl.column(b"bytes_rate"), Some(Column::Feature(F::FlowBytesRate as usize, 1.0)));
        assert_eq!(ntl.column(b"Rate"), None);
        assert_eq!(of("flow_duration,Protocol Type,Rate,Tot sum,label").unwrap().column(b"Protocol Type"), Some(Column::Protocol));
        for header in ["", "duration", "Flow Duration,duration,Rate,Min,Max", "Protocol Type,Rate"] {
            assert!(of(header).is_none(), "{header}");
        }
        for dialect in DIALECTS {
            assert!(dialect.names.iter().all(|(name, _)| dialect.column(name.as_bytes()).is_some()));
        }
    }
}
