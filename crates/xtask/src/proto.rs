//! Generates Rust from contracts: `proto/bloom/<service>/v1/*.proto` → `contracts/<service>`. The result is committed, so that a
//! normal build needs neither protoc nor a build script.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::workspace::{self, Workspace};

/// Writes the crate of every contract, or compares it when `check` is set.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Outcome {
    let mut dirty = Vec::new();
    for folder in workspace::folders(&workspace.path("proto/bloom"))? {
        let service = workspace::name(&folder).unwrap_or_default();
        if folder.join("v1").is_dir() {
            for (path, text) in generate(workspace, &service)? {
                if fs::read_to_string(&path).is_ok_and(|present| present == text) {
                    continue;
                }
                dirty.push(workspace.relative(&path).display().to_string());
                if !check {
                    write(&path, &text)?;
                }
            }
        }
    }
    for path in &dirty {
        println!("{} {path}", if check { "differs:" } else { "written:" });
    }
    if check && !dirty.is_empty() {
        return Err("committed code differs from proto/: run `cargo xtask proto` and commit".into());
    }
    Ok(())
}

/// All files of one contract's crate, and the root manifest with a line for it.
fn generate(workspace: &Workspace, service: &str) -> Outcome<BTreeMap<PathBuf, String>> {
    let package = format!("bloom.{service}.v1");
    let folder = workspace.path(&format!("contracts/{service}"));
    let protos = workspace.files(&format!("proto/bloom/{service}/v1"), ".proto")?;
    let mut contract = protox::compile(&protos, [workspace.path("proto")])?;
    contract.file.retain(|file| file.package() == package);
    let imports: Vec<String> = contract.file.iter().flat_map(|file| file.dependency.clone()).collect();

    let scratch = workspace.path("target/xtask-proto").join(service);
    fs::create_dir_all(&scratch)?;
    let mut builder = tonic_prost_build::configure().out_dir(&scratch).emit_rerun_if_changed(false);
    let others = imports.iter().filter_map(|file| file.strip_prefix("bloom/")?.split_once("/v1/").map(|(other, _)| other));
    let others: std::collections::BTreeSet<&str> = others.filter(|other| *other != service).collect();
    for other in &others {
        builder = builder.extern_path(format!(".bloom.{other}.v1"), format!("::bloom_contract_{other}"));
    }
    builder.compile_fds(contract)?;
    let code = fs::read_to_string(scratch.join(format!("{package}.rs")))?;

    let root = workspace.path("Cargo.toml");
    let mut files = BTreeMap::new();
    files.insert(root.clone(), declared(&fs::read_to_string(root)?, service));
    // These files are written once only: the client, reasons and events are added to them by hand.
    if !folder.join("src/lib.rs").exists() {
        files.insert(folder.join("Cargo.toml"), manifest(service, code.contains("::prost_types::"), others.into_iter()));
        files.insert(folder.join("src/lib.rs"), library(service));
    }
    files.insert(folder.join(format!("src/gen/{package}.rs")), code);
    Ok(files)
}

/// Adds a line for this crate to the root manifest.
fn declared(manifest: &str, service: &str) -> String {
    let name = format!("bloom-contract-{service} = ");
    if manifest.lines().any(|line| line.starts_with(&name)) {
        return manifest.to_owned();
    }
    let line = format!("{name}{{ path = \"contracts/{service}\" }}");
    let mut lines: Vec<&str> = manifest.lines().collect();
    let last = lines.iter().rposition(|line| line.starts_with("bloom-")).map_or(lines.len(), |index| index + 1);
    lines.insert(last, &line);
    lines.join("\n") + "\n"
}

fn manifest<'a>(service: &str, well_known: bool, others: impl Iterator<Item = &'a str>) -> String {
    let mut dependencies: Vec<String> = others.map(|other| format!("bloom-contract-{other}")).collect();
    dependencies.extend(["prost", "tonic", "tonic-prost"].map(str::to_owned));
    if well_known {
        dependencies.push("prost-types".to_owned());
    }
    dependencies.sort();
    let lines = dependencies.iter().fold(String::new(), |lines, name| lines + name + ".workspace = true\n");
    format!(
        "[package]\nname = \"bloom-contract-{service}\"\ndescription = \"The gRPC contract of {service}\"\n\
         version.workspace = true\nedition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
         publish.workspace = true\n\n[lib]\ndoctest = false\ntest = false\n\n[dependencies]\n{lines}\n[lints]\nworkspace = true\n"
    )
}

fn library(service: &str) -> String {
    format!(
        "//! The contract of {service} for other services. The crate exists because its contract is shared with its callers.\n\n\
         mod generated {{\n    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, rustdoc::all)]\n    \
         include!(\"gen/bloom.{service}.v1.rs\");\n}}\n\npub use generated::*;\n"
    )
}

fn write(path: &Path, text: &str) -> Outcome {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)?;
    Ok(())
}
