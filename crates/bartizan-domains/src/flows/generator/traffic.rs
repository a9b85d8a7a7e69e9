//! Kinds of flows: what who sends to whom, and when.

use super::packets::Packets;
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

/// Payload of a full segment.
const SEGMENT: f64 = 1_448.0;
/// Most segments of one transfer that are made.
const MAX_SEGMENTS: usize = 1_200;
/// One second in microseconds.
const SECOND: f64 = 1e6;

/// A flow with its ends and its name.
pub(super) struct Made {
    pub(super) source: String,
    pub(super) destination: String,
    pub(super) name: &'static str,
    pub(super) packets: Packets,
}

/// A flow of normal operation.
pub(super) fn benign(rng: &mut Xoshiro256PlusPlus) -> Made {
    let kind: f64 = rng.random();
    let mut talk = match kind {
        k if k < 0.42 => web(rng),
        k if k < 0.68 => dns(rng),
        k if k < 0.76 => ntp(rng),
        k if k < 0.82 => ssh(rng),
        k if k < 0.87 => smtp(rng),
        k if k < 0.95 => long_polling(rng),
        _ => download(rng),
    };
    let source = format!("192.168.10.{}", talk.rng.random_range(2..60));
    let destination = format!("{}.{}.{}.{}", talk.between(20.0, 200.0) as u8, talk.byte(), talk.byte(), talk.byte());
    Made { source, destination, name: "BENIGN", packets: talk.packets }
}

/// A flow of an attack.
pub(super) fn attack(rng: &mut Xoshiro256PlusPlus) -> Made {
    let (mut talk, name) = match rng.random_range(0..11) {
        0 | 1 => (port_scan(rng), "PortScan"),
        2 => (syn_flood(rng), "DDoS"),
        3 | 4 => (hulk(rng), "DoS Hulk"),
        5 => (slowloris(rng), "DoS slowloris"),
        6 => (brute_force(rng, 22), "SSH-Patator"),
        7 => (brute_force(rng, 21), "FTP-Patator"),
        8 => (beacon(rng), "Bot"),
        9 => (exfiltration(rng), "Infiltration"),
        _ => (web_attack(rng), "Web Attack – Sql Injection"),
    };
    let inside = matches!(name, "Bot" | "Infiltration");
    let (office, outside) = (format!("192.168.10.{}", talk.rng.random_range(2..60)), format!("172.16.0.{}", talk.rng.random_range(1..9)));
    let (source, destination) = if inside { (office, outside) } else { (outside, office) };
    Made { source, destination, name, packets: talk.packets }
}

/// Two ends that talk.
struct Talk<'a> {
    rng: &'a mut Xoshiro256PlusPlus,
    packets: Packets,
    /// Time to the other side and back, microseconds.
    round_trip: f64,
}

impl<'a> Talk<'a> {
    fn new(rng: &'a mut Xoshiro256PlusPlus, port: u16, tcp: bool) -> Self {
        let mut talk = Self { rng, packets: Packets::new(port, tcp), round_trip: 0.0 };
        talk.round_trip = talk.skewed(18_000.0, 0.9);
        talk
    }

    /// A connection over TCP, opened.
    fn open(rng: &'a mut Xoshiro256PlusPlus, port: u16) -> Self {
        let mut talk = Self::new(rng, port, true);
        let windows = [[8192.0, 29200.0, 64240.0, 65535.0], [14480.0, 28960.0, 42780.0, 65160.0]];
        talk.packets.windows = windows.map(|of| of.choose(talk.rng).copied().unwrap_or_default());
        talk.packets.syn = 2;
        talk.ask(0.0, 0.0);
        talk.answer(0.0);
        talk.ask(0.0, 50.0);
        talk
    }

    fn close(mut self) -> Self {
        self.packets.fin = 2;
        self.ask(0.0, 200.0);
        self.answer(0.0);
        self
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        self.rng.random_range(low..high)
    }

    fn byte(&mut self) -> u8 {
        self.rng.random_range(1..255)
    }

    /// Around `middle`, with a long tail to the right: log-normal.
    fn skewed(&mut self, middle: f64, spread: f64) -> f64 {
        let (a, b): (f64, f64) = (1.0 - self.rng.random::<f64>(), self.rng.random());
        middle * (spread * (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()).exp()
    }

    /// From `least` upwards, very large now and then: Pareto.
    fn heavy(&mut self, least: f64, shape: f64) -> f64 {
        least * (1.0 - self.rng.random::<f64>()).powf(-1.0 / shape)
    }

    /// The opener sends one packet after a pause.
    fn ask(&mut self, bytes: f64, pause: f64) {
        let noise = self.between(1.0, 80.0);
        self.packets.send(false, bytes, pause + noise);
    }

    /// The other side sends one packet after a round trip.
    fn answer(&mut self, bytes: f64) {
        let gap = self.round_trip * self.between(0.95, 1.2);
        self.packets.send(true, bytes, gap);
    }

    /// One side sends so many bytes in full segments; the other acknowledges every second one.
    fn transfer(&mut self, back: bool, bytes: f64) {
        let mut left = bytes;
        for segment in 0..MAX_SEGMENTS {
            let gap = if segment % 10 == 9 { self.round_trip / 2.0 } else { self.between(5.0, 150.0) };
            self.packets.send(back, left.min(SEGMENT), gap);
            if segment % 2 == 1 {
                self.packets.send(!back, 0.0, 30.0);
            }
            left -= SEGMENT;
            if left <= 0.0 {
                return;
            }
        }
    }

    fn tls(&mut self) {
        self.ask(517.0, 300.0);
        self.answer(SEGMENT);
        let certificate = self.between(1200.0, 3500.0);
        self.transfer(true, certificate);
        self.ask(126.0, 900.0);
        self.answer(51.0);
    }
}

fn web(rng: &mut Xoshiro256PlusPlus) -> Talk<'_> {
    let secure = rng.random::<f64>() < 0.85;
    let mut talk = Talk::open(rng, if secure { 443 } else { 80 });
    if secure {
        talk.tls();
    }
    loop {
        let (request, response) = (talk.between(180.0, 900.0), talk.heavy(350.0, 0.9));
        talk.ask(request, 500.0);
        talk.answer(response.min(SEGMENT));
        if response > SEGMENT {
            talk.transfer(true, (response - SEGMENT).min(400_000.0));
        }
        if talk.rng.random::<f64>() < 0.45 {
            return talk.close();
        }
        let reading = talk.skewed(0.8 * SECOND, 1.4).min(55.0 * SECOND);
        talk.ask(0.0, reading);
    }
}

fn dns(rng: &mut Xoshiro256PlusPlus) -> Talk<'_> {
    let mut talk = Talk::new(rng, 53, false);
    let (question, answer) = (talk.between(28.0, 60.0), talk.skewed(110.0, 0.5).clamp(44.0, 512.0));
    let both = talk.rng.random::<f64>() < 0.6;
    talk.ask(question, 0.0);
    if both {
        talk.ask(question, 10.0);
    }
    talk.answer(answer);
    if both {
        talk.answer(answer + 12.0);
    }
    talk
}

fn ntp(rng: &mut Xoshiro256PlusPlus) -> Talk<'_> {
    let mut talk = Talk::new(rng, 123, false);
    for turn in 0..talk.rng.random_range(1..3) {
        talk.ask(48.0, f64::from(turn) * 64.0 * SECOND);
        talk.answer(48.0);
    }
    talk
}

/// The keys of an SSH connection.
fn keys(talk: &mut Talk<'_>) {
    talk.answer(41.0);
    talk.ask(32.0, 200.0);
    talk.ask(1080.0, 400.0);
    talk.answer(976.0);
    talk.ask(48.0, 1_000.0);
    talk.answer(280.0);
    talk.ask(16.0, 1_000.0);
    talk.answer(44.0);
}

fn ssh(rng: &mut Xoshiro256PlusPlus) -> Talk<'_> {
    let mut talk = Talk::open(rng, 22);
    keys(&mut talk);
    for _ in 0..talk.rng.random_range(10..120) {
        let (typing, output) = (talk.skewed(0.25 * SECOND, 1.1).min(40.0 * SECOND), talk.heavy(36.0, 1.1).min(8_000.0));
        talk.ask(36.0, typing);
        talk.answer(output.min(SEGMENT));
        if output > SEGMENT {
            talk.transfer(true, output - SEGMENT);
        }
    }
    talk.close()
}

fn smtp(rng: &mut Xoshiro256PlusPlus) -> Talk<'_> {
    let mut talk = Talk::open(rng, 25);
    talk.answer(80.0);
    for _ in 0..4 {
        let (line, reply) = (talk.between(20.0, 60.0), talk.between(20.0, 120.0));
        talk.ask(line, 2_000.0);
        talk.answer(reply);
    }
    let mail = talk.heavy(1_500.0, 0.9).min(600_000.0);
    talk.transfer(false, mail);
    talk.answer(60.0);
    talk.close()
}

fn long_polling(rng: &mut Xoshiro256PlusPlus) -> Talk<'_> {
    let mut talk = Talk::open(rng, 443);
    talk.tls();
    for _ in 0..talk.rng.random_range(1..4) {
        let (request, event) = (talk.between(200.0, 600.0), talk.skewed(240.0, 0.6));
        talk.ask(request, 300.0);
        talk.answer(0.0);
        let waiting = talk.between(8.0, 30.0) * SECOND;
        talk.packets.send(true, event.min(SEGMENT), waiting);
        talk.ask(0.0, 40.0);
    }
    talk.close()
}

fn download(rng: &mut Xoshiro256PlusPlus) -> Talk<'_> {
    let mut talk = Talk::open(rng, 443);
    talk.tls();
    let (request, size) = (talk.between(200.0, 500.0), talk.heavy(150_000.0, 0.8));
    talk.ask(request, 300.0);
    talk.transfer(true, size);
    talk.close()
}

fn port_scan(rng: &mut Xoshiro256PlusPlus) -> Talk<'_> {
    let port = rng.random_range(1..50_000);
    let mut talk = Talk::new(rng, port, true);
    talk.packets.windows = [1024.0, 0.0];
    (talk.packets.syn, talk.packets.rst) = (1, 1);
    let near = talk.between(20.0, 90.0);
    talk.packets.send(false, 0.0, 0.0);
    talk.packets.send(true, 0.0, near);
    talk
}

fn syn_flood(rng: &mut Xoshiro256PlusPlus) -> Talk<'_> {
    let mut talk = Talk::new(rng, 80, true);
    talk.packets.windows = [512.0, -1.0];
    let packets = talk.rng.random_range(30..200);
    talk.packets.syn = packets;
    for _ in 0..packets {
        let gap = talk.between(1.0, 400.0);
        talk.packets.send(false, 0.0, gap);
    }
    talk
}

fn hulk(rng: &mut Xoshiro256PlusPlus) -> Talk<'_> {
    let mut talk = Talk::open(rng, 80);
    talk.round_trip = talk.between(300.0, 900.0);
    let request = talk.between(330.0, 380.0);
    talk.ask(request, 20.0);
    // The exhausted server answers late, with the same page each time.
    let late = talk.between(40.0, 95.0) * SECOND;
    talk.packets.send(true, 0.0, late);
    talk.transfer(true, 11_595.0);
    talk.packets.rst = 1;
    talk
}

fn slowloris(rng: &mut Xoshiro256PlusPlus) -> Talk<'_> {
    let mut talk = Talk::open(rng, 80);
    talk.ask(230.0, 100.0);
    for _ in 0..talk.rng.random_range(6..11) {
        let pause = talk.between(9.0, 15.0) * SECOND;
        talk.ask(8.0, pause);
        talk.answer(0.0);
    }
    talk
}

fn brute_force(rng: &mut Xoshiro256PlusPlus, port: u16) -> Talk<'_> {
    let mut talk = Talk::open(rng, port);
    talk.round_trip = talk.between(300.0, 900.0);
    if port == 22 {
        keys(&mut talk);
    } else {
        talk.answer(20.0);
        talk.ask(12.0, 100.0);
        talk.answer(34.0);
    }
    for _ in 0..talk.rng.random_range(4..7) {
        let refusal = talk.between(1.9, 2.6) * SECOND;
        talk.ask(if port == 22 { 144.0 } else { 16.0 }, 300.0);
        talk.packets.send(true, if port == 22 { 80.0 } else { 22.0 }, refusal);
    }
    talk.close()
}

fn beacon(rng: &mut Xoshiro256PlusPlus) -> Talk<'_> {
    let mut talk = Talk::open(rng, 8080);
    for _ in 0..talk.rng.random_range(6..10) {
        talk.ask(194.0, 10.0 * SECOND);
        talk.answer(128.0);
    }
    talk
}

fn exfiltration(rng: &mut Xoshiro256PlusPlus) -> Talk<'_> {
    let mut talk = Talk::open(rng, 444);
    for _ in 0..talk.rng.random_range(1..4) {
        let stolen = talk.heavy(400_000.0, 1.2).min(1_700_000.0);
        talk.transfer(false, stolen);
    }
    talk
}

fn web_attack(rng: &mut Xoshiro256PlusPlus) -> Talk<'_> {
    let mut talk = Talk::open(rng, 80);
    talk.round_trip = talk.between(300.0, 900.0);
    for _ in 0..talk.rng.random_range(20..120) {
        let (request, page) = (talk.between(600.0, 1_400.0), talk.between(1_700.0, 1_900.0));
        talk.ask(request, 1_500.0);
        talk.transfer(true, page);
    }
    talk.close()
}
