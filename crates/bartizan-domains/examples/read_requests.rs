//! Reads a file of requests and prints how fast, on one core: `cargo run --release -p bartizan-domains --example read_requests FILE [ROUNDS]`.

use bartizan_core::{Parse as _, Timestamp};
use bartizan_domains::requests::Requests;
use std::fs;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Instant;

/// The binary's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(path) = arguments.next() else {
        eprintln!("usage: read_requests FILE [ROUNDS]");
        return;
    };
    let rounds: u32 = arguments.next().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    for _ in 0..rounds {
        let (file, length) = match fs::File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file))) {
            Ok((length, file)) => (file, length),
            Err(error) => return eprintln!("{path}: {error}"),
        };
        let started = Instant::now();
        let read = Requests::parse(Box::new(file), "auto".into(), Timestamp::from_secs(0), &mut |record| {
            let _ = black_box(record);
            ControlFlow::Continue(())
        });
        let secs = started.elapsed().as_secs_f64();
        match read {
            Ok(summary) => println!(
                "{:.0} MB/s, {:.2} million lines/s, {} read, {} not, {:?}",
                length as f64 / 1e6 / secs,
                summary.accepted as f64 / 1e6 / secs,
                summary.accepted,
                summary.rejected,
                summary.formats
            ),
            Err(error) => println!("{error}"),
        }
    }
}
