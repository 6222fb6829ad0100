//! What `stoa gc` takes away, and what it leaves.

use anyhow::Result;
use delivery::{Trial, in_registry};

#[test]
fn what_no_kept_release_needs_goes_and_every_kept_release_still_runs() -> Result<()> {
    let trial = Trial::on("staging")?;
    for version in ["gc-one", "gc-two", "gc-three", "gc-four"] {
        trial.push(version)?;
        trial.write("stacks/edge/edge.conf", version)?;
        trial.deploy(version)?.exits(0);
    }
    let tasks = trial.running_tasks()?;
    let sweep = ["gc", "--keep", "1"];

    let would = trial.stoa(&[sweep.as_slice(), &["--dry-run"]].concat())?;
    would.exits(0).says("would remove release 1:");
    assert!(in_registry("api", "gc-one")?, "a dry run removed it");
    trial.stoa(&["show", "1"])?.exits(0);

    trial.stoa(&sweep)?.exits(0).says("remove release 1:");
    trial.stoa(&["show", "1"])?.exits(1).says("no release 1");
    assert!(!in_registry("api", "gc-one")?, "its image is still there");
    assert!(in_registry("api", "gc-three")?, "an image that is needed");
    assert_eq!(trial.running_tasks()?, tasks);

    trial
        .stoa(&["rollback", "--to", "1"])?
        .exits(1)
        .says("no release 1");
    trial.stoa(&["rollback", "--to", "3"])?.exits(0);
    assert!(trial.images()?["platform_web"].starts_with("web:gc-three@"));
    // Nothing is left to remove, and nothing is removed twice.
    trial.stoa(&sweep)?.exits(0);
    Ok(())
}
