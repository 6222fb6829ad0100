//! The names of the images: everything comes from the one registry that a cluster knows.

use anyhow::{Context as _, bail};
use ring::digest::{Context, SHA256};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

use super::STACKS;
use super::files::digits;

/// The images that this repository builds are called `stoa/<name>`.
const OWN: &str = "stoa/";

/// Names every image of `stack`: a service's by the commit, a server's of the stacks by the content of its folder,
/// so that a release that leaves it alone restarts nothing, and what is not ours as it is called, where it is mirrored.
pub(super) fn name(
    root: &Path,
    stack: &mut Map<String, Value>,
    registry: &str,
    version: &str,
) -> anyhow::Result<()> {
    let services = stack.get_mut("services").and_then(Value::as_object_mut);
    for (service, entry) in services.context("no `services`")? {
        let image = entry["image"].as_str();
        let image = image.with_context(|| format!("`{service}` has no image"))?;
        entry["image"] = match image.strip_prefix(OWN) {
            None => format!("{registry}/{image}"),
            Some(own) => match server(root, own) {
                None => format!("{registry}/{own}:{version}"),
                Some(folder) => format!("{registry}/{own}:{}", content(&folder)?),
            },
        }
        .into();
    }
    Ok(())
}

/// The folder of a server that a stack brings along.
fn server(root: &Path, name: &str) -> Option<PathBuf> {
    let folders = STACKS.map(|stack| root.join("stacks").join(stack).join(name));
    folders
        .into_iter()
        .find(|folder| folder.join("Dockerfile").is_file())
}

/// What `ci/images/content FOLDER` prints: a hash of all files, one after the other in the order of their names.
fn content(folder: &Path) -> anyhow::Result<String> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut hash = Context::new(&SHA256);
    for file in files {
        hash.update(&std::fs::read(&file).with_context(|| file.display().to_string())?);
    }
    Ok(digits(hash.finish().as_ref()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        } else {
            bail!("{} is neither file nor folder", entry.path().display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_server_is_named_by_its_content_as_the_build_names_it() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = server(&root, "postgres").unwrap();
        let printed = Command::new(root.join("ci/images/content"))
            .arg(&folder)
            .output()
            .unwrap();
        let printed = String::from_utf8(printed.stdout).unwrap();
        assert_eq!(content(&folder).unwrap(), printed.trim());
    }
}
