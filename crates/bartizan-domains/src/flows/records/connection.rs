//! What a connection log says of a flow: totals, and what follows from them.

use super::super::event::Draft;
use super::super::features::F;

/// The features that every connection log gives.
pub(super) const GIVEN: &[F] = &[
    F::DestinationPort,
    F::FlowDuration,
    F::FwdPackets,
    F::BwdPackets,
    F::FwdBytes,
    F::BwdBytes,
    F::FwdLengthMean,
    F::BwdLengthMean,
    F::FlowBytesRate,
    F::FlowPacketsRate,
    F::FlowIatMean,
    F::FwdRate,
    F::BwdRate,
    F::LengthMean,
    F::DownUp,
    F::AverageSize,
    F::FwdSegment,
    F::BwdSegment,
];

/// Totals of a connection; of two numbers the first is the opener's. Unknown is NaN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection {
    pub(super) port: f64,
    pub(super) seconds: f64,
    pub(super) packets: [f64; 2],
    pub(super) bytes: [f64; 2],
    /// Packets and bytes in both directions, where they are given and not the sums.
    pub(super) whole: Option<[f64; 2]>,
}

impl Connection {
    /// Sets what is known; what would be divided by nothing stays missing, as the rates of flows without a duration do in tables.
    pub(super) fn fill(&self, draft: &mut Draft) {
        let [fwd, bwd] = self.packets;
        let [fwd_bytes, bwd_bytes] = self.bytes;
        let [packets, bytes] = self.whole.unwrap_or([fwd + bwd, fwd_bytes + bwd_bytes]);
        // A direction without packets has packets of no length.
        let mean = |bytes: f64, packets: f64| if packets == 0.0 { 0.0 } else { bytes / packets };
        let (fwd_mean, bwd_mean, all_mean) = (mean(fwd_bytes, fwd), mean(bwd_bytes, bwd), mean(bytes, packets));
        for (feature, value) in [
            (F::DestinationPort, self.port),
            (F::FlowDuration, self.seconds * 1e6),
            (F::FwdPackets, fwd),
            (F::BwdPackets, bwd),
            (F::FwdBytes, fwd_bytes),
            (F::BwdBytes, bwd_bytes),
            (F::FwdLengthMean, fwd_mean),
            (F::BwdLengthMean, bwd_mean),
            (F::FlowBytesRate, bytes / self.seconds),
            (F::FlowPacketsRate, packets / self.seconds),
            (F::FlowIatMean, self.seconds * 1e6 / (packets - 1.0).max(1.0)),
            (F::FwdRate, fwd / self.seconds),
            (F::BwdRate, bwd / self.seconds),
            (F::LengthMean, all_mean),
            (F::DownUp, mean(bwd, fwd)),
            (F::AverageSize, all_mean),
            (F::FwdSegment, fwd_mean),
            (F::BwdSegment, bwd_mean),
        ] {
            draft.set(feature as usize, value);
        }
    }
}
