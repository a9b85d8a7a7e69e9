//! Reads a file of flows and says what was in it and how fast that went: `read_flows FILE [FORMAT]`.

use bartizan_core::{Parse, Timestamp};
use bartizan_domains::flows::Flows;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("which file?")?;
    let format = arguments.next().unwrap_or_else(|| "auto".to_owned());
    let bytes = std::fs::metadata(&path)?.len();
    let mut labels: BTreeMap<String, u64> = BTreeMap::new();
    let begin = Instant::now();
    let summary = Flows::parse(Box::new(std::fs::File::open(&path)?), format.as_str().into(), Timestamp::from_secs(0), &mut |record| {
        match record {
            Ok(record) => match labels.get_mut(record.label_name.as_deref().unwrap_or("(none)")) {
                Some(count) => *count += 1,
                None => {
                    labels.insert(record.label_name.unwrap_or_else(|| "(none)".to_owned()), 1);
                }
            },
            Err(rejected) => println!("line {}: {}", rejected.line, rejected.reason),
        }
        ControlFlow::Continue(())
    })?;
    let seconds = begin.elapsed().as_secs_f64();
    println!("{path}: {} flows, {} rejected, {labels:?}", summary.accepted, summary.rejected);
    if let Some(format) = &summary.format {
        println!("  {}, sure {:.2}, {} columns missing", format.name, format.sure, summary.missing.len());
    }
    summary.repairs.iter().for_each(|(what, times)| println!("  {what}: {times}"));
    println!("  {:.3} s, {:.0} MB/s, {:.0} flows/s", seconds, bytes as f64 / seconds / 1e6, summary.accepted as f64 / seconds);
    Ok(())
}
