//! Checks that contracts stay compatible. `proto/baseline.txt` lists every field, enum value and call that a deployed peer may use,
//! by number, name and type. An entry may not change. A field may be removed once its number and its name are reserved.

use std::collections::BTreeMap;
use std::fs;

use protox::prost_reflect::{Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use crate::Outcome;
use crate::workspace::Workspace;

const FILE: &str = "proto/baseline.txt";

/// The entries of the baseline: `bloom.cart.v1.Cart#1` → `id string`.
type Lines = BTreeMap<String, String>;

/// What to do with the baseline.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Add new entries; refuse a change that breaks a peer.
    Extend,
    /// Write nothing; fail on any difference.
    Check,
    /// Write the contracts as they are now.
    Accept,
}

/// Compares the contracts with the baseline and, depending on the mode, writes it.
pub(crate) fn run(workspace: &Workspace, mode: Mode) -> Outcome {
    let pool = pool(workspace)?;
    let (path, present) = (workspace.path(FILE), present(&pool));
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if mode != Mode::Accept {
        let broken = broken(&parse(&committed), &present, &reserved(&pool));
        if !broken.is_empty() {
            let advice = "add a field, or a version of the package; before the first release `cargo xtask baseline --accept` writes it anew";
            return Err(format!("peers of an earlier version would break: {advice}\n{}", broken.join("\n")).into());
        }
    }
    let text = present.iter().fold(String::new(), |text, (place, what)| text + place + " " + what + "\n");
    if mode == Mode::Check && text != committed {
        return Err(format!("{FILE} does not list what is new: run `cargo xtask baseline` and commit").into());
    }
    if text != committed {
        fs::write(path, text)?;
        println!("written: {FILE}");
    }
    Ok(())
}

fn pool(workspace: &Workspace) -> Outcome<DescriptorPool> {
    let protos = workspace.files("proto/bloom", ".proto")?;
    let mut compiler = protox::Compiler::new([workspace.path("proto")])?;
    compiler.include_imports(true).open_files(protos)?;
    Ok(compiler.descriptor_pool())
}

fn is_ours(name: &str) -> bool {
    name.starts_with("bloom.")
}

fn messages(pool: &DescriptorPool) -> impl Iterator<Item = MessageDescriptor> + '_ {
    pool.all_messages().filter(|message| is_ours(message.full_name()))
}

fn enums(pool: &DescriptorPool) -> impl Iterator<Item = EnumDescriptor> + '_ {
    pool.all_enums().filter(|one| is_ours(one.full_name()))
}

/// All entries of the contracts as they are now.
fn present(pool: &DescriptorPool) -> Lines {
    let mut lines = Lines::new();
    for message in messages(pool) {
        for field in message.fields() {
            lines.insert(format!("{}#{}", message.full_name(), field.number()), described(&field));
        }
    }
    for one in enums(pool) {
        for value in one.values() {
            lines.insert(format!("{}#{}", one.full_name(), value.number()), value.name().to_owned());
        }
    }
    for service in pool.services().filter(|service| is_ours(service.full_name())) {
        for method in service.methods() {
            let stream = |is_stream: bool| if is_stream { "stream " } else { "" };
            let input = format!("{}{}", stream(method.is_client_streaming()), method.input().full_name());
            let output = format!("{}{}", stream(method.is_server_streaming()), method.output().full_name());
            lines.insert(format!("{}/{}", service.full_name(), method.name()), format!("{input} → {output}"));
        }
    }
    lines
}

fn described(field: &FieldDescriptor) -> String {
    let kind = match field.kind() {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(one) => one.full_name().to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    let cardinality = match field.cardinality() {
        Cardinality::Repeated => " repeated",
        _ if field.supports_presence() && !matches!(field.kind(), Kind::Message(_)) => " optional",
        _ => "",
    };
    format!("{} {kind}{cardinality}", field.name())
}

/// Entries that may be removed: their number is reserved, so it cannot be used again.
fn reserved(pool: &DescriptorPool) -> impl Fn(&str) -> bool + '_ {
    move |place: &str| {
        let Some((name, Ok(number))) = place.split_once('#').map(|(name, number)| (name, number.parse::<i32>())) else {
            return false;
        };
        let in_message = pool.get_message_by_name(name).is_some_and(|message| {
            u32::try_from(number).is_ok_and(|number| message.reserved_ranges().any(|range| range.contains(&number)))
        });
        let in_enum = pool.get_enum_by_name(name).is_some_and(|one| one.reserved_ranges().any(|range| range.contains(&number)));
        in_message || in_enum
    }
}

fn parse(text: &str) -> Lines {
    text.lines().filter_map(|line| line.split_once(' ')).map(|(place, what)| (place.to_owned(), what.to_owned())).collect()
}

/// The differences that would break a peer of an earlier version.
fn broken(before: &Lines, now: &Lines, is_reserved: &impl Fn(&str) -> bool) -> Vec<String> {
    let changed = before.iter().filter_map(|(place, was)| match now.get(place) {
        Some(is) if is == was => None,
        Some(is) => Some(format!("{place} was {was} and is {is}")),
        None if is_reserved(place) => None,
        None => Some(format!("{place} ({was}) is gone: reserve its number and its name")),
    });
    changed.collect()
}

#[cfg(test)]
mod tests {
    use super::{Lines, broken, parse};

    fn lines(text: &str) -> Lines {
        parse(&text.replace("; ", "\n"))
    }

    #[test]
    fn a_breaking_contract_change_is_found() {
        let before = lines("x.v1.Cart#1 id string; x.v1.Cart#2 total int64; x.v1.Carts/Get x.v1.Ask → x.v1.Cart");
        let breaks = |now: &str, reserved: &str| broken(&before, &lines(now), &|place: &str| place == reserved).len();
        let rest = "x.v1.Carts/Get x.v1.Ask → x.v1.Cart";
        assert_eq!(breaks(&format!("x.v1.Cart#1 id string; x.v1.Cart#2 total int64; x.v1.Cart#3 new string; {rest}"), ""), 0);
        assert_eq!(breaks(&format!("x.v1.Cart#1 key string; x.v1.Cart#2 total int64; {rest}"), ""), 1, "another name");
        assert_eq!(breaks(&format!("x.v1.Cart#1 id string; x.v1.Cart#2 total string; {rest}"), ""), 1, "another type");
        assert_eq!(breaks(&format!("x.v1.Cart#1 id string; x.v1.Cart#3 total int64; {rest}"), ""), 1, "another number");
        assert_eq!(breaks(&format!("x.v1.Cart#1 id string; {rest}"), "x.v1.Cart#2"), 0, "reserved");
        assert_eq!(breaks("x.v1.Cart#1 id string; x.v1.Cart#2 total int64", ""), 1, "a call is gone");
    }
}
