//! `cargo xtask new-service`: writes a service with one resource from the templates in `crates/xtask/service`. The service compiles
//! and is routed, deployed and tested; later changes are made by hand.

use std::fs;
use std::path::PathBuf;

use crate::workspace::Workspace;
use crate::{Outcome, db, generate, sqlx};

const TEMPLATES: &str = "crates/xtask/service";

/// The names of the new service.
#[derive(clap::Args)]
pub(crate) struct Names {
    /// Name of the service, `wish-list` for example
    pub(crate) name: String,
    /// Its resource in the singular, in `snake_case`; the service's name when absent
    #[arg(long)]
    pub(crate) noun: Option<String>,
    /// What the resource's ids begin with, up to five letters; the first four of its name when absent
    #[arg(long)]
    pub(crate) id_prefix: Option<String>,
}

impl Names {
    /// A service whose resource has the service's name.
    #[cfg(test)]
    pub(crate) fn of(name: &str) -> Self {
        Self { name: name.to_owned(), noun: None, id_prefix: None }
    }

    fn noun(&self) -> String {
        self.noun.clone().unwrap_or_else(|| self.name.replace('-', "_"))
    }

    fn id_prefix(&self) -> String {
        self.id_prefix.clone().unwrap_or_else(|| self.noun().chars().filter(char::is_ascii_lowercase).take(4).collect())
    }

    /// The placeholders in the templates with their values.
    fn replacements(&self) -> Vec<(&'static str, String)> {
        let noun = self.noun();
        let nouns = plural(&noun);
        let capital = |text: &str| text[..1].to_uppercase() + &text[1..];
        let type_of = |words: &str| words.split(['_', '-']).map(capital).collect::<String>();
        let app = type_of(&self.name);
        let words = nouns.replace('_', " ");
        vec![
            ("%service%", self.name.clone()),
            ("%module%", self.name.replace('-', "_")),
            ("%App%", if app == type_of(&noun) { plural(&app) } else { app }),
            ("%Noun%", type_of(&noun)),
            ("%Nouns%", capital(&words)),
            ("%nouns%", words),
            ("%text%", noun.replace('_', " ")),
            ("%path%", format!("/v1/{}", nouns.replace('_', "-"))),
            ("%Permission%", type_of(&nouns)),
            ("%permission%", nouns),
            ("%prefix%", self.id_prefix()),
            ("%noun%", noun),
        ]
    }

    fn fill(&self, template: &str) -> String {
        self.replacements().iter().fold(template.to_owned(), |text, (placeholder, value)| text.replace(placeholder, value))
    }
}

/// Writes the service, adds it to `fleet.toml`, and generates everything derived from both.
pub(crate) fn run(workspace: &Workspace, names: &Names) -> Outcome {
    let well_formed = |text: &str, more: char| {
        text.starts_with(|first: char| first.is_ascii_lowercase()) && text.chars().all(|c| c.is_ascii_lowercase() || c == more)
    };
    if !well_formed(&names.name, '-') || !well_formed(&names.noun(), '_') {
        return Err("names are of lower-case letters, a service's with dashes, a resource's with underscores".into());
    }
    let files = files(workspace, names)?;
    if let Some((present, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(format!("{} exists", workspace.relative(present).display()).into());
    }
    let prefix = names.id_prefix();
    if !well_formed(&prefix, '.') || 5 < prefix.len() || id_prefixes(workspace)?.iter().any(|(taken, _)| *taken == prefix) {
        return Err(
            format!("ids cannot begin with `{prefix}_`: choose up to five letters that no other kind has (--id-prefix)").into()
        );
    }
    for (path, text) in files {
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(&path, text)?;
        println!("written: {}", workspace.relative(&path).display());
    }
    let fleet = workspace.path("fleet.toml");
    fs::write(&fleet, fs::read_to_string(&fleet)? + &names.fill(LISTED))?;
    generate::run(workspace, false)?;
    let package = format!("bloom-{}", names.name);
    let formatted = workspace.cargo().args(["fmt", "-p", &package]).status()?;
    if !formatted.success() {
        return Err(format!("cargo fmt -p {package} failed").into());
    }
    db::run(workspace, &names.name)?;
    sqlx::prepare(workspace, &workspace.path(&format!("services/{}", names.name)))?;
    println!("Say in fleet.toml what it owns. `cargo test -p {package}` runs its tests, `./dev gen` describes its API.");
    Ok(())
}

const LISTED: &str = r#"
[service.%service%]
owns = "%nouns%"
prefixes = [{ path = "%path%" }]
permissions."%permission%:read" = "Read %nouns%"
permissions."%permission%:write" = "Create and change %nouns%"
"#;

/// The files in the service's own folders.
fn files(workspace: &Workspace, names: &Names) -> Outcome<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for template in workspace.files(TEMPLATES, ".in")? {
        let relative = template.strip_prefix(workspace.path(TEMPLATES))?.display().to_string();
        let relative = names.fill(relative.trim_end_matches(".in"));
        let path = match relative.strip_prefix("migration/") {
            Some(migration) => format!("migrations/{}/{migration}", names.name),
            None => format!("services/{}/{relative}", names.name),
        };
        files.push((workspace.path(&path), names.fill(&fs::read_to_string(&template)?)));
    }
    if files.is_empty() { Err(format!("there are no templates in {TEMPLATES}").into()) } else { Ok(files) }
}

/// Every id prefix, and the file that declares it.
pub(crate) fn id_prefixes(workspace: &Workspace) -> Outcome<Vec<(String, String)>> {
    let mut found = Vec::new();
    for folder in ["crates/kernel/src", "services"] {
        for path in workspace.files(folder, ".rs")? {
            let text = fs::read_to_string(&path)?;
            let declared = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
            let declared = declared.filter_map(|line| line.strip_suffix("\";")?.split_once("Id = \""));
            let place = workspace.relative(&path).display();
            found.extend(declared.map(|(name, prefix)| (prefix.to_owned(), format!("{name}Id in {place}"))));
        }
    }
    Ok(found)
}

fn plural(noun: &str) -> String {
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if noun.ends_with(['s', 'x']) || noun.ends_with("ch") => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}
