//! `bartizan formats`: what files are read.

use crate::context::Context;
use crate::failure::Problem;
use crate::kinds::{Which, for_kind};
use crate::output;
use bartizan_core::{Format, Parse as _};
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// List the formats of files that are read, with a sample of each.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Kind of detector [default: all].
    #[arg(value_name = "KIND")]
    kind: Option<String>,
    /// Print the page of the documentation.
    #[arg(long, conflicts_with = "kind")]
    markdown: bool,
}

/// A format with the kinds that are read from it.
struct Listed {
    format: &'static Format,
    kinds: Vec<&'static str>,
}

/// Lists them.
pub(crate) fn run(context: &Context, flags: &Flags) -> anyhow::Result<()> {
    let kinds: Vec<Which> = match &flags.kind {
        None => Which::ALL.to_vec(),
        Some(name) => {
            let known = || Problem::usage(format!("{name:?} is no kind of detector; there are {}", Which::names()));
            vec![Which::named(name).ok_or_else(known)?]
        }
    };
    let listed = listed(&kinds);
    if flags.markdown {
        return Ok(context.output.print(&Value::Null, || markdown(&listed))?);
    }
    Ok(context.output.print(&document(&listed), || text(&listed, kinds.len() > 1))?)
}

/// Formats in the order of their kinds, each once.
fn listed(kinds: &[Which]) -> Vec<Listed> {
    let mut listed: Vec<Listed> = Vec::new();
    for which in kinds {
        let formats: Vec<&'static Format> = for_kind!(*which, D => D::formats().collect());
        for format in formats {
            let same = |known: &&mut Listed| known.format.name == format.name && known.format.sample == format.sample;
            match listed.iter_mut().find(same) {
                Some(known) => known.kinds.push(which.name()),
                None => listed.push(Listed { format, kinds: vec![which.name()] }),
            }
        }
    }
    listed
}

fn document(listed: &[Listed]) -> Value {
    let formats = listed
        .iter()
        .map(|Listed { format, kinds }| json!({"name": format.name, "kinds": kinds, "what": format.what, "sample": format.sample}));
    json!({"formats": formats.collect::<Vec<_>>()})
}

fn text(listed: &[Listed], several: bool) -> String {
    let rows = listed.iter().map(|Listed { format, kinds }| {
        let mut row = vec![format.name.to_owned(), format.what.to_owned()];
        row.splice(1..1, several.then(|| kinds.join(", ")));
        row
    });
    let head: &[&str] = if several { &["format", "of", "what it is"] } else { &["format", "what it is"] };
    format!(
        "{}\nWhich one a file has is told from its content; --format NAME says it.\n`bartizan formats --json` has a sample of each.",
        output::table(head, rows)
    )
}

fn markdown(listed: &[Listed]) -> String {
    let mut page = include_str!("formats.md").to_owned();
    for Listed { format, kinds } in listed {
        let _ = write!(page, "\n## {}\n\n`{}`: {}.\n", format.name, kinds.join("`, `"), format.what);
        if !format.sample.is_empty() {
            let _ = write!(page, "\n```text\n{}\n```\n", format.sample);
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn what_stands_below_the_list_fits_a_terminal() {
        let text = text(&[], true);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}
