//! Reads calls, one a line (test/helpers/sdk-calls.ts), and prints a path or `! <message>` for each.

#[path = "../../../sdks/rust/darkroom.rs"]
mod darkroom;

use darkroom::{Darkroom, Options};
use std::io::BufRead;

fn text(field: &str) -> Result<String, String> {
    let bytes = (1..field.len()).step_by(2).map(|at| u8::from_str_radix(&field[at..at + 2], 16).unwrap()).collect();
    String::from_utf8(bytes).map_err(|_| "this cannot be the id of an image: Rust has no such text".into())
}

fn path(line: &str) -> Result<String, String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let head = fields[..5].iter().map(|field| text(field)).collect::<Result<Vec<_>, _>>()?;
    let named = fields[6..]
        .iter()
        .map(|part| part.split_once('=').unwrap())
        .map(|(name, value)| Ok((name, text(value)?)))
        .collect::<Result<Vec<_>, String>>()?;
    let value = |wanted: &str| named.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str());
    let options = Options {
        suffix: &head[2],
        expires_at: fields[5][1..].parse().ok(),
        download: value("dl"),
        version: value("v"),
        variables: named.iter().filter_map(|(name, value)| Some((name.strip_prefix("t.")?, value.as_str()))).collect(),
    };
    let own = if head[3].is_empty() { vec![] } else { vec![(head[1].as_str(), head[3].as_str())] };
    let images = Darkroom::new("https://a.example/", &head[0], &own)?;
    let path = images.path(&head[4], &head[1], &options)?;
    assert_eq!(images.url(&head[4], &head[1], &options)?, format!("https://a.example{path}"));
    Ok(path)
}

fn main() {
    for line in std::io::stdin().lock().lines() {
        println!("{}", path(&line.unwrap()).unwrap_or_else(|error| format!("! {}", error.replace('\n', " "))));
    }
}
