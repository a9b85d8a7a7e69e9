//! A campaign over all targets, or some: `cargo xtask fuzz` runs it.

use bartizan_core::Seed;
use bartizan_fuzz::{Campaign, Failure, Target, targets};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Default number of inputs over all targets.
const INPUTS: u64 = 1_200_000;

/// The command line.
struct Plan {
    inputs: u64,
    seed: Seed,
    targets: Vec<String>,
    folder: PathBuf,
    replay: Option<PathBuf>,
}

fn plan(arguments: &[String]) -> Result<Plan, String> {
    let mut plan = Plan { inputs: INPUTS, seed: Seed(1), targets: Vec::new(), folder: PathBuf::from("target/fuzz"), replay: None };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(format!("{} takes a value", pair[0])) };
        let number = || value.parse().map_err(|_| format!("{name} takes a number, got {value:?}"));
        match name.as_str() {
            "--inputs" => plan.inputs = number()?,
            "--seed" => plan.seed = Seed(number()?),
            "--target" => plan.targets.push(value.clone()),
            "--save-to" => plan.folder = value.into(),
            "--replay" => plan.replay = Some(value.into()),
            other => return Err(format!("{other} is not known: --inputs N, --seed N, --target NAME, --save-to FOLDER, --replay FILE")),
        }
    }
    let names = targets::names();
    if let Some(unknown) = plan.targets.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(format!("{unknown:?} is no target; they are {}", names.join(", ")));
    }
    Ok(plan)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // One thread does all, so that its time and what it takes are the input's.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    match plan(&arguments).and_then(|plan| run(&plan)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(plan: &Plan) -> Result<bool, String> {
    let mut chosen = targets::all();
    chosen.retain(|target| plan.targets.is_empty() || plan.targets.iter().any(|name| name == target.name));
    let campaign = Campaign { inputs: plan.inputs.div_ceil(chosen.len() as u64), seed: plan.seed, time: true };
    if let Some(file) = &plan.replay {
        return replay(&campaign, &chosen, file);
    }
    println!("{:<28} {:>9} {:>9} {:>9} {:>8} {:>8} {:>7}", "target", "inputs", "MiB", "inputs/s", "most MiB", "of bound", "failed");
    let (mut inputs, mut failed) = (0, 0);
    for target in &chosen {
        let began = Instant::now();
        let report = campaign.run(target);
        let (mib, rate) = (report.bytes as f64 / 1_048_576.0, report.inputs as f64 / began.elapsed().as_secs_f64());
        let (peak, worst) = (report.peak as f64 / 1_048_576.0, 100.0 * report.worst);
        println!("{:<28} {:>9} {mib:>9.1} {rate:>9.0} {peak:>8.1} {worst:>7.0}% {:>7}", target.name, report.inputs, report.failed);
        for failure in &report.failures {
            let path = save(&plan.folder, target, failure)?;
            println!("    input {} ({} bytes): {}; saved as {}", failure.index, failure.input.len(), failure.fault, path.display());
        }
        (inputs, failed) = (inputs + report.inputs, failed + report.failed);
    }
    println!("{inputs} inputs of {} targets with seed {}: {failed} failed", chosen.len(), plan.seed.0);
    Ok(failed == 0)
}

fn save(folder: &Path, target: &Target, failure: &Failure) -> Result<PathBuf, String> {
    let path = folder.join(format!("{}-{}-{}", target.name, failure.fault.kind(), failure.index));
    let write = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, &failure.input));
    write.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// Tries one input again.
fn replay(campaign: &Campaign, chosen: &[Target], file: &Path) -> Result<bool, String> {
    let [target] = chosen else { return Err("--replay needs the target of the input: --target NAME".to_owned()) };
    let input = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let faults = campaign.check(target, &input);
    faults.iter().for_each(|fault| println!("{}: {fault}", target.name));
    if faults.is_empty() {
        println!("{}: {} bytes, nothing wrong", target.name, input.len());
    }
    Ok(faults.is_empty())
}
