//! The 78 features in the order of the public CICIDS2017 tables, and what is known to be wrong with some of them.

use bartizan_core::Direction::{Both, High, Low};
use bartizan_core::Feature;
use serde::{Deserialize, Serialize};

macro_rules! features {
    ($($id:ident, $name:literal, $unit:literal, $resolution:literal, $direction:expr, $description:literal;)*) => {
        /// Positions in the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum F { $($id),* }

        /// The features in order.
        pub(crate) const TABLE: &[Feature] = &[$(Feature::new($name, $unit, $direction, $description).resolved($resolution)),*];
    };
}

/// How many features a flow has.
pub const WIDTH: usize = 78;

features! {
    DestinationPort, "Destination Port", "port", 1.0, Both, "Port that the flow was opened to.";
    FlowDuration, "Flow Duration", "µs", 1.0, Both, "Time from the first packet to the last.";
    FwdPackets, "Total Fwd Packets", "packets", 1.0, High, "Packets from the opener of the flow.";
    BwdPackets, "Total Backward Packets", "packets", 1.0, High, "Packets back to the opener.";
    FwdBytes, "Total Length of Fwd Packets", "bytes", 1.0, High, "Payload bytes from the opener.";
    BwdBytes, "Total Length of Bwd Packets", "bytes", 1.0, High, "Payload bytes back to the opener.";
    FwdLengthMax, "Fwd Packet Length Max", "bytes", 1.0, High, "Largest payload of a packet from the opener.";
    FwdLengthMin, "Fwd Packet Length Min", "bytes", 1.0, Both, "Smallest payload of a packet from the opener.";
    FwdLengthMean, "Fwd Packet Length Mean", "bytes", 1.0, Both, "Mean payload of the packets from the opener.";
    FwdLengthStd, "Fwd Packet Length Std", "bytes", 1.0, Both, "Spread of the payloads of the packets from the opener.";
    BwdLengthMax, "Bwd Packet Length Max", "bytes", 1.0, High, "Largest payload of a packet back to the opener.";
    BwdLengthMin, "Bwd Packet Length Min", "bytes", 1.0, Both, "Smallest payload of a packet back to the opener.";
    BwdLengthMean, "Bwd Packet Length Mean", "bytes", 1.0, Both, "Mean payload of the packets back to the opener.";
    BwdLengthStd, "Bwd Packet Length Std", "bytes", 1.0, Both, "Spread of the payloads of the packets back to the opener.";
    FlowBytesRate, "Flow Bytes/s", "bytes/s", 1.0, High, "Payload bytes in both directions per second.";
    FlowPacketsRate, "Flow Packets/s", "packets/s", 1.0, High, "Packets in both directions per second.";
    FlowIatMean, "Flow IAT Mean", "µs", 1.0, Both, "Mean time between two packets.";
    FlowIatStd, "Flow IAT Std", "µs", 1.0, Both, "Spread of the times between two packets.";
    FlowIatMax, "Flow IAT Max", "µs", 1.0, High, "Longest time between two packets.";
    FlowIatMin, "Flow IAT Min", "µs", 1.0, Both, "Shortest time between two packets.";
    FwdIatTotal, "Fwd IAT Total", "µs", 1.0, Both, "Time from the opener's first packet to its last.";
    FwdIatMean, "Fwd IAT Mean", "µs", 1.0, Both, "Mean time between two packets from the opener.";
    FwdIatStd, "Fwd IAT Std", "µs", 1.0, Both, "Spread of the times between two packets from the opener.";
    FwdIatMax, "Fwd IAT Max", "µs", 1.0, High, "Longest time between two packets from the opener.";
    FwdIatMin, "Fwd IAT Min", "µs", 1.0, Both, "Shortest time between two packets from the opener.";
    BwdIatTotal, "Bwd IAT Total", "µs", 1.0, Both, "Time from the first packet back to the opener to the last.";
    BwdIatMean, "Bwd IAT Mean", "µs", 1.0, Both, "Mean time between two packets back to the opener.";
    BwdIatStd, "Bwd IAT Std", "µs", 1.0, Both, "Spread of the times between two packets back to the opener.";
    BwdIatMax, "Bwd IAT Max", "µs", 1.0, High, "Longest time between two packets back to the opener.";
    BwdIatMin, "Bwd IAT Min", "µs", 1.0, Both, "Shortest time between two packets back to the opener.";
    FwdPsh, "Fwd PSH Flags", "packets", 1.0, High, "Packets from the opener with the PSH flag.";
    BwdPsh, "Bwd PSH Flags", "packets", 1.0, High, "Packets back to the opener with the PSH flag.";
    FwdUrg, "Fwd URG Flags", "packets", 1.0, High, "Packets from the opener with the URG flag.";
    BwdUrg, "Bwd URG Flags", "packets", 1.0, High, "Packets back to the opener with the URG flag.";
    FwdHeader, "Fwd Header Length", "bytes", 1.0, High, "Header bytes of the packets from the opener.";
    BwdHeader, "Bwd Header Length", "bytes", 1.0, High, "Header bytes of the packets back to the opener.";
    FwdRate, "Fwd Packets/s", "packets/s", 1.0, High, "Packets from the opener per second.";
    BwdRate, "Bwd Packets/s", "packets/s", 1.0, High, "Packets back to the opener per second.";
    LengthMin, "Min Packet Length", "bytes", 1.0, Both, "Smallest payload of a packet in either direction.";
    LengthMax, "Max Packet Length", "bytes", 1.0, High, "Largest payload of a packet in either direction.";
    LengthMean, "Packet Length Mean", "bytes", 1.0, Both, "Mean payload of the packets in both directions.";
    LengthStd, "Packet Length Std", "bytes", 1.0, Both, "Spread of the payloads in both directions.";
    LengthVariance, "Packet Length Variance", "bytes²", 1.0, Both, "Variance of the payloads in both directions.";
    Fin, "FIN Flag Count", "packets", 1.0, High, "Packets with the FIN flag.";
    Syn, "SYN Flag Count", "packets", 1.0, High, "Packets with the SYN flag.";
    Rst, "RST Flag Count", "packets", 1.0, High, "Packets with the RST flag.";
    Psh, "PSH Flag Count", "packets", 1.0, High, "Packets with the PSH flag.";
    Ack, "ACK Flag Count", "packets", 1.0, Both, "Packets with the ACK flag.";
    Urg, "URG Flag Count", "packets", 1.0, High, "Packets with the URG flag.";
    Cwe, "CWE Flag Count", "packets", 1.0, High, "Packets with the CWR flag (the public tables misspell it).";
    Ece, "ECE Flag Count", "packets", 1.0, High, "Packets with the ECE flag.";
    DownUp, "Down/Up Ratio", "ratio", 0.1, Both, "Packets back to the opener for each packet from it.";
    AverageSize, "Average Packet Size", "bytes", 1.0, Both, "Payload bytes in both directions for each packet.";
    FwdSegment, "Avg Fwd Segment Size", "bytes", 1.0, Both, "Mean payload of the packets from the opener, once more.";
    BwdSegment, "Avg Bwd Segment Size", "bytes", 1.0, Both, "Mean payload of the packets back to the opener, once more.";
    FwdHeader1, "Fwd Header Length.1", "bytes", 1.0, High, "Header bytes of the packets from the opener, once more.";
    FwdBulkBytes, "Fwd Avg Bytes/Bulk", "bytes", 1.0, High, "Mean bytes of a bulk transfer from the opener.";
    FwdBulkPackets, "Fwd Avg Packets/Bulk", "packets", 1.0, High, "Mean packets of a bulk transfer from the opener.";
    FwdBulkRate, "Fwd Avg Bulk Rate", "bytes/s", 1.0, High, "Mean rate of bulk transfers from the opener.";
    BwdBulkBytes, "Bwd Avg Bytes/Bulk", "bytes", 1.0, High, "Mean bytes of a bulk transfer back to the opener.";
    BwdBulkPackets, "Bwd Avg Packets/Bulk", "packets", 1.0, High, "Mean packets of a bulk transfer back to the opener.";
    BwdBulkRate, "Bwd Avg Bulk Rate", "bytes/s", 1.0, High, "Mean rate of bulk transfers back to the opener.";
    SubflowFwdPackets, "Subflow Fwd Packets", "packets", 1.0, High, "Packets from the opener for each part of the flow between pauses.";
    SubflowFwdBytes, "Subflow Fwd Bytes", "bytes", 1.0, High, "Payload bytes from the opener for each part of the flow between pauses.";
    SubflowBwdPackets, "Subflow Bwd Packets", "packets", 1.0, High, "Packets back to the opener for each part of the flow between pauses.";
    SubflowBwdBytes, "Subflow Bwd Bytes", "bytes", 1.0, High, "Payload bytes back to the opener for each part of the flow between pauses.";
    FwdWindow, "Init_Win_bytes_forward", "bytes", 1.0, Low, "Receive window that the opener announced first; -1 when there was none.";
    BwdWindow, "Init_Win_bytes_backward", "bytes", 1.0, Low, "Receive window that the other side announced first; -1 when there was none.";
    FwdDataPackets, "act_data_pkt_fwd", "packets", 1.0, High, "Packets from the opener with a payload.";
    FwdSegmentMin, "min_seg_size_forward", "bytes", 1.0, Both, "Smallest header of a packet from the opener.";
    ActiveMean, "Active Mean", "µs", 1.0, Both, "Mean time that the flow was active before a pause.";
    ActiveStd, "Active Std", "µs", 1.0, Both, "Spread of the times that the flow was active.";
    ActiveMax, "Active Max", "µs", 1.0, High, "Longest time that the flow was active.";
    ActiveMin, "Active Min", "µs", 1.0, Both, "Shortest time that the flow was active.";
    IdleMean, "Idle Mean", "µs", 1.0, Both, "Mean pause of the flow.";
    IdleStd, "Idle Std", "µs", 1.0, Both, "Spread of the pauses.";
    IdleMax, "Idle Max", "µs", 1.0, High, "Longest pause.";
    IdleMin, "Idle Min", "µs", 1.0, Both, "Shortest pause.";
}

/// The name of the feature at `index`; empty past the end.
pub(crate) fn name(index: usize) -> &'static str {
    match TABLE.get(index).map(|f| &f.name) {
        Some(std::borrow::Cow::Borrowed(name)) => name,
        _ => "",
    }
}

/// Which features a model is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeatureSet {
    /// All 78.
    #[default]
    All,
    /// Without the [`suspect`] ones, which are 0 for every flow.
    Robust,
}

impl FeatureSet {
    /// Whether the feature at `index` belongs to the set.
    #[must_use]
    pub fn has(self, index: usize) -> bool {
        index < WIDTH && (self == Self::All || suspect(index).is_none())
    }
}

/// Why the feature at `index` cannot be trusted in tables that the original CICFlowMeter made, for those that cannot.
///
/// After Engelen, Rimmer, Joosen: Troubleshooting an Intrusion Detection Dataset: the CICIDS2017 Case Study (2021), and
/// Rosay et al.: From CIC-IDS2017 to LYCOS-IDS2017 (2021). Flows that were cut at the wrong packet, as both papers and Lanvin et
/// al. (2022) describe, blur all features alike and so mark none.
#[must_use]
pub fn suspect(index: usize) -> Option<&'static str> {
    const BULK: &str = "bulk transfers are told apart wrongly: the column is 0 in the public tables";
    const SUBFLOW: &str =
        "divided by the number of subflows in whole numbers, and subflows are counted wrongly: mostly the flow's total again";
    const ACTIVE: &str = "active and idle times are measured from the wrong packets and some are counted twice";
    const FIRST: &str = "the first packet is counted twice";
    let is = |features: &[F]| features.iter().any(|f| *f as usize == index);
    let bulk = [F::FwdBulkBytes, F::FwdBulkPackets, F::FwdBulkRate, F::BwdBulkBytes, F::BwdBulkPackets, F::BwdBulkRate];
    let subflow = (F::SubflowFwdPackets as usize..=F::SubflowBwdBytes as usize).contains(&index);
    let active = (F::ActiveMean as usize..=F::IdleMin as usize).contains(&index);
    if is(&bulk) {
        Some(BULK)
    } else if subflow {
        Some(SUBFLOW)
    } else if active {
        Some(ACTIVE)
    } else if is(&[F::LengthMean, F::LengthStd, F::LengthVariance, F::AverageSize]) {
        Some(FIRST)
    } else if is(&[F::FwdHeader1]) {
        Some("the same column as Fwd Header Length")
    } else if is(&[F::DownUp]) {
        Some("divided in whole numbers")
    } else if is(&[F::FwdSegmentMin]) {
        Some("the size of headers, not of segments as its name says, and reveals the operating system rather than the behaviour")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{F, FeatureSet, TABLE, WIDTH, suspect};

    #[test]
    fn the_table_is_the_public_header() {
        let names: std::collections::BTreeSet<_> = TABLE.iter().map(|f| f.name.as_ref()).collect();
        assert_eq!((names.len(), TABLE.len()), (WIDTH, WIDTH));
        assert!(TABLE.iter().all(|f| f.description.ends_with('.') && !f.unit.is_empty() && f.name.trim() == f.name));
        for (f, position, name) in [
            (F::DestinationPort, 0, "Destination Port"),
            (F::FwdHeader, 34, "Fwd Header Length"),
            (F::FwdHeader1, 55, "Fwd Header Length.1"),
            (F::FwdWindow, 66, "Init_Win_bytes_forward"),
            (F::IdleMin, 77, "Idle Min"),
        ] {
            assert_eq!((f as usize, TABLE[f as usize].name.as_ref()), (position, name));
        }
    }

    #[test]
    fn suspect_features_are_left_out_of_the_robust_set() {
        let left = (0..WIDTH).filter(|i| FeatureSet::Robust.has(*i)).count();
        let suspects = (0..WIDTH).filter(|i| suspect(*i).is_some()).count();
        assert_eq!((left, suspects), (WIDTH - 25, 25));
        assert!(FeatureSet::Robust.has(F::FlowDuration as usize) && !FeatureSet::Robust.has(F::IdleMin as usize));
        assert!(FeatureSet::All.has(F::IdleMin as usize) && !FeatureSet::All.has(WIDTH) && suspect(WIDTH).is_none());
    }
}
