//! `stoa footprint`: memory of the running containers, size of their images.

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use tokio::process::Command;

/// A line of `docker stats`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stats {
    name: String,
    mem_usage: String,
    #[serde(rename = "PIDs")]
    pids: String,
}

/// A line of `docker images`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    repository: String,
    tag: String,
    size: String,
}

/// Prints two tables.
#[expect(
    clippy::print_stdout,
    reason = "the tables are what standard output is for"
)]
pub(crate) async fn run() -> anyhow::Result<()> {
    let mut stats: Vec<Stats> = docker(&["stats", "--no-stream", "--format", "{{json .}}"]).await?;
    stats.retain(|line| line.name.contains("stoa"));
    stats.sort_by(|a, b| a.name.cmp(&b.name));
    println!("{:<40} {:>12} {:>6}", "container", "memory", "tasks");
    for line in &stats {
        println!(
            "{:<40} {:>12} {:>6}",
            line.name,
            used(&line.mem_usage),
            line.pids
        );
    }
    let total: f64 = stats
        .iter()
        .filter_map(|line| mebibytes(used(&line.mem_usage)))
        .sum();
    println!("{:<40} {total:>9.0}MiB", "all");

    let mut images: Vec<Image> = docker(&["images", "--format", "{{json .}}"]).await?;
    images.retain(|image| image.repository.starts_with("stoa/"));
    images.sort_by(|a, b| a.repository.cmp(&b.repository));
    println!("\n{:<40} {:>12}", "image", "size");
    for image in images {
        println!(
            "{:<40} {:>12}",
            format!("{}:{}", image.repository, image.tag),
            image.size
        );
    }
    Ok(())
}

async fn docker<T: serde::de::DeserializeOwned>(arguments: &[&str]) -> anyhow::Result<Vec<T>> {
    let output = Command::new("docker")
        .args(arguments)
        .output()
        .await
        .context("no docker here")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "docker {}: {}",
        arguments[0],
        said.trim()
    );
    let lines = String::from_utf8(output.stdout)?;
    lines
        .lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}

/// The used part of `12.3MiB / 1.9GiB`.
fn used(usage: &str) -> &str {
    usage.split('/').next().unwrap_or_default().trim()
}

/// `12.3MiB` as a number of MiB.
fn mebibytes(text: &str) -> Option<f64> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let factor = match unit {
        "B" => 1.0 / 1024.0 / 1024.0,
        "KiB" => 1.0 / 1024.0,
        "MiB" => 1.0,
        "GiB" => 1024.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_own_units_are_understood() {
        assert_eq!(mebibytes(used("1.5GiB / 7.7GiB")), Some(1536.0));
        assert_eq!(mebibytes(used("512KiB / 7.7GiB")), Some(0.5));
        assert_eq!(mebibytes("12 parsecs"), None);
    }
}
