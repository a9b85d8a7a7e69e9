//! The packets of one flow, and the 78 features that follow from them: so that the columns agree with each other.

use super::super::features::{F, WIDTH};

/// A pause that divides a flow into active parts, in microseconds.
const IDLE: f64 = 5e6;

/// One packet.
#[derive(Clone, Copy, Debug)]
struct Packet {
    /// Microseconds since the flow began.
    at: f64,
    /// From the other side back to the opener.
    back: bool,
    /// Payload.
    bytes: f64,
}

/// The packets of a flow while it goes on.
#[derive(Clone, Debug)]
pub(super) struct Packets {
    pub(super) port: u16,
    pub(super) tcp: bool,
    /// Receive windows: the opener's, the other side's.
    pub(super) windows: [f64; 2],
    /// Packets with SYN, FIN and RST.
    pub(super) syn: u32,
    pub(super) fin: u32,
    pub(super) rst: u32,
    clock: f64,
    packets: Vec<Packet>,
}

/// Count, sum, extremes and spread of some numbers.
#[derive(Clone, Copy, Debug)]
struct Stats {
    count: f64,
    sum: f64,
    mean: f64,
    std: f64,
    max: f64,
    min: f64,
}

impl Stats {
    /// All zero without numbers, as CICFlowMeter has it.
    fn of(numbers: &[f64]) -> Self {
        let count = numbers.len() as f64;
        if numbers.is_empty() {
            return Self { count, sum: 0.0, mean: 0.0, std: 0.0, max: 0.0, min: 0.0 };
        }
        let sum: f64 = numbers.iter().sum();
        let mean = sum / count;
        let squares: f64 = numbers.iter().map(|n| (n - mean).powi(2)).sum();
        let std = (squares / (count - 1.0).max(1.0)).sqrt();
        let max = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let min = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        Self { count, sum, mean, std, max, min }
    }
}

impl Packets {
    pub(super) fn new(port: u16, tcp: bool) -> Self {
        Self { port, tcp, windows: [-1.0; 2], syn: 0, fin: 0, rst: 0, clock: 0.0, packets: Vec::new() }
    }

    /// One more packet, `gap` microseconds after the last.
    pub(super) fn send(&mut self, back: bool, bytes: f64, gap: f64) {
        self.clock += if self.packets.is_empty() { 0.0 } else { gap.max(1.0).round() };
        self.packets.push(Packet { at: self.clock, back, bytes: bytes.max(0.0).round() });
    }

    /// The features in order.
    pub(super) fn features(&self) -> Vec<f32> {
        let mut values = [0.0_f64; WIDTH];
        let mut set = |feature: F, value: f64| values[feature as usize] = value;
        set(F::DestinationPort, f64::from(self.port));
        set(F::FwdWindow, self.windows[0]);
        set(F::BwdWindow, self.windows[1]);
        self.lengths(&mut set);
        self.times(&mut set);
        self.flags(&mut set);
        values.iter().map(|v| *v as f32).map(|v| if v.is_finite() { v } else { f32::NAN }).collect()
    }

    fn lengths_of(&self, back: Option<bool>) -> Stats {
        let lengths: Vec<f64> = self.packets.iter().filter(|p| back.is_none_or(|back| p.back == back)).map(|p| p.bytes).collect();
        Stats::of(&lengths)
    }

    fn lengths(&self, set: &mut impl FnMut(F, f64)) {
        let (fwd, bwd, all) = (self.lengths_of(Some(false)), self.lengths_of(Some(true)), self.lengths_of(None));
        let seconds = self.clock / 1e6;
        let header = if self.tcp { 32.0 } else { 8.0 };
        for (feature, value) in [
            (F::FwdPackets, fwd.count),
            (F::BwdPackets, bwd.count),
            (F::FwdBytes, fwd.sum),
            (F::BwdBytes, bwd.sum),
            (F::FwdLengthMax, fwd.max),
            (F::FwdLengthMin, fwd.min),
            (F::FwdLengthMean, fwd.mean),
            (F::FwdLengthStd, fwd.std),
            (F::BwdLengthMax, bwd.max),
            (F::BwdLengthMin, bwd.min),
            (F::BwdLengthMean, bwd.mean),
            (F::BwdLengthStd, bwd.std),
            (F::FlowBytesRate, all.sum / seconds),
            (F::FlowPacketsRate, all.count / seconds),
            (F::FwdRate, fwd.count / seconds),
            (F::BwdRate, bwd.count / seconds),
            (F::FwdHeader, fwd.count * header),
            (F::BwdHeader, bwd.count * header),
            (F::FwdHeader1, fwd.count * header),
            (F::LengthMin, all.min),
            (F::LengthMax, all.max),
            (F::LengthMean, all.mean),
            (F::LengthStd, all.std),
            (F::LengthVariance, all.std * all.std),
            (F::DownUp, (bwd.count / fwd.count.max(1.0)).floor()),
            (F::AverageSize, all.mean),
            (F::FwdSegment, fwd.mean),
            (F::BwdSegment, bwd.mean),
            (F::SubflowFwdPackets, fwd.count),
            (F::SubflowFwdBytes, fwd.sum),
            (F::SubflowBwdPackets, bwd.count),
            (F::SubflowBwdBytes, bwd.sum),
            (F::FwdDataPackets, self.packets.iter().filter(|p| !p.back && p.bytes > 0.0).count() as f64),
            (F::FwdSegmentMin, header),
        ] {
            set(feature, value);
        }
    }

    /// Times between packets of one direction, or of both.
    fn gaps(&self, back: Option<bool>) -> Vec<f64> {
        let times: Vec<f64> = self.packets.iter().filter(|p| back.is_none_or(|back| p.back == back)).map(|p| p.at).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    fn times(&self, set: &mut impl FnMut(F, f64)) {
        set(F::FlowDuration, self.clock);
        let gaps = self.gaps(None);
        let (all, fwd, bwd) = (Stats::of(&gaps), Stats::of(&self.gaps(Some(false))), Stats::of(&self.gaps(Some(true))));
        let idle: Vec<f64> = gaps.iter().copied().filter(|gap| *gap > IDLE).collect();
        let mut active = vec![0.0];
        for gap in &gaps {
            match active.last_mut() {
                Some(last) if *gap <= IDLE => *last += gap,
                _ => active.push(0.0),
            }
        }
        // Without a pause there is nothing to measure.
        let (active, idle) = (Stats::of(if idle.is_empty() { &[] } else { &active }), Stats::of(&idle));
        set(F::FwdIatTotal, fwd.sum);
        set(F::BwdIatTotal, bwd.sum);
        for (stats, mean, std, max, min) in [
            (all, F::FlowIatMean, F::FlowIatStd, F::FlowIatMax, F::FlowIatMin),
            (fwd, F::FwdIatMean, F::FwdIatStd, F::FwdIatMax, F::FwdIatMin),
            (bwd, F::BwdIatMean, F::BwdIatStd, F::BwdIatMax, F::BwdIatMin),
            (active, F::ActiveMean, F::ActiveStd, F::ActiveMax, F::ActiveMin),
            (idle, F::IdleMean, F::IdleStd, F::IdleMax, F::IdleMin),
        ] {
            set(mean, stats.mean);
            set(std, stats.std);
            set(max, stats.max);
            set(min, stats.min);
        }
    }

    fn flags(&self, set: &mut impl FnMut(F, f64)) {
        if !self.tcp {
            return;
        }
        let pushed = |back: bool| self.packets.iter().filter(|p| p.back == back && p.bytes > 0.0).count() as f64;
        let (fwd, bwd) = (pushed(false), pushed(true));
        set(F::FwdPsh, fwd);
        set(F::BwdPsh, bwd);
        set(F::Psh, fwd + bwd);
        set(F::Syn, f64::from(self.syn));
        set(F::Fin, f64::from(self.fin));
        set(F::Rst, f64::from(self.rst));
        // All but the opener's first packets acknowledge something.
        set(F::Ack, (self.packets.len() as f64 - f64::from(self.syn.min(1))).max(0.0));
    }
}
