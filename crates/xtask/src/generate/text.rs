//! Fills templates, and replaces generated parts of files that are otherwise written by hand.

use std::collections::BTreeMap;

use crate::Outcome;

/// Values by placeholder.
pub(crate) type Values = BTreeMap<&'static str, String>;

/// Replaces each `{placeholder}`. A value of several lines replaces a line that consists of its placeholder, with the same
/// indentation. A line whose placeholders are all empty is removed. A placeholder without a value is an error.
pub(crate) fn fill(template: &str, values: &Values) -> Outcome<String> {
    let mut text = String::new();
    for line in template.lines() {
        let used: Vec<_> = values.iter().map(|(name, value)| (format!("{{{name}}}"), value)).collect();
        let used: Vec<_> = used.into_iter().filter(|(placeholder, _)| line.contains(placeholder)).collect();
        if !used.is_empty() && used.iter().all(|(_, value)| value.is_empty()) {
            continue;
        }
        let indentation = &line[..line.len() - line.trim_start().len()];
        let filled = used.iter().fold(line.to_owned(), |line, (placeholder, value)| {
            line.replace(placeholder, &value.trim_end().replace('\n', &format!("\n{indentation}")))
        });
        if let Some(unknown) = unfilled(line).find(|name| !values.contains_key(name)) {
            return Err(format!("the placeholder {{{unknown}}} has no value").into());
        }
        text.extend(filled.lines().flat_map(|line| [line.trim_end(), "\n"]));
    }
    Ok(text)
}

fn unfilled(line: &str) -> impl Iterator<Item = &str> {
    let word = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    line.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name)).filter(word)
}

/// Replaces the lines between the ones that contain `fleet.toml: begin <name>` and `fleet.toml: end <name>`.
pub(crate) fn replace_part(text: &str, name: &str, part: &str) -> Outcome<String> {
    let lines: Vec<&str> = text.lines().collect();
    let find = |what: &str| {
        let mark = format!("fleet.toml: {what} {name}");
        let place = lines.iter().position(|line| line.contains(&mark));
        place.ok_or_else(|| format!("a file has no line with `{mark}`"))
    };
    let (begin, end) = (find("begin")?, find("end")?);
    let indentation = &lines[begin][..lines[begin].len() - lines[begin].trim_start().len()];
    let part = part.lines().map(|line| if line.is_empty() { String::new() } else { format!("{indentation}{line}") });
    let before = lines[..=begin].iter().map(|line| (*line).to_owned());
    let after = lines[end..].iter().map(|line| (*line).to_owned());
    Ok(before.chain(part).chain(after).collect::<Vec<_>>().join("\n") + "\n")
}
